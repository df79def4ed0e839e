package narrative_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/narrative-go/narrative"
)

// failing is an open issue after two rounds, as loaded while check 10 was the newest.
func failing(edits ...func(*narrative.Issue)) *narrative.Issue {
	i := unresolved("i1", failureKey, edits...)
	i.OpenedAt, i.Rounds, i.CurrentSeq = at(0), 2, 10
	return &i
}

func plan(name string) *narrative.ResolutionStep {
	s := narrative.ExecStep("it is stuck", narrative.Do(name, nil))
	s.Case = "case-" + name
	return s
}

func pass(reason string) *narrative.ResolutionStep {
	s := narrative.PassStep(reason)
	s.Case = "case-pass"
	return s
}

// propose adds proposals to the issue, as a round does.
func propose(i *narrative.Issue, steps ...*narrative.ResolutionStep) (proposed []narrative.Proposed) {
	for _, s := range steps {
		id, fresh := i.AddProposal(*s, at(70))
		proposed = append(proposed, narrative.Proposed{StepID: id, Action: s.Action, Fresh: fresh})
	}
	return proposed
}

// ruled is the policy of these tests' issues: the defaults of a check every minute.
func ruled(edits ...func(*narrative.Policy)) narrative.Policy {
	p := narrative.Policy{Interval: time.Minute, MaxAttempts: 3, MaxPlans: 10, Actions: narrative.ActionsRun}
	for _, edit := range edits {
		edit(&p)
	}
	return p
}

// fine is the executor's word on a solution: nothing is wrong, unless an action is called bad.
func fine(s narrative.Solution) narrative.Problems {
	for _, a := range s.Plan {
		if a.Action == "bad" {
			return narrative.Problems{{Path: "[0]", Message: "bad is not an action"}, {Path: "[0]", Message: "nor was it ever"}}
		}
	}
	return nil
}

// anyID ignores the ids that steps are given.
var anyID = cmp.Options{
	cmpopts.IgnoreFields(narrative.ResolutionStep{}, "ID"), cmpopts.IgnoreFields(narrative.Solution{}, "ID"),
}

func working(i *narrative.Issue) { i.Working = true }

func verifiedAt(seconds int) func(*narrative.Issue) {
	return func(i *narrative.Issue) { i.VerifyAt = until(seconds) }
}

func acknowledged(end *time.Time) func(*narrative.Issue) {
	return func(i *narrative.Issue) {
		i.Acknowledged = &narrative.Acknowledgement{By: "ann", At: at(40), Reason: "I look", Until: end}
	}
}

func snoozed(seconds int) func(*narrative.Issue) {
	return func(i *narrative.Issue) { i.SnoozedUntil = until(seconds) }
}

func closedAt(seconds int) func(*narrative.Issue) {
	return func(i *narrative.Issue) { i.Status, i.ResolvedAt = narrative.StatusResolved, until(seconds) }
}

func applied(attempts int) func(*narrative.Issue) {
	return func(i *narrative.Issue) {
		i.Status, i.EnactedSeq, i.Attempts = narrative.StatusSolutionApplied, 9, attempts
	}
}

func awaitedSince(seconds int) func(*narrative.Issue) {
	return func(i *narrative.Issue) {
		i.Status, i.Awaiting = narrative.StatusImpasse, &narrative.Awaiting{For: narrative.AwaitingChoice, Since: at(seconds)}
		i.NotifiedAt = until(seconds)
	}
}

// notified makes it an issue whose admins were told, and told again so many times.
func notified(seconds, again int) func(*narrative.Issue) {
	return func(i *narrative.Issue) { i.NotifiedAt, i.Renotified = until(seconds), again }
}

// anyStep ignores which step is awaited.
var anyStep = cmpopts.IgnoreFields(narrative.Awaiting{}, "StepID")

// unasked is the step as begun without anybody asking.
func unasked(s narrative.ResolutionStep) narrative.ResolutionStep {
	s.UnaskedAt = until(70)
	return s
}

// supervised proposes a plan that requires approval, for as long as timeout says.
func supervised(name, timeout string) *narrative.ResolutionStep {
	s := plan(name)
	s.Policy.Approval = narrative.ApprovalRequired
	if timeout != "" {
		s.Policy.ApprovalTimeout = duration(timeout)
	}
	return s
}

