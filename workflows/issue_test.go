package workflows_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/activities"
	"github.com/narrative-go/narrative/workflows"
)

// outcome is what a test looks at in a story.
type outcome struct {
	Status narrative.Status
	Rounds int
	Steps  []narrative.StepState
	Told   []narrative.NotificationKind
	Ran    []string
}

func (b *bench) outcome(s narrative.Story) outcome {
	o := outcome{Status: s.Issue.Status, Rounds: s.Issue.Rounds, Steps: []narrative.StepState{}, Told: kinds(s), Ran: b.ran}
	for _, step := range s.Issue.Steps {
		o.Steps = append(o.Steps, step.State)
	}
	return o
}

func pass(narrative.Issue) (*narrative.ResolutionStep, error)    { return narrative.PassStep("wait"), nil }
func nothing(narrative.Issue) (*narrative.ResolutionStep, error) { return nil, nil }

// TestLife leads issues through the rows of the design's section 6, each to its recovery.
func TestLife(t *testing.T) {
	t.Parallel()
	const (
		noSolution = narrative.NotifyNoSolution
		impasse    = narrative.NotifyImpasse
		resolved   = narrative.NotifyResolved
	)
	for name, c := range map[string]struct {
		cases  []narrative.DiagnosticCase
		fail   map[string]error
		before narrative.Status // it passes
		want   outcome
	}{
		"no case proposes: admins are told once and the status stays": {
			cases:  []narrative.DiagnosticCase{proposing("a", nothing)},
			before: narrative.StatusOpen,
			want:   outcome{Rounds: 1, Told: []narrative.NotificationKind{noSolution, resolved}, Ran: []string{"recovered"}},
		},
		"one pass: recorded, nobody is told": {
			cases:  []narrative.DiagnosticCase{proposing("a", nothing), proposing("b", pass)},
			before: narrative.StatusOpen,
			want:   outcome{Rounds: 1, Steps: []narrative.StepState{narrative.StepPassed}, Ran: []string{"recovered"}},
		},
		"one plan: carried out in order": {
			cases:  []narrative.DiagnosticCase{executing("a", "first", "second")},
			before: narrative.StatusSolutionApplied,
			want:   outcome{Rounds: 1, Steps: []narrative.StepState{narrative.StepApplied}, Ran: []string{"first", "second", "recovered"}},
		},
		"an invalid plan: nothing of it is run": {
			cases:  []narrative.DiagnosticCase{executing("a", "first", "unknown")},
			before: narrative.StatusImpasse,
			want: outcome{
				Rounds: 1, Steps: []narrative.StepState{narrative.StepFailed},
				Told: []narrative.NotificationKind{impasse, resolved}, Ran: []string{"recovered"},
			},
		},
		"a failing action: tried again, then the plan stops": {
			cases:  []narrative.DiagnosticCase{executing("a", "first", "second", "third")},
			fail:   map[string]error{"second": errors.New("no")},
			before: narrative.StatusImpasse,
			want: outcome{
				Rounds: 1, Steps: []narrative.StepState{narrative.StepFailed},
				Told: []narrative.NotificationKind{impasse, resolved}, Ran: []string{"first", "second", "second", "recovered"},
			},
		},
		"several proposals: people choose": {
			cases:  []narrative.DiagnosticCase{executing("a", "first"), proposing("b", pass)},
			before: narrative.StatusImpasse,
			want: outcome{
				Rounds: 1, Steps: []narrative.StepState{narrative.StepProposed, narrative.StepProposed},
				Told: []narrative.NotificationKind{impasse, resolved}, Ran: []string{"recovered"},
			},
		},
		"a case that errs: recorded, and does not stop the others": {
			cases: []narrative.DiagnosticCase{
				proposing("a", func(narrative.Issue) (*narrative.ResolutionStep, error) { return nil, errors.New("broken") }),
				proposing("b", func(narrative.Issue) (*narrative.ResolutionStep, error) { panic("worse") }),
				executing("c", "first"),
			},
			before: narrative.StatusSolutionApplied,
			want:   outcome{Rounds: 1, Steps: []narrative.StepState{narrative.StepApplied}, Ran: []string{"first", "recovered"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, i := setup(t, c.cases...)
			if c.fail != nil {
				b.fail = c.fail
			}
			b.at(time.Hour, func() {
				if now, err := b.store.Issue(t.Context(), i.ID); err != nil || now.Status != c.before {
					t.Errorf("before it passes its status is %s (%v); want %s", now.Status, err, c.before)
				}
				b.observe(narrative.OutcomePassed)
			})
			c.want.Status = narrative.StatusResolved
			if c.want.Steps == nil {
				c.want.Steps = []narrative.StepState{}
			}
			if c.want.Told == nil {
				c.want.Told = []narrative.NotificationKind{}
			}
			got := b.outcome(b.run(i))
			if err := b.env.GetWorkflowError(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestRoundsGoOn fails a second and third time after a solution was applied: each starts a round, until it was tried
// often enough.
func TestRoundsGoOn(t *testing.T) {
	t.Parallel()
	b, i := setup(t, executing("a", "repair"))
	for n := range 5 {
		b.at(time.Duration(n+1)*time.Hour, func() { b.observe(narrative.OutcomeFailed) })
	}
	b.at(24*time.Hour, func() { b.observe(narrative.OutcomePassed) })
	got := b.outcome(b.run(i))
	applied := narrative.StepApplied
	want := outcome{
		Status: narrative.StatusResolved, Rounds: 3, Steps: []narrative.StepState{applied, applied, applied},
		Told: []narrative.NotificationKind{narrative.NotifyImpasse, narrative.NotifyResolved},
		Ran:  []string{"repair", "repair", "repair", "recovered"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestOldChecksDoNotJudge passes in a check that began before the solution was enacted: it does not count.
func TestOldChecksDoNotJudge(t *testing.T) {
	t.Parallel()
	b, i := setup(t, executing("a", "repair"))
	b.during = func(string) {
		b.env.SignalWorkflow(narrative.SignalObserve, narrative.Observation{IssueID: i.ID, CheckSeq: i.OpenedSeq, Passed: true})
		b.check(narrative.OutcomePassed) // begun before the plan has ended
	}
	b.at(time.Hour, func() {
		now, err := b.store.Issue(t.Context(), i.ID)
		if err != nil || now.Status != narrative.StatusSolutionApplied {
			t.Errorf("status %s (%v); want solution_applied: the passing checks began before the solution was enacted", now.Status, err)
		}
		b.observe(narrative.OutcomePassed)
	})
	if got := b.run(i).Issue.Status; got != narrative.StatusResolved {
		t.Errorf("status %s; want resolved", got)
	}
}

// TestRecoveredFails lets the clean-up fail: it is tried again, and the issue is resolved all the same.
func TestRecoveredFails(t *testing.T) {
	t.Parallel()
	b, i := setup(t)
	b.fail["recovered"] = errors.New("no")
	b.at(time.Hour, func() { b.observe(narrative.OutcomePassed) })
	s := b.run(i)
	if s.Issue.Status != narrative.StatusResolved || len(b.ran) != 5 {
		t.Errorf("status %s after %d attempts to clean up; want resolved after 5", s.Issue.Status, len(b.ran))
	}
}

// TestResumed starts the workflow anew in the middle of a plan, as Reconcile does for one that was lost.
func TestResumed(t *testing.T) {
	t.Parallel()
	b, i := setup(t, executing("a", "first", "second"))
	key := "test"
	_, err := b.store.ChangeIssue(t.Context(), i.ID, -1, key, func(i *narrative.Issue) (narrative.Effects, error) {
		id, _ := i.AddProposal(*narrative.ExecStep("a", narrative.Do("first", nil), narrative.Do("second", nil)), time.Now().UTC())
		i.Working, i.Rounds = true, 1
		i.Steps[0].State = narrative.StepRunning
		_ = id
		return narrative.Effects{Entries: []narrative.Entry{{Kind: narrative.EntryRound, At: time.Now().UTC(), Text: "begun", Key: key}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	now, err := b.store.Issue(t.Context(), i.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []func() error{
		func() error {
			_, err := b.store.StartAction(t.Context(), narrative.ActionRef{SolutionID: now.Steps[0].Solution.ID}, "first", false, time.Now().UTC())
			return err
		},
		func() error {
			return b.store.FinishAction(t.Context(), narrative.ActionRef{SolutionID: now.Steps[0].Solution.ID}, "r", "", time.Now().UTC())
		},
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	b.at(time.Hour, func() { b.observe(narrative.OutcomePassed) })
	s := b.run(i, narrative.Observation{IssueID: i.ID})
	if diff := cmp.Diff([]string{"second", "recovered"}, b.ran); diff != "" || s.Issue.Status != narrative.StatusResolved {
		t.Errorf("status %s, actions (-want +got):\n%s", s.Issue.Status, diff)
	}
}

// TestImpasseAgain has a person choose a solution after enough was tried unasked: when it does not help either, the
// issue is at an impasse again, and the admins are told again.
func TestImpasseAgain(t *testing.T) {
	t.Parallel()
	b, i := setup(t, executing("a", "repair"))
	for n := range 4 {
		b.at(time.Duration(n+1)*time.Hour, func() { b.observe(narrative.OutcomeFailed) })
	}
	b.at(10*time.Hour, func() {
		now, _ := b.store.Issue(t.Context(), i.ID)
		b.update(narrative.SignalSolution, map[string]any{"step_id": now.Steps[0].ID})
		b.update(narrative.SignalSolution, map[string]any{"plan": []any{map[string]any{"action": "mine"}}})
	})
	b.at(11*time.Hour, func() { b.observe(narrative.OutcomeFailed) })
	b.at(12*time.Hour, func() {
		if now, _ := b.store.Issue(t.Context(), i.ID); now.Status != narrative.StatusImpasse {
			t.Errorf("status %s; want impasse again", now.Status)
		}
		b.observe(narrative.OutcomePassed)
	})
	s := b.run(i)
	want := []narrative.NotificationKind{narrative.NotifyImpasse, narrative.NotifyImpasse, narrative.NotifyResolved}
	if diff := cmp.Diff(want, kinds(s)); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"repair", "repair", "repair", "mine", "recovered"}, b.ran); diff != "" {
		t.Errorf("ran (-want +got):\n%s", diff)
	}
}

// TestQueries asks the workflow how its issue stands.
func TestQueries(t *testing.T) {
	t.Parallel()
	b, i := setup(t, executing("a", "first"), proposing("b", pass))
	b.at(time.Hour, func() {
		var state activities.IssueState
		var text string
		for name, into := range map[string]any{workflows.QueryIssue: &state, workflows.QueryStatus: &text} {
			answer, err := b.env.QueryWorkflow(name)
			if err == nil {
				err = answer.Get(into)
			}
			if err != nil {
				t.Errorf("query %s: %v", name, err)
			}
		}
		if state.ID != i.ID || state.Status != narrative.StatusImpasse || len(state.Steps) != 2 {
			t.Errorf("the query issue answers %+v; want the impasse with its two steps", state)
		}
		if !strings.Contains(text, "watched: impasse") || !strings.Contains(text, "for a person's choice") {
			t.Errorf("the query status answers %q; want what it waits for", text)
		}
		b.observe(narrative.OutcomePassed)
	})
	b.run(i)
}
