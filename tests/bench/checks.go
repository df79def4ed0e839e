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

// aTurn is how many workflows are made before it is the other's turn.
const aTurn = 3 * lanes

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
	if _, _, err := inTurns(ctx, 1, h.startBare, ours); err != nil { // to warm up
		return nil, err
	}
	for range rounds {
		floor, check, err := inTurns(ctx, s.turns, h.startBare, ours)
		if err != nil {
			return nil, err
		}
		speed.floor, speed.ours = append(speed.floor, floor.perSecond()), append(speed.ours, check.perSecond())
		work.floor, work.ours = append(work.floor, floor.cpuEach()), append(work.ours, check.cpuEach())
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

// effort is what making some workflows took.
type effort struct {
	made      int
	took, cpu time.Duration // cpu is this process's
}

func (e effort) perSecond() float64 { return float64(e.made) / e.took.Seconds() }

// cpuEach is in milliseconds.
func (e effort) cpuEach() float64 { return milliseconds(e.cpu) / float64(e.made) }

func (e effort) plus(f effort) effort { return effort{e.made + f.made, e.took + f.took, e.cpu + f.cpu} }

// inTurns makes aTurn workflows of one kind, then of the other, and so on, so that both meet the same disturbances.
func inTurns(ctx context.Context, turns int, one, other start) (a, b effort, err error) {
	for range turns {
		e, err := saturate(ctx, one)
		if err != nil {
			return a, b, err
		}
		f, err := saturate(ctx, other)
		if err != nil {
			return a, b, err
		}
		a, b = a.plus(e), b.plus(f)
	}
	return a, b, nil
}

// saturate makes aTurn workflows, as many at a time as there are lanes, and waits for each.
func saturate(ctx context.Context, begin start) (effort, error) {
	var (
		left   atomic.Int64
		wait   sync.WaitGroup
		failed = make(chan error, lanes)
	)
	left.Store(aTurn)
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
	e := effort{aTurn, time.Since(begun), cpuTime() - cpu}
	select {
	case err := <-failed:
		return e, err
	default:
		return e, nil
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
