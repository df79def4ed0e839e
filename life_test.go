package narrative_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/narrative-go/narrative"
)

// life is one issue in a small world: checks begin and end in any order, rounds are ruled on, plans end somehow, and
// people speak. What the workflow and the store do around the transitions is done here by hand.
type life struct {
	meta    narrative.AssertionMeta
	issue   narrative.Issue
	streak  narrative.Streak
	now     time.Time
	seq     int64   // given out last
	begun   []int64 // checks that have begun and not ended
	running string  // the step whose plan is being carried out
	max     int
}

func newLife(t *rapid.T) *life {
	l := &life{now: at(0), seq: 1, max: rapid.IntRange(1, 4).Draw(t, "max_attempts")}
	l.meta = narrative.AssertionMeta{
		Meta: narrative.Meta{Name: "a", Every: narrative.Duration(time.Second) *
			narrative.Duration(rapid.SampledFrom([]int{1, 60, 3000, 7200}).Draw(t, "every"))},
		MaxAttempts: l.max, ResolveAfter: rapid.IntRange(1, 3).Draw(t, "resolve_after"),
	}.WithDefaults()
	l.issue = narrative.Issue{ID: "i", Assertion: "a", Kind: narrative.KindFailure, Status: narrative.StatusOpen, Severity: narrative.SeverityError, OpenedAt: l.now}
	l.streak.LastSeq = 1
	return l
}

func (l *life) begin(*rapid.T) {
	l.seq++
	l.begun = append(l.begun, l.seq)
}

// check ends some check that has begun, with an outcome.
func (l *life) check(t *rapid.T, outcome narrative.Outcome) {
	if len(l.begun) == 0 {
		l.begin(t)
	}
	n := rapid.IntRange(0, len(l.begun)-1).Draw(t, "which")
	seq := l.begun[n]
	l.begun = append(l.begun[:n:n], l.begun[n+1:]...)
	f := narrative.CheckFacts{Meta: l.meta, Now: l.now, Streak: l.streak, Barred: func(narrative.IssueKey) bool { return true }}
	f.Record.Seq, f.Record.Outcome = seq, outcome
	f.Record.Verdict.Reason = rapid.SampledFrom([]string{"", "timeout"}).Draw(t, "reason")
	if !l.issue.Status.Closed() {
		f.Open = []narrative.Issue{l.issue}
	}
	was := l.issue
	d := narrative.DecideCheck(f)
	l.streak = d.Streak
	for _, changed := range d.Changed {
		l.issue = changed
	}
	l.issue.CurrentSeq = l.seq
	for _, o := range d.Observe {
		if o.Passed {
			l.issue.Recover(o.CheckSeq, l.now)
		} else {
			l.round(t, o.CheckSeq)
		}
	}
	enough := outcome == narrative.OutcomePassed && was.Passes+1 >= l.meta.ResolveAfter
	if enough && !d.Stale && !was.Working && seq > was.EnactedSeq && !l.issue.Status.Closed() {
		t.Fatalf("passed and not closed: %+v", l.issue)
	}
	if outcome == narrative.OutcomeErrored && l.issue.Status != was.Status {
		t.Fatalf("a check that could not be made led to %s", l.issue.Status)
	}
}

// round walks cases that propose anything at all.
func (l *life) round(t *rapid.T, seq int64) {
	start, _ := l.issue.BeginRound(seq, l.max, l.now)
	if start != narrative.RoundStarted {
		return
	}
	var proposed []narrative.Proposed
	proposals := rapid.SliceOfN(rapid.SampledFrom([]func() *narrative.ResolutionStep{
		func() *narrative.ResolutionStep { return plan("a") }, func() *narrative.ResolutionStep { return plan("bad") },
		func() *narrative.ResolutionStep { return pass("wait") },
	}), 0, 2).Draw(t, "proposals")
	for _, proposal := range proposals {
		s := proposal()
		id, fresh := l.issue.AddProposal(*s, l.now)
		proposed = append(proposed, narrative.Proposed{StepID: id, Action: s.Action, Fresh: fresh})
	}
	l.issue.EndRound(proposed, time.Duration(l.meta.Every), fine, l.now)
	if l.issue.Working {
		l.running = proposed[0].StepID
	}
}

