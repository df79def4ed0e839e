package workflows_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/activities"
	"github.com/narrative-go/narrative/workflows"
)

// answer hears what became of an update.
type answer struct {
	accepted          bool
	rejected, failure error
}

func (a *answer) Accept()                       { a.accepted = true }
func (a *answer) Reject(err error)              { a.rejected = err }
func (a *answer) Complete(_ any, failure error) { a.failure = failure }

func (b *bench) update(name narrative.SignalName, p any) *answer {
	a := &answer{}
	b.env.UpdateWorkflow(string(name), "", a, payload(p))
	return a
}

// TestUpdates sends each signal as an update: what is malformed is rejected at no cost, what cannot be done is refused,
// what can be is done, and says so.
func TestUpdates(t *testing.T) {
	t.Parallel()
	b, i := setup(t, executing("a", "first"), executing("b", "second"))
	var malformed, unknownStep, badPlan, comment, solved, late *answer
	b.at(time.Hour, func() {
		malformed = b.update(narrative.SignalWontFix, map[string]any{"by": "ann"})
		unknownStep = b.update(narrative.SignalSolution, map[string]any{"step_id": "x"})
		badPlan = b.update(narrative.SignalSolution, map[string]any{"plan": []any{map[string]any{"action": "unknown"}}})
		comment = b.update(narrative.SignalComment, map[string]any{"text": "hm", "by": "ann"})
	})
	b.at(2*time.Hour, func() {
		now, _ := b.store.Issue(t.Context(), i.ID)
		solved = b.update(narrative.SignalSolution, map[string]any{"step_id": now.Steps[1].ID, "by": "ann"})
	})
	b.at(3*time.Hour, func() {
		b.update(narrative.SignalResolve, map[string]any{"by": "ann", "reason": "done"})
		late = b.update(narrative.SignalComment, map[string]any{"text": "too late"})
	})
	s := b.run(i)
	if malformed.rejected == nil || malformed.accepted || !strings.Contains(malformed.rejected.Error(), "reason") {
		t.Errorf("won't fix without a reason: %+v; want it rejected, naming reason", malformed)
	}
	for name, a := range map[string]*answer{"an unknown step": unknownStep, "a plan with an unknown action": badPlan} {
		if !a.accepted || activities.Kind(a.failure) != narrative.Invalid {
			t.Errorf("%s: %+v; want it refused as invalid", name, a)
		}
	}
	for name, a := range map[string]*answer{"a comment": comment, "a choice": solved} {
		if !a.accepted || a.failure != nil {
			t.Errorf("%s: %+v; want it done", name, a)
		}
	}
	if activities.Kind(late.failure) != narrative.Conflict {
		t.Errorf("a comment after the end: %+v; want a conflict", late)
	}
	if s.Issue.Status != narrative.StatusResolved || len(b.ran) != 1 || b.ran[0] != "second" {
		t.Errorf("status %s, actions %q; want resolved, and the plan chosen", s.Issue.Status, b.ran)
	}
}

// TestClosedInMidPlan has a person close the issue while its plan runs: the plan stops there.
func TestClosedInMidPlan(t *testing.T) {
	t.Parallel()
	b, i := setup(t, executing("a", "first", "second"))
	b.during = func(string) {
		b.env.SignalWorkflow(string(narrative.SignalWontFix), payload(map[string]any{"reason": "let it be"}))
	}
	s := b.run(i)
	if s.Issue.Status != narrative.StatusWontFix || len(b.ran) != 1 || s.Issue.Steps[0].State != narrative.StepFailed {
		t.Errorf("status %s, actions %q, step %s; want wont_fix after the first action, the step failed", s.Issue.Status, b.ran, s.Issue.Steps[0].State)
	}
}

// TestNewerIssue ends an issue with an observation of a newer one of the same key unread: the workflow carries on as
// that.
func TestNewerIssue(t *testing.T) {
	t.Parallel()
	b, i := setup(t)
	newer := narrative.Observation{IssueID: "newer", CheckSeq: 9}
	b.at(time.Hour, func() {
		b.env.SignalWorkflow(string(narrative.SignalResolve), payload(map[string]any{}))
		b.env.SignalWorkflow(narrative.SignalObserve, newer)
	})
	b.run(i)
	var next *workflow.ContinueAsNewError
	if err := b.env.GetWorkflowError(); !errors.As(err, &next) {
		t.Fatalf("it ended with %v; want continue-as-new", err)
	}
	var in workflows.IssueInput
	if err := converterOf(next, &in); err != nil || in.IssueID != newer.IssueID || len(in.Observations) != 1 {
		t.Errorf("it carries on with %+v (%v); want the newer issue and its observation", in, err)
	}
}

// TestClosedAlready starts the workflow for an issue that is closed: it ends at once.
func TestClosedAlready(t *testing.T) {
	t.Parallel()
	b, i := setup(t)
	b.at(0, func() { b.env.SignalWorkflow(string(narrative.SignalResolve), payload(map[string]any{})) })
	b.run(i)
	again := b.again()
	again.ExecuteWorkflow(workflows.ResolveIssue, workflows.IssueInput{IssueID: i.ID})
	if err := again.GetWorkflowError(); err != nil || !again.IsWorkflowCompleted() {
		t.Errorf("it ended with %v; want it to end at once", err)
	}
}

// TestBadSignalsAreNoted sends what no signal takes: each is on the timeline, and nothing changed.
func TestBadSignalsAreNoted(t *testing.T) {
	t.Parallel()
	b, i := setup(t)
	b.at(time.Hour, func() {
		b.env.SignalWorkflow(string(narrative.SignalSolution), []byte{0xff, 0x00})
		b.env.SignalWorkflow(string(narrative.SignalSolution), payload([]string{"x"}))
		b.env.SignalWorkflow(string(narrative.SignalWontFix), payload(map[string]any{"resaon": "typo"}))
	})
	b.at(2*time.Hour, func() { b.observe(narrative.OutcomePassed) })
	s := b.run(i)
	refused := 0
	for _, e := range s.Entries {
		if e.Kind == narrative.EntryRefused {
			refused++
		}
	}
	if refused != 3 || s.Issue.Status != narrative.StatusResolved {
		t.Errorf("%d refusals on the timeline, status %s; want 3, and resolved by the check", refused, s.Issue.Status)
	}
	var app *temporal.ApplicationError
	if errors.As(b.env.GetWorkflowError(), &app) {
		t.Errorf("the workflow failed: %v", app)
	}
}
