package narrative

import (
	"fmt"
	"time"
)

// DeadlineKind is what is due at a deadline of an issue.
type DeadlineKind string

// The kinds of deadlines.
const (
	DeadlineVerify       DeadlineKind = "verify"       // the newest solution is checked
	DeadlineApproval     DeadlineKind = "approval"     // nobody has approved: it is escalated
	DeadlineAcknowledged DeadlineKind = "acknowledged" // the acknowledgement ends
	DeadlineSnoozed      DeadlineKind = "snoozed"      // the snooze ends
	DeadlineRenotify     DeadlineKind = "renotify"     // admins are told again
	DeadlineEscalate     DeadlineKind = "escalate"     // the next people are told
)

// Deadline is a time at which something is due that no check and no person brings about.
type Deadline struct {
	Kind DeadlineKind `json:"kind"`
	At   time.Time    `json:"at"`
}

// Quiet tells whether a person has asked for quiet at that time: no rounds, and nobody is told again.
func (i Issue) Quiet(now time.Time) bool {
	acknowledged := i.Acknowledged != nil && (i.Acknowledged.Until == nil || now.Before(*i.Acknowledged.Until))
	return acknowledged || i.SnoozedUntil != nil && now.Before(*i.SnoozedUntil)
}

// NextDeadline returns the first of the issue's deadlines, or nil where there is none. It may lie in the past. It is
// derived from absolute times that the store keeps, so that it outlives every process.
func (i Issue) NextDeadline(p Policy, now time.Time) *Deadline {
	if i.Status.Closed() {
		return nil
	}
	var first *Deadline
	due := func(kind DeadlineKind, at *time.Time) {
		if at != nil && (first == nil || at.Before(first.At)) {
			first = &Deadline{kind, *at}
		}
	}
	due(DeadlineVerify, i.VerifyAt)
	if i.Awaiting != nil && i.Awaiting.For == AwaitingApproval && !i.Quiet(now) {
		due(DeadlineApproval, i.Awaiting.Until)
	}
	if i.Acknowledged != nil {
		due(DeadlineAcknowledged, i.Acknowledged.Until)
	}
	due(DeadlineSnoozed, i.SnoozedUntil)
	due(DeadlineRenotify, i.renotifyAt(p, now))
	_, escalate := i.escalation(p, now)
	due(DeadlineEscalate, escalate)
	return first
}

// renotifyAt is when people are told again of what they were told at NotifiedAt.
func (i Issue) renotifyAt(p Policy, now time.Time) *time.Time {
	if len(p.Renotify) == 0 || i.NotifiedAt == nil || i.Working || i.Quiet(now) {
		return nil
	}
	at := i.NotifiedAt.Add(time.Duration(p.Renotify[min(i.Renotified, len(p.Renotify)-1)]))
	return &at
}

// escalation is the next level, counted from 1, and when it is due; nil where there is none. One that waits for an
// acknowledgement to end does not hold back those after it that do not wait: they pass it over.
func (i Issue) escalation(p Policy, now time.Time) (level int, due *time.Time) {
	for n := i.Escalated; n < len(p.Escalate); n++ {
		if next := p.Escalate[n]; next.Unless != UnlessAcknowledged || !i.Quiet(now) {
			at := i.OpenedAt.Add(time.Duration(next.After))
			return n + 1, &at
		}
	}
	return 0, nil
}

// Meet does what is due at the issue's first deadline, where that has passed; nil where it has not.
func (i *Issue) Meet(p Policy, now time.Time) (*Deadline, Entry) {
	d := i.NextDeadline(p, now)
	if d == nil || now.Before(d.At) {
		return nil, Entry{}
	}
	e := Entry{At: now, Kind: EntryDeadline}
	switch d.Kind {
	case DeadlineVerify:
		i.VerifyAt = nil
		e.Text = "it is checked whether the solution helped"
	case DeadlineApproval:
		awaiting := *i.Awaiting
		awaiting.Until = nil
		i.Awaiting = &awaiting
		e.Text = "nobody has approved for " + Age(awaiting.Since, now) + ": escalated"
	case DeadlineAcknowledged:
		e.Text = "the acknowledgement" + byWhom(i.Acknowledged.By) + " has ended"
		i.Acknowledged, i.NextRoundAt = nil, time.Time{}
	case DeadlineSnoozed:
		e.Text = "the snooze has ended"
		i.SnoozedUntil, i.NextRoundAt = nil, time.Time{}
	case DeadlineRenotify:
		i.Renotified++
		i.NotifiedAt = &now
		e.Text = fmt.Sprintf("still unresolved after %s: admins are told again", Age(i.OpenedAt, now))
	case DeadlineEscalate:
		i.Escalated, _ = i.escalation(p, now)
		e.Text = fmt.Sprintf("still unresolved after %s: escalated, level %d of %d", Age(i.OpenedAt, now), i.Escalated, len(p.Escalate))
	}
	return d, e
}

// asked notes that people were told, at that time, that something is for them to do.
func (i *Issue) asked(now time.Time) {
	i.NotifiedAt, i.Renotified = &now, 0
}

func byWhom(by string) string {
	if by == "" {
		return ""
	}
	return " by " + by
}
