package narrative_test

import (
	"testing"
	"time"

	"github.com/narrative-go/narrative"
)

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
