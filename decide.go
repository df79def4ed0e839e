package narrative

import (
	"bytes"
	"fmt"
	"time"
)

// Outcome is what became of a check.
type Outcome string

// The outcomes. The first three are those of assertions; an errored check says nothing about the assertion.
const (
	OutcomePassed      Outcome = "passed"
	OutcomeFailed      Outcome = "failed"
	OutcomeErrored     Outcome = "errored"
	OutcomeDetected    Outcome = "detected"     // of events
	OutcomeNotDetected Outcome = "not_detected" // of events
)

// Streak counts the outcomes in a row of one assertion. An errored check neither counts among the other two nor
// resets them.
type Streak struct {
	Passed  int   `json:"passed"`
	Failed  int   `json:"failed"`
	Errored int   `json:"errored"`
	LastSeq int64 `json:"last_seq"` // check_seq of the newest check recorded
}

// Next returns the streak after one more outcome.
func (s Streak) Next(o Outcome, seq int64) Streak {
	switch o {
	case OutcomePassed:
		s = Streak{Passed: s.Passed + 1}
	case OutcomeFailed:
		s = Streak{Failed: s.Failed + 1}
	case OutcomeErrored:
		s.Errored++
	}
	s.LastSeq = seq
	return s
}

// IssueKey names the one issue that may be unresolved for it.
type IssueKey struct {
	Kind   IssueKind
	Record Record
}

// Key returns the issue's key within its assertion.
func (i Issue) Key() IssueKey { return IssueKey{i.Kind, i.Record} }

// CheckFacts are what [DecideCheck] decides by: a check's result and how the assertion stood when it was recorded.
type CheckFacts struct {
	Meta   AssertionMeta
	Now    time.Time
	Record CheckRecord
	Streak Streak  // before this check
	Open   []Issue // every unresolved issue of the assertion
	// Violated tells in how many checks in a row before this one a record violated the assertion; it is asked where
	// more than one is needed to open an issue.
	Violated func(Record) int
	// Barred tells whether a new issue of that key is kept away: by a won't fix that still holds, or because one was
	// closed after this check began.
	Barred func(IssueKey) bool
}

// CheckDecision is what a check leads to.
type CheckDecision struct {
	Stale   bool // a newer check was recorded first: only the run is kept
	Streak  Streak
	Open    []Issue       // new issues: kind, record, severity, summary and verdict are set
	Changed []Issue       // unresolved issues whose verdict, summary, severity, passes or next round changed
	Observe []Observation // for issues in Changed or untouched ones; those of Open the store adds
	// Reasons holds, for each issue in Changed whose reason or severity changed, the sentence for its timeline.
	Reasons map[string]string
	// Raised are those of Changed that fail with a higher severity than before, with the severity that they had.
	Raised []Raised
	// Soft says, in a sentence, what has been found and is not yet acted upon, because it must be found several times in
	// a row; empty where there is no such thing.
	Soft string
}

// Raised is an issue that fails with a higher severity than before.
type Raised struct {
	Issue
	From Severity
}

// DecideCheck decides what a check's result means for the assertion's issues. It is pure.
func DecideCheck(f CheckFacts) CheckDecision {
	if f.Record.Seq <= f.Streak.LastSeq {
		return CheckDecision{Stale: true, Streak: f.Streak}
	}
	d := decider{CheckFacts: f, open: map[IssueKey]Issue{}}
	d.out = CheckDecision{Streak: f.Streak.Next(f.Record.Outcome, f.Record.Seq), Reasons: map[string]string{}}
	for _, i := range f.Open {
		d.open[i.Key()] = i
	}
	switch {
	case f.Record.Outcome == OutcomeErrored:
		d.errored()
	case f.Record.OverRecords:
		d.passing(IssueKey{Kind: KindCheckError})
		d.records()
	default:
		d.passing(IssueKey{Kind: KindCheckError})
		d.whole()
	}
	d.wake()
	return d.out
}

// wake lets issues hear of what starts no round and yet changes what they show or wait for: every one of a changed
// meta, whose deadlines may be others now, and each that fails for another reason or with another severity.
func (d *decider) wake() {
	changed := d.Record.Revision > d.Meta.CheckedRevision
	observed := make(map[string]bool, len(d.out.Observe))
	for _, o := range d.out.Observe {
		observed[o.IssueID] = true
	}
	for _, i := range d.CheckFacts.Open {
		if (changed || d.out.Reasons[i.ID] != "") && !observed[i.ID] {
			d.out.Observe = append(d.out.Observe, Observation{IssueID: i.ID, Wake: true})
		}
	}
}

