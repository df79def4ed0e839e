package workflows_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/activities"
)

// now is the issue as the store holds it.
func (b *bench) now(i narrative.Issue) narrative.Issue {
	b.t.Helper()
	issue, err := b.store.Issue(b.t.Context(), i.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	return issue
}

func (b *bench) signal(name narrative.SignalName, p any) {
	b.env.SignalWorkflow(string(name), payload(p))
}

// approving is a case whose plan waits for approval.
func approving(name string, timeout time.Duration, actions ...string) narrative.DiagnosticCase {
	c := executing(name, actions...)
	return narrative.DiagnosticCase{Name: name, Diagnose: func(ctx ctxt, i narrative.Issue) (*narrative.ResolutionStep, error) {
		step, err := c.Diagnose(ctx, i)
		step.Policy = narrative.StepPolicy{Approval: narrative.ApprovalRequired, ApprovalTimeout: narrative.Duration(timeout)}
		return step, err
	}}
}

// situation is a state of an issue that people may speak to.
type situation struct {
	name   string
	cases  []narrative.DiagnosticCase
	before func(b *bench, i narrative.Issue) // makes the rest of it, an hour in
	want   map[narrative.SignalName]narrative.ErrorKind
}

const done = narrative.ErrorKind("done")

// answers are what becomes of each signal; others are done.
func answers(refused map[narrative.SignalName]narrative.ErrorKind) map[narrative.SignalName]narrative.ErrorKind {
	all := map[narrative.SignalName]narrative.ErrorKind{}
	for _, name := range narrative.SignalNames {
		all[name] = done
	}
	for name, kind := range refused {
		all[name] = kind
	}
	return all
}

// notApproved is what approve and reject meet where no step waits for them.
func notApproved(kind narrative.ErrorKind) map[narrative.SignalName]narrative.ErrorKind {
	return answers(map[narrative.SignalName]narrative.ErrorKind{narrative.SignalApprove: kind, narrative.SignalReject: kind})
}

var situations = []situation{
	{
		name: "open, nothing proposed", cases: []narrative.DiagnosticCase{proposing("a", nothing)},
		want: notApproved(narrative.Invalid),
	},
	{
		name: "open, nothing done for now", cases: []narrative.DiagnosticCase{proposing("a", pass)},
		want: answers(map[narrative.SignalName]narrative.ErrorKind{
			narrative.SignalApprove: narrative.Invalid, narrative.SignalReject: narrative.Invalid, narrative.SignalSolution: narrative.Invalid,
		}),
	},
	{
		name: "approval awaited", cases: []narrative.DiagnosticCase{approving("a", 0, "repair")},
		want: answers(nil),
	},
	{
		name: "solution applied", cases: []narrative.DiagnosticCase{executing("a", "repair")},
		want: answers(map[narrative.SignalName]narrative.ErrorKind{
			narrative.SignalSolution: narrative.Conflict, narrative.SignalReject: narrative.Conflict, // approve: it was carried out already
		}),
	},
	{
		name: "impasse of several proposals", cases: []narrative.DiagnosticCase{executing("a", "repair"), executing("b", "other")},
		want: notApproved(narrative.Conflict),
	},
	{
		name: "impasse of a failed plan", cases: []narrative.DiagnosticCase{executing("a", "failing")},
		want: notApproved(narrative.Conflict),
	},
	{
		name: "acknowledged", cases: []narrative.DiagnosticCase{executing("a", "repair"), executing("b", "other")},
		before: func(b *bench, _ narrative.Issue) {
			b.signal(narrative.SignalAcknowledge, map[string]any{"by": "bea", "reason": "on it"})
		},
		want: notApproved(narrative.Conflict),
	},
	{
		name: "snoozed", cases: []narrative.DiagnosticCase{executing("a", "repair"), executing("b", "other")},
		before: func(b *bench, _ narrative.Issue) {
			b.signal(narrative.SignalSnooze, map[string]any{"by": "bea", "for": "300h"})
		},
		want: notApproved(narrative.Conflict),
	},
	{
		name: "closed a moment ago", cases: []narrative.DiagnosticCase{executing("a", "repair"), executing("b", "other")},
		before: func(b *bench, _ narrative.Issue) { b.signal(narrative.SignalResolve, map[string]any{"by": "bea"}) },
		want: answers(map[narrative.SignalName]narrative.ErrorKind{
			narrative.SignalSolution: narrative.Conflict, narrative.SignalResolve: narrative.Conflict, narrative.SignalWontFix: narrative.Conflict,
			narrative.SignalComment: narrative.Conflict, narrative.SignalApprove: narrative.Conflict, narrative.SignalReject: narrative.Conflict,
			narrative.SignalAcknowledge: narrative.Conflict, narrative.SignalSnooze: narrative.Conflict, narrative.SignalDiagnose: narrative.Conflict,
		}),
	},
}

// payloadOf is a payload of the signal that fits the issue.
func payloadOf(name narrative.SignalName, i narrative.Issue) map[string]any {
	step := narrative.ResolutionStep{ID: "none", Digest: strings.Repeat("0", 64)}
	if len(i.Steps) > 0 {
		step = i.Steps[0]
	}
	p := map[string]any{"by": "ann"}
	switch name {
	case narrative.SignalSolution:
		p["step_id"] = step.ID
		if len(i.Steps) == 0 {
			delete(p, "step_id")
			p["plan"] = []any{map[string]any{"action": "brought"}}
		}
	case narrative.SignalApprove:
		p["step_id"], p["digest"] = step.ID, step.Digest
		if step.Digest == "" {
			p["digest"] = "none"
		}
	case narrative.SignalReject:
		p["step_id"], p["reason"] = step.ID, "no"
	case narrative.SignalWontFix:
		p["reason"] = "let it be"
	case narrative.SignalSnooze:
		p["for"] = "5h"
	case narrative.SignalComment:
		p["text"] = "hm"
	}
	return p
}

// effectOf is what the issue shows of the signal, if it was done.
func effectOf(name narrative.SignalName, i narrative.Issue, ran []string) bool {
	switch name {
	case narrative.SignalSolution, narrative.SignalApprove:
		return len(ran) > 0
	case narrative.SignalReject:
		return i.Status == narrative.StatusImpasse && i.Steps[0].State == narrative.StepRejected
	case narrative.SignalAcknowledge:
		return i.Acknowledged != nil && i.Acknowledged.By == "ann"
	case narrative.SignalSnooze:
		return i.SnoozedUntil != nil
	case narrative.SignalResolve:
		return i.Status == narrative.StatusResolved
	case narrative.SignalWontFix:
		return i.Status == narrative.StatusWontFix
	case narrative.SignalDiagnose:
		return i.Rounds > 1
	}
	return true
}

// TestEverySignalInEverySituation sends each signal in each state an issue can be in, as an update and as a signal: it
// is done, with the name of who sent it on the timeline, or refused with a reason, and then it changes nothing.
func TestEverySignalInEverySituation(t *testing.T) {
	t.Parallel()
	for _, s := range situations {
		for _, name := range narrative.SignalNames {
			for _, way := range []string{"update", "signal"} {
				t.Run(fmt.Sprintf("%s/%s by %s", s.name, name, way), func(t *testing.T) {
					t.Parallel()
					speak(t, s, name, way == "signal")
				})
			}
		}
	}
}

func speak(t *testing.T, s situation, name narrative.SignalName, bySignal bool) {
	b, i := setup(t, s.cases...)
	b.fail["failing"] = fmt.Errorf("no")
	var heard *answer
	var was, is narrative.Issue
	var ran []string
	b.at(time.Hour, func() {
		was, b.ran = b.now(i), nil
		if s.before != nil {
			s.before(b, i)
		}
		if bySignal {
			b.signal(name, payloadOf(name, was))
		} else {
			heard = b.update(name, payloadOf(name, was))
		}
	})
	b.at(2*time.Hour, func() {
		is, ran = b.now(i), b.ran
		b.observe(narrative.OutcomePassed)
	})
	story := b.run(i)
	if is.ID == "" { // it was closed before
		is, ran = story.Issue, b.ran
	}
	want := s.want[name]
	refused := slices.ContainsFunc(story.Entries, func(e narrative.Entry) bool { return e.Kind == narrative.EntryRefused })
	if bySignal && refused != (want != done) {
		t.Errorf("a refusal on the timeline: %v; want %v", refused, want != done)
	}
	if !bySignal && want == done && (!heard.accepted || heard.failure != nil) {
		t.Errorf("the update was answered %+v; want it done", heard)
	}
	if !bySignal && want != done && activities.Kind(heard.failure) != want {
		t.Errorf("the update was answered %+v; want it refused as %s", heard, want)
	}
	if want != done {
		if len(ran) > 0 && ran[0] != "recovered" {
			t.Errorf("it was refused, and yet %q were run", ran)
		}
		return
	}
	repeated := name == narrative.SignalApprove && s.name == "solution applied" // nothing new happens
	if !repeated && !effectOf(name, is, ran) {
		t.Errorf("it was done, but the issue is %s, acknowledged %v, snoozed %v, %d rounds, and %q were run", is.Status, is.Acknowledged, is.SnoozedUntil, is.Rounds, ran)
	}
	if !repeated && !slices.ContainsFunc(story.Entries, func(e narrative.Entry) bool { return e.By == "ann" }) {
		t.Error("no entry of the timeline says who it was")
	}
}

// TestRepeatedSignals sends each signal twice: the second changes nothing that the first has not.
func TestRepeatedSignals(t *testing.T) {
	t.Parallel()
	for _, name := range narrative.SignalNames {
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			b, i := setup(t, approving("a", 0, "repair"))
			var first narrative.Story
			b.at(time.Hour, func() { b.signal(name, payloadOf(name, b.now(i))) })
			b.at(2*time.Hour, func() {
				first, _ = b.store.Story(t.Context(), i.ID)
				p := payloadOf(name, first.Issue)
				if name == narrative.SignalSnooze { // the same hour of the day, and not so long from now
					delete(p, "for")
					p["until"] = first.Issue.SnoozedUntil.Format(time.RFC3339Nano)
				}
				b.signal(name, p)
			})
			b.at(3*time.Hour, func() { b.observe(narrative.OutcomePassed) })
			story := b.run(i)
			if name == narrative.SignalResolve || name == narrative.SignalWontFix || name == narrative.SignalDiagnose {
				return // the first ended it; or another round may well be asked for
			}
			var said []string
			for _, e := range story.Entries[len(first.Entries):] {
				if e.Kind == narrative.EntrySignal || e.Kind == narrative.EntryComment || e.Kind == narrative.EntryAction {
					said = append(said, e.Text)
				}
			}
			if len(said) > 0 {
				t.Errorf("the second one led to %q", said)
			}
		})
	}
}

