package narrative

import (
	"fmt"
	"strings"
	"time"
)

// The functions of this file are what people do about an issue, beside choosing a plan and closing it. Like those of
// transition.go they are pure; each is asked only what [Signal.Check] has let pass. One that changes nothing, because
// the same was asked before, returns false.

// Acknowledge takes down that a person sees to the issue: no rounds, and nobody is told again, until it recovers, the
// time given passes, or its reason or severity changes.
func (i *Issue) Acknowledge(s Signal, now time.Time) (Entry, bool) {
	a := Acknowledgement{By: s.By, At: now, Reason: s.Reason, Until: s.Until}
	if was := i.Acknowledged; was != nil && was.By == a.By && was.Reason == a.Reason && sameTime(was.Until, a.Until) {
		return Entry{}, false
	}
	i.Acknowledged = &a
	text := "acknowledged"
	if s.Until != nil {
		text += " until " + s.Until.UTC().Format(storyTime)
	}
	return Entry{At: now, Kind: EntrySignal, By: s.By, Text: text + because(s.Reason)}, true
}

// Snooze leaves the issue alone until the time given, or for a while.
func (i *Issue) Snooze(s Signal, now time.Time) (Entry, bool) {
	until := s.Until
	if until == nil {
		end := now.Add(time.Duration(s.For))
		until = &end
	}
	if sameTime(i.SnoozedUntil, until) {
		return Entry{}, false
	}
	i.SnoozedUntil = until
	return Entry{
		At: now, Kind: EntrySignal, By: s.By,
		Text: "snoozed until " + until.UTC().Format(storyTime) + because(s.Reason),
	}, true
}

// Approve starts carrying out the step that waits for approval.
func (i *Issue) Approve(s Signal, now time.Time) (Entry, bool) {
	step := i.step(s.StepID)
	if step.State != StepAwaitingApproval {
		return Entry{}, false
	}
	step.State = StepRunning
	i.Working, i.Awaiting, i.NotifiedAt, i.Idle = true, nil, nil, 0
	return Entry{
		At: now, Kind: EntrySignal, By: s.By,
		Text: fmt.Sprintf("approved: the plan of %s is carried out%s", proposer(*step), because(s.Reason)),
	}, true
}

// Stale takes back a proposal whose approval came too late: its case would propose another plan now. A round of
// diagnosis begins.
func (i *Issue) Stale(s Signal, now time.Time) Entry {
	step := i.step(s.StepID)
	step.State = StepRejected
	i.Working, i.Awaiting, i.NotifiedAt = true, nil, nil
	return Entry{
		At: now, Kind: EntrySignal, By: s.By,
		Text: fmt.Sprintf("approved too late: %s no longer proposes that plan, which is not carried out; it is diagnosed again", proposer(*step)),
	}
}

// Reject refuses the step that waits for approval: the issue is at an impasse.
func (i *Issue) Reject(s Signal, now time.Time) (Entry, bool) {
	step := i.step(s.StepID)
	if step.State != StepAwaitingApproval {
		return Entry{}, false
	}
	step.State = StepRejected
	i.impasse(CauseRejected, now)
	return Entry{
		At: now, Kind: EntrySignal, By: s.By,
		Text: fmt.Sprintf("rejected: the plan of %s is not carried out%s: impasse", proposer(*step), because(s.Reason)),
	}, true
}

// Diagnose begins a round now, because a person says so. What waited for a person may still be chosen.
func (i *Issue) Diagnose(s Signal, now time.Time) (Entry, bool) {
	if i.Working {
		return Entry{}, false
	}
	i.withdraw()
	i.move(CauseDiagnose)
	i.Working, i.Awaiting, i.NotifiedAt, i.Idle = true, nil, nil, 0
	return Entry{At: now, Kind: EntrySignal, By: s.By, Text: "a round of diagnosis is asked for" + because(s.Reason)}, true
}

// Comment takes down what a person says, unless it is what was said last: a client that did not hear the answer says it
// again.
func (i *Issue) Comment(s Signal, now time.Time) (Entry, bool) {
	if last := i.Newest; last != nil && last.Kind == EntryComment && last.By == s.By && last.Text == s.Text {
		return Entry{}, false
	}
	return Entry{At: now, Kind: EntryComment, By: s.By, Text: s.Text}, true
}

// withdraw makes a step that waits for approval an ordinary proposal.
func (i *Issue) withdraw() {
	for n := range i.Steps {
		if s := &i.Steps[n]; s.State == StepAwaitingApproval {
			s.State = StepProposed
		}
	}
}

// Reopen lets checks open another issue where this one, which is closed, kept them away. One that no longer does so is
// left as it is.
func (i *Issue) Reopen(by, reason string, now time.Time) (Entry, error) {
	if !i.Status.Closed() {
		return Entry{}, Errorf(Conflict, "issue %s is not closed (%s)", i.ID, i.Status)
	}
	text := "reopened"
	if i.Status == StatusWontFix && (i.MutedUntil == nil || now.Before(*i.MutedUntil)) {
		text = "reopened: won't fix is lifted"
		i.MutedUntil = &now
	}
	return Entry{At: now, Kind: EntrySignal, By: strings.TrimSpace(by), Text: text + because(reason)}, nil
}

func proposer(s ResolutionStep) string {
	if s.Case == "" {
		return "a person"
	}
	return s.Case
}

func sameTime(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}
