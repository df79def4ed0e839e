package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	narrative "github.com/narrative-go/narrative"
)

// Sweep deletes what is past keeping.
func Sweep(ctx workflow.Context) (narrative.Swept, error) {
	ctx = workflow.WithActivityOptions(ctx, bounded("sweep", time.Hour, 5))
	var swept narrative.Swept
	err := workflow.ExecuteActivity(ctx, acts.Sweep).Get(ctx, &swept)
	return swept, err
}

// Watchdog makes Temporal match the store: triggers that were removed come back, hand-offs and notifications that got
// lost are sent again, and an unresolved issue whose workflow is gone gets it back.
func Watchdog(ctx workflow.Context) (narrative.Reconciled, error) {
	ctx = workflow.WithActivityOptions(ctx, bounded("reconcile", 10*time.Minute, 3))
	var r narrative.Reconciled
	err := workflow.ExecuteActivity(ctx, acts.Watch).Get(ctx, &r)
	return r, err
}