// TestMalformedSignals sends what is no payload: it is noted on the timeline and changes nothing.
func TestMalformedSignals(t *testing.T) {
	t.Parallel()
	for name, p := range map[narrative.SignalName]any{
		narrative.SignalSolution:    map[string]any{"step_id": "x", "plan": []any{map[string]any{"action": "repair"}}},
		narrative.SignalApprove:     map[string]any{"step_id": "x"},
		narrative.SignalReject:      map[string]any{"step_id": "x", "digest": "y"},
		narrative.SignalAcknowledge: map[string]any{"until": "tomorrow"},
		narrative.SignalSnooze:      map[string]any{"for": "1h", "until": "2030-01-01T00:00:00Z"},
		narrative.SignalResolve:     []any{"resolve"},
		narrative.SignalWontFix:     map[string]any{"reason": "  "},
		narrative.SignalComment:     map[string]any{"txt": "hm"},
		narrative.SignalDiagnose:    "now",
	} {
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			b, i := setup(t, approving("a", 0, "repair"))
			var was, is narrative.Issue
			b.at(time.Hour, func() { was = b.now(i); b.signal(name, p) })
			b.at(2*time.Hour, func() { is = b.now(i); b.observe(narrative.OutcomePassed) })
			story := b.run(i)
			was.Version = is.Version
			same(t, was, is)
			if !slices.ContainsFunc(story.Entries, func(e narrative.Entry) bool {
				return e.Kind == narrative.EntryRefused && strings.Contains(e.Text, string(name))
			}) {
				t.Errorf("the timeline says nothing of it: %+v", story.Entries)
			}
		})
	}
}

