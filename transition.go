package narrative

import (
	"fmt"
	"strings"
	"time"
)

// The functions of this file are the transitions of an issue: each alters the issue in place and returns the entry for
// its timeline. They are pure, and are called under the store's lock, through [IssueStore.ChangeIssue].

// RoundStart is what a failing check led to.
type RoundStart string

// The answers of [Issue.BeginRound].
const (
	RoundNotDue    RoundStart = "not_due"
	RoundStarted   RoundStart = "started"
	RoundExhausted RoundStart = "exhausted" // impasse: enough was tried unasked
)

// BeginRound starts a round of diagnosis if a failing check of that check_seq starts one now; a round under way goes
// on.
func (i *Issue) BeginRound(seq int64, maxAttempts int, now time.Time) (RoundStart, Entry) {
	switch {
	case i.Working && !i.Status.Closed():
		return RoundStarted, Entry{At: now, Kind: EntryRound, Text: fmt.Sprintf("round %d of diagnosis goes on", i.Rounds+1)}
	case !RoundDue(*i, seq, now):
		return RoundNotDue, Entry{}
	case Exhausted(i.Status, i.Attempts, maxAttempts):
		i.impasse(now)
		return RoundExhausted, Entry{
			At: now, Kind: EntryStatus,
			Text: fmt.Sprintf("%s after %s carried out unasked: impasse", "it still fails", plural(i.Attempts, "solution")),
		}
	}
	i.Working = true
	return RoundStarted, Entry{At: now, Kind: EntryRound, Text: fmt.Sprintf("round %d of diagnosis begins", i.Rounds+1)}
}

func (i *Issue) impasse(now time.Time) {
	i.Status, i.Working = StatusImpasse, false
	i.Awaiting = &Awaiting{For: AwaitingChoice, Since: now}
}

// AddProposal adds a case's proposal to the issue's steps and returns its step's id, and whether it is new: a pass that
// is the same as the step before it only counts it up.
func (i *Issue) AddProposal(s ResolutionStep, now time.Time) (id string, fresh bool) {
	if last := len(i.Steps) - 1; last >= 0 && s.Action == Pass {
		if l := &i.Steps[last]; l.Action == Pass && l.Case == s.Case && l.Reason == s.Reason {
			l.Count++
			return l.ID, false
		}
	}
	s.ID, s.At, s.Count = NewID(now), now, 1
	if s.State == "" {
		s.State = StepProposed
	}
	if s.Solution != nil {
		s.Solution.ID = s.ID
	}
	i.Steps = append(i.Steps, s)
	return s.ID, true
}

// Proposed is one proposal of a round.
type Proposed struct {
	StepID string     `json:"step_id"`
	Action StepAction `json:"action"`
	Fresh  bool       `json:"fresh"` // not a pass that was proposed the round before
}

// EndRound rules on the round's proposals. invalid tells what is wrong with a plan; it is only asked about one that
// would be carried out. Where the ruling is exec and the issue is still Working, the caller carries out the step.
func (i *Issue) EndRound(proposed []Proposed, interval time.Duration, invalid func(Plan) Problems, now time.Time) (Ruling, Entry) {
	i.Rounds++
	i.Working = false
	e := Entry{At: now, Kind: EntryRound}
	actions := make([]StepAction, len(proposed))
	for n, p := range proposed {
		actions[n] = p.Action
	}
	ruling := Arbitrate(actions)
	switch ruling {
	case RuleNone:
		i.Idle++
		e.Text = fmt.Sprintf("round %d: no case proposed anything", i.Rounds)
	case RulePass:
		step := i.step(proposed[0].StepID)
		step.State = StepPassed
		i.Idle++
		if proposed[0].Fresh {
			i.Idle = 0
		}
		e.Text = fmt.Sprintf("round %d: %s passes: %s", i.Rounds, step.Case, step.Reason)
	case RuleExec:
		e.Text = i.ruleExec(i.step(proposed[0].StepID), invalid, now)
	case RuleSeveral:
		i.impasse(now)
		e.Text = fmt.Sprintf("round %d: %s proposed: impasse", i.Rounds, plural(len(proposed), "step"))
	}
	i.NextRoundAt = now.Add(RoundWait(interval, i.Idle))
	return ruling, e
}

func (i *Issue) ruleExec(step *ResolutionStep, invalid func(Plan) Problems, now time.Time) string {
	i.Idle = 0
	if problems := invalid(step.Solution.Plan); len(problems) > 0 {
		step.State, step.Solution.Error = StepFailed, "the plan is not valid: "+problems.Error()
		i.impasse(now)
		return fmt.Sprintf("round %d: the plan of %s is not valid and nothing of it was run: %s: impasse",
			i.Rounds, step.Case, strings.ReplaceAll(problems.Error(), "\n", "; "))
	}
	i.Working, step.State = true, StepRunning
	i.Attempts++
	return fmt.Sprintf("round %d: %s proposes a plan of %s, which is carried out: %s",
		i.Rounds, step.Case, plural(len(step.Solution.Plan), "action"), step.Reason)
}

