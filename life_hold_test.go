package narrative_test

import (
	"reflect"
	"time"

	"pgregory.net/rapid"

	"github.com/narrative-go/narrative"
)

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
