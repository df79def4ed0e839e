package narrative_test

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"github.com/narrative-go/narrative"
)

type begun struct{ seq, revision int64 }

func (w *world) begin(*rapid.T) {
	w.seq++
	w.begun = append(w.begun, begun{w.seq, w.meta.Revision})
}

// finding is what a check found of one issue.
type finding struct {
	passed, failed, gone bool // none: nothing
}

// check ends some check that has begun, with an outcome.
func (w *world) check(t *rapid.T, outcome narrative.Outcome) {
	if len(w.begun) == 0 {
		w.begin(t)
	}
	n := rapid.IntRange(0, len(w.begun)-1).Draw(t, "which")
	check := w.begun[n]
	w.begun = slices.Delete(w.begun, n, n+1)

	f := narrative.CheckFacts{
		Meta: w.meta, Now: w.now, Streak: w.meta.Streak,
		Violated: func(r narrative.Record) int { return w.violated[r] },
		Barred:   func(k narrative.IssueKey) bool { return w.barred(k, check.seq) },
	}
	f.Record.Seq, f.Record.Revision, f.Record.Outcome = check.seq, check.revision, outcome
	findings := w.findings(t, &f.Record)
	for _, l := range w.lives {
		if l.unresolved() {
			f.Open = append(f.Open, *asKept(l.issue))
		}
	}
	d := narrative.DecideCheck(f)
	if d.Stale != (check.seq <= w.meta.Streak.LastSeq) {
		t.Fatalf("check %d after %d is stale: %t", check.seq, w.meta.Streak.LastSeq, d.Stale)
	}
	if d.Stale {
		return
	}
	w.count(f.Record)
	w.judge(t, d, f.Record, findings)
	w.record(d, f.Record)
	w.mustHear(t, d)
}

// barred tells whether a new issue is kept away from a check.
func (w *world) barred(k narrative.IssueKey, seq int64) bool {
	return slices.ContainsFunc(w.lives, func(l *life) bool {
		i := l.issue
		muted := i.Status == narrative.StatusWontFix && (i.MutedUntil == nil || w.now.Before(*i.MutedUntil))
		return i.Key() == k && i.Status.Closed() && (muted || i.ClosedSeq >= seq)
	})
}

// findings draws what the check found, and tells what that is for each issue.
func (w *world) findings(t *rapid.T, r *narrative.CheckRecord) func(narrative.Issue) finding {
	reason := rapid.SampledFrom([]string{"", "timeout"})
	severity := rapid.SampledFrom([]narrative.Severity{"", narrative.SeverityCritical})
	if r.Outcome == narrative.OutcomeErrored {
		r.Error = "no route"
		return func(i narrative.Issue) finding { return finding{failed: i.Kind == narrative.KindCheckError} }
	}
	failed := r.Outcome == narrative.OutcomeFailed
	if len(w.records) == 0 {
		if failed {
			r.Verdict.Reason, r.Verdict.Severity = reason.Draw(t, "reason"), severity.Draw(t, "severity")
		}
		return func(i narrative.Issue) finding {
			return finding{failed: failed && i.Kind == narrative.KindFailure, passed: i.Kind != narrative.KindFailure || !failed}
		}
	}
	r.OverRecords = true
	of := map[narrative.Record]finding{}
	for n, record := range w.records {
		kinds := []finding{{passed: true}, {passed: true, gone: true}, {}} // {}: unknown
		if failed {
			kinds = append(kinds, finding{failed: true}, finding{failed: true}, finding{failed: true})
		}
		one := rapid.SampledFrom(kinds).Draw(t, record.ID)
		if failed && n == 0 {
			one = finding{failed: true}
		}
		of[record] = one
		switch {
		case one.failed:
			r.Violations = append(r.Violations, narrative.Violation{Record: record, Reason: reason.Draw(t, "reason"), Severity: severity.Draw(t, "severity")})
			r.Total++
		case one.gone:
			r.Gone = append(r.Gone, record)
		case !one.passed:
			r.Unknown = append(r.Unknown, record)
		}
	}
	return func(i narrative.Issue) finding {
		switch i.Kind {
		case narrative.KindRecord:
			return of[i.Record]
		case narrative.KindMany:
			return finding{} // as the room for others goes
		}
		return finding{passed: true}
	}
}

