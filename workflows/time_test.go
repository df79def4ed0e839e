package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/workflow"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/workflows"
)

type ctxt = context.Context

func same(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// verifying is a case whose plan is verified after a while.
func verifying(name string, after time.Duration, actions ...string) narrative.DiagnosticCase {
	c := executing(name, actions...)
	return narrative.DiagnosticCase{Name: name, Diagnose: func(ctx ctxt, i narrative.Issue) (*narrative.ResolutionStep, error) {
		step, err := c.Diagnose(ctx, i)
		step.Policy.VerifyAfter = narrative.Duration(after)
		return step, err
	}}
}

// TestVerifyAfter asks for a check of its own once a solution was applied; failing ticks before start nothing.
func TestVerifyAfter(t *testing.T) {
	t.Parallel()
	b, i := setup(t, verifying("a", 2*time.Hour, "repair"))
	b.at(time.Hour, func() {
		b.observe(narrative.OutcomeFailed, func(r *narrative.CheckRecord) { r.Verdict.Reason = "another" })
	})
	var early, late narrative.Issue
	var asked int
	b.at(110*time.Minute, func() { early, asked = b.now(i), b.checks })
	b.at(3*time.Hour, func() {
		late = b.now(i)
		same(t, 1, b.checks)
		b.observe(narrative.OutcomeFailed)
	})
	b.at(3*time.Hour+30*time.Minute, func() { same(t, 2, b.now(i).Rounds) })
	b.at(4*time.Hour, func() { b.observe(narrative.OutcomePassed) })
	b.run(i)
	if early.Rounds != 1 || asked != 0 || early.VerifyAt == nil {
		t.Errorf("before its time: %d rounds, %d checks asked for, verified at %v; want one round, none, and a time", early.Rounds, asked, early.VerifyAt)
	}
	if late.VerifyAt != nil || late.Status != narrative.StatusSolutionApplied {
		t.Errorf("at its time: still to be verified at %v, %s", late.VerifyAt, late.Status)
	}
}

// TestEscalation tells more people as time goes by, unless somebody has acknowledged.
func TestEscalation(t *testing.T) {
	t.Parallel()
	b, i := setup(t, proposing("a", nothing))
	to := func(address string) narrative.Recipients { return narrative.Recipients{Email: []string{address}} }
	b.rule(func(m *narrative.AssertionMeta, c *narrative.Config) {
		m.Escalate = []narrative.Escalation{
			{After: narrative.Duration(time.Hour), Notify: to("lead@example.com"), Unless: narrative.UnlessAcknowledged},
			{After: narrative.Duration(5 * time.Hour), Notify: to("boss@example.com"), Unless: narrative.UnlessAcknowledged},
			{After: narrative.Duration(20 * time.Hour), Notify: to("chief@example.com")},
		}
		c.Escalate = []narrative.Escalation{{After: narrative.Duration(time.Minute), Notify: to("nobody@example.com")}} // the meta's own win
	})
	b.at(2*time.Hour, func() {
		b.signal(narrative.SignalAcknowledge, map[string]any{"by": "ann", "until": b.env.Now().Add(8 * time.Hour).UTC().Format(time.RFC3339)})
	})
	b.at(30*time.Hour, func() { b.observe(narrative.OutcomePassed) })
	story := b.run(i)
	var told []string
	for _, n := range story.Notifications {
		if n.Kind == narrative.NotifyEscalated {
			told = append(told, n.Recipient+" after "+n.CreatedAt.Sub(i.OpenedAt).Round(time.Hour).String())
		}
	}
	same(t, []string{"lead@example.com after 1h0m0s", "boss@example.com after 10h0m0s", "chief@example.com after 20h0m0s"}, told)
	resolved := 0
	for _, n := range story.Notifications {
		if n.Kind == narrative.NotifyResolved {
			resolved++
		}
	}
	same(t, 4, resolved) // ops and the three: whoever was told is told that it is over
}

// TestRenotify tells admins again, with longer and longer waits, and not while somebody has asked for quiet.
func TestRenotify(t *testing.T) {
	t.Parallel()
	b, i := setup(t, proposing("a", nothing))
	b.rule(func(_ *narrative.AssertionMeta, c *narrative.Config) {
		c.Renotify = []narrative.Duration{narrative.Duration(30 * time.Minute), narrative.Duration(2 * time.Hour)}
	})
	b.at(5*time.Hour, func() { b.signal(narrative.SignalSnooze, map[string]any{"by": "ann", "for": "10h"}) })
	b.at(18*time.Hour, func() { b.observe(narrative.OutcomePassed) })
	var told []string
	for _, n := range b.run(i).Notifications {
		told = append(told, string(n.Kind)+" "+n.CreatedAt.Sub(i.OpenedAt).Round(time.Minute).String())
	}
	same(t, []string{
		"no_solution 0s", "renotified 30m0s", "renotified 2h30m0s", "renotified 4h30m0s", // the next would be at 6h30m
		"renotified 15h0m0s", "renotified 17h0m0s", "resolved 18h0m0s",
	}, told)
}

// TestApprovalTimeout tells the admins again that nobody has approved; the step goes on waiting.
func TestApprovalTimeout(t *testing.T) {
	t.Parallel()
	b, i := setup(t, approving("a", time.Hour, "repair"))
	b.at(3*time.Hour, func() {
		if now := b.now(i); now.Awaiting == nil || now.Awaiting.Until != nil || now.Steps[0].State != narrative.StepAwaitingApproval {
			t.Errorf("it awaits %+v; want the approval, with no time left", now.Awaiting)
		}
		b.observe(narrative.OutcomePassed)
	})
	same(t, []narrative.NotificationKind{narrative.NotifyApproval, narrative.NotifyEscalated, narrative.NotifyResolved}, b.outcome(b.run(i)).Told)
}

// TestChangedRules wakes an issue whose meta changed: its deadlines are the new ones.
func TestChangedRules(t *testing.T) {
	t.Parallel()
	b, i := setup(t, proposing("a", nothing))
	b.at(time.Hour, func() {
		b.rule(func(m *narrative.AssertionMeta, _ *narrative.Config) {
			m.Escalate = []narrative.Escalation{{After: narrative.Duration(3 * time.Hour), Notify: narrative.Recipients{Email: []string{"boss@example.com"}}}}
		})
		b.env.SignalWorkflow(narrative.SignalObserve, narrative.Observation{IssueID: i.ID, Wake: true})
	})
	b.at(5*time.Hour, func() { b.observe(narrative.OutcomePassed) })
	if told := b.outcome(b.run(i)).Told; !slices.Contains(told, narrative.NotifyEscalated) {
		t.Errorf("told were %v; want the new escalation among it", told)
	}
}

// TestRemoved closes the issue of an assertion that was removed.
func TestRemoved(t *testing.T) {
	t.Parallel()
	b, i := setup(t, proposing("a", nothing))
	b.at(time.Hour, func() {
		if err := b.store.RemoveMeta(t.Context(), "watched", b.env.Now().UTC()); err != nil {
			t.Error(err)
		}
		b.env.SignalWorkflow(narrative.SignalObserve, narrative.Observation{IssueID: i.ID, Wake: true})
	})
	story := b.run(i)
	last := story.Entries[len(story.Entries)-1]
	if story.Issue.Status != narrative.StatusResolved || !slices.ContainsFunc(story.Entries, func(e narrative.Entry) bool {
		return strings.HasPrefix(e.Text, "assertion removed")
	}) {
		t.Errorf("it is %s, and last was said: %s; want it resolved because the assertion was removed", story.Issue.Status, last.Text)
	}
	same(t, []narrative.NotificationKind{narrative.NotifyNoSolution, narrative.NotifyResolved}, kinds(story))
	if slices.Contains(b.ran, "recovered") {
		t.Error("it was cleaned up after, although nothing passes")
	}
}

// TestRollback undoes in reverse what was done before the action that failed.
func TestRollback(t *testing.T) {
	t.Parallel()
	undo := func(actions ...string) narrative.DiagnosticCase {
		c := executing("a", "first", "second", "third", "fourth")
		return narrative.DiagnosticCase{Name: "a", Diagnose: func(ctx ctxt, i narrative.Issue) (*narrative.ResolutionStep, error) {
			step, err := c.Diagnose(ctx, i)
			for _, a := range actions {
				step.Solution.Rollback = append(step.Solution.Rollback, narrative.Action{Action: a, Retry: &narrative.Retry{Attempts: 1}})
			}
			return step, err
		}}
	}
	for name, c := range map[string]struct {
		undo  []string
		fail  []string
		want  narrative.StepState
		ran   []string
		error string
	}{
		"in reverse, and nothing of what had not been done": {
			[]string{"undo-first", "undo-second", "undo-third", "undo-fourth"},
			[]string{"third"},
			narrative.StepRolledBack,
			[]string{"first", "second", "third", "third", "undo-second", "undo-first"},
			"action third (3 of 4): no",
		},
		"an entry may undo nothing": {
			[]string{"undo-first", "", "undo-third"},
			[]string{"fourth"},
			narrative.StepRolledBack,
			[]string{"first", "second", "third", "fourth", "fourth", "undo-third", "undo-first"},
			"action fourth (4 of 4): no",
		},
		"one that fails does not stop the others": {
			[]string{"undo-first", "undo-second"},
			[]string{"third", "undo-second"},
			narrative.StepFailed,
			[]string{"first", "second", "third", "third", "undo-second", "undo-first"},
			"undo-second, which undoes action 2",
		},
		"the first action failed: there is nothing to undo": {
			[]string{"undo-first"}, []string{"first"}, narrative.StepFailed, []string{"first", "first"}, "action first (1 of 4): no",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, i := setup(t, undo(c.undo...))
			for _, f := range c.fail {
				b.fail[f] = errors.New("no")
			}
			b.at(time.Hour, func() {
				now := b.now(i)
				if now.Status != narrative.StatusImpasse || now.Steps[0].State != c.want || !strings.Contains(now.Steps[0].Solution.Error, c.error) {
					t.Errorf("it is %s, its step %s: %s; want an impasse, %s, and %q", now.Status, now.Steps[0].State, now.Steps[0].Solution.Error, c.want, c.error)
				}
				same(t, c.ran, b.ran)
				b.observe(narrative.OutcomePassed)
			})
			b.run(i)
		})
	}
}

