package starter

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/workflows"
)

// Trigger makes an enabled meta be checked on time.
type Trigger interface {
	// Triggers returns the fingerprints of the triggers that Temporal holds, by check id. It may lag a little behind.
	Triggers(ctx context.Context) (map[string]string, error)
	// Start makes Temporal hold the check's trigger, replacing one of another fingerprint; true when it was replaced.
	Start(ctx context.Context, c Check) (replaced bool, err error)
	// Stop removes the trigger of that check id; it is no error when there is none.
	Stop(ctx context.Context, id, reason string) error
}

// Check is a meta as a trigger sees it.
type Check struct {
	Kind narrative.MetaKind
	Meta narrative.Meta
}

// ID is the check id.
func (c Check) ID() string { return workflows.CheckID(c.Kind, c.Meta.Name) }

// workflow is the workflow that makes the check.
func (c Check) workflow() any {
	if c.Kind == narrative.EventKind {
		return workflows.DetectEvent
	}
	return workflows.CheckAssertion
}

// Memo is what the check's workflow is told.
func (c Check) Memo() workflows.CheckMemo {
	m := workflows.CheckMemo{Queue: c.Meta.Queue, Timeout: c.Meta.CheckTimeout()}
	encoded, _ := json.Marshal([]any{m, CronSpec(c.Meta), c.Meta.Severity, c.Meta.DisplayName}) // plain values encode
	m.Fingerprint = narrative.HashText(string(encoded))[:16]
	return m
}

// options start the check's workflow with the given id.
func (c Check) options(id string, attributes bool) client.StartWorkflowOptions {
	o := client.StartWorkflowOptions{
		ID: id, TaskQueue: narrative.TaskQueue, StaticSummary: c.Meta.DisplayName,
		Memo: map[string]any{workflows.CheckMemoKey: c.Memo()},
	}
	if attributes {
		kind := workflows.KindAssertion
		if c.Kind == narrative.EventKind {
			kind = workflows.KindEvent
		}
		o.TypedSearchAttributes = temporal.NewSearchAttributes(
			workflows.AttributeKind.ValueSet(kind),
			workflows.AttributeName.ValueSet(c.Meta.Name),
			workflows.AttributeOutcome.ValueSet(string(narrative.OutcomePassed)),
			workflows.AttributeSeverity.ValueSet(string(c.Meta.Severity)),
		)
	}
	return o
}

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

func phaseOf(name string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(name))
	return h.Sum32()
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
	request := &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: 1000,
		Query:    "WorkflowType IN ('CheckAssertion', 'DetectEvent') AND ExecutionStatus = 'Running'",
	}
	for {
		page, err := t.client.ListWorkflow(ctx, request)
		if err != nil {
			return nil, unavailable(err)
		}
		for _, e := range page.Executions {
			if id := e.Execution.WorkflowId; strings.Count(id, "/") == 1 {
				found[id] = fingerprint(e.Memo)
			}
		}
		if len(page.NextPageToken) == 0 {
			return found, nil
		}
		request.NextPageToken = page.NextPageToken
	}
}

// fingerprint reads the trigger's fingerprint, empty where there is none to be read.
func fingerprint(m *commonpb.Memo) string {
	var memo workflows.CheckMemo
	if field := m.GetFields()[workflows.CheckMemoKey]; field != nil {
		_ = converter.GetDefaultDataConverter().FromPayload(field, &memo) // then it is empty, and the trigger replaced
	}
	return memo.Fingerprint
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