type decider struct {
	CheckFacts
	open map[IssueKey]Issue
	out  CheckDecision
}

func (d *decider) errored() {
	d.out.Soft = d.Meta.Soft // nothing was found that could change it
	key := IssueKey{Kind: KindCheckError}
	verdict := Verdict{Summary: d.Record.Error}
	if _, open := d.open[key]; open || d.out.Streak.Errored >= d.Meta.ErrorAfter {
		d.failing(key, verdict)
	}
}

func (d *decider) whole() {
	key := IssueKey{Kind: KindFailure}
	if d.Record.Outcome == OutcomePassed {
		d.passing(key)
	} else if _, open := d.open[key]; open || d.out.Streak.Failed >= d.Meta.FailAfter {
		d.failing(key, d.Record.Verdict)
	} else if !d.Barred(key) {
		d.out.Soft = fmt.Sprintf("failed in %s; an issue opens after %d in a row", plural(d.out.Streak.Failed, "check"), d.Meta.FailAfter)
	}
	d.leave(KindRecord, KindMany)
}

// leave lets the issues of kinds that the assertion no longer makes recover.
func (d *decider) leave(kinds ...IssueKind) {
	for _, i := range d.CheckFacts.Open {
		for _, k := range kinds {
			if i.Kind == k {
				d.passing(i.Key())
			}
		}
	}
}

func (d *decider) records() {
	silent := map[Record]bool{}
	for _, r := range d.Record.Unknown {
		silent[r] = true
	}
	violating := map[Record]bool{}
	room := d.Meta.MaxIssues
	for _, i := range d.CheckFacts.Open {
		if i.Kind == KindRecord {
			room--
		}
	}
	gone := map[Record]bool{}
	for _, r := range d.Record.Gone {
		gone[r] = true
	}
	beyond := 0
	if d.out.Streak.Failed >= d.Meta.FailAfter {
		beyond = d.Record.Total - len(d.Record.Violations)
	}
	soft := 0
	var sample []any
	for _, v := range d.Record.Violations {
		key := IssueKey{KindRecord, v.Record}
		violating[v.Record] = true
		_, open := d.open[key]
		switch {
		case open:
			d.failing(key, v.Verdict())
		case d.Barred(key):
		case d.Meta.FailAfter > 1 && d.Violated(v.Record)+1 < d.Meta.FailAfter:
			soft++
		case room > 0:
			room--
			d.failing(key, v.Verdict())
		default:
			beyond++
			if len(sample) < 10 {
				sample = append(sample, v.Record.ID)
			}
		}
	}
	for _, i := range d.CheckFacts.Open {
		switch {
		case i.Kind != KindRecord || violating[i.Record] || silent[i.Record]:
		case gone[i.Record]:
			d.observeGone(i)
		default:
			d.passing(i.Key())
		}
	}
	if soft > 0 {
		d.out.Soft = fmt.Sprintf("%s found violating in fewer than %d checks in a row, and so without an issue yet",
			plural(soft, "record"), d.Meta.FailAfter)
	}
	d.many(beyond, sample)
	d.leave(KindFailure)
}

// observeGone lets the issue of a record that is gone close, however many passes it would take.
func (d *decider) observeGone(i Issue) {
	if !i.Working && d.Record.Seq > i.EnactedSeq {
		d.out.Observe = append(d.out.Observe, Observation{IssueID: i.ID, CheckSeq: d.Record.Seq, Passed: true, Gone: true})
	}
}

func (d *decider) many(beyond int, sample []any) {
	key := IssueKey{Kind: KindMany}
	if beyond <= 0 {
		d.passing(key)
		return
	}
	d.failing(key, Verdict{
		Summary: fmt.Sprintf("%d more records violate %s than the %d issues that may be open at once", beyond, d.Meta.Name, d.Meta.MaxIssues),
		Details: map[string]any{"count": beyond, "sample": sample},
	})
}