// TestErrorChain keeps what an action's error is made of: what a traceback is elsewhere.
func TestErrorChain(t *testing.T) {
	t.Parallel()
	b, i := setup(t, executing("a", "first"))
	b.fail["first"] = errors.Join(errors.New("outer"), &narrative.Error{Kind: narrative.Internal, Message: "inner", Err: errors.New("innermost")})
	b.at(time.Hour, func() { b.observe(narrative.OutcomePassed) })
	step := b.run(i).Issue.Steps[0]
	for _, want := range []string{"action first (1 of 1): outer", "*errors.errorString: outer", "*narrative.Error: inner"} {
		if !strings.Contains(step.Solution.Error, want) {
			t.Errorf("its error is\n%s\nwant %q in it", step.Solution.Error, want)
		}
	}
}

// TestMaxPlans bounds what is carried out unasked within an hour, over all issues of the assertion.
func TestMaxPlans(t *testing.T) {
	t.Parallel()
	b, i := setup(t, executing("a", "repair"))
	b.rule(func(m *narrative.AssertionMeta, _ *narrative.Config) { m.MaxPlans, m.MaxAttempts = 2, 100 })
	for n := range 4 {
		b.at(time.Duration(n+1)*5*time.Minute, func() { b.observe(narrative.OutcomeFailed) })
	}
	b.at(50*time.Minute, func() {
		now := b.now(i)
		if now.Status != narrative.StatusImpasse || len(b.ran) != 2 || now.Steps[2].State != narrative.StepProposed {
			t.Errorf("it is %s after %q; want an impasse after two plans, the third proposed", now.Status, b.ran)
		}
		b.observe(narrative.OutcomePassed)
	})
	b.run(i)
}