// count counts in how many checks in a row each record violated the assertion.
func (w *world) count(r narrative.CheckRecord) {
	for _, record := range w.records {
		violates := func(v narrative.Violation) bool { return v.Record == record }
		switch {
		case slices.ContainsFunc(r.Violations, violates):
			w.violated[record]++
		case r.OverRecords && !slices.Contains(r.Unknown, record):
			w.violated[record] = 0
		}
	}
}

// judge looks whether the decision is right about each issue: enough passes of checks begun after the newest solution
// let it recover unless it is worked on, and nothing else does.
func (w *world) judge(t *rapid.T, d narrative.CheckDecision, r narrative.CheckRecord, findings func(narrative.Issue) finding) {
	for _, l := range w.lives {
		f := findings(l.issue)
		if !l.unresolved() || l.issue.Kind == narrative.KindMany {
			continue
		}
		may := r.Seq > l.issue.EnactedSeq
		switch {
		case f.failed:
			l.passes = 0
		case f.passed && !f.gone && may:
			l.passes++
		}
		need := w.meta.ResolveAfter
		if l.issue.Kind == narrative.KindCheckError {
			need = 1
		}
		want := may && !l.issue.Working && (f.gone || f.passed && l.passes >= need)
		got := slices.ContainsFunc(d.Observe, func(o narrative.Observation) bool { return o.IssueID == l.issue.ID && o.Passed && o.Gone == f.gone })
		if want != got {
			t.Fatalf("after %d passes (%d are needed) a check that found %+v is observed as passed: %t; want %t\n%+v", l.passes, need, f, got, want, l.issue)
		}
	}
}

// record keeps what was decided, and hands over.
func (w *world) record(d narrative.CheckDecision, r narrative.CheckRecord) {
	w.meta.Streak, w.meta.Soft = d.Streak, d.Soft
	w.meta.CheckedRevision = max(w.meta.CheckedRevision, r.Revision)
	for _, c := range d.Changed {
		i := &w.life(c.ID).issue
		i.Verdict, i.Severity, i.Summary, i.Passes = c.Verdict, c.Severity, c.Summary, c.Passes
		i.NextRoundAt, i.Acknowledged = c.NextRoundAt, c.Acknowledged
	}
	for _, o := range d.Observe {
		l := w.life(o.IssueID)
		l.heard = append(l.heard, o)
	}
	for _, i := range d.Open {
		i.ID, i.Assertion, i.OpenedAt, i.OpenedSeq = fmt.Sprintf("i%d", len(w.lives)), w.meta.Name, w.now, r.Seq
		l := &life{issue: i, phase: resting, heard: []narrative.Observation{{IssueID: i.ID, CheckSeq: r.Seq}}}
		w.lives = append(w.lives, l)
	}
}

// mustHear looks whether every workflow wakes in time for what the check may have made due earlier.
func (w *world) mustHear(t *rapid.T, d narrative.CheckDecision) {
	if w.meta.CheckedRevision < w.meta.Revision {
		return // they will hear of the changed meta once it is checked
	}
	for _, l := range w.lives {
		next := l.issue.NextDeadline(w.policy(), w.now)
		wakes := l.timer != nil && (!l.timer.After(w.now) || next != nil && !l.timer.After(next.At))
		if next != nil && !wakes && len(l.heard) == 0 {
			t.Fatalf("its workflow sleeps until %v and %+v is due: %+v\n%+v", l.timer, *next, d, l.issue)
		}
	}
	for _, one := range w.lives {
		for _, other := range w.lives {
			if one != other && one.unresolved() && other.unresolved() && one.issue.Key() == other.issue.Key() {
				t.Fatalf("two issues are unresolved for %+v", one.issue.Key())
			}
		}
	}
}
