package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/starter"
	"github.com/narrative-go/narrative/workflows"
)

// lanes is how many workflows are under way at once: enough to saturate two cores.
const lanes = 16

// day is an interval that does not come round while the bench runs.
const day = 24 * time.Hour

// start starts the workflow of a lane.
type start func(ctx context.Context, lane int) (client.WorkflowRun, error)

// measureChecks makes as many checks as the machine can, and as many bare workflows, in turns.
func measureChecks(ctx context.Context, dir string, s size) ([]row, error) {
	h, err := newHouse(ctx, dir, "")
	if err != nil {
		return nil, err
	}
	defer h.stop()
	metas := gates(lanes, day, "")
	if err := h.watch(ctx, metas); err != nil {
		return nil, err
	}
	speed := row{what: "checks a second at saturation", bound: bound{"≥", 0.85}, note: "floor: a bare workflow with one activity"}
	work := row{what: "worker CPU a check, ms", compare: difference, bound: bound{"≤", 2}, note: "floor: the same; without the server's"}
	ours := func(ctx context.Context, lane int) (client.WorkflowRun, error) { return h.check(ctx, metas[lane].Meta) }
	for n := range rounds + 1 {
		floor, err := saturate(ctx, s.checks, h.startBare)
		if err != nil {
			return nil, err
		}
		check, err := saturate(ctx, s.checks, ours)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			continue // that was to warm up
		}
		speed.floor, speed.ours = append(speed.floor, floor.perSecond), append(speed.ours, check.perSecond)
		work.floor, work.ours = append(work.floor, floor.cpuEach), append(work.ours, check.cpuEach)
	}
	return []row{speed, work}, nil
}

// check makes a check as starter does for `narrative check`: with memo, summary and search attributes.
func (h *house) check(ctx context.Context, m narrative.Meta) (client.WorkflowRun, error) {
	c := starter.Check{Kind: narrative.AssertionKind, Meta: m}
	return h.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflows.CheckNowID(c.Kind, m.Name), TaskQueue: narrative.TaskQueue, StaticSummary: m.DisplayName,
		Memo: map[string]any{workflows.CheckMemoKey: c.Memo()},
		TypedSearchAttributes: temporal.NewSearchAttributes(
			workflows.AttributeKind.ValueSet(workflows.KindAssertion),
			workflows.AttributeName.ValueSet(m.Name),
			workflows.AttributeOutcome.ValueSet(string(narrative.OutcomePassed)),
			workflows.AttributeSeverity.ValueSet(string(m.Severity)),
		),
	}, workflows.CheckAssertion, workflows.CheckInput{Name: m.Name})
}

// startBare starts a lane's bare workflow.
func (h *house) startBare(ctx context.Context, lane int) (client.WorkflowRun, error) {
	return h.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: fmt.Sprintf("bare/%d", lane), TaskQueue: bareQueue,
	}, h.bare.Flow)
}

// effort is what a round took.
type effort struct {
	perSecond float64
	cpuEach   float64 // milliseconds of this process
}

// saturate makes n workflows, as many at a time as there are lanes, and waits for each.
func saturate(ctx context.Context, n int, begin start) (effort, error) {
	var (
		left   atomic.Int64
		wait   sync.WaitGroup
		failed = make(chan error, lanes)
	)
	left.Store(int64(n))
	begun, cpu := time.Now(), cpuTime()
	for lane := range lanes {
		wait.Go(func() {
			for left.Add(-1) >= 0 {
				run, err := begin(ctx, lane)
				if err == nil {
					err = run.Get(ctx, nil)
				}
				if err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wait.Wait()
	took, used := time.Since(begun), cpuTime()-cpu
	select {
	case err := <-failed:
		return effort{}, err
	default:
		return effort{float64(n) / took.Seconds(), used.Seconds() * 1000 / float64(n)}, nil
	}
}

// cpuTime is what this process has had of the processors.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0 // it cannot fail
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
