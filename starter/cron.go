package starter

import (
	"context"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/workflows"
)

// CronSpec is the cron expression that triggers the meta. An interval above a minute that divides an hour or a day
// becomes a calendar expression with a phase by hash(name), so that metas of one interval do not fire together; any
// other becomes @every.
func CronSpec(m narrative.Meta) string {
	if m.Cron != "" {
		if m.Timezone != "" {
			return "CRON_TZ=" + m.Timezone + " " + m.Cron
		}
		return m.Cron
	}
	every := time.Duration(m.Every)
	phase := phaseOf(m.Name)
	minutes := uint32(every / time.Minute)
	switch {
	case every <= time.Minute || every%time.Minute != 0:
	case minutes < 60 && 60%minutes == 0:
		return fmt.Sprintf("%d-59/%d * * * *", phase%minutes, minutes)
	case minutes == 60:
		return fmt.Sprintf("%d * * * *", phase%60)
	case minutes < 24*60 && minutes%60 == 0 && 24%(minutes/60) == 0:
		hours := minutes / 60
		return fmt.Sprintf("%d %d-23/%d * * *", phase%60, phase/60%hours, hours)
	case minutes == 24*60:
		return fmt.Sprintf("%d %d * * *", phase%60, phase/60%24)
	}
	return "@every " + every.String()
}

// cronTrigger is one cron workflow per meta.
type cronTrigger struct {
	client     client.Client
	attributes bool
}

var _ Trigger = (*cronTrigger)(nil)

// Triggers lists the running cron workflows.
func (t *cronTrigger) Triggers(ctx context.Context) (map[string]string, error) {
	found := map[string]string{}
	for _, workflowType := range []string{"CheckAssertion", "DetectEvent"} {
		checks, err := running(ctx, t.client, workflowType)
		if err != nil {
			return nil, err
		}
		for id, memo := range checks {
			if _, name, _ := strings.Cut(id, "/"); narrative.ValidName(name) == nil { // else it is /now, or a schedule's
				found[id] = fingerprint(memo)
			}
		}
	}
	return found, nil
}

// Start starts the cron workflow.
func (t *cronTrigger) Start(ctx context.Context, c Check) (replaced bool, err error) {
	o := c.options(c.ID(), t.attributes)
	o.CronSchedule = CronSpec(c.Meta)
	o.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL
	o.WorkflowExecutionErrorWhenAlreadyStarted = true
	in := workflows.CheckInput{Name: c.Meta.Name}
	_, err = t.client.ExecuteWorkflow(ctx, o, c.workflow(), in)
	if !alreadyStarted(err) {
		return false, wrapStart(c, err)
	}
	running, err := t.client.DescribeWorkflowExecution(ctx, c.ID(), "")
	if err == nil && fingerprint(running.WorkflowExecutionInfo.GetMemo()) == c.Memo().Fingerprint {
		return false, nil
	}
	o.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING
	_, err = t.client.ExecuteWorkflow(ctx, o, c.workflow(), in)
	return true, wrapStart(c, err)
}

func wrapStart(c Check, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("start the cron workflow %s: %w", c.ID(), unavailable(err))
}

// Stop ends the cron workflow, and the check that it may be making.
func (t *cronTrigger) Stop(ctx context.Context, id, reason string) error {
	if err := t.client.TerminateWorkflow(ctx, id, "", reason); err != nil && !notFound(err) {
		return fmt.Errorf("stop the cron workflow %s: %w", id, unavailable(err))
	}
	return nil
}
