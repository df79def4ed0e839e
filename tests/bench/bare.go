package main

import (
	"context"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// bareQueue is the task queue of the floor.
const bareQueue = "bare"

// bare is the floor: a worker as Narrative's, for a workflow with one activity that does nothing.
type bare struct {
	worker worker.Worker
	done   atomic.Int64 // activities
}

func newBare(c client.Client) (*bare, error) {
	b := &bare{worker: worker.New(c, bareQueue, worker.Options{})}
	b.worker.RegisterWorkflow(b.Flow)
	b.worker.RegisterActivity(b.Nothing)
	return b, b.worker.Start()
}

// Flow is the least that a check could be.
func (b *bare) Flow(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{ScheduleToCloseTimeout: time.Minute})
	return workflow.ExecuteActivity(ctx, b.Nothing).Get(ctx, nil)
}

// Nothing does nothing.
func (b *bare) Nothing(context.Context) error {
	b.done.Add(1)
	return nil
}