// TestCrowded carries signals over to a new run when the history has become long, and answers updates before.
func TestCrowded(t *testing.T) {
	t.Parallel()
	var asked *answer
	var b *bench
	b, i := setup(t, proposing("a", func(narrative.Issue) (*narrative.ResolutionStep, error) {
		for n := range 50 { // while the case is walked nobody listens
			b.signal(narrative.SignalComment, map[string]any{"by": "ann", "text": fmt.Sprint("word ", n)})
		}
		asked = b.update(narrative.SignalAcknowledge, map[string]any{"by": "bea"})
		return nil, nil
	}))
	b.env.SetContinueAsNewSuggested(true)
	b.run(i)
	var next *workflow.ContinueAsNewError
	if err := b.env.GetWorkflowError(); !errors.As(err, &next) {
		t.Fatalf("it ended with %v; want continue-as-new", err)
	}
	var in workflows.IssueInput
	if err := converterOf(next, &in); err != nil || len(in.Commands) != 50 {
		t.Errorf("it carries on with %d signals (%v); want 50", len(in.Commands), err)
	}
	for n, c := range in.Commands {
		if want := fmt.Sprintf("%q", fmt.Sprint("word ", n)); !strings.Contains(string(c.Payload), want) {
			t.Errorf("signal %d says %s; want %s: they keep their order", n, c.Payload, want)
		}
	}
	if !asked.accepted || asked.failure != nil || b.now(i).Acknowledged == nil {
		t.Errorf("the update was answered %+v; want it done before", asked)
	}
}