func (l *life) planEnds(t *rapid.T) {
	if l.running == "" {
		return
	}
	l.issue.CurrentSeq = l.seq
	end := rapid.SampledFrom([]string{"", "failed", "unknown"}).Draw(t, "end")
	l.issue.FinishPlan(l.running, end, end == "unknown", l.now)
	l.running = ""
}

// signal is a person's; a solution is answered when no plan is being carried out.
func (l *life) signal(t *rapid.T) {
	s := narrative.Signal{Name: rapid.SampledFrom([]narrative.SignalName{
		narrative.SignalSolution, narrative.SignalSolution, narrative.SignalSolution, narrative.SignalResolve, narrative.SignalWontFix,
	}).Draw(t, "signal"), Reason: "so"}
	if s.Name == narrative.SignalSolution {
		if l.running != "" {
			return
		}
		s.Plan = narrative.Plan{narrative.Do("a", nil)}
		if n := len(l.issue.Steps); n > 0 && rapid.Bool().Draw(t, "step") {
			s.StepID, s.Plan = l.issue.Steps[rapid.IntRange(0, n-1).Draw(t, "n")].ID, nil
		}
	}
	if s.Check(l.issue, l.now) != nil {
		return
	}
	l.issue.CurrentSeq = l.seq
	if s.Name == narrative.SignalSolution {
		l.running, _ = l.issue.Choose(s, l.now)
	} else {
		l.issue.CloseFor(s, l.now)
	}
}

// mustHold is what is true of an issue at any time.
func (l *life) mustHold(t *rapid.T) {
	i := l.issue
	running := 0
	for _, s := range i.Steps {
		if s.State == narrative.StepRunning {
			running++
		}
		if s.Action == narrative.Pass && s.Solution != nil || s.Action == narrative.Exec && s.Count != 1 {
			t.Fatalf("an odd step: %+v", s)
		}
	}
	if i.Attempts > l.max {
		t.Fatalf("%d solutions were carried out unasked; at most %d may be", i.Attempts, l.max)
	}
	if i.NextRoundAt.After(l.now.Add(time.Hour)) {
		t.Fatalf("the next round is %s away", i.NextRoundAt.Sub(l.now))
	}
	if i.Status.Closed() {
		if i.ResolvedAt == nil || i.Working || i.Awaiting != nil || running > 0 {
			t.Fatalf("closed, and something goes on: %+v", i)
		}
		return
	}
	switch {
	case i.ResolvedAt != nil:
		t.Fatalf("it has an end and is %s", i.Status)
	case i.Working:
		if running != 1 || l.running == "" {
			t.Fatalf("stuck: it works on %d plans: %+v", running, i)
		}
	case running > 0:
		t.Fatalf("a plan is said to run and nobody carries it out: %+v", i)
	case i.Awaiting != nil:
		if i.Status != narrative.StatusImpasse {
			t.Fatalf("a person is awaited and it is %s", i.Status)
		}
	default:
		if !narrative.RoundDue(i, l.seq+1, l.now.Add(time.Hour)) {
			t.Fatalf("stuck: nobody is awaited and no tick starts a round: %+v", i)
		}
	}
}

func TestAnIssueIsNeverStuck(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := newLife(t)
		t.Repeat(map[string]func(*rapid.T){
			"a check begins":         l.begin,
			"a check passes":         func(t *rapid.T) { l.check(t, narrative.OutcomePassed) },
			"a check fails":          func(t *rapid.T) { l.check(t, narrative.OutcomeFailed) },
			"a check fails again":    func(t *rapid.T) { l.check(t, narrative.OutcomeFailed) },
			"a check cannot be made": func(t *rapid.T) { l.check(t, narrative.OutcomeErrored) },
			"a plan ends":            l.planEnds,
			"a person speaks":        l.signal,
			"time goes by": func(t *rapid.T) {
				l.now = l.now.Add(time.Duration(rapid.IntRange(1, 7200).Draw(t, "seconds")) * time.Second)
			},
			"": l.mustHold,
		})
	})
}
