package narrative_test

import (
	"reflect"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/narrative-go/narrative"
)

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
