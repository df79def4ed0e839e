package starter

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/narrative-go/narrative/workflows"
)

// catchupWindow is how late a tick may still be made: the least that Temporal allows. Its own default is a year.
const catchupWindow = 10 * time.Second

// scheduleTrigger is one Temporal Schedule per meta, whose id is the check's. A schedule that somebody paused stays
// paused: Narrative does not look.
type scheduleTrigger struct {
	client     client.Client
	attributes bool
}

var _ Trigger = (*scheduleTrigger)(nil)

// Triggers lists the schedules that start checks.
func (t *scheduleTrigger) Triggers(ctx context.Context) (map[string]string, error) {
	list, err := t.client.ScheduleClient().List(ctx, client.ScheduleListOptions{PageSize: 1000})
	if err != nil {
		return nil, unavailable(err)
	}
	found := map[string]string{}
	for list.HasNext() {
		s, err := list.Next()
		if err != nil {
			return nil, unavailable(err)
		}
		if held := fingerprint(s.Memo); held != "" {
			found[s.ID] = held
		}
	}
	return found, nil
}

// Start creates the schedule.
func (t *scheduleTrigger) Start(ctx context.Context, c Check) (replaced bool, err error) {
	schedules := t.client.ScheduleClient()
	_, err = schedules.Create(ctx, t.options(c))
	if !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return false, wrapSchedule(c, err)
	}
	handle := schedules.GetHandle(ctx, c.ID())
	held, err := handle.Describe(ctx)
	if err == nil && fingerprint(held.Memo) == c.Memo().Fingerprint {
		return false, nil
	}
	if err := handle.Delete(ctx); err != nil && !notFound(err) {
		return true, wrapSchedule(c, err)
	}
	_, err = schedules.Create(ctx, t.options(c))
	return true, wrapSchedule(c, err)
}

// options are the schedule of the check: an interval has its phase by hash(name), so that metas of one interval do not
// fire together.
func (t *scheduleTrigger) options(c Check) client.ScheduleOptions {
	workflow := c.options(c.ID(), t.attributes)
	o := client.ScheduleOptions{
		ID:            c.ID(),
		Spec:          client.ScheduleSpec{TimeZoneName: c.Meta.Timezone},
		Overlap:       enumspb.SCHEDULE_OVERLAP_POLICY_SKIP,
		CatchupWindow: catchupWindow,
		Memo:          workflow.Memo,
		Action: &client.ScheduleWorkflowAction{
			ID: workflow.ID, Workflow: c.workflow(), Args: []any{workflows.CheckInput{Name: c.Meta.Name}},
			TaskQueue: workflow.TaskQueue, Memo: workflow.Memo, TypedSearchAttributes: workflow.TypedSearchAttributes,
			StaticSummary: workflow.StaticSummary,
		},
	}
	if c.Meta.Cron != "" {
		o.Spec.CronExpressions = []string{c.Meta.Cron}
		return o
	}
	every := time.Duration(c.Meta.Every)
	offset := time.Duration(phaseOf(c.Meta.Name)) * time.Second % every
	o.Spec.Intervals = []client.ScheduleIntervalSpec{{Every: every, Offset: offset}}
	return o
}

func wrapSchedule(c Check, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("create the schedule %s: %w", c.ID(), unavailable(err))
}

// Stop deletes the schedule. A check that it started goes on to its end.
func (t *scheduleTrigger) Stop(ctx context.Context, id, _ string) error {
	err := t.client.ScheduleClient().GetHandle(ctx, id).Delete(ctx)
	if err != nil && !notFound(err) {
		return fmt.Errorf("delete the schedule %s: %w", id, unavailable(err))
	}
	return nil
}