func (i *Issue) step(id string) *ResolutionStep {
	for n := range i.Steps {
		if i.Steps[n].ID == id {
			return &i.Steps[n]
		}
	}
	return &ResolutionStep{Solution: &Solution{}}
}

// FinishPlan records how the plan of a step ended: carried out where failure is empty; else failed, or unknown, where
// an action may or may not have happened. It changes nothing where the issue was closed meanwhile.
func (i *Issue) FinishPlan(stepID, failure string, unknown bool, now time.Time) Entry {
	step := i.step(stepID)
	e := Entry{At: now, Kind: EntryStatus}
	if i.Status.Closed() {
		e.Text = "the plan ended after the issue was closed"
		return e
	}
	if failure == "" {
		step.State, step.Solution.EnactedAt, step.Solution.Error = StepApplied, &now, ""
		i.Status, i.Working, i.Awaiting = StatusSolutionApplied, false, nil
		i.EnactedSeq, i.NextRoundAt = i.CurrentSeq, time.Time{}
		e.Text = "the plan was carried out; the next check tells whether it helped"
		return e
	}
	step.State, step.Solution.Error = StepFailed, failure
	if unknown {
		step.State = StepUnknown
	}
	i.impasse(now)
	e.Text = "the plan stopped: " + failure + ": impasse"
	return e
}

// Choose starts carrying out a plan because a person said so: that of a step proposed, or one brought along. A plan
// brought along, and one that ran before, gets a step of its own, and so a clean ledger: people may ask for anything
// again. It returns the step's id.
func (i *Issue) Choose(s Signal, now time.Time) (string, Entry) {
	id := s.StepID
	if chosen, _ := i.Step(id); id == "" || chosen.State != StepProposed {
		again := ResolutionStep{Action: Exec, Reason: s.Reason, Solution: &Solution{Problem: i.Summary, Plan: s.Plan}}
		if id != "" {
			kept := *chosen.Solution
			kept.EnactedAt, kept.Error = nil, ""
			again = ResolutionStep{Action: Exec, Case: chosen.Case, Reason: chosen.Reason, Solution: &kept}
		}
		again.Digest, _ = again.Solution.Plan.Digest() // it came from JSON
		id, _ = i.AddProposal(again, now)
	}
	step := i.step(id)
	step.State = StepRunning
	i.Working, i.Awaiting, i.Idle = true, nil, 0
	return id, Entry{
		At: now, Kind: EntrySignal, By: s.By,
		Text: fmt.Sprintf("solution: a plan of %s is carried out%s", plural(len(step.Solution.Plan), "action"), because(s.Reason)),
	}
}

// Recover closes the issue because its assertion passed in the check of that check_seq; false where that check cannot
// judge it, having begun before the newest solution was enacted, or the issue is closed.
func (i *Issue) Recover(seq int64, now time.Time) (Entry, bool) {
	if i.Status.Closed() || i.Working || seq <= i.EnactedSeq {
		return Entry{}, false
	}
	i.close(StatusResolved, seq, now)
	return Entry{At: now, Kind: EntryRecovered, Text: "it passes again: resolved after " + Age(i.OpenedAt, now)}, true
}

// CloseFor closes the issue because a person said so, by the signal resolve or wont_fix. Only checks begun later can
// open another.
func (i *Issue) CloseFor(s Signal, now time.Time) Entry {
	e := Entry{At: now, Kind: EntrySignal, By: s.By}
	if s.Name == SignalWontFix {
		i.MutedUntil = s.Until
		i.close(StatusWontFix, i.CurrentSeq, now)
		e.Text = "won't fix" + because(s.Reason)
		if s.Until != nil {
			e.Text += ", until " + s.Until.UTC().Format(storyTime)
		}
		return e
	}
	i.close(StatusResolved, i.CurrentSeq, now)
	e.Text = "resolved" + because(s.Reason)
	return e
}

func (i *Issue) close(status Status, seq int64, now time.Time) {
	i.Status, i.ClosedSeq, i.ResolvedAt = status, seq, &now
	i.Working, i.Awaiting = false, nil
	for n := range i.Steps {
		if s := &i.Steps[n]; s.State == StepRunning {
			s.State, s.Solution.Error = StepFailed, "stopped: the issue was closed"
		}
	}
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}
