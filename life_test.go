package narrative_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/narrative-go/narrative"
)

// TestTheLifeOfIssues lets anything at all happen to the issues of an assertion, in any order, and looks after each
// step at what must be true of them whatever happens.
func TestTheLifeOfIssues(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		t.Repeat(map[string]func(*rapid.T){
			"a check begins":            w.begin,
			"a check passes":            func(t *rapid.T) { w.check(t, narrative.OutcomePassed) },
			"a check fails":             func(t *rapid.T) { w.check(t, narrative.OutcomeFailed) },
			"a check cannot be made":    func(t *rapid.T) { w.check(t, narrative.OutcomeErrored) },
			"a tick that fails":         w.tick,
			"another tick that fails":   w.tick,
			"a third tick that fails":   w.tick,
			"an issue heeds a check":    w.heed,
			"a case is walked":          w.walk,
			"another case is walked":    w.walk,
			"a round ends":              w.endRound,
			"a plan ends":               w.endPlan,
			"a person speaks":           w.speak,
			"another person speaks":     w.speak,
			"a closed issue is touched": w.touch,
			"a deadline comes":          w.deadline,
			"a worker dies":             w.restart,
			"the meta changes":          w.changeMeta,
			"the assertion is removed":  w.remove,
			"time goes by": func(t *rapid.T) {
				w.now = w.now.Add(time.Duration(rapid.IntRange(1, 7200).Draw(t, "seconds")) * time.Second)
			},
			"a slower clock tells the time": func(t *rapid.T) {
				w.now = w.now.Add(-time.Duration(rapid.IntRange(1, maxSkew).Draw(t, "seconds")) * time.Second)
			},
			"": w.mustHold,
		})
	})
}

// maxSkew is how many seconds one worker's clock is behind another's.
const maxSkew = 5

// world is an assertion with its checks and issues. What the store, the activities and the workflows do around the
// decisions is done here by hand.
type world struct {
	meta     narrative.AssertionMeta
	config   narrative.Config
	records  []narrative.Record // none: it is an assertion of the whole
	now      time.Time
	seq      int64   // given out last
	begun    []begun // checks that have begun and not ended
	violated map[narrative.Record]int
	lives    []*life
}

type begun struct{ seq, revision int64 }

// life is one issue and its workflow.
type life struct {
	issue    narrative.Issue
	phase    phase
	proposed []narrative.Proposed    // in the round under way
	heard    []narrative.Observation // and not heeded yet
	timer    *time.Time              // when the workflow wakes by itself
	passes   int                     // checks in a row that passed, and may judge the newest solution
	closed   *narrative.Issue        // as it was when it was closed
}

// phase is what the workflow is about while the issue is Working.
type phase string

const (
	resting     phase = "resting"
	diagnosing  phase = "diagnosing"
	carryingOut phase = "carrying out"
)

func newWorld(t *rapid.T) *world {
	w := &world{now: at(0), violated: map[narrative.Record]int{}}
	most := func(n int, name string) int { return rapid.IntRange(1, n).Draw(t, name) }
	w.meta = narrative.AssertionMeta{
		Meta: narrative.Meta{Name: "a", Every: narrative.Duration(time.Second) *
			narrative.Duration(rapid.SampledFrom([]int{1, 60, 3000, 7200}).Draw(t, "every"))},
		FailAfter: most(2, "fail_after"), ResolveAfter: most(3, "resolve_after"), ErrorAfter: most(2, "error_after"),
		MaxAttempts: most(3, "max_attempts"), MaxPlans: most(3, "max_plans"), MaxIssues: most(3, "max_issues"),
	}.WithDefaults()
	w.meta.Revision = 1
	for n := range rapid.IntRange(0, 3).Draw(t, "records") {
		w.records = append(w.records, rec(fmt.Sprint(n)))
	}
	w.policies(t)
	return w
}

func (w *world) policies(t *rapid.T) {
	w.config.Actions = rapid.SampledFrom([]narrative.ActionsMode{narrative.ActionsRun, narrative.ActionsRun, narrative.ActionsApprove, narrative.ActionsOff}).Draw(t, "actions")
	w.meta.Renotify = rapid.SampledFrom([][]narrative.Duration{nil, durations("1h"), durations("30s", "1d")}).Draw(t, "renotify")
	w.meta.Escalate = rapid.SampledFrom([][]narrative.Escalation{
		nil, levels(level("1m", "ann@example.com")), levels(held("1m"), level("1h", "cto@example.com"), held("2h")),
	}).Draw(t, "escalate")
}

