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

// fine is the executor's word on a plan: nothing is wrong, unless its action is called bad.
func fine(p narrative.Plan) narrative.Problems {
	for _, a := range p {
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

func TestBeginRound(t *testing.T) {
	t.Parallel()
	begun := narrative.Entry{At: at(60), Kind: narrative.EntryRound, Text: "round 3 of diagnosis begins"}
	for name, tt := range map[string]struct {
		issue *narrative.Issue
		start narrative.RoundStart
		entry narrative.Entry
		then  *narrative.Issue
	}{
		"one that is due begins":       {failing(), narrative.RoundStarted, begun, failing(working)},
		"one that is not due does not": {failing(later), narrative.RoundNotDue, narrative.Entry{}, failing(later)},
		"a closed issue has none":      {failing(closedAt(5)), narrative.RoundNotDue, narrative.Entry{}, failing(closedAt(5))},
		"a closed issue ends one, too": {failing(closedAt(5), working), narrative.RoundNotDue, narrative.Entry{}, failing(closedAt(5), working)},
		"one under way goes on": {
			failing(working), narrative.RoundStarted, narrative.Entry{At: at(60), Kind: narrative.EntryRound, Text: "round 3 of diagnosis goes on"}, failing(working),
		},
		"one follows a solution that did not help": {failing(applied(2)), narrative.RoundStarted, begun, failing(applied(2), working)},
		"an impasse follows the last solution": {
			failing(applied(3)), narrative.RoundExhausted,
			narrative.Entry{At: at(60), Kind: narrative.EntryStatus, Text: "it still fails after 3 solutions carried out unasked: impasse"},
			failing(applied(3), awaitedSince(60)),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start, entry := tt.issue.BeginRound(10, 3, at(60))
			same(t, tt.start, start)
			same(t, tt.entry, entry)
			same(t, tt.then, tt.issue)
		})
	}
}

func working(i *narrative.Issue) { i.Working = true }

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
	}
}

func TestAddProposal(t *testing.T) {
	t.Parallel()
	t.Run("identical passes in a row are one", func(t *testing.T) {
		t.Parallel()
		i := failing()
		first := propose(i, pass("wait"))
		second := propose(i, pass("wait"))
		third := propose(i, pass("wait"))
		same(t, []bool{true, false, false}, []bool{first[0].Fresh, second[0].Fresh, third[0].Fresh})
		same(t, []narrative.ResolutionStep{{
			ID: first[0].StepID, Case: "case-pass", Action: narrative.Pass, Reason: "wait", State: narrative.StepProposed, Count: 3, At: at(70),
		}}, i.Steps)
		same(t, []string{first[0].StepID, first[0].StepID}, []string{second[0].StepID, third[0].StepID})
	})
	t.Run("other reasons, other cases and plans between are not", func(t *testing.T) {
		t.Parallel()
		i, other := failing(), pass("wait")
		other.Case = "case-other"
		propose(i, pass("wait"), pass("wait more"), other, plan("a"), pass("wait"))
		counts := []int{}
		for _, s := range i.Steps {
			counts = append(counts, s.Count)
		}
		same(t, []int{1, 1, 1, 1, 1}, counts)
	})
	t.Run("identical plans are steps of their own", func(t *testing.T) {
		t.Parallel()
		i := failing()
		ids := propose(i, plan("a"), plan("a"))
		if ids[0].StepID == ids[1].StepID {
			t.Error("two plans have one step")
		}
		same(t, []string{ids[0].StepID, ids[1].StepID}, []string{i.Steps[0].Solution.ID, i.Steps[1].Solution.ID})
	})
}

