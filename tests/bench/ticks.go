package main

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/starter"
)

// every is the interval of all that tick.
const every = time.Second

// ticking is how many metas tick, beside as many bare ones: together about two thirds of what two cores can bear.
var ticking = map[narrative.Trigger]int{narrative.TriggerCron: 12, narrative.TriggerSchedule: 6}

// measureTicks counts the ticks of metas, and at the same time those of as many bare workflows set going the same way.
func measureTicks(trigger narrative.Trigger) func(context.Context, string, size) ([]row, error) {
	return func(ctx context.Context, dir string, s size) ([]row, error) {
		h, err := newHouse(ctx, dir, "")
		if err != nil {
			return nil, err
		}
		defer h.stop()
		n := ticking[trigger]
		metas := gates(n, every, trigger)
		for _, m := range metas {
			if err := h.tickBare(ctx, m.Meta); err != nil {
				return nil, err
			}
		}
		if err := h.watch(ctx, metas); err != nil {
			return nil, err
		}
		r := row{what: string(trigger) + " ticks a second"}
		if err := h.count(ctx, &r, s.window); err != nil {
			return nil, err
		}
		r.note = fmt.Sprintf("%d of each at %s; missed %.0f%%, the floor %.0f%%", n, narrative.Duration(every), missed(n, r.ours), missed(n, r.floor))
		return []row{r}, nil
	}
}

// count adds the ticks a second in each of a few windows, once all tick.
func (h *house) count(ctx context.Context, r *row, window time.Duration) error {
	begin := time.Now().Truncate(every).Add(5 * every / 2) // between two ticks: schedules tick at whole seconds
	if err := pause(ctx, time.Until(begin)); err != nil {
		return err
	}
	for range rounds {
		ours, floor, at := h.passed.Load(), h.done.Load(), time.Now()
		if err := pause(ctx, window); err != nil {
			return err
		}
		took := time.Since(at).Seconds()
		r.ours = append(r.ours, float64(h.passed.Load()-ours)/took)
		r.floor = append(r.floor, float64(h.done.Load()-floor)/took)
	}
	return nil
}

// missed is how much of the ticks of n was not made, in percent.
func missed(n int, perSecond []float64) float64 {
	var sum float64
	for _, x := range perSecond {
		sum += x
	}
	wanted := float64(n*len(perSecond)) / every.Seconds()
	return max(0, 100*(1-sum/wanted))
}

// tickBare sets a bare workflow going as starter does the meta's check.
func (h *house) tickBare(ctx context.Context, m narrative.Meta) error {
	id := "bare/" + m.Name
	if m.Trigger == narrative.TriggerCron {
		_, err := h.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: id, TaskQueue: bareQueue, CronSchedule: starter.CronSpec(m),
		}, h.bare.Flow)
		return err
	}
	_, err := h.temporal.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: id, Spec: client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: every}}},
		Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: 10 * time.Second,
		Action: &client.ScheduleWorkflowAction{ID: id, Workflow: h.bare.Flow, TaskQueue: bareQueue},
	})
	return err
}