// failing opens an issue, or updates the one that is open and observes it where a round is due.
func (d *decider) failing(key IssueKey, v Verdict) {
	severity := v.Severity
	if severity == "" {
		severity = d.Meta.Severity
	}
	issue, open := d.open[key]
	if !open {
		if !d.Barred(key) {
			d.out.Open = append(d.out.Open, Issue{
				Kind: key.Kind, Record: key.Record, Status: StatusOpen,
				Severity: severity, Summary: v.Summary, Verdict: v,
			})
		}
		return
	}
	was := issue
	if issue.Verdict.Reason != v.Reason || issue.Severity != severity {
		d.out.Reasons[issue.ID] = fmt.Sprintf("now fails with severity %s: %s", severity, v.Summary)
		issue.NextRoundAt = d.Now
		if issue.Acknowledged != nil {
			d.out.Reasons[issue.ID] += "; that was not what was acknowledged"
			issue.Acknowledged = nil
		}
	}
	issue.Verdict, issue.Severity, issue.Summary, issue.Passes = v, severity, v.Summary, 0
	if was.Summary != issue.Summary || was.Passes != 0 || d.out.Reasons[issue.ID] != "" || !sameDetails(was.Verdict.Details, v.Details) {
		d.out.Changed = append(d.out.Changed, issue)
	}
	if severity.rank() > was.Severity.rank() {
		d.out.Raised = append(d.out.Raised, Raised{Issue: issue, From: was.Severity})
	}
	if RoundDue(issue, d.Record.Seq, d.Now) {
		d.out.Observe = append(d.out.Observe, Observation{IssueID: issue.ID, CheckSeq: d.Record.Seq})
	}
}

// sameDetails tells whether details say the same as those that the store gave back.
func sameDetails(stored, found map[string]any) bool {
	if len(stored) == 0 && len(found) == 0 {
		return true
	}
	a, errA := canonicalOf(stored)
	b, errB := canonicalOf(found)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// passing counts a pass for the key's unresolved issue, if there is one, and lets it recover after enough of them. A
// check that began before the newest solution was enacted says nothing of it, and does not count.
func (d *decider) passing(key IssueKey) {
	issue, open := d.open[key]
	if !open || d.Record.Seq <= issue.EnactedSeq {
		return
	}
	issue.Passes++
	if issue.Passes < d.Meta.ResolveAfter && key.Kind != KindCheckError {
		d.out.Changed = append(d.out.Changed, issue)
		if key.Kind == KindFailure {
			d.out.Soft = fmt.Sprintf("passed in %s; its issue is resolved after %d in a row", plural(issue.Passes, "check"), d.Meta.ResolveAfter)
		}
		return
	}
	if !issue.Working {
		d.out.Observe = append(d.out.Observe, Observation{IssueID: issue.ID, CheckSeq: d.Record.Seq, Passed: true})
	}
}

// RoundDue tells whether a failing check of that check_seq starts a round of diagnosis now.
func RoundDue(i Issue, seq int64, now time.Time) bool {
	return (i.Status == StatusOpen || i.Status == StatusSolutionApplied) &&
		!i.Working && i.Awaiting == nil && !i.Quiet(now) && seq > i.EnactedSeq && !now.Before(i.NextRoundAt) &&
		(i.VerifyAt == nil || !now.Before(*i.VerifyAt))
}

// Ruling is what a round's proposals lead to.
type Ruling string

// The rulings.
const (
	RuleNone    Ruling = "none"    // nobody proposed: admins are told
	RulePass    Ruling = "pass"    // one proposed to do nothing now
	RuleExec    Ruling = "exec"    // one proposed a plan: it is validated and carried out
	RuleSeveral Ruling = "several" // people choose
)

// Arbitrate rules on the actions proposed in one round.
func Arbitrate(proposed []StepAction) Ruling {
	switch {
	case len(proposed) == 0:
		return RuleNone
	case len(proposed) > 1:
		return RuleSeveral
	case proposed[0] == Exec:
		return RuleExec
	default:
		return RulePass
	}
}

// Exhausted tells whether a further failing check leads to impasse instead of a round: the last of the solutions that
// may be carried out unasked was applied and did not help.
func Exhausted(status Status, attempts, maxAttempts int) bool {
	return status == StatusSolutionApplied && attempts >= maxAttempts
}

// maxRoundWait is the longest time that rounds back off.
const maxRoundWait = time.Hour

// RoundWait is how long after a round no failing check starts another: idle counts the rounds in a row that led to
// nothing new. The wait doubles from one interval to an hour, and is half an interval less so that the tick meant is
// not missed. After a round that led to something new, and for intervals beyond an hour, it is the next tick.
func RoundWait(interval time.Duration, idle int) time.Duration {
	if idle == 0 || interval >= maxRoundWait {
		return 0
	}
	wait := interval
	for range min(idle-1, 12) {
		wait = min(2*wait, maxRoundWait)
	}
	return wait - interval/2
}