// approvalSince makes the issue wait for approval, of a step that is yet to be named.
func approvalSince(seconds int, end *time.Time) func(*narrative.Issue) {
	return func(i *narrative.Issue) {
		i.Awaiting = &narrative.Awaiting{For: narrative.AwaitingApproval, Since: at(seconds), Until: end}
		i.NotifiedAt = until(seconds)
	}
}

func tried(attempts int) func(*narrative.Issue) {
	return func(i *narrative.Issue) { i.Attempts = attempts }
}

// plansBegun are the times at which plans were begun unasked for the assertion.
func plansBegun(seconds ...int) func(*narrative.Issue) {
	return func(i *narrative.Issue) {
		i.UnaskedPlans = nil
		for _, s := range seconds {
			i.UnaskedPlans = append(i.UnaskedPlans, at(s))
		}
	}
}

// carriesOut is an issue whose plan is being carried out, and the step's id.
func carriesOut(edits ...func(*narrative.ResolutionStep)) (*narrative.Issue, string) {
	i, s := failing(working), plan("a")
	for _, edit := range edits {
		edit(s)
	}
	proposed := propose(i, s)
	i.EndRound(proposed, ruled(), fine, at(70))
	return i, proposed[0].StepID
}

func verifyAfter(wait string) func(*narrative.ResolutionStep) {
	return func(s *narrative.ResolutionStep) { s.Policy.VerifyAfter = duration(wait) }
}

func TestFinishPlan(t *testing.T) {
	t.Parallel()
	stopped := func(state narrative.StepState, failure string) func(*narrative.Issue, *narrative.ResolutionStep) {
		return func(i *narrative.Issue, s *narrative.ResolutionStep) {
			i.Working = false
			awaitedSince(80)(i)
			s.State, s.Solution.Error = state, failure
		}
	}
	enacted := func(i *narrative.Issue, s *narrative.ResolutionStep) {
		i.Status, i.Working, i.EnactedSeq, i.NextRoundAt = narrative.StatusSolutionApplied, false, 12, time.Time{}
		s.State, s.Solution.EnactedAt = narrative.StepApplied, until(80)
	}
	type ending = narrative.Ending
	for name, tt := range map[string]struct {
		step  func(*narrative.ResolutionStep)
		ended ending
		entry string
		then  func(i *narrative.Issue, s *narrative.ResolutionStep)
	}{
		"carried out, it is to be verified by a later check": {
			ended: ending{}, entry: "the plan was carried out; the next check tells whether it helped", then: enacted,
		},
		"carried out, it is to be verified at a time": {
			verifyAfter("2m"),
			ending{},
			"the plan was carried out; in 2m it is checked whether it helped",
			func(i *narrative.Issue, s *narrative.ResolutionStep) {
				enacted(i, s)
				i.VerifyAt = until(200)
			},
		},
		"failed, it is an impasse": {
			nil, ending{Failure: "a: 500"}, "the plan stopped: a: 500: impasse", stopped(narrative.StepFailed, "a: 500"),
		},
		"failed, it is not verified": {
			verifyAfter("2m"), ending{Failure: "a: 500"}, "the plan stopped: a: 500: impasse", stopped(narrative.StepFailed, "a: 500"),
		},
		"the timeline has the first line, and the step everything": {
			nil, ending{Failure: "a: 500\naction 1 of 1"}, "the plan stopped: a: 500: impasse", stopped(narrative.StepFailed, "a: 500\naction 1 of 1"),
		},
		"unknown, it is an impasse": {
			nil, ending{Failure: "it was cut off", Unknown: true}, "the plan stopped: it was cut off: impasse", stopped(narrative.StepUnknown, "it was cut off"),
		},
		"rolled back, it is an impasse": {
			nil,
			ending{Failure: "a: 500", RolledBack: 2},
			"the plan stopped: a: 500; what had been done was rolled back: impasse",
			stopped(narrative.StepRolledBack, "a: 500"),
		},
		"unknown and rolled back, it is unknown": {
			nil,
			ending{Failure: "it was cut off", Unknown: true, RolledBack: 1},
			"the plan stopped: it was cut off; what had been done was rolled back: impasse", stopped(narrative.StepUnknown, "it was cut off"),
		},
		"where the rollback fails, both are said": {
			nil,
			ending{Failure: "a: 500\nat 1", RolledBack: 1, Rollback: "undo: 404\nat 0"},
			"the plan stopped: a: 500; the rollback failed as well: undo: 404: impasse",
			stopped(narrative.StepFailed, "a: 500\nat 1\nthe rollback failed as well: undo: 404\nat 0"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.step == nil {
				tt.step = func(*narrative.ResolutionStep) {}
			}
			i, id := carriesOut(tt.step)
			want, _ := carriesOut(tt.step)
			i.CurrentSeq, want.CurrentSeq = 12, 12
			tt.then(want, &want.Steps[0])
			same(t, narrative.Entry{At: at(80), Kind: narrative.EntryStatus, Text: tt.entry}, i.FinishPlan(id, tt.ended, at(80)))
			same(t, want, i, anyID)
		})
	}
	t.Run("passes before it say nothing of it", func(t *testing.T) {
		t.Parallel()
		i, id := carriesOut()
		i.Passes = 2
		i.FinishPlan(id, ending{}, at(80))
		same(t, 0, i.Passes)
	})
	t.Run("one that a person chose at an impasse leads out of it", func(t *testing.T) {
		t.Parallel()
		i := failing(awaitedSince(60))
		id, _ := i.Choose(narrative.Signal{Plan: narrative.Plan{narrative.Do("b", nil)}}, at(70))
		i.FinishPlan(id, ending{}, at(80))
		same(t, []any{narrative.StatusSolutionApplied, false, 0}, []any{i.Status, i.Awaiting != nil, i.Attempts})
	})
	t.Run("after the issue was closed it changes nothing", func(t *testing.T) {
		t.Parallel()
		i, id := carriesOut()
		i.CloseFor(narrative.Signal{Name: narrative.SignalResolve}, at(75))
		want := *i
		same(t, narrative.Entry{At: at(80), Kind: narrative.EntryStatus, Text: "the plan ended after the issue was closed"}, i.FinishPlan(id, ending{}, at(80)))
		same(t, &want, i)
		same(t, []string{"failed", "stopped: the issue was closed"}, []string{string(i.Steps[0].State), i.Steps[0].Solution.Error})
	})
}