// TestApprovals has a plan wait: nothing is run unasked, a foreign digest is refused, the right one carries it out.
func TestApprovals(t *testing.T) {
	t.Parallel()
	b, i := setup(t, approving("a", 0, "repair"))
	var waiting narrative.Issue
	var foreign, right *answer
	for n := range 3 {
		b.at(time.Duration(n+1)*time.Hour, func() { b.observe(narrative.OutcomeFailed) }) // no round while it waits
	}
	b.at(4*time.Hour, func() {
		waiting = b.now(i)
		p := payloadOf(narrative.SignalApprove, waiting)
		p["digest"] = strings.Repeat("0", 64)
		foreign = b.update(narrative.SignalApprove, p)
	})
	b.at(5*time.Hour, func() {
		same(t, waiting, b.now(i))
		right = b.update(narrative.SignalApprove, payloadOf(narrative.SignalApprove, waiting))
	})
	b.at(6*time.Hour, func() { b.observe(narrative.OutcomePassed) })
	got := b.outcome(b.run(i))
	if a := waiting.Awaiting; a == nil || a.For != narrative.AwaitingApproval || a.StepID != waiting.Steps[0].ID || waiting.Status != narrative.StatusOpen {
		t.Errorf("it awaits %+v with status %s; want the approval of its step, open", a, waiting.Status)
	}
	if activities.Kind(foreign.failure) != narrative.Conflict || !strings.Contains(foreign.failure.Error(), "digest") {
		t.Errorf("the foreign digest was answered %+v; want a conflict that says so", foreign)
	}
	if right.failure != nil {
		t.Errorf("the approval was answered %v", right.failure)
	}
	want := outcome{
		Status: narrative.StatusResolved, Rounds: 1, Steps: []narrative.StepState{narrative.StepApplied},
		Told: []narrative.NotificationKind{narrative.NotifyApproval, narrative.NotifyResolved}, Ran: []string{"repair", "recovered"},
	}
	same(t, want, got)
}