func (w *world) policy() narrative.Policy { return narrative.PolicyOf(w.meta, w.config) }

// pick is one of the issues that are so.
func (w *world) pick(t *rapid.T, so func(*life) bool) *life {
	var some []*life
	for _, l := range w.lives {
		if so(l) {
			some = append(some, l)
		}
	}
	if len(some) == 0 {
		t.Skip("there is no such issue")
	}
	return some[rapid.IntRange(0, len(some)-1).Draw(t, "issue")]
}

func (l *life) unresolved() bool { return !l.issue.Status.Closed() }

// change is a change of an issue under the store's lock.
func (w *world) change(t *rapid.T, l *life, change func(i *narrative.Issue)) {
	was := l.issue.Status
	times := w.unasked()
	l.issue.CurrentSeq, l.issue.UnaskedPlans = w.seq, times[:min(len(times), w.meta.MaxPlans)]
	change(&l.issue)
	if now := l.issue.Status; now != was && !slices.ContainsFunc(narrative.Transitions, func(tr narrative.Transition) bool {
		return tr.From == was && tr.To == now
	}) {
		t.Fatalf("it went from %s to %s, which is no transition", was, now)
	}
	w.rest(l)
	if l.closed == nil && l.issue.Status.Closed() {
		l.closed = asKept(l.issue)
	}
}

// rest lets the workflow wait, until its issue's next deadline.
func (w *world) rest(l *life) {
	l.timer = nil
	if d := l.issue.NextDeadline(w.policy(), w.now); d != nil {
		l.timer = &d.At
	}
}

// asKept is a copy of the issue that shares nothing with it, without what is only set when it is loaded.
func asKept(i narrative.Issue) *narrative.Issue {
	i.CurrentSeq, i.UnaskedPlans, i.Newest = 0, nil, nil
	i.Steps = slices.Clone(i.Steps)
	for n := range i.Steps {
		if s := &i.Steps[n]; s.Solution != nil {
			solution := *s.Solution
			s.Solution = &solution
		}
	}
	return &i
}

