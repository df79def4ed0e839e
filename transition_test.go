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
		"none follows before the solution is verified": {
			failing(applied(2), verifiedAt(61)), narrative.RoundNotDue, narrative.Entry{}, failing(applied(2), verifiedAt(61)),
		},
		"one follows at that time": {failing(applied(2), verifiedAt(60)), narrative.RoundStarted, begun, failing(applied(2), verifiedAt(60), working)},
		"none begins where a person has asked for quiet": {
			failing(acknowledged(nil)), narrative.RoundNotDue, narrative.Entry{}, failing(acknowledged(nil)),
		},
		"nor where a person is awaited": {failing(awaitedSince(5)), narrative.RoundNotDue, narrative.Entry{}, failing(awaitedSince(5))},
		"an impasse follows the last solution": {
			failing(applied(3)), narrative.RoundExhausted,
			narrative.Entry{At: at(60), Kind: narrative.EntryStatus, Text: "it still fails after 3 solutions carried out unasked: impasse"},
			failing(applied(3), awaitedSince(60)),
		},
		"people who were told before are told anew": {
			failing(applied(3), notified(5, 2)), narrative.RoundExhausted,
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
	t.Run("a closed issue takes none", func(t *testing.T) {
		t.Parallel()
		i := failing(closedAt(5))
		id, fresh := i.AddProposal(*plan("a"), at(70))
		same(t, "", id)
		same(t, false, fresh)
		same(t, failing(closedAt(5)), i)
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
	badStep := step(plan("bad"), narrative.StepFailed, 1)
	badStep.Solution.Error = "the plan is not valid: [0]: bad is not an action\n[0]: nor was it ever"
	off := func(p *narrative.Policy) { p.Actions = narrative.ActionsOff }
	approve := func(p *narrative.Policy) { p.Actions = narrative.ActionsApprove }
	type proposals = []*narrative.ResolutionStep
	const minute = time.Minute
	const proposes = "round 3: case-a proposes a plan of 1 action, which "
	for name, tt := range map[string]struct {
		begun   func(*narrative.Issue) // how the issue is beside Working and two idle rounds
		policy  func(*narrative.Policy)
		before  proposals // in the round before
		propose proposals
		ruling  narrative.Ruling
		entry   string
		then    *narrative.Issue
	}{
		"no proposal leaves it open, tells, and backs off": {
			ruling: narrative.RuleNone, entry: "round 3: no case proposed anything",
			then: ended(at(70).Add(4*minute-30*time.Second), idle(3), notified(70, 0)),
		},
		"no proposal again is not told again": {
			begun: notified(10, 1), ruling: narrative.RuleNone, entry: "round 3: no case proposed anything",
			then: ended(at(70).Add(4*minute-30*time.Second), idle(3), notified(10, 1)),
		},
		"a new pass leaves it open until the next tick": {
			propose: proposals{pass("wait")}, ruling: narrative.RulePass, entry: "round 3: case-pass passes: wait",
			then: ended(at(70), steps(step(pass("wait"), narrative.StepPassed, 1))),
		},
		"the same pass again backs off": {
			before: proposals{pass("wait")}, propose: proposals{pass("wait")},
			ruling: narrative.RulePass, entry: "round 3: case-pass passes: wait",
			then: ended(at(70).Add(4*minute-30*time.Second), idle(3), steps(step(pass("wait"), narrative.StepPassed, 2))),
		},
		"after a pass there is nothing for people to do": {
			begun: notified(10, 1), propose: proposals{pass("wait")}, ruling: narrative.RulePass, entry: "round 3: case-pass passes: wait",
			then: ended(at(70), steps(step(pass("wait"), narrative.StepPassed, 1)), func(i *narrative.Issue) { i.Renotified = 1 }),
		},
		"a plan is carried out": {
			begun: notified(10, 0), propose: proposals{plan("a")}, ruling: narrative.RuleExec, entry: proposes + "is carried out: it is stuck",
			then: ended(at(70), working, steps(unasked(step(plan("a"), narrative.StepRunning, 1))), func(i *narrative.Issue) { i.Attempts = 1 }),
		},
		"a plan that is not valid is an impasse, and no attempt": {
			propose: proposals{plan("bad")}, ruling: narrative.RuleExec,
			entry: "round 3: the plan of case-bad is not valid and nothing of it was run: [0]: bad is not an action; [0]: nor was it ever: impasse",
			then:  ended(at(70), awaitedSince(70), steps(badStep)),
		},
		"it is one where plans wait for approval, too": {
			policy: approve, propose: proposals{plan("bad")}, ruling: narrative.RuleExec,
			entry: "round 3: the plan of case-bad is not valid and nothing of it was run: [0]: bad is not an action; [0]: nor was it ever: impasse",
			then:  ended(at(70), awaitedSince(70), steps(badStep)),
		},
		"several plans are an impasse": {
			propose: proposals{plan("a"), plan("b")}, ruling: narrative.RuleSeveral, entry: "round 3: 2 steps proposed: impasse",
			then: ended(at(70).Add(2*minute-30*time.Second), awaitedSince(70), idle(2),
				steps(step(plan("a"), narrative.StepProposed, 1), step(plan("b"), narrative.StepProposed, 1))),
		},
		"a plan and a pass are several": {
			propose: proposals{plan("a"), pass("wait")}, ruling: narrative.RuleSeveral, entry: "round 3: 2 steps proposed: impasse",
			then: ended(at(70).Add(2*minute-30*time.Second), awaitedSince(70), idle(2),
				steps(step(plan("a"), narrative.StepProposed, 1), step(pass("wait"), narrative.StepProposed, 1))),
		},
		"several after a solution that did not help are, too": {
			begun: applied(1), propose: proposals{plan("a"), plan("b")}, ruling: narrative.RuleSeveral, entry: "round 3: 2 steps proposed: impasse",
			then: ended(at(70).Add(2*minute-30*time.Second), applied(1), awaitedSince(70), idle(2),
				steps(step(plan("a"), narrative.StepProposed, 1), step(plan("b"), narrative.StepProposed, 1))),
		},
		"a plan whose case requires approval waits": {
			propose: proposals{supervised("a", "")}, ruling: narrative.RuleExec, entry: proposes + "waits for approval: it is stuck",
			then: ended(at(70), approvalSince(70, nil), steps(step(supervised("a", ""), narrative.StepAwaitingApproval, 1))),
		},
		"it waits as long as the case says": {
			propose: proposals{supervised("a", "30m")}, ruling: narrative.RuleExec, entry: proposes + "waits for approval: it is stuck",
			then: ended(at(70), approvalSince(70, until(1870)), steps(step(supervised("a", "30m"), narrative.StepAwaitingApproval, 1))),
		},
		"it waits after a solution that did not help, too": {
			begun: applied(1), propose: proposals{supervised("a", "")}, ruling: narrative.RuleExec, entry: proposes + "waits for approval: it is stuck",
			then: ended(at(70), applied(1), approvalSince(70, nil), steps(step(supervised("a", ""), narrative.StepAwaitingApproval, 1))),
		},
		"every plan waits where the master switch says so": {
			policy: approve, propose: proposals{plan("a")}, ruling: narrative.RuleExec, entry: proposes + "waits for approval: it is stuck",
			then: ended(at(70), approvalSince(70, nil), steps(step(plan("a"), narrative.StepAwaitingApproval, 1))),
		},
		"none is carried out where it is off": {
			policy: off, propose: proposals{plan("a")}, ruling: narrative.RuleExec,
			entry: proposes + "is not carried out unasked, since actions are switched off: impasse",
			then:  ended(at(70), awaitedSince(70), steps(step(plan("a"), narrative.StepProposed, 1))),
		},
		"nor does one wait for approval then": {
			policy: off, propose: proposals{supervised("a", "")}, ruling: narrative.RuleExec,
			entry: proposes + "is not carried out unasked, since actions are switched off: impasse",
			then:  ended(at(70), awaitedSince(70), steps(step(supervised("a", ""), narrative.StepProposed, 1))),
		},
		"none is carried out after max_attempts": {
			begun: tried(3), propose: proposals{plan("a")}, ruling: narrative.RuleExec,
			entry: proposes + "is not carried out unasked, since max_attempts was reached: 3 solutions for this issue: impasse",
			then:  ended(at(70), tried(3), awaitedSince(70), steps(step(plan("a"), narrative.StepProposed, 1))),
		},
		"one may wait for approval even then": {
			begun: tried(3), propose: proposals{supervised("a", "")}, ruling: narrative.RuleExec, entry: proposes + "waits for approval: it is stuck",
			then: ended(at(70), tried(3), approvalSince(70, nil), steps(step(supervised("a", ""), narrative.StepAwaitingApproval, 1))),
		},
		"none is carried out after max_plans within the hour": {
			begun: plansBegun(60, 10, -3529), policy: func(p *narrative.Policy) { p.MaxPlans = 3 }, propose: proposals{plan("a")}, ruling: narrative.RuleExec,
			entry: proposes + "is not carried out unasked, since max_plans was reached: 3 plans for this assertion within the hour: impasse",
			then:  ended(at(70), plansBegun(60, 10, -3529), awaitedSince(70), steps(step(plan("a"), narrative.StepProposed, 1))),
		},
		"one is once the hour is over": {
			begun: plansBegun(60, 10, -3530), policy: func(p *narrative.Policy) { p.MaxPlans = 3 }, propose: proposals{plan("a")}, ruling: narrative.RuleExec,
			entry: proposes + "is carried out: it is stuck",
			then: ended(at(70), plansBegun(60, 10, -3530), working, steps(unasked(step(plan("a"), narrative.StepRunning, 1))),
				func(i *narrative.Issue) { i.Attempts = 1 }),
		},
		"a plan is not carried out where a person asked for quiet meanwhile": {
			begun: acknowledged(nil), propose: proposals{plan("a")}, ruling: narrative.RuleExec,
			entry: proposes + "is not carried out, since a person has asked for quiet",
			then:  ended(at(70), acknowledged(nil), steps(step(plan("a"), narrative.StepProposed, 1))),
		},
		"nor does it wait for approval then": {
			begun: snoozed(71), propose: proposals{supervised("a", "")}, ruling: narrative.RuleExec,
			entry: proposes + "is not carried out, since a person has asked for quiet",
			then:  ended(at(70), snoozed(71), steps(step(supervised("a", ""), narrative.StepProposed, 1))),
		},
		"it is once the quiet is over": {
			begun: snoozed(70), propose: proposals{plan("a")}, ruling: narrative.RuleExec, entry: proposes + "is carried out: it is stuck",
			then: ended(at(70), snoozed(70), working, steps(unasked(step(plan("a"), narrative.StepRunning, 1))), func(i *narrative.Issue) { i.Attempts = 1 }),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i, p := failing(working, idle(2)), ruled()
			if tt.begun != nil {
				tt.begun(i)
			}
			if tt.policy != nil {
				tt.policy(&p)
			}
			propose(i, tt.before...)
			ruling, entry := i.EndRound(propose(i, tt.propose...), p, fine, at(70))
			same(t, tt.ruling, ruling)
			same(t, narrative.Entry{At: at(70), Kind: narrative.EntryRound, Text: tt.entry}, entry)
			same(t, tt.then, i, anyID, anyStep)
			if a := i.Awaiting; a != nil && a.For == narrative.AwaitingApproval && a.StepID != i.Steps[len(i.Steps)-1].ID {
				t.Errorf("step %q is awaited; want the last one of %+v", a.StepID, i.Steps)
			}
		})
	}
	t.Run("after the issue was closed it changes nothing", func(t *testing.T) {
		t.Parallel()
		i := failing(working)
		proposed := propose(i, plan("a"))
		i.CloseFor(narrative.Signal{Name: narrative.SignalResolve}, at(65))
		want := *i
		ruling, entry := i.EndRound(proposed, ruled(), fine, at(70))
		same(t, "", ruling)
		same(t, narrative.Entry{At: at(70), Kind: narrative.EntryRound, Text: "the round ended after the issue was closed"}, entry)
		same(t, &want, i)
	})
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