func TestChoose(t *testing.T) {
	t.Parallel()
	t.Run("a proposed step is carried out as it is", func(t *testing.T) {
		t.Parallel()
		i := failing(working)
		proposed := propose(i, plan("a"), plan("b"))
		i.EndRound(proposed, ruled(), fine, at(70))
		id, entry := i.Choose(narrative.Signal{StepID: proposed[1].StepID, By: "ann", Reason: "less harm"}, at(80))
		same(t, proposed[1].StepID, id)
		same(t, narrative.Entry{At: at(80), Kind: narrative.EntrySignal, By: "ann", Text: "solution: a plan of 1 action is carried out: less harm"}, entry)
		same(t, []narrative.StepState{narrative.StepProposed, narrative.StepRunning}, []narrative.StepState{i.Steps[0].State, i.Steps[1].State})
		same(t, true, i.Working && i.Awaiting == nil && i.NotifiedAt == nil && i.Attempts == 0)
	})
	t.Run("the step that waits for approval is carried out as it is", func(t *testing.T) {
		t.Parallel()
		i, id := awaitsApproval()
		chosen, _ := i.Choose(narrative.Signal{StepID: id}, at(80))
		same(t, id, chosen)
		same(t, []narrative.StepState{narrative.StepRunning}, states(i))
	})
	t.Run("a step that waited for approval may still be chosen afterwards", func(t *testing.T) {
		t.Parallel()
		i, _ := awaitsApproval()
		i.Choose(narrative.Signal{Plan: narrative.Plan{narrative.Do("b", nil)}}, at(80))
		same(t, []narrative.StepState{narrative.StepProposed, narrative.StepRunning}, states(i))
	})
	t.Run("a step that was rejected gets a new one, with its policy", func(t *testing.T) {
		t.Parallel()
		i, id := awaitsApproval()
		i.Reject(narrative.Signal{StepID: id, Reason: "no"}, at(75))
		i.Choose(narrative.Signal{StepID: id}, at(80))
		same(t, []narrative.StepState{narrative.StepRejected, narrative.StepRunning}, states(i))
		same(t, i.Steps[0].Policy, i.Steps[1].Policy)
	})
	t.Run("a step that failed gets a new one, with a clean ledger", func(t *testing.T) {
		t.Parallel()
		i, failed := carriesOut()
		i.Steps[0].Solution.Template, i.Steps[0].Solution.Data = narrative.Plan{say("{{.Issue.ID}}")}, &narrative.TemplateData{}
		i.Steps[0].Solution.Rollback, i.Steps[0].Solution.RollbackTemplate = narrative.Plan{say("undone")}, narrative.Plan{say("{{.Issue.ID}} undone")}
		i.FinishPlan(failed, narrative.Ending{Failure: "a: 500"}, at(80))
		id, _ := i.Choose(narrative.Signal{StepID: failed}, at(90))
		if id == failed {
			t.Fatal("the ledger of the old step is used again")
		}
		same(t, narrative.ResolutionStep{
			ID: id, Case: "case-a", Action: narrative.Exec, Reason: "it is stuck", State: narrative.StepRunning, Count: 1, At: at(90),
			Digest: must(i.Steps[0].Solution.Plan.Digest()),
			Solution: &narrative.Solution{
				ID: id, Problem: "it is stuck", Plan: i.Steps[0].Solution.Plan, Rollback: i.Steps[0].Solution.Rollback,
				Template: i.Steps[0].Solution.Template, RollbackTemplate: i.Steps[0].Solution.RollbackTemplate, Data: i.Steps[0].Solution.Data,
			},
		}, i.Steps[1])
		same(t, []string{"failed", "a: 500"}, []string{string(i.Steps[0].State), i.Steps[0].Solution.Error})
	})
	t.Run("a plan brought along gets a step of no case", func(t *testing.T) {
		t.Parallel()
		i := failing(awaitedSince(60))
		brought := narrative.Plan{narrative.Do("b", nil)}
		id, _ := i.Choose(narrative.Signal{Plan: brought, By: "ann", Reason: "by hand"}, at(80))
		want := failing(working)
		want.Status = narrative.StatusImpasse
		want.Steps = []narrative.ResolutionStep{{
			ID: id, Action: narrative.Exec, Reason: "by hand", State: narrative.StepRunning, Count: 1, At: at(80),
			Digest: must(brought.Digest()), Solution: &narrative.Solution{ID: id, Problem: "off", Plan: brought},
		}}
		same(t, want, i)
	})
}

