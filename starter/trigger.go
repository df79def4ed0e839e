package starter

import (
	"context"
	"encoding/json"
	"hash/fnv"

	commonpb "go.temporal.io/api/common/v1"
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
	encoded, _ := json.Marshal([]any{m, c.Meta.Every, c.Meta.Cron, c.Meta.Timezone, c.Meta.Severity, c.Meta.DisplayName}) // plain values encode
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
		kind, quiet := workflows.KindAssertion, narrative.OutcomePassed
		if c.Kind == narrative.EventKind {
			kind, quiet = workflows.KindEvent, narrative.OutcomeNotDetected
		}
		o.TypedSearchAttributes = temporal.NewSearchAttributes(
			workflows.AttributeKind.ValueSet(kind),
			workflows.AttributeName.ValueSet(c.Meta.Name),
			workflows.AttributeOutcome.ValueSet(string(quiet)),
			workflows.AttributeSeverity.ValueSet(string(c.Meta.Severity)),
		)
	}
	return o
}

// phaseOf spreads names evenly.
func phaseOf(name string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(name))
	return h.Sum32()
}

// fingerprint reads the trigger's fingerprint, empty where there is none to be read.
func fingerprint(m *commonpb.Memo) string {
	var memo workflows.CheckMemo
	if field := m.GetFields()[workflows.CheckMemoKey]; field != nil {
		_ = converter.GetDefaultDataConverter().FromPayload(field, &memo) // then it is empty, and the trigger replaced
	}
	return memo.Fingerprint
}
