package activities

import (
	"context"
	"time"

	narrative "github.com/narrative-go/narrative"
)

// keepRuns is how long the store keeps check runs.
const keepRuns = 30 * 24 * time.Hour

// Bounds of one sweep: rows of each kind deleted at a time, how many times, and the rest between two. Another process that
// writes to a SQLite file tries again and again until it has its turn: it gets one in the rest.
const (
	sweepBatch   = 1_000 // so few that who writes waits for a moment at most
	sweepBatches = 1_000
	sweepRest    = 10 * time.Millisecond
)

// Sweep deletes from the store what is past keeping, in batches, up to a million rows of each kind a time.
func (a *Activities) Sweep(ctx context.Context) (narrative.Swept, error) {
	defer beat(ctx)()
	var total narrative.Swept
	for range sweepBatches {
		now := a.now()
		swept, err := a.o.Store.Sweep(ctx, now, now.Add(-keepRuns), sweepBatch)
		if err != nil {
			return total, failed(err)
		}
		total.Datums += swept.Datums
		total.Occurrences += swept.Occurrences
		total.CheckRuns += swept.CheckRuns
		if swept.Datums < sweepBatch && swept.Occurrences < sweepBatch && swept.CheckRuns < sweepBatch {
			break
		}
		select {
		case <-ctx.Done():
			return total, failed(ctx.Err())
		case <-time.After(sweepRest):
		}
	}
	return total, nil
}

// Watch makes Temporal match the store.
func (a *Activities) Watch(ctx context.Context) (narrative.Reconciled, error) {
	defer beat(ctx)()
	r, err := a.o.Deliverer.Reconcile(ctx)
	return r, failed(err)
}
