//go:build record

package tests

import (
	"context"
	"fmt"
	"iter"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	narrative "github.com/narrative-go/narrative"
)

// TestRecordHistoriesOfLives plays the scenes in which people and time decide.
func TestRecordHistoriesOfLives(t *testing.T) {
	if *recordTo == "" {
		t.Fatal("say where the histories go: -record DIR")
	}
	if err := os.MkdirAll(*recordTo, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, play := range map[string]func(*life){
		"a plan is approved":                    approved,
		"a plan is rejected":                    rejected,
		"an approval is stale":                  staleApproved,
		"an acknowledgement lapses":             acknowledgedUntil,
		"an issue is snoozed":                   snoozed,
		"a round is asked for":                  diagnosedOnRequest,
		"a record is verified":                  verifiedRecord,
		"an ordinary check verifies":            verifiedByCheck,
		"a plan is rolled back":                 rolledBack,
		"time passes":                           escalatedAndRenotified,
		"a record is gone":                      recordGone,
		"the assertion is removed":              assertionRemoved,
		"the severity changes":                  severityChanged,
		"signals are carried over":              signalsCarriedOver,
		"the response to an event is held back": heldBack,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(&life{recorder: &recorder{T: t, begun: make(chan struct{}, 10), release: make(chan struct{})}})
		})
	}
}

// life is a recorder whose scenes have a shelf of one thing, besides the gate.
type life struct {
	*recorder
	gone    atomic.Bool  // the thing of the shelf
	tries   atomic.Int64 // how often the action mend was carried out
	enough  int64        // after so many the gate is open
	written string       // the text that was applied
}

// fails starts a house whose assertion fails at its first check, and waits for its issue.
func (l *life) fails(class, more string) {
	l.Helper()
	l.gate.shut.Store(true)
	l.written = fmt.Sprintf("config: {admins: {email: [ops@example.com]}}\nassertions:\n  - name: gate\n    class: %s\n    every: 30d\n%s", class, more)
	l.house = build(l.T, &l.gate, l.written, l.register, func(reg *narrative.Registry) {
		narrative.AddRecordAssertion(reg, "shelf", func(struct{}) (narrative.RecordAssertion, error) { return shelf{l}, nil })
		narrative.AddAction(reg, "mend", func(context.Context, struct{}) error {
			if l.tries.Add(1) >= l.enough {
				l.gate.shut.Store(false)
			}
			return nil
		})
	})
	l.run("gate", narrative.OutcomeFailed, time.Time{})
}

// keepLife waits until the issue is resolved, and writes its workflow's history down.
func (l *life) keepLife(name string, i narrative.Issue) {
	l.Helper()
	l.issue("gate", narrative.StatusResolved)
	l.keep(name, i.WorkflowID, l.newest(i.WorkflowID))
}

// shelf is an assertion over records: while the gate is shut, the one thing violates it, unless it is gone.
type shelf struct{ *life }

// Violations are those of the thing.
func (s shelf) Violations(ctx context.Context) iter.Seq2[narrative.Violation, error] {
	return func(yield func(narrative.Violation, error) bool) {
		if v, err := s.CheckRecord(ctx, narrative.Record{Type: "thing", ID: "1"}); v != nil {
			yield(*v, err)
		}
	}
}

// CheckRecord checks the thing by itself.
func (s shelf) CheckRecord(_ context.Context, r narrative.Record) (*narrative.Violation, error) {
	if s.gone.Load() || !s.gate.shut.Load() {
		return nil, nil
	}
	return &narrative.Violation{Record: r, Summary: "the thing is wrong"}, nil
}

// Exists tells whether the thing is there.
func (s shelf) Exists(context.Context, narrative.Record) (bool, error) { return !s.gone.Load(), nil }