// awaitsApproval is an issue whose only step waits for approval, and the step's id.
func awaitsApproval() (*narrative.Issue, string) {
	i := failing(working)
	proposed := propose(i, supervised("a", "30m"))
	i.EndRound(proposed, ruled(), fine, at(70))
	return i, proposed[0].StepID
}

func states(i *narrative.Issue) (all []narrative.StepState) {
	for _, s := range i.Steps {
		all = append(all, s.State)
	}
	return all
}

func kind(k narrative.IssueKind) func(*narrative.Issue) {
	return func(i *narrative.Issue) { i.Kind = k }
}

func TestRecover(t *testing.T) {
	t.Parallel()
	const passes, gone, checked = "it passes again: ", "record gone: ", "it can be checked again: "
	for name, tt := range map[string]struct {
		issue *narrative.Issue
		seq   int64
		gone  bool
		want  string
	}{
		"a passing check closes an open issue":                 {failing(), 10, false, passes},
		"one at an impasse, too":                               {failing(awaitedSince(60)), 10, false, passes},
		"one that waits for approval":                          {failing(approvalSince(60, nil)), 10, false, passes},
		"one that is acknowledged and snoozed":                 {failing(acknowledged(nil), snoozed(100)), 10, false, passes},
		"one whose solution was verified":                      {failing(applied(1)), 10, false, passes},
		"one whose solution was verified before it was due":    {failing(applied(1), verifiedAt(100)), 10, false, passes},
		"one whose record is gone":                             {failing(kind(narrative.KindRecord)), 10, true, gone},
		"one whose check can be made again":                    {failing(kind(narrative.KindCheckError)), 10, false, checked},
		"a check begun before the solution was enacted cannot": {failing(applied(1)), 9, false, ""},
		"nor close one whose record is gone":                   {failing(applied(1), kind(narrative.KindRecord)), 9, true, ""},
		"none can while a plan is carried out":                 {failing(working), 10, false, ""},
		"nor once it is closed":                                {failing(closedAt(5)), 10, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, wantEntry := *tt.issue, narrative.Entry{}
			if tt.want != "" {
				want.Status, want.ResolvedAt, want.ClosedSeq = narrative.StatusResolved, until(90), tt.seq
				want.Awaiting, want.VerifyAt, want.NotifiedAt = nil, nil, nil
				wantEntry = narrative.Entry{At: at(90), Kind: narrative.EntryRecovered, Text: tt.want + "resolved after 1m30s"}
			}
			entry, closed := tt.issue.Recover(tt.seq, tt.gone, at(90))
			same(t, tt.want != "", closed)
			same(t, wantEntry, entry)
			same(t, &want, tt.issue)
		})
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		issue *narrative.Issue
		want  bool
	}{
		"an open issue is closed":      {failing(), true},
		"one at an impasse, too":       {failing(awaitedSince(60)), true},
		"one whose solution was tried": {failing(applied(1), verifiedAt(100)), true},
		"one that is worked on":        {failing(working), true},
		"a closed issue stays":         {failing(closedAt(5)), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, wantEntry := *tt.issue, narrative.Entry{}
			if tt.want {
				want.Status, want.ResolvedAt, want.ClosedSeq = narrative.StatusResolved, until(90), 10
				want.Working, want.Awaiting, want.VerifyAt, want.NotifiedAt = false, nil, nil, nil
				wantEntry = narrative.Entry{At: at(90), Kind: narrative.EntryStatus, Text: "assertion removed: resolved after 1m30s"}
			}
			entry, closed := tt.issue.Remove(at(90))
			same(t, tt.want, closed)
			same(t, wantEntry, entry)
			same(t, &want, tt.issue)
		})
	}
}