// TestStaleApproval changes what the case proposes while its plan waits: the approval is refused, and the new plan
// waits in its place.
func TestStaleApproval(t *testing.T) {
	t.Parallel()
	proposal := "repair"
	b, i := setup(t, narrative.DiagnosticCase{Name: "a", Diagnose: func(ctx ctxt, i narrative.Issue) (*narrative.ResolutionStep, error) {
		return approving("a", 0, proposal).Diagnose(ctx, i)
	}})
	var stale *answer
	b.at(time.Hour, func() {
		proposal = "better"
		stale = b.update(narrative.SignalApprove, payloadOf(narrative.SignalApprove, b.now(i)))
	})
	var waiting narrative.Issue
	b.at(2*time.Hour, func() {
		waiting = b.now(i)
		step := waiting.Steps[len(waiting.Steps)-1]
		b.signal(narrative.SignalApprove, map[string]any{"step_id": step.ID, "digest": step.Digest})
	})
	b.at(3*time.Hour, func() { b.observe(narrative.OutcomePassed) })
	got := b.outcome(b.run(i))
	if activities.Kind(stale.failure) != narrative.Conflict || !strings.Contains(stale.failure.Error(), "stale") {
		t.Errorf("the stale approval was answered %+v; want a conflict that says so", stale)
	}
	if waiting.Awaiting == nil || waiting.Awaiting.StepID != waiting.Steps[1].ID {
		t.Errorf("it awaits %+v; want the approval of the new step", waiting.Awaiting)
	}
	same(t, []narrative.StepState{narrative.StepRejected, narrative.StepApplied}, got.Steps)
	same(t, []string{"better", "recovered"}, got.Ran)
}