const (
	asking = "    diagnostics: [{case: repair, reason: it broke, plan: [{note: {text: %s}}], approval: required%s}]\n"
	slowly = "    diagnostics: [{case: mend, reason: it broke, plan: [{mend: {}}], verify_after: 1s}]\n"
	undone = "    diagnostics: [{case: repair, reason: it broke, plan: [{note: {text: one}}, {note: {text: two}}, " +
		"{repair: {}, retry: {attempts: 1}}], rollback: [{note: {text: undo one}}, {note: {text: undo two}}, null]}]\n"
)

func approved(l *life) {
	l.fails("gate", fmt.Sprintf(asking, "done", ""))
	i := l.awaits("gate", narrative.AwaitingApproval)
	l.approve(i)
	l.rests(narrative.StatusSolutionApplied, 1)
	l.recovers()
	l.keepLife("issue-approved-then-resolved", i)
}

// approve approves what is waited for.
func (l *life) approve(i narrative.Issue) {
	l.Helper()
	step, _ := i.Step(i.Awaiting.StepID)
	l.does("issue", "approve", i.ID, "--step", step.ID, "--digest", step.Digest, "--by", "ann")
}

func rejected(l *life) {
	l.fails("gate", fmt.Sprintf(asking, "done", ", approval_timeout: 1s"))
	i := l.awaits("gate", narrative.AwaitingApproval)
	l.noted(i, "nobody has approved")
	l.does("issue", "reject", i.ID, "--reason", "not now", "--by", "ann")
	l.rests(narrative.StatusImpasse, 1)
	l.recovers()
	l.keepLife("issue-approval-escalated-then-rejected", i)
}

func staleApproved(l *life) {
	l.fails("gate", fmt.Sprintf(asking, "old", ""))
	i := l.awaits("gate", narrative.AwaitingApproval)
	after := time.Now()
	l.rewrite(fmt.Sprintf("config: {admins: {email: [ops@example.com]}}\nassertions:\n  - name: gate\n    class: gate\n    every: 30d\n"+asking, "new", ""))
	l.run("gate", narrative.OutcomeFailed, after)
	step, _ := i.Step(i.Awaiting.StepID)
	l.refuses("issue", "approve", i.ID, "--step", step.ID, "--digest", step.Digest, "--by", "ann")
	l.rests(narrative.StatusOpen, 2)
	l.approve(l.awaits("gate", narrative.AwaitingApproval))
	l.rests(narrative.StatusSolutionApplied, 2)
	l.recovers()
	l.keepLife("issue-approval-stale-then-approved", i)
}

func acknowledgedUntil(l *life) {
	l.fails("gate", passing)
	i := l.rests(narrative.StatusOpen, 1)
	l.signal(i, "acknowledge", fmt.Sprintf(`{"by": "ann", "until": %q}`, time.Now().UTC().Add(2*time.Second).Format(time.RFC3339Nano)))
	l.noted(i, "the acknowledgement by ann has ended")
	l.check(narrative.OutcomeFailed)
	l.rests(narrative.StatusOpen, 2)
	l.recovers()
	l.keepLife("issue-acknowledged-until-then-recovered", i)
}

func snoozed(l *life) {
	l.fails("gate", passing)
	i := l.rests(narrative.StatusOpen, 1)
	l.does("issue", "snooze", i.ID, "--for", "1s", "--by", "ann")
	l.noted(i, "the snooze has ended")
	l.recovers()
	l.keepLife("issue-snoozed-then-recovered", i)
}

func diagnosedOnRequest(l *life) {
	l.fails("gate", undecided)
	i := l.rests(narrative.StatusImpasse, 1)
	l.does("issue", "diagnose", i.ID, "--by", "ann")
	l.rests(narrative.StatusImpasse, 2)
	l.recovers()
	l.keepLife("issue-diagnosed-on-request-then-recovered", i)
}

func verifiedRecord(l *life) {
	l.enough = 2 // the first does not help
	l.fails("shelf", slowly)
	l.keepLife("issue-record-verified-by-timer", l.rests(narrative.StatusResolved, 2))
}

func verifiedByCheck(l *life) {
	l.enough = 1
	l.fails("gate", slowly)
	l.keepLife("issue-verified-by-timer-and-check", l.rests(narrative.StatusResolved, 1))
}

