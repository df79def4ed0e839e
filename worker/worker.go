// Package worker is the half of Narrative that answers Temporal: it polls the task queues and runs workflows and
// activities. The other half, which calls Temporal, is starter.
package worker

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/activities"
	"github.com/narrative-go/narrative/workflows"
)

// Options are what [New] needs.
type Options struct {
	Client     client.Client          // required
	Activities *activities.Activities // required
	// Queues are task queues of checks that this worker polls besides the house's own two.
	Queues []string
	// StopTimeout is how long Stop waits for activities to end; default 5 s.
	StopTimeout time.Duration
	// Failed hears of an error that stops polling for good; default nobody does.
	Failed func(error)
}

// Worker polls the task queues of the house: one for workflows, checks, cases and actions, one for telling, so that a
// slow application never delays a message, and one for each further queue of checks.
type Worker struct {
	workers []worker.Worker
}

// defaultStopTimeout leaves an orderly stop time enough to end within ten seconds.
const defaultStopTimeout = 5 * time.Second

// New returns a worker that is not polling yet, or an error that names what is missing.
func New(o Options) (*Worker, error) {
	switch {
	case o.Client == nil:
		return nil, errors.New("worker: Options.Client is required")
	case o.Activities == nil:
		return nil, errors.New("worker: Options.Activities is required")
	}
	if o.StopTimeout == 0 {
		o.StopTimeout = defaultStopTimeout
	}
	w := &Worker{}
	w.poll(o, narrative.TaskQueue, workflows.CheckAssertion, workflows.DetectEvent, workflows.ResolveIssue,
		workflows.RespondEvent, workflows.Sweep, workflows.Watchdog)
	w.poll(o, narrative.NotifyTaskQueue, workflows.Notify, workflows.Refresh)
	for _, queue := range o.Queues {
		w.poll(o, queue)
	}
	return w, nil
}

// poll adds the poller of a task queue; one without workflows takes activities alone.
func (w *Worker) poll(o Options, queue string, flows ...any) {
	polling := worker.New(o.Client, queue, worker.Options{
		WorkerStopTimeout: o.StopTimeout, OnFatalError: o.Failed, DisableWorkflowWorker: len(flows) == 0,
	})
	for _, flow := range flows {
		polling.RegisterWorkflow(flow)
	}
	polling.RegisterActivity(o.Activities)
	w.workers = append(w.workers, polling)
}

// Start begins to poll.
func (w *Worker) Start() error {
	for n, each := range w.workers {
		if err := each.Start(); err != nil {
			for _, started := range w.workers[:n] {
				started.Stop()
			}
			return fmt.Errorf("start the worker: %w", err)
		}
	}
	return nil
}

// Stop ends polling and waits for what is under way, up to the stop timeout.
func (w *Worker) Stop() {
	done := make(chan struct{})
	for _, each := range w.workers {
		go func() {
			each.Stop()
			done <- struct{}{}
		}()
	}
	for range w.workers {
		<-done
	}
}
