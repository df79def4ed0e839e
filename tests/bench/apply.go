package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/config"
	"github.com/narrative-go/narrative/httpapi"
	"github.com/narrative-go/narrative/starter"
	"github.com/narrative-go/narrative/workflows"
)

// startLanes is how many cron workflows are started at a time, as starter does.
const startLanes = 8

// measureApply applies a file of new metas, beside a bare loop that starts the same cron workflows, and applies it again.
func measureApply(ctx context.Context, dir string, s size) ([]row, error) {
	h, err := newHouse(ctx, dir, "")
	if err != nil {
		return nil, err
	}
	defer h.stop()
	first := row{
		what: fmt.Sprintf("applying %d new metas, s", s.metas), bound: bound{"≤", 1.3},
		note: fmt.Sprintf("floor: a bare loop that starts the same cron workflows, %d at a time", startLanes),
	}
	again := row{what: "applying them again, unchanged, s", compare: alone, bound: bound{"≤", 2}, note: "nothing is written"}
	for n := range s.applies {
		text, err := manyMetas(n, s.metas)
		if err != nil {
			return nil, err
		}
		var ours, floor, unchanged time.Duration
		// Half of the floor before and half after, so that both meet the same disturbances.
		if err := timed(&floor, func() error { return h.startAll(ctx, n, 0, s.metas/2) }); err != nil {
			return nil, err
		}
		before := h.passed.Load()
		if err := timed(&ours, func() error { return h.apply(ctx, text, s.metas, 0) }); err != nil {
			return nil, err
		}
		if err := await(ctx, 3*time.Minute, "every meta was checked", func() bool { return h.passed.Load() >= before+int64(s.metas) }); err != nil {
			return nil, err
		}
		if err := pause(ctx, 2*time.Second); err != nil { // what Temporal lists lags behind
			return nil, err
		}
		if err := timed(&floor, func() error { return h.startAll(ctx, n, 1, s.metas/2) }); err != nil {
			return nil, err
		}
		if err := timed(&unchanged, func() error { return h.apply(ctx, text, 0, s.metas) }); err != nil {
			return nil, err
		}
		first.ours, first.floor = append(first.ours, ours.Seconds()), append(first.floor, floor.Seconds())
		again.ours = append(again.ours, unchanged.Seconds())
	}
	return []row{first, again}, nil
}

func timed(took *time.Duration, do func() error) error {
	begun := time.Now()
	err := do()
	*took += time.Since(begun)
	return err
}

// manyMetas is the text of a sample's file.
func manyMetas(sample, many int) (string, error) {
	metas := gates(many, day, "")
	for i := range metas {
		metas[i].Name = fmt.Sprintf("apply-%d-%03d", sample, i)
		metas[i].DisplayName = metas[i].Name
	}
	text, err := config.Write(narrative.Manifest{Source: fmt.Sprintf("%d.yaml", sample), Assertions: metas})
	return string(text), err
}

// apply applies a file and sees to it that so many metas were created and so many unchanged.
func (h *house) apply(ctx context.Context, text string, created, unchanged int) error {
	applied, err := h.service.Apply(ctx, httpapi.Application{Files: []httpapi.File{{Name: "bench.yaml", Source: "bench.yaml", Text: text}}})
	if err == nil && (len(applied.Created) != created || len(applied.Unchanged) != unchanged || len(applied.Changed) > 0) {
		err = fmt.Errorf("%d metas were created, %d changed, %d unchanged", len(applied.Created), len(applied.Changed), len(applied.Unchanged))
	}
	return err
}

// startAll starts so many cron workflows, a half of the floor, with memo, summary and search attributes as starter does.
func (h *house) startAll(ctx context.Context, sample, half, many int) error {
	metas := gates(many, day, "")
	var next atomic.Int64
	var wait sync.WaitGroup
	failed := make(chan error, startLanes)
	for range startLanes {
		wait.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(metas) {
					return
				}
				m := metas[i].Meta
				m.Name = fmt.Sprintf("bare-%d-%d-%03d", sample, half, i)
				if err := h.startBareCron(ctx, m); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wait.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

func (h *house) startBareCron(ctx context.Context, m narrative.Meta) error {
	c := starter.Check{Kind: narrative.AssertionKind, Meta: m}
	_, err := h.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: "bare/" + m.Name, TaskQueue: bareQueue, CronSchedule: starter.CronSpec(m), StaticSummary: m.DisplayName,
		Memo: map[string]any{workflows.CheckMemoKey: c.Memo()},
		TypedSearchAttributes: temporal.NewSearchAttributes(
			workflows.AttributeKind.ValueSet(workflows.KindAssertion),
			workflows.AttributeName.ValueSet(m.Name),
			workflows.AttributeOutcome.ValueSet(string(narrative.OutcomePassed)),
			workflows.AttributeSeverity.ValueSet(string(m.Severity)),
		),
	}, h.bare.Flow)
	return err
}