func rolledBack(l *life) {
	l.clumsy.Store(true)
	l.fails("gate", undone)
	i := l.rests(narrative.StatusImpasse, 1)
	if i.Steps[0].State != narrative.StepRolledBack {
		l.Fatalf("step %+v; want it rolled back", i.Steps[0])
	}
	l.recovers()
	l.keepLife("issue-plan-rolled-back-then-recovered", i)
}

func escalatedAndRenotified(l *life) {
	l.fails("gate", "    renotify: [1s, 30d]\n    escalate: [{after: 3s, notify: {email: [lead@example.com]}}]\n")
	i := l.rests(narrative.StatusOpen, 1)
	l.noted(i, "admins are told again")
	l.noted(i, "escalated, level 1 of 1")
	l.recovers()
	l.keepLife("issue-renotified-and-escalated-by-timers", i)
}

func recordGone(l *life) {
	l.fails("shelf", passing)
	i := l.rests(narrative.StatusOpen, 1)
	l.gone.Store(true)
	l.check(narrative.OutcomePassed)
	l.keepLife("issue-record-gone", i)
}

func assertionRemoved(l *life) {
	l.fails("gate", passing)
	i := l.rests(narrative.StatusOpen, 1)
	l.does("assertion", "remove", "gate", "--yes")
	l.keepLife("issue-assertion-removed", i)
}

func severityChanged(l *life) {
	l.fails("gate", undecided)
	i := l.rests(narrative.StatusImpasse, 1)
	after := time.Now()
	l.rewrite(l.written + "    severity: critical\n")
	l.run("gate", narrative.OutcomeFailed, after)
	l.attributes(i.WorkflowID, map[string]string{"NarrativeSeverity": "critical"})
	l.recovers()
	l.keepLife("issue-severity-changed-then-recovered", i)
}

// signalsCarriedOver sends more signals than a run's history should hold while a plan is carried out, and keeps the run
// that begins with those that had not been carried out.
func signalsCarriedOver(l *life) {
	const signals, lanes = 4_300, 16
	l.fails("gate", "    diagnostics: [{case: slow, reason: it takes long, plan: [{wait: {}}]}]\n")
	<-l.begun
	i := l.issue("gate", narrative.StatusOpen)
	first := l.newest(i.WorkflowID)
	var wait sync.WaitGroup
	for range lanes {
		wait.Go(func() {
			for range signals / lanes {
				nothing := narrative.Observation{IssueID: i.ID} // says nothing
				if err := l.temporal.SignalWorkflow(l.T.Context(), i.WorkflowID, "", narrative.SignalObserve, nothing); err != nil {
					l.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	l.signal(i, "comment", `{"text": "how long?", "by": "ann"}`)
	l.signal(i, "solution", `["not an object"]`)
	l.signal(i, "acknowledge", `{"reason": "I wait", "by": "ann"}`)
	close(l.release)
	l.noted(i, "acknowledged")
	l.noted(i, "the signal solution was refused")
	events := l.history(i.WorkflowID, first)
	if last := events[len(events)-1].EventType; last != enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW {
		l.Fatalf("the first run ended with %s; want it continued as new", last)
	}
	l.recovers()
	l.keepLife("issue-signals-carried-over-then-recovered", i)
}

// heldBack leaves behind the answer to an occurrence that is not carried out, because actions are off.
func heldBack(l *life) {
	var b bell
	b.rung.Store(1)
	text := "config: {actions: off, admins: {email: [ops@example.com]}}\n" +
		"events: [{name: bell, class: bell, every: 30d, respond: [{note: {text: ring}}]}]\n"
	l.house = build(l.T, &l.gate, text, l.register, func(reg *narrative.Registry) {
		narrative.AddEvent(reg, "bell", func(struct{}) (narrative.Event, error) { return &b, nil })
	})
	l.keep("occurrence-held-back", l.responses(1)[0], "")
}
