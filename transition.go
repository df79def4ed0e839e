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
		i.impasse(CauseExhausted, now)
		return RoundExhausted, Entry{
			At: now, Kind: EntryStatus,
			Text: fmt.Sprintf("it still fails after %s carried out unasked: impasse", plural(i.Attempts, "solution")),
		}
	}
	i.Working = true
	return RoundStarted, Entry{At: now, Kind: EntryRound, Text: fmt.Sprintf("round %d of diagnosis begins", i.Rounds+1)}
}

// impasse makes the issue wait for a person.
func (i *Issue) impasse(cause Cause, now time.Time) {
	i.move(cause)
	i.Working = false
	i.Awaiting = &Awaiting{For: AwaitingChoice, Since: now}
	i.asked(now)
}

// AddProposal adds a case's proposal to the issue's steps and returns its step's id, and whether it is new: a pass that
// is the same as the step before it only counts it up. A closed issue takes none, and the id is empty.
func (i *Issue) AddProposal(s ResolutionStep, now time.Time) (id string, fresh bool) {
	if i.Status.Closed() {
		return "", false
	}
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

// EndRound rules on the round's proposals. invalid tells what is wrong with a solution; it is only asked about one that
// might be carried out. Where the ruling is exec and the issue is still Working, the caller carries out the step. It
// changes nothing, and the ruling is empty, where the issue was closed meanwhile.
func (i *Issue) EndRound(proposed []Proposed, p Policy, invalid func(Solution) Problems, now time.Time) (Ruling, Entry) {
	e := Entry{At: now, Kind: EntryRound}
	if i.Status.Closed() {
		e.Text = "the round ended after the issue was closed"
		return "", e
	}
	i.Rounds++
	i.Working = false
	actions := make([]StepAction, len(proposed))
	for n, one := range proposed {
		actions[n] = one.Action
	}
	ruling := Arbitrate(actions)
	switch ruling {
	case RuleNone:
		i.Idle++
		if i.NotifiedAt == nil {
			i.asked(now)
		}
		e.Text = fmt.Sprintf("round %d: no case proposed anything", i.Rounds)
	case RulePass:
		step := i.step(proposed[0].StepID)
		step.State = StepPassed
		i.Idle++
		i.NotifiedAt = nil
		if proposed[0].Fresh {
			i.Idle = 0
		}
		e.Text = fmt.Sprintf("round %d: %s passes: %s", i.Rounds, step.Case, step.Reason)
	case RuleExec:
		e.Text = i.ruleExec(i.step(proposed[0].StepID), p, invalid, now)
	case RuleSeveral:
		i.impasse(CauseSeveral, now)
		e.Text = fmt.Sprintf("round %d: %s proposed: impasse", i.Rounds, plural(len(proposed), "step"))
	}
	i.NextRoundAt = now.Add(RoundWait(p.Interval, i.Idle))
	return ruling, e
}

func (i *Issue) ruleExec(step *ResolutionStep, p Policy, invalid func(Solution) Problems, now time.Time) string {
	i.Idle = 0
	if problems := invalid(*step.Solution); len(problems) > 0 {
		step.State, step.Solution.Error = StepFailed, "the plan is not valid: "+problems.Error()
		i.impasse(CauseInvalid, now)
		return fmt.Sprintf("round %d: the plan of %s is not valid and nothing of it was run: %s: impasse",
			i.Rounds, step.Case, strings.ReplaceAll(problems.Error(), "\n", "; "))
	}
	proposes := fmt.Sprintf("round %d: %s proposes a plan of %s", i.Rounds, step.Case, plural(len(step.Solution.Plan), "action"))
	if i.Quiet(now) {
		return proposes + ", which is not carried out, since a person has asked for quiet"
	}
	if p.Actions != ActionsOff && (step.Policy.Approval == ApprovalRequired || p.Actions == ActionsApprove) {
		i.awaitApproval(step, now)
		return proposes + ", which waits for approval: " + step.Reason
	}
	if why := i.heldBack(p, now); why != "" {
		i.impasse(CauseHeldBack, now)
		return proposes + ", which is not carried out unasked, since " + why + ": impasse"
	}
	i.Working, step.State, step.UnaskedAt = true, StepRunning, &now
	i.NotifiedAt = nil
	i.Attempts++
	return proposes + ", which is carried out: " + step.Reason
}

func (i *Issue) awaitApproval(step *ResolutionStep, now time.Time) {
	step.State = StepAwaitingApproval
	i.Awaiting = &Awaiting{For: AwaitingApproval, StepID: step.ID, Since: now}
	if wait := time.Duration(step.Policy.ApprovalTimeout); wait > 0 {
		until := now.Add(wait)
		i.Awaiting.Until = &until
	}
	i.asked(now)
}

// heldBack tells why no plan may be carried out unasked; empty where one may.
func (i *Issue) heldBack(p Policy, now time.Time) string {
	switch {
	case p.Actions == ActionsOff:
		return "actions are switched off"
	case i.Attempts >= p.MaxAttempts:
		return fmt.Sprintf("max_attempts was reached: %s for this issue", plural(i.Attempts, "solution"))
	case i.plansSince(now.Add(-time.Hour)) >= p.MaxPlans:
		return fmt.Sprintf("max_plans was reached: %s for this assertion within the hour", plural(p.MaxPlans, "plan"))
	}
	return ""
}

func (i *Issue) plansSince(t time.Time) (n int) {
	for _, at := range i.UnaskedPlans {
		if at.After(t) {
			n++
		}
	}
	return n
}

func (i *Issue) step(id string) *ResolutionStep {
	for n := range i.Steps {
		if i.Steps[n].ID == id {
			return &i.Steps[n]
		}
	}
	return &ResolutionStep{Solution: &Solution{}}
}

// Ending is how a plan ended.
type Ending struct {
	Failure string // empty: it was carried out
	Unknown bool   // an action may or may not have happened
	// RolledBack counts the actions that were undone, and Rollback is why the undoing of one failed.
	RolledBack int
	Rollback   string
}

// FinishPlan records how the plan of a step ended. It changes nothing where the issue was closed meanwhile.
func (i *Issue) FinishPlan(stepID string, ended Ending, now time.Time) Entry {
	step := i.step(stepID)
	e := Entry{At: now, Kind: EntryStatus}
	if i.Status.Closed() {
		e.Text = "the plan ended after the issue was closed"
		return e
	}
	if ended.Failure == "" {
		step.State, step.Solution.EnactedAt, step.Solution.Error = StepApplied, &now, ""
		i.move(CauseApplied)
		i.Working, i.Awaiting, i.NotifiedAt = false, nil, nil
		i.EnactedSeq, i.Passes, i.NextRoundAt, i.VerifyAt = i.CurrentSeq, 0, time.Time{}, nil
		e.Text = "the plan was carried out; the next check tells whether it helped"
		if wait := step.Policy.VerifyAfter; wait > 0 {
			at := now.Add(time.Duration(wait))
			i.VerifyAt = &at
			e.Text = "the plan was carried out; in " + wait.String() + " it is checked whether it helped"
		}
		return e
	}
	step.State, step.Solution.Error = StepFailed, ended.Failure
	e.Text = "the plan stopped: " + headline(ended.Failure)
	switch {
	case ended.Rollback != "":
		step.Solution.Error += "\nthe rollback failed as well: " + ended.Rollback
		e.Text += "; the rollback failed as well: " + headline(ended.Rollback)
	case ended.RolledBack > 0:
		step.State = StepRolledBack
		e.Text += "; what had been done was rolled back"
	}
	if ended.Unknown {
		step.State = StepUnknown
	}
	i.impasse(CauseStopped, now)
	e.Text += ": impasse"
	return e
}

// Choose starts carrying out a plan because a person said so: that of a step proposed, or one brought along. A plan
// brought along, and one that ran before, gets a step of its own, and so a clean ledger: people may ask for anything
// again. It returns the step's id.
func (i *Issue) Choose(s Signal, now time.Time) (string, Entry) {
	id := s.StepID
	i.withdraw()
	if chosen, _ := i.Step(id); id == "" || chosen.State != StepProposed {
		again := ResolutionStep{Action: Exec, Reason: s.Reason, Solution: &Solution{Problem: i.Summary, Plan: s.Plan}}
		if id != "" {
			kept := *chosen.Solution
			kept.EnactedAt, kept.Error = nil, ""
			again = ResolutionStep{Action: Exec, Case: chosen.Case, Reason: chosen.Reason, Policy: chosen.Policy, Solution: &kept}
		}
		again.Digest, _ = again.Solution.Plan.Digest() // it came from JSON
		id, _ = i.AddProposal(again, now)
	}
	step := i.step(id)
	step.State = StepRunning
	i.Working, i.Awaiting, i.NotifiedAt, i.Idle = true, nil, nil, 0
	return id, Entry{
		At: now, Kind: EntrySignal, By: s.By,
		Text: fmt.Sprintf("solution: a plan of %s is carried out%s", plural(len(step.Solution.Plan), "action"), because(s.Reason)),
	}
}

// Recovers tells whether a check of that check_seq, which passed, resolves the issue: not one that began before the
// newest solution was enacted or before a check that failed since, and none while a round or a plan is under way.
func (i Issue) Recovers(seq int64) bool {
	return !i.Status.Closed() && !i.Working && seq > i.EnactedSeq && seq >= i.FailingSeq
}

// Recover closes the issue because its assertion passed, or its record was found gone, in the check of that check_seq;
// false where that check does not resolve it; see [Issue.Recovers].
func (i *Issue) Recover(seq int64, gone bool, now time.Time) (Entry, bool) {
	if !i.Recovers(seq) {
		return Entry{}, false
	}
	cause, text := CauseRecovered, "it passes again: resolved after "
	switch {
	case gone:
		cause, text = CauseGone, "record gone: resolved after "
	case i.Kind == KindCheckError:
		text = "it can be checked again: resolved after "
	}
	i.close(cause, seq, now)
	return Entry{At: now, Kind: EntryRecovered, Text: text + Age(i.OpenedAt, now)}, true
}

// Remove closes the issue because its assertion was removed; false where it is closed.
func (i *Issue) Remove(now time.Time) (Entry, bool) {
	if i.Status.Closed() {
		return Entry{}, false
	}
	i.close(CauseRemoved, i.CurrentSeq, now)
	return Entry{At: now, Kind: EntryStatus, Text: "assertion removed: resolved after " + Age(i.OpenedAt, now)}, true
}

// CloseFor closes the issue because a person said so, by the signal resolve or wont_fix. Only checks begun later can
// open another.
func (i *Issue) CloseFor(s Signal, now time.Time) Entry {
	e := Entry{At: now, Kind: EntrySignal, By: s.By}
	if s.Name == SignalWontFix {
		i.MutedUntil = s.Until
		i.close(CauseWontFix, i.CurrentSeq, now)
		e.Text = "won't fix" + because(s.Reason)
		if s.Until != nil {
			e.Text += ", until " + s.Until.UTC().Format(storyTime)
		}
		return e
	}
	i.close(CauseResolve, i.CurrentSeq, now)
	e.Text = "resolved" + because(s.Reason)
	return e
}

func (i *Issue) close(cause Cause, seq int64, now time.Time) {
	i.move(cause)
	i.ClosedSeq, i.ResolvedAt = seq, &now
	i.Working, i.Awaiting, i.VerifyAt, i.NotifiedAt = false, nil, nil, nil
	i.withdraw()
	for n := range i.Steps {
		if s := &i.Steps[n]; s.State == StepRunning {
			s.State, s.Solution.Error = StepFailed, "stopped: the issue was closed"
		}
	}
}

// headline is the first line of an error's text.
func headline(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return first
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}