// TestUnverified has the verification fail: it is left to the next check, and what else is due by time is done.
func TestUnverified(t *testing.T) {
	t.Parallel()
	b, i := setup(t, verifying("a", time.Minute, "repair"))
	b.startFails = errors.New("Temporal does not answer")
	b.rule(func(m *narrative.AssertionMeta, _ *narrative.Config) {
		m.Escalate = []narrative.Escalation{{After: narrative.Duration(2 * time.Hour), Notify: narrative.Recipients{Email: []string{"boss@example.com"}}}}
	})
	b.at(5*time.Hour, func() { b.observe(narrative.OutcomePassed) })
	story := b.run(i)
	if told := kinds(story); !slices.Contains(told, narrative.NotifyEscalated) {
		t.Errorf("told were %v; want the escalation among it", told)
	}
	if !slices.ContainsFunc(story.Entries, func(e narrative.Entry) bool { return strings.Contains(e.Text, "could not be verified") }) {
		t.Error("the timeline does not say that it could not be verified")
	}
}

// TestUnstorableErrors has the user's code say what no store takes: it is kept without, and nothing is stuck.
func TestUnstorableErrors(t *testing.T) {
	t.Parallel()
	b, i := setup(t, proposing("a", func(narrative.Issue) (*narrative.ResolutionStep, error) { return nil, errors.New("a \x00 in it") }), executing("b", "repair"))
	b.fail["repair"] = narrative.Errorf(narrative.Uncertain, "perhaps \x00")
	b.fail["recovered"] = errors.New("cannot \x00 clean up")
	b.at(time.Hour, func() { b.observe(narrative.OutcomePassed) })
	story := b.run(i)
	same(t, narrative.StatusResolved, story.Issue.Status)
	for _, want := range []string{"case a failed: a ", "perhaps ", "its Recovered failed: cannot "} {
		if !slices.ContainsFunc(story.Entries, func(e narrative.Entry) bool { return strings.Contains(e.Text, want) }) {
			t.Errorf("the timeline does not say %q", want)
		}
	}
}

// TestCheckErrorIsNotRecovered closes the issue of a check that could not be made by one that fails: nothing recovered.
func TestCheckErrorIsNotRecovered(t *testing.T) {
	t.Parallel()
	b, i := setup(t, proposing("a", nothing))
	b.rule(func(m *narrative.AssertionMeta, _ *narrative.Config) { m.ErrorAfter = 1 })
	errored := b.check(narrative.OutcomeErrored, func(r *narrative.CheckRecord) { r.Error = "no route" }).Opened[0]
	b.at(time.Hour, func() {
		for _, h := range b.check(narrative.OutcomeFailed).Handoffs {
			if h.Observation.IssueID == errored.ID {
				b.env.SignalWorkflow(narrative.SignalObserve, *h.Observation)
			}
		}
	})
	story := b.run(errored)
	same(t, narrative.StatusResolved, story.Issue.Status)
	if slices.Contains(b.ran, "recovered") || b.now(i).Status != narrative.StatusOpen {
		t.Errorf("%q were run, and the failure is %s; want nothing, and it open", b.ran, b.now(i).Status)
	}
}

// TestLatePass hears of a passing check after a newer one has failed: it resolves nothing.
func TestLatePass(t *testing.T) {
	t.Parallel()
	b, i := setup(t, executing("a", "first"), executing("b", "second"))
	var late []narrative.Handoff
	b.at(time.Hour, func() { late = b.check(narrative.OutcomePassed).Handoffs })
	b.at(2*time.Hour, func() { b.check(narrative.OutcomeFailed) }) // at an impasse: it says nothing to the issue
	b.at(3*time.Hour, func() { b.env.SignalWorkflow(narrative.SignalObserve, *late[0].Observation) })
	b.at(4*time.Hour, func() {
		same(t, narrative.StatusImpasse, b.now(i).Status)
		b.observe(narrative.OutcomePassed)
	})
	same(t, narrative.StatusResolved, b.run(i).Issue.Status)
}