func TestEndRound(t *testing.T) {
	t.Parallel()
	text := func(s string) narrative.Entry {
		return narrative.Entry{At: at(70), Kind: narrative.EntryRound, Text: s}
	}
	// ended is the issue after its third round.
	ended := func(nextAt time.Time, edits ...func(*narrative.Issue)) *narrative.Issue {
		i := failing(edits...)
		i.Rounds, i.NextRoundAt = 3, nextAt
		return i
	}
	steps := func(all ...narrative.ResolutionStep) func(*narrative.Issue) {
		return func(i *narrative.Issue) { i.Steps = all }
	}
	idle := func(n int) func(*narrative.Issue) { return func(i *narrative.Issue) { i.Idle = n } }
	step := func(s *narrative.ResolutionStep, state narrative.StepState, count int) narrative.ResolutionStep {
		s.State, s.Count, s.At = state, count, at(70)
		return *s
	}
	badStep := plan("bad")
	badStep.Solution.Error = "the plan is not valid: [0]: bad is not an action\n[0]: nor was it ever"
	const minute = time.Minute
	for name, tt := range map[string]struct {
		before  []*narrative.ResolutionStep // proposed in the round before
		propose []*narrative.ResolutionStep
		ruling  narrative.Ruling
		entry   narrative.Entry
		then    *narrative.Issue
	}{
		"no proposal leaves it open, and backs off": {
			nil, nil, narrative.RuleNone, text("round 3: no case proposed anything"), ended(at(70).Add(4*minute-30*time.Second), idle(3)),
		},
		"a new pass leaves it open until the next tick": {
			nil,
			[]*narrative.ResolutionStep{pass("wait")},
			narrative.RulePass, text("round 3: case-pass passes: wait"),
			ended(at(70), idle(0), steps(step(pass("wait"), narrative.StepPassed, 1))),
		},
		"the same pass again backs off": {
			[]*narrative.ResolutionStep{pass("wait")},
			[]*narrative.ResolutionStep{pass("wait")},
			narrative.RulePass, text("round 3: case-pass passes: wait"),
			ended(at(70).Add(4*minute-30*time.Second), idle(3), steps(step(pass("wait"), narrative.StepPassed, 2))),
		},
		"a plan is carried out": {
			nil,
			[]*narrative.ResolutionStep{plan("a")},
			narrative.RuleExec,
			text("round 3: case-a proposes a plan of 1 action, which is carried out: it is stuck"),
			ended(at(70), working, idle(0), steps(step(plan("a"), narrative.StepRunning, 1)), func(i *narrative.Issue) { i.Attempts = 1 }),
		},
		"a plan that is not valid is an impasse, and no attempt": {
			nil,
			[]*narrative.ResolutionStep{plan("bad")},
			narrative.RuleExec,
			text("round 3: the plan of case-bad is not valid and nothing of it was run: [0]: bad is not an action; [0]: nor was it ever: impasse"),
			ended(at(70), awaitedSince(70), idle(0), steps(step(badStep, narrative.StepFailed, 1))),
		},
		"several plans are an impasse": {
			nil,
			[]*narrative.ResolutionStep{plan("a"), plan("b")},
			narrative.RuleSeveral, text("round 3: 2 steps proposed: impasse"),
			ended(at(70).Add(2*minute-30*time.Second), awaitedSince(70), idle(2), steps(step(plan("a"), narrative.StepProposed, 1), step(plan("b"), narrative.StepProposed, 1))),
		},
		"a plan and a pass are several": {
			nil,
			[]*narrative.ResolutionStep{plan("a"), pass("wait")},
			narrative.RuleSeveral, text("round 3: 2 steps proposed: impasse"),
			ended(at(70).Add(2*minute-30*time.Second), awaitedSince(70), idle(2), steps(step(plan("a"), narrative.StepProposed, 1), step(pass("wait"), narrative.StepProposed, 1))),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := failing(working, idle(2))
			propose(i, tt.before...)
			ruling, entry := i.EndRound(propose(i, tt.propose...), minute, fine, at(70))
			same(t, tt.ruling, ruling)
			same(t, tt.entry, entry)
			same(t, tt.then, i, anyID)
		})
	}
}

// carriesOut is an issue whose plan is being carried out, and the step's id.
func carriesOut() (*narrative.Issue, string) {
	i := failing(working)
	proposed := propose(i, plan("a"))
	i.EndRound(proposed, time.Minute, fine, at(70))
	return i, proposed[0].StepID
}