// unasked are the times at which plans were begun unasked, newest first.
func (w *world) unasked() (times []time.Time) {
	for _, l := range w.lives {
		for _, s := range l.issue.Steps {
			if s.UnaskedAt != nil {
				times = append(times, *s.UnaskedAt)
			}
		}
	}
	slices.SortFunc(times, func(a, b time.Time) int { return b.Compare(a) })
	return times
}

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
	w.count(f.Record, findings)
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
func (w *world) count(r narrative.CheckRecord, _ func(narrative.Issue) finding) {
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

func (w *world) life(id string) *life {
	return w.lives[slices.IndexFunc(w.lives, func(l *life) bool { return l.issue.ID == id })]
}

// heed lets a workflow take in the oldest observation that it heard of.
func (w *world) heed(t *rapid.T) {
	w.heeds(t, w.pick(t, func(l *life) bool { return len(l.heard) > 0 && (l.phase == resting || l.heard[0].Passed) }))
}

func (w *world) heeds(t *rapid.T, l *life) {
	o := l.heard[0]
	l.heard = l.heard[1:]
	if !o.Passed {
		quiet := l.issue.Quiet(w.now) || l.issue.VerifyAt != nil && w.now.Before(*l.issue.VerifyAt)
		enough := l.issue.Status == narrative.StatusSolutionApplied && l.issue.Attempts == w.meta.MaxAttempts
		if o.CheckSeq > 0 {
			w.beginRound(t, l, o.CheckSeq)
		}
		if w.rest(l); (quiet || enough) && l.phase == diagnosing {
			t.Fatalf("a failing check starts a round; it is to be quiet: %t, enough was tried: %t\n%+v", quiet, enough, l.issue)
		}
		return
	}
	may := l.unresolved() && !l.issue.Working && o.CheckSeq > l.issue.EnactedSeq
	w.change(t, l, func(i *narrative.Issue) {
		if _, closed := i.Recover(o.CheckSeq, o.Gone, w.now); closed != may {
			t.Fatalf("check %d passed, and the issue recovers: %t; want %t", o.CheckSeq, closed, may)
		}
	})
}

// beginRound begins a round, or goes on with it.
func (w *world) beginRound(t *rapid.T, l *life, seq int64) {
	w.change(t, l, func(i *narrative.Issue) {
		if start, _ := i.BeginRound(seq, w.meta.MaxAttempts, w.now); start == narrative.RoundStarted {
			l.phase, l.proposed = diagnosing, nil
		}
	})
}

// walk lets a diagnostic case propose something.
func (w *world) walk(t *rapid.T) {
	w.proposes(t, w.pick(t, func(l *life) bool { return l.phase == diagnosing }))
}

func (w *world) proposes(t *rapid.T, l *life) {
	step := rapid.SampledFrom([]func() *narrative.ResolutionStep{
		func() *narrative.ResolutionStep { return plan("a") }, func() *narrative.ResolutionStep { return plan("a") },
		func() *narrative.ResolutionStep { return plan("b") }, func() *narrative.ResolutionStep { return pass("wait") },
		func() *narrative.ResolutionStep { return plan("bad") },
		func() *narrative.ResolutionStep { return supervised("a", "") }, func() *narrative.ResolutionStep { return supervised("a", "1h") },
	}).Draw(t, "proposal")()
	if step.Solution != nil {
		step.Digest = must(step.Solution.Plan.Digest())
		step.Policy.VerifyAfter = rapid.SampledFrom(durations("0s", "0s", "2m", "2h")).Draw(t, "verify_after")
	}
	w.change(t, l, func(i *narrative.Issue) {
		if id, fresh := i.AddProposal(*step, w.now); id != "" {
			l.proposed = append(l.proposed, narrative.Proposed{StepID: id, Action: step.Action, Fresh: fresh})
		}
	})
}

func (w *world) endRound(t *rapid.T) {
	w.endsRound(t, w.pick(t, func(l *life) bool { return l.phase == diagnosing }))
}

func (w *world) endsRound(t *rapid.T, l *life) {
	quiet := l.issue.Quiet(w.now)
	w.change(t, l, func(i *narrative.Issue) {
		l.phase = resting
		if i.EndRound(l.proposed, w.policy(), fine, w.now); i.Working {
			l.phase = carryingOut
		}
	})
	if l.phase == carryingOut && (quiet || len(l.proposed) != 1 || w.policy().Actions != narrative.ActionsRun) {
		t.Fatalf("of %d proposals one is carried out unasked; it is to be quiet: %t, actions: %s", len(l.proposed), quiet, w.policy().Actions)
	}
}

func (w *world) endPlan(t *rapid.T) {
	w.endsPlan(t, w.pick(t, func(l *life) bool { return l.phase == carryingOut }))
}

func (w *world) endsPlan(t *rapid.T, l *life) {
	running := ""
	for _, s := range l.issue.Steps {
		if s.State == narrative.StepRunning {
			running = s.ID
		}
	}
	end := rapid.SampledFrom([]narrative.Ending{
		{}, {}, {}, {}, {Failure: "500"}, {Failure: "cut off", Unknown: true}, {Failure: "500", RolledBack: 1}, {Failure: "500", RolledBack: 1, Rollback: "404"},
	}).Draw(t, "end")
	w.change(t, l, func(i *narrative.Issue) {
		i.FinishPlan(running, end, w.now)
		if l.phase = resting; i.Status == narrative.StatusSolutionApplied {
			l.passes = 0
		}
	})
}

// tick is a check that fails, and all that follows from it.
func (w *world) tick(t *rapid.T) {
	w.now = w.now.Add(time.Duration(w.meta.Every))
	w.check(t, narrative.OutcomeFailed)
	for _, l := range w.lives {
		for l.phase == resting && len(l.heard) > 0 {
			w.heeds(t, l)
		}
		w.goOn(t, l)
	}
}

// goOn lets what is under way come to its end.
func (w *world) goOn(t *rapid.T, l *life) {
	if l.phase == diagnosing {
		for range rapid.SampledFrom([]int{0, 1, 1, 1, 2}).Draw(t, "proposals") {
			w.proposes(t, l)
		}
		w.interrupt(t, l)
		w.endsRound(t, l)
	}
	if l.phase == carryingOut {
		w.interrupt(t, l)
		w.endsPlan(t, l)
	}
}

// interrupt has somebody speak meanwhile, once in a while.
func (w *world) interrupt(t *rapid.T, l *life) {
	name := rapid.SampledFrom(spoken).Draw(t, "signal")
	if rapid.IntRange(0, 3).Draw(t, "interrupted") == 0 && name != narrative.SignalSolution {
		w.says(t, l, name)
	}
}

// spoken are all signals, those that let an issue live on more often than others.
var spoken = append(slices.Clone(narrative.SignalNames),
	narrative.SignalDiagnose, narrative.SignalDiagnose, narrative.SignalAcknowledge, narrative.SignalSnooze,
	narrative.SignalSolution, narrative.SignalApprove, narrative.SignalApprove, narrative.SignalReject)

// speak has a person send any signal. A solution is answered once nothing is worked on.
func (w *world) speak(t *rapid.T) {
	name := rapid.SampledFrom(spoken).Draw(t, "signal")
	w.says(t, w.pick(t, func(l *life) bool { return name != narrative.SignalSolution || !l.issue.Working }), name)
}

func (w *world) says(t *rapid.T, l *life, name narrative.SignalName) {
	s := narrative.Signal{Name: name, By: "ann", Reason: "so"}
	switch name {
	case narrative.SignalSolution, narrative.SignalApprove, narrative.SignalReject:
		w.about(t, l, &s)
	case narrative.SignalAcknowledge, narrative.SignalSnooze, narrative.SignalWontFix:
		if rapid.Bool().Draw(t, "until") {
			end := w.now.Add(time.Duration(rapid.IntRange(-10, 7200).Draw(t, "seconds")) * time.Second)
			s.Until = &end
		} else if name == narrative.SignalSnooze {
			s.For = duration("90s")
		}
	}
	w.obey(t, l, s)
}

// about chooses a step for a signal, or a plan to bring along.
func (w *world) about(t *rapid.T, l *life, s *narrative.Signal) {
	steps := l.issue.Steps
	if s.Name == narrative.SignalSolution && (len(steps) == 0 || rapid.Bool().Draw(t, "own plan")) {
		s.Plan = narrative.Plan{narrative.Do("own", nil)}
		return
	}
	if len(steps) == 0 {
		s.StepID = "none"
		return
	}
	step := steps[rapid.IntRange(0, len(steps)-1).Draw(t, "step")]
	if a := l.issue.Awaiting; a != nil && a.StepID != "" && rapid.Bool().Draw(t, "the one that waits") {
		step, _ = l.issue.Step(a.StepID)
	}
	s.StepID = step.ID
	if s.Name == narrative.SignalSolution {
		return
	}
	if s.Digest = step.Digest; rapid.IntRange(0, 9).Draw(t, "digest") == 0 {
		s.Digest = "another"
	}
}

// obey carries out a signal that is not refused. Asked once more, it changes nothing.
func (w *world) obey(t *rapid.T, l *life, s narrative.Signal) {
	step, _ := l.issue.Step(s.StepID)
	stale := s.Name == narrative.SignalApprove && step.State == narrative.StepAwaitingApproval && rapid.IntRange(0, 3).Draw(t, "stale") == 0
	if s.Digest == "another" && s.Check(l.issue, w.now) == nil {
		t.Fatalf("a foreign digest is not refused: %+v", s)
	}
	var changed bool
	w.change(t, l, func(i *narrative.Issue) {
		var err error
		if stale && s.Check(*i, w.now) == nil {
			i.Stale(s, w.now)
			return
		}
		var said narrative.Entry
		if said, changed, err = ask(i, s, w.now); err != nil && changed {
			t.Fatalf("refused (%v), and it changed", err)
		}
		i.Newest = &said
	})
	if l.unresolved() && l.issue.Working && l.phase == resting {
		l.phase = carryingOut
		if stale || s.Name == narrative.SignalDiagnose {
			w.beginRound(t, l, 0)
			if rapid.Bool().Draw(t, "at once") {
				w.goOn(t, l)
			}
			return // asked once more, it would be another request
		}
	}
	if was := asKept(l.issue); changed {
		if _, again, err := ask(&l.issue, s, w.now); again || !reflect.DeepEqual(was, asKept(l.issue)) {
			t.Fatalf("%+v, repeated, changes the issue (%v)", s, err)
		}
	}
}

// touch does to a closed issue what comes too late, or lifts what it keeps away.
func (w *world) touch(t *rapid.T) {
	l := w.pick(t, func(l *life) bool { return !l.unresolved() })
	w.change(t, l, func(i *narrative.Issue) {
		i.BeginRound(w.seq+1, w.meta.MaxAttempts, w.now)
		i.AddProposal(*plan("late"), w.now)
		i.EndRound(nil, w.policy(), fine, w.now)
		i.FinishPlan("late", narrative.Ending{}, w.now)
		i.Recover(w.seq+1, false, w.now)
		i.Remove(w.now)
		i.Meet(w.policy(), w.now)
	})
	if rapid.IntRange(0, 3).Draw(t, "reopen") == 0 {
		w.change(t, l, func(i *narrative.Issue) { _ = must(i.Reopen("ann", "", w.now)) })
		if w.barred(l.issue.Key(), w.seq+1) && l.issue.MutedUntil != nil && l.issue.MutedUntil.After(w.now) {
			t.Fatalf("reopened, and it still keeps new issues away: %+v", l.issue)
		}
	}
}

// deadline lets time go on to a deadline, or beyond it, and does what is due.
func (w *world) deadline(t *rapid.T) {
	l := w.pick(t, func(l *life) bool { return l.timer != nil })
	if late := l.timer.Add(time.Duration(rapid.SampledFrom([]int{0, 0, 1, 90_000}).Draw(t, "seconds late")) * time.Second); late.After(w.now) {
		w.now = late
	}
	w.change(t, l, func(i *narrative.Issue) {
		for n := 0; ; n++ {
			first := i.NextDeadline(w.policy(), w.now)
			d, _ := i.Meet(w.policy(), w.now)
			switch {
			case d == nil && first != nil && !first.At.After(w.now):
				t.Fatalf("%+v is due and not met", *first)
			case d == nil:
				return
			case *d != *first:
				t.Fatalf("%+v was met; want %+v", *d, *first)
			case n > 10:
				t.Fatalf("%+v is due again and again", *d)
			case d.Kind == narrative.DeadlineVerify:
				w.begin(t)
			}
		}
	})
}

// restart lets every workflow begin anew with what the store holds.
func (w *world) restart(t *rapid.T) {
	for _, l := range w.lives {
		if l.phase == diagnosing && l.unresolved() {
			was := l.proposed
			w.beginRound(t, l, 0)
			if l.phase != diagnosing {
				t.Fatalf("the round does not go on: %+v", l.issue)
			}
			l.proposed = was // each case's proposal is found again
		}
		w.rest(l)
	}
}

// changeMeta is an apply. max_attempts and max_plans stay, so that it is known what they were at any time.
func (w *world) changeMeta(t *rapid.T) {
	w.policies(t)
	w.meta.Revision++
	w.meta.FailAfter = rapid.IntRange(1, 2).Draw(t, "fail_after")
}

// remove removes the assertion, and sets it up again.
func (w *world) remove(t *rapid.T) {
	if rapid.IntRange(0, 4).Draw(t, "once in a while") > 0 {
		t.Skip("not now")
	}
	for _, l := range w.lives {
		was := l.unresolved()
		w.change(t, l, func(i *narrative.Issue) {
			if _, closed := i.Remove(w.now); closed != was || !i.Status.Closed() {
				t.Fatalf("its assertion is removed, and it is %s", i.Status)
			}
		})
	}
}

// mustHold is what is true at any time.
func (w *world) mustHold(t *rapid.T) {
	for _, l := range w.lives {
		l.stepsMustHold(t, w.meta.MaxAttempts)
		if l.issue.Status.Closed() {
			l.closedMustHold(t)
		} else {
			w.unresolvedMustHold(t, l)
		}
	}
	times := w.unasked()
	for n, last := range times {
		within := 0
		for _, first := range times[n:] {
			if first.After(last.Add(-time.Hour)) {
				within++
			}
		}
		if within > w.meta.MaxPlans {
			t.Fatalf("%d plans were carried out unasked within an hour; at most %d may be: %v", within, w.meta.MaxPlans, times)
		}
	}
}

func (l *life) stepsMustHold(t *rapid.T, maxAttempts int) {
	i, in, unasked := l.issue, map[narrative.StepState]int{}, 0
	for _, s := range i.Steps {
		in[s.State]++
		if s.Action == narrative.Pass && s.Solution != nil || s.Action == narrative.Exec && s.Count != 1 {
			t.Fatalf("an odd step: %+v", s)
		}
		if s.UnaskedAt != nil {
			unasked++
		}
	}
	if unasked > maxAttempts || unasked != i.Attempts {
		t.Fatalf("%d solutions were carried out unasked, and %d counted; at most %d may be", unasked, i.Attempts, maxAttempts)
	}
	if in[narrative.StepRunning]+in[narrative.StepAwaitingApproval] > 1 {
		t.Fatalf("%d steps run and %d wait for approval", in[narrative.StepRunning], in[narrative.StepAwaitingApproval])
	}
	if running := in[narrative.StepRunning] == 1; running != (l.unresolved() && l.phase == carryingOut) {
		t.Fatalf("it is %s, and a plan runs: %t", l.phase, running)
	}
	if waiting := in[narrative.StepAwaitingApproval] == 1; waiting != (i.Awaiting != nil && i.Awaiting.For == narrative.AwaitingApproval) {
		t.Fatalf("a step waits for approval: %t, and what is awaited: %+v", waiting, i.Awaiting)
	} else if step, _ := i.Step(awaited(i)); waiting && step.State != narrative.StepAwaitingApproval {
		t.Fatalf("the wrong step is awaited: %+v", i)
	}
}

func awaited(i narrative.Issue) string {
	if i.Awaiting == nil {
		return ""
	}
	return i.Awaiting.StepID
}

func (l *life) closedMustHold(t *rapid.T) {
	i := asKept(l.issue)
	if i.ResolvedAt == nil || i.Working || i.Awaiting != nil || i.VerifyAt != nil || i.NotifiedAt != nil {
		t.Fatalf("closed, and something goes on: %+v", i)
	}
	if i.MutedUntil = l.closed.MutedUntil; !reflect.DeepEqual(l.closed, i) { // a won't fix may be lifted
		t.Fatalf("closed, and it changed:\n%+v\n%+v", l.closed, i)
	}
}

func (w *world) unresolvedMustHold(t *rapid.T, l *life) {
	i := l.issue
	switch {
	case i.ResolvedAt != nil:
		t.Fatalf("it has an end and is %s", i.Status)
	case i.Working != (l.phase != resting):
		t.Fatalf("stuck: working is %t, and its workflow is %s", i.Working, l.phase)
	case i.Working && i.Awaiting != nil:
		t.Fatalf("it is worked on, and a person is awaited: %+v", i)
	case !i.Working && (i.Status == narrative.StatusImpasse) != (i.Awaiting != nil && i.Awaiting.For == narrative.AwaitingChoice):
		t.Fatalf("it is %s, and what is awaited: %+v", i.Status, i.Awaiting)
	}
	// Unless it is worked on, or a person is to act or has asked for quiet, some later tick starts a round.
	later := w.now.Add(time.Hour + maxSkew*time.Second)
	if i.VerifyAt != nil && i.VerifyAt.After(later) {
		later = *i.VerifyAt
	}
	if !i.Working && i.Awaiting == nil && !i.Quiet(later) && !narrative.RoundDue(i, w.seq+1, later) {
		t.Fatalf("stuck: nobody is awaited and no tick starts a round: %+v", i)
	}
	// A person who is to act is told again, and a quiet that is to end ends: those are deadlines.
	if next := i.NextDeadline(w.policy(), w.now); next == nil && !i.Working &&
		(i.VerifyAt != nil || i.SnoozedUntil != nil || i.Acknowledged != nil && i.Acknowledged.Until != nil) {
		t.Fatalf("it waits for a time and has no deadline: %+v", i)
	}
}