func TestCloseFor(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		signal narrative.Signal
		text   string
		then   func(*narrative.Issue)
	}{
		"resolve closes it": {
			narrative.Signal{Name: narrative.SignalResolve, By: "ann"}, "resolved", func(i *narrative.Issue) { i.Status = narrative.StatusResolved },
		},
		"wont_fix closes it for ever": {
			narrative.Signal{Name: narrative.SignalWontFix, By: "ann", Reason: "by design"},
			"won't fix: by design",
			func(i *narrative.Issue) { i.Status = narrative.StatusWontFix },
		},
		"wont_fix closes it until a time": {
			narrative.Signal{Name: narrative.SignalWontFix, By: "ann", Reason: "by design", Until: until(3600)},
			"won't fix: by design, until 2026-03-01 13:00:00 UTC",
			func(i *narrative.Issue) { i.Status, i.MutedUntil = narrative.StatusWontFix, until(3600) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i, want := failing(awaitedSince(60)), failing()
			want.ResolvedAt, want.ClosedSeq = until(80), 10
			tt.then(want)
			same(t, narrative.Entry{At: at(80), Kind: narrative.EntrySignal, By: "ann", Text: tt.text}, i.CloseFor(tt.signal, at(80)))
			same(t, want, i)
		})
	}
}

func TestClosingStopsWhatGoesOn(t *testing.T) {
	t.Parallel()
	resolve := narrative.Signal{Name: narrative.SignalResolve}
	t.Run("a plan that is being carried out", func(t *testing.T) {
		t.Parallel()
		i, _ := carriesOut()
		i.CloseFor(resolve, at(80))
		same(t, []narrative.StepState{narrative.StepFailed}, states(i))
		same(t, "stopped: the issue was closed", i.Steps[0].Solution.Error)
	})
	t.Run("a step that waits for approval", func(t *testing.T) {
		t.Parallel()
		i, _ := awaitsApproval()
		i.CloseFor(resolve, at(80))
		same(t, []narrative.StepState{narrative.StepProposed}, states(i))
		same(t, nil, i.Awaiting)
	})
}

func TestAge(t *testing.T) {
	t.Parallel()
	for want, seconds := range map[string]int{"0s": -5, "42s": 42, "5m3s": 303, "1h": 3600, "1h1m": 3650, "2d4h10m": 187_800} {
		t.Run("is "+want, func(t *testing.T) {
			t.Parallel()
			same(t, want, narrative.Age(at(0), at(seconds)))
		})
	}
}