func TestFinishPlan(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		failure string
		unknown bool
		entry   string
		then    func(i *narrative.Issue, s *narrative.ResolutionStep)
	}{
		"carried out, it is to be verified by a later check": {
			"", false, "the plan was carried out; the next check tells whether it helped",
			func(i *narrative.Issue, s *narrative.ResolutionStep) {
				i.Status, i.Working, i.EnactedSeq, i.NextRoundAt = narrative.StatusSolutionApplied, false, 12, time.Time{}
				s.State, s.Solution.EnactedAt = narrative.StepApplied, until(80)
			},
		},
		"failed, it is an impasse": {
			"a: 500", false, "the plan stopped: a: 500: impasse",
			func(i *narrative.Issue, s *narrative.ResolutionStep) {
				i.Working = false
				awaitedSince(80)(i)
				s.State, s.Solution.Error = narrative.StepFailed, "a: 500"
			},
		},
		"unknown, it is an impasse": {
			"it was cut off", true, "the plan stopped: it was cut off: impasse",
			func(i *narrative.Issue, s *narrative.ResolutionStep) {
				i.Working = false
				awaitedSince(80)(i)
				s.State, s.Solution.Error = narrative.StepUnknown, "it was cut off"
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i, id := carriesOut()
			want, _ := carriesOut()
			i.CurrentSeq, want.CurrentSeq = 12, 12
			tt.then(want, &want.Steps[0])
			same(t, narrative.Entry{At: at(80), Kind: narrative.EntryStatus, Text: tt.entry}, i.FinishPlan(id, tt.failure, tt.unknown, at(80)))
			same(t, want, i, anyID)
		})
	}
	t.Run("after the issue was closed it changes nothing", func(t *testing.T) {
		t.Parallel()
		i, id := carriesOut()
		i.CloseFor(narrative.Signal{Name: narrative.SignalResolve}, at(75))
		want := *i
		same(t, narrative.Entry{At: at(80), Kind: narrative.EntryStatus, Text: "the plan ended after the issue was closed"}, i.FinishPlan(id, "", false, at(80)))
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
		i.EndRound(proposed, time.Minute, fine, at(70))
		id, entry := i.Choose(narrative.Signal{StepID: proposed[1].StepID, By: "ann", Reason: "less harm"}, at(80))
		same(t, proposed[1].StepID, id)
		same(t, narrative.Entry{At: at(80), Kind: narrative.EntrySignal, By: "ann", Text: "solution: a plan of 1 action is carried out: less harm"}, entry)
		same(t, []narrative.StepState{narrative.StepProposed, narrative.StepRunning}, []narrative.StepState{i.Steps[0].State, i.Steps[1].State})
		same(t, true, i.Working && i.Awaiting == nil && i.Attempts == 0)
	})
	t.Run("a step that failed gets a new one, with a clean ledger", func(t *testing.T) {
		t.Parallel()
		i, failed := carriesOut()
		i.Steps[0].Solution.Template, i.Steps[0].Solution.Data = narrative.Plan{say("{{.Issue.ID}}")}, &narrative.TemplateData{}
		i.FinishPlan(failed, "a: 500", false, at(80))
		id, _ := i.Choose(narrative.Signal{StepID: failed}, at(90))
		if id == failed {
			t.Fatal("the ledger of the old step is used again")
		}
		same(t, narrative.ResolutionStep{
			ID: id, Case: "case-a", Action: narrative.Exec, Reason: "it is stuck", State: narrative.StepRunning, Count: 1, At: at(90),
			Digest: must(i.Steps[0].Solution.Plan.Digest()),
			Solution: &narrative.Solution{
				ID: id, Problem: "it is stuck", Plan: i.Steps[0].Solution.Plan,
				Template: i.Steps[0].Solution.Template, Data: i.Steps[0].Solution.Data,
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

func TestRecover(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		issue *narrative.Issue
		seq   int64
		want  bool
	}{
		"a passing check closes an open issue":                 {failing(), 10, true},
		"one at an impasse, too":                               {failing(awaitedSince(60)), 10, true},
		"one whose solution was verified":                      {failing(applied(1)), 10, true},
		"a check begun before the solution was enacted cannot": {failing(applied(1)), 9, false},
		"none can while a plan is carried out":                 {failing(working), 10, false},
		"nor once it is closed":                                {failing(closedAt(5)), 10, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, wantEntry := *tt.issue, narrative.Entry{}
			if tt.want {
				want.Status, want.ResolvedAt, want.ClosedSeq, want.Awaiting = narrative.StatusResolved, until(90), tt.seq, nil
				wantEntry = narrative.Entry{At: at(90), Kind: narrative.EntryRecovered, Text: "it passes again: resolved after 1m30s"}
			}
			entry, closed := tt.issue.Recover(tt.seq, at(90))
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

func TestAge(t *testing.T) {
	t.Parallel()
	for want, seconds := range map[string]int{"0s": -5, "42s": 42, "5m3s": 303, "1h": 3600, "1h1m": 3650, "2d4h10m": 187_800} {
		t.Run("is "+want, func(t *testing.T) {
			t.Parallel()
			same(t, want, narrative.Age(at(0), at(seconds)))
		})
	}
}