// TestReject leads to an impasse: the same plan is not asked for again and again.
func TestReject(t *testing.T) {
	t.Parallel()
	b, i := setup(t, approving("a", 0, "repair"))
	b.at(time.Hour, func() { b.signal(narrative.SignalReject, payloadOf(narrative.SignalReject, b.now(i))) })
	for n := range 3 {
		b.at(time.Duration(n+2)*time.Hour, func() { b.observe(narrative.OutcomeFailed) })
	}
	var after narrative.Issue
	b.at(6*time.Hour, func() { after = b.now(i); b.observe(narrative.OutcomePassed) })
	got := b.outcome(b.run(i))
	if after.Status != narrative.StatusImpasse || after.Rounds != 1 {
		t.Errorf("afterwards it is %s after %d rounds; want impasse after one", after.Status, after.Rounds)
	}
	same(t, []narrative.NotificationKind{narrative.NotifyApproval, narrative.NotifyImpasse, narrative.NotifyResolved}, got.Told)
}

// TestAcknowledge keeps rounds away while the failure stays the same, and no longer.
func TestAcknowledge(t *testing.T) {
	t.Parallel()
	b, i := setup(t, proposing("a", nothing))
	b.at(time.Hour, func() {
		b.signal(narrative.SignalAcknowledge, map[string]any{"by": "ann", "reason": "looking"})
	})
	b.at(5*time.Hour, func() { b.observe(narrative.OutcomeFailed) })
	var quiet, broken narrative.Issue
	b.at(6*time.Hour, func() {
		quiet = b.now(i)
		b.observe(narrative.OutcomeFailed, func(r *narrative.CheckRecord) { r.Verdict.Reason = "another" })
	})
	b.at(7*time.Hour, func() { broken = b.now(i); b.observe(narrative.OutcomePassed) })
	b.run(i)
	if quiet.Acknowledged == nil || quiet.Rounds != 1 {
		t.Errorf("acknowledged: %+v after %d rounds; want it to hold, and no round", quiet.Acknowledged, quiet.Rounds)
	}
	if broken.Acknowledged != nil || broken.Rounds != 2 {
		t.Errorf("with another reason: %+v after %d rounds; want the acknowledgement broken, and a round", broken.Acknowledged, broken.Rounds)
	}
}

// TestActionsMode holds plans back that nobody asked for.
func TestActionsMode(t *testing.T) {
	t.Parallel()
	for mode, want := range map[narrative.ActionsMode]narrative.StepState{
		narrative.ActionsRun: narrative.StepApplied, narrative.ActionsApprove: narrative.StepAwaitingApproval, narrative.ActionsOff: narrative.StepProposed,
	} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			b, i := setup(t, executing("a", "repair"))
			b.rule(func(_ *narrative.AssertionMeta, c *narrative.Config) { c.Actions = mode })
			b.at(time.Hour, func() {
				if got := b.now(i).Steps[0].State; got != want {
					t.Errorf("the step is %s; want %s", got, want)
				}
				b.observe(narrative.OutcomePassed)
			})
			b.run(i)
			if ran := slices.Contains(b.ran, "repair"); ran != (mode == narrative.ActionsRun) {
				t.Errorf("the plan was run: %v", ran)
			}
		})
	}
}

// TestSolutionsWhileAPlanRuns sends the same plan again, and then that it won't be fixed, while the plan runs: it is run
// once, and stops where the person says so.
func TestSolutionsWhileAPlanRuns(t *testing.T) {
	t.Parallel()
	b, i := setup(t, proposing("a", nothing))
	brought := map[string]any{"by": "ann", "plan": []any{map[string]any{"action": "charge"}, map[string]any{"action": "never"}}}
	b.during = func(string) {
		b.signal(narrative.SignalSolution, brought)
		b.signal(narrative.SignalWontFix, map[string]any{"by": "bea", "reason": "stop"})
	}
	b.at(time.Hour, func() { b.signal(narrative.SignalSolution, brought) })
	got := b.outcome(b.run(i))
	same(t, []string{"charge"}, got.Ran)
	same(t, narrative.StatusWontFix, got.Status)
}
