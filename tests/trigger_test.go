package tests

import (
	"fmt"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/workflows"
)

const gateYAML = `
assertions:
  - {name: gate, class: gate, every: %s, enabled: %t}
`

// TestCron walks the cron trigger's life on the real server: first check at once, ticks, change of the interval,
// disabling, removal by hand and return.
func TestCron(t *testing.T) {
	t.Parallel()
	var g gate
	h := build(t, &g, fmt.Sprintf(gateYAML, "1h", true))
	first := h.run("gate", narrative.OutcomePassed, time.Time{})
	if first.WorkflowID != "assertion/gate/now" {
		t.Errorf("the first check was made by %s; want assertion/gate/now, at once", first.WorkflowID)
	}

	h.rewrite(fmt.Sprintf(gateYAML, "1s", true))
	for range 2 {
		tick := h.run("gate", narrative.OutcomePassed, first.StartedAt)
		first = tick
	}
	tick := awaitTick(h, first.StartedAt)
	if got := len(h.history(tick.WorkflowID, tick.RunID)); got > 11 {
		t.Errorf("a passing, unchanged check costs %d history events; want at most 11", got)
	}

	if err := h.temporal.TerminateWorkflow(t.Context(), "assertion/gate", "", "by hand"); err != nil {
		t.Fatal(err)
	}
	ended := time.Now()
	reconcile(h)
	awaitTick(h, ended)

	h.rewrite(fmt.Sprintf(gateYAML, "1s", false))
	await(t, 10*time.Second, "the disabled meta's cron is gone", func() error {
		d, err := h.temporal.DescribeWorkflowExecution(t.Context(), "assertion/gate", "")
		if err == nil && d.WorkflowExecutionInfo.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			reconcile(h)
			return fmt.Errorf("it runs")
		}
		return err
	})
	if out, code := h.cli("check", "gate"); code != 1 {
		t.Errorf("check of a disabled assertion: exit code %d; want 1\n%s", code, out)
	}
	h.rewrite(fmt.Sprintf(gateYAML, "1h", true))
	h.run("gate", narrative.OutcomePassed, ended)
}

// awaitTick waits for a check made by the cron itself.
func awaitTick(h *house, after time.Time) (found narrative.CheckRun) {
	h.t.Helper()
	await(h.t, 30*time.Second, "the cron ticks", func() error {
		runs, err := h.store.CheckRuns(h.t.Context(), "gate", narrative.Page{})
		if err != nil {
			return err
		}
		for _, r := range runs.Items {
			if r.WorkflowID == workflows.CheckID(narrative.AssertionKind, "gate") && r.StartedAt.After(after) {
				found = r
				return nil
			}
		}
		return fmt.Errorf("%d runs", len(runs.Items))
	})
	return found
}

func reconcile(h *house) {
	h.t.Helper()
	if _, err := h.service.Reconcile(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// TestOutcomeIsSeen finds checks and issues by their search attributes, as the Temporal UI does: a check that fails is
// seen as failed, and the cron's next run as passed again.
func TestOutcomeIsSeen(t *testing.T) {
	t.Parallel()
	var g gate
	g.shut.Store(true)
	h := build(t, &g, fmt.Sprintf(gateYAML, "1s", true))
	seen := func(query string) func() error {
		return func() error {
			n, err := h.temporal.CountWorkflow(t.Context(), countRequest(query))
			if err == nil && n.Count == 0 {
				err = fmt.Errorf("none")
			}
			return err
		}
	}
	await(t, 30*time.Second, "a failed check is seen", seen("NarrativeKind='assertion' AND NarrativeName='gate' AND NarrativeOutcome='failed'"))
	await(t, 30*time.Second, "the open issue is seen", seen("NarrativeKind='issue' AND NarrativeOutcome='open' AND ExecutionStatus='Running'"))
	g.shut.Store(false)
	await(t, 30*time.Second, "the resolved issue is seen", seen("NarrativeKind='issue' AND NarrativeOutcome='resolved' AND ExecutionStatus='Completed'"))
	passed := awaitTick(h, h.run("gate", narrative.OutcomePassed, time.Time{}).StartedAt)
	await(t, 30*time.Second, "a passing check is seen as passed", seen(fmt.Sprintf("NarrativeOutcome='passed' AND RunId='%s'", passed.RunID)))
	g.broken.Store(true)
	broken := h.run("gate", narrative.OutcomeErrored, passed.StartedAt)
	await(t, 30*time.Second, "a check that could not be made is seen as failed workflow", seen(fmt.Sprintf("NarrativeOutcome='errored' AND ExecutionStatus='Failed' AND RunId='%s'", broken.RunID)))
}

// TestOneBadMetaStopsNoOther has a meta whose class the worker lacks beside a good one.
func TestOneBadMetaStopsNoOther(t *testing.T) {
	t.Parallel()
	var g gate
	h := build(t, &g, fmt.Sprintf(gateYAML, "1s", true))
	lost := narrative.AssertionMeta{Meta: narrative.Meta{Name: "lost", Class: "nobody.Knows", Every: narrative.Duration(time.Second), Enabled: true}}
	if _, err := h.store.Apply(t.Context(), narrative.Manifest{Source: "test", Assertions: []narrative.AssertionMeta{lost.WithDefaults()}}, time.Now()); err != nil {
		t.Fatal(err)
	}
	reconcile(h)
	errored := h.run("lost", narrative.OutcomeErrored, time.Time{})
	awaitTick(h, errored.StartedAt)
	if i := h.issue("lost", narrative.StatusOpen); i.Kind != narrative.KindCheckError {
		t.Errorf("the issue's kind is %s; want check_error", i.Kind)
	}
}
