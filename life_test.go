package narrative_test

import (
	"fmt"
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
