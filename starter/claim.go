package starter

import (
	"context"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/converter"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/workflows"
)

// storeMemoKey is where the memo of the watchdog holds the identity of the store that its namespace belongs to.
const storeMemoKey = "store"

// Claim answers nil where the namespace belongs to this starter's store, or to none yet. Two stores in one namespace
// would take each other's tasks and stop each other's checks, so that is a [narrative.Conflict]. The sign is the
// watchdog, which Reconcile starts.
func (s *Starter) Claim(ctx context.Context) error {
	identity, err := s.o.Store.Identity(ctx)
	if err != nil {
		return err
	}
	s.identity = identity
	watchdog, err := s.o.Client.DescribeWorkflowExecution(ctx, workflows.WatchdogID, "")
	if notFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for the watchdog: %w", unavailable(err))
	}
	var owner string
	if field := watchdog.WorkflowExecutionInfo.GetMemo().GetFields()[storeMemoKey]; field != nil {
		_ = converter.GetDefaultDataConverter().FromPayload(field, &owner) // then nobody's name can be read
	}
	running := watchdog.WorkflowExecutionInfo.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	if !running || owner == "" || owner == identity {
		return nil
	}
	return narrative.Errorf(narrative.Conflict, "this Temporal namespace belongs to another Narrative, with another store: "+
		"set TEMPORAL_NAMESPACE to one of its own, or, if that store is gone for good, terminate the workflow %q there", workflows.WatchdogID)
}
