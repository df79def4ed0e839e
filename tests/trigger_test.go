package tests

import (
	"fmt"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/service"
	"github.com/narrative-go/narrative/workflows"
)

const gateYAML = `
assertions:
  - {name: gate, class: gate, every: %s, enabled: %t}
`

// TestTriggers walks each trigger's life on the real server.
func TestTriggers(t *testing.T) {
	t.Parallel()
	for _, trigger := range []narrative.Trigger{narrative.TriggerCron, narrative.TriggerSchedule} {
		t.Run(string(trigger), func(t *testing.T) {
			t.Parallel()
			var g gate
			h := buildWith(t, func(o *service.Options) { o.Trigger = trigger }, &g, fmt.Sprintf(gateYAML, "1h", true))
			first := h.run("gate", narrative.OutcomePassed, time.Time{})
			if first.WorkflowID != "assertion/gate/now" {
				t.Errorf("the first check was made by %s; want assertion/gate/now, at once", first.WorkflowID)
			}
			t.Run("a dry run keeps nothing", func(t *testing.T) {
				g.shut.Store(true)
				out, code := h.cli("check", "gate", "--dry-run")
				g.shut.Store(false)
				runs, err := h.store.CheckRuns(t.Context(), "gate", narrative.Page{})
				if code != 3 || !strings.Contains(out, "the gate is shut") || err != nil || len(runs.Items) != 1 {
					t.Errorf("exit code %d, %d runs recorded, %v; want 3, why, and only the first run\n%s", code, len(runs.Items), err, out)
				}
			})
			h.rewrite(fmt.Sprintf(gateYAML, "1s", true))
			tick := awaitTick(h, first.StartedAt)
			if got := len(h.history(tick.WorkflowID, tick.RunID)); got > 11 {
				t.Errorf("a passing, unchanged check costs %d history events; want at most 11", got)
			}
			t.Run("removed by hand, it comes back", func(t *testing.T) {
				removeTrigger(t, h, trigger, "assertion/gate")
				at := time.Now()
				comesBack(h, at)
			})
			t.Run("a slow check is not overlapped", func(t *testing.T) {
				g.slow.Store(int64(2500 * time.Millisecond))
				at := awaitTick(h, time.Now()).StartedAt
				awaitTick(h, at)
				g.slow.Store(0)
				if most := g.most.Load(); most > 1 {
					t.Errorf("%d checks were under way at once; want one", most)
				}
			})
			t.Run("disabled, it stops; enabled again, it is checked at once", func(t *testing.T) {
				h.rewrite(fmt.Sprintf(gateYAML, "1s", false))
				stopped(h, trigger, "assertion/gate")
				if out, code := h.cli("check", "gate"); code != 1 {
					t.Errorf("check of a disabled assertion: exit code %d; want 1\n%s", code, out)
				}
				at := time.Now()
				h.rewrite(fmt.Sprintf(gateYAML, "1h", true))
				if r := h.run("gate", narrative.OutcomePassed, at); r.WorkflowID != "assertion/gate/now" {
					t.Errorf("it was checked by %s; want assertion/gate/now", r.WorkflowID)
				}
			})
		})
	}
}

// removeTrigger does what an operator might do in the Temporal UI.
func removeTrigger(t *testing.T, h *house, trigger narrative.Trigger, id string) {
	t.Helper()
	var err error
	if trigger == narrative.TriggerCron {
		err = h.temporal.TerminateWorkflow(t.Context(), id, "", "by hand")
	} else {
		err = h.temporal.ScheduleClient().GetHandle(t.Context(), id).Delete(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// comesBack reconciles until the trigger ticks again. Lists lag a little: the first Reconcile may still see it.
func comesBack(h *house, after time.Time) {
	h.t.Helper()
	await(h.t, 30*time.Second, "it ticks again", func() error {
		reconcile(h)
		return ticked(h, after, &narrative.CheckRun{})
	})
}

// stopped reconciles until the trigger is gone.
func stopped(h *house, trigger narrative.Trigger, id string) {
	h.t.Helper()
	await(h.t, 20*time.Second, "the trigger is gone", func() error {
		reconcile(h)
		var held bool
		if trigger == narrative.TriggerSchedule {
			_, err := h.temporal.ScheduleClient().GetHandle(h.t.Context(), id).Describe(h.t.Context())
			held = err == nil
		} else {
			d, err := h.temporal.DescribeWorkflowExecution(h.t.Context(), id, "")
			held = err == nil && d.WorkflowExecutionInfo.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
		}
		if held {
			return fmt.Errorf("it is there")
		}
		return nil
	})
}

// awaitTick waits for a check made by the trigger itself.
func awaitTick(h *house, after time.Time) (found narrative.CheckRun) {
	h.t.Helper()
	await(h.t, 30*time.Second, "it ticks", func() error { return ticked(h, after, &found) })
	return found
}

func ticked(h *house, after time.Time, found *narrative.CheckRun) error {
	runs, err := h.store.CheckRuns(h.t.Context(), "gate", narrative.Page{})
	if err != nil {
		return err
	}
	for _, r := range runs.Items {
		if r.WorkflowID != workflows.CheckNowID(narrative.AssertionKind, "gate") && r.StartedAt.After(after) {
			*found = r
			return nil
		}
	}
	return fmt.Errorf("%d runs, none of them a tick", len(runs.Items))
}

// TestMovedBetweenTriggers moves a meta from cron to schedule and back while it has an open issue, which goes on.
func TestMovedBetweenTriggers(t *testing.T) {
	t.Parallel()
	var g gate
	g.shut.Store(true)
	moved := "assertions:\n  - {name: gate, class: gate, every: 1s, trigger: %s}\n"
	h := build(t, &g, fmt.Sprintf(moved, "cron"))
	i := h.issue("gate", narrative.StatusOpen)
	from, to := narrative.TriggerCron, narrative.TriggerSchedule
	for range 2 {
		h.rewrite(fmt.Sprintf(moved, to))
		stopped(h, from, "assertion/gate")
		comesBack(h, time.Now())
		from, to = to, from
	}
	if now := h.issue("gate", narrative.StatusOpen); now.ID != i.ID {
		t.Errorf("issue %s is open; want the same as before the moves, %s", now.ID, i.ID)
	}
	g.shut.Store(false)
	if now := h.issue("gate", narrative.StatusResolved); now.ID != i.ID {
		t.Errorf("issue %s is resolved; want %s", now.ID, i.ID)
	}
}

// TestScheduleKeepsItsTimeZone asks the server when a schedule will fire: at nine in Paris, whatever the season.
func TestScheduleKeepsItsTimeZone(t *testing.T) {
	t.Parallel()
	var g gate
	h := buildWith(t, bySchedule, &g, `
assertions:
  - {name: gate, class: gate, cron: "0 9 15 1,7 *", timezone: Europe/Paris}
`)
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	var s *client.ScheduleDescription
	await(t, 10*time.Second, "the schedule is there", func() (err error) {
		s, err = h.temporal.ScheduleClient().GetHandle(t.Context(), "assertion/gate").Describe(t.Context())
		return err
	})
	offsets := map[int]bool{}
	for _, next := range s.Info.NextActionTimes {
		local := next.In(paris)
		if local.Hour() != 9 || local.Minute() != 0 {
			t.Errorf("it fires at %s; want nine o'clock", local)
		}
		_, offset := local.Zone()
		offsets[offset] = true
	}
	if len(offsets) != 2 {
		t.Errorf("next times %v; want some in winter and some in summer", s.Info.NextActionTimes)
	}
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
