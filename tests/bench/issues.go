package main

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	narrative "github.com/narrative-go/narrative"
)

// brokenClass is the class of an assertion over records.
const brokenClass = "bench.Broken"

// broken are the records that violate the assertion: n of them, until they are mended.
type broken struct {
	n      int
	mended atomic.Bool
}

// Violations yields every record, or none.
func (b *broken) Violations(context.Context) iter.Seq2[narrative.Violation, error] {
	return func(yield func(narrative.Violation, error) bool) {
		for n := 0; n < b.n && !b.mended.Load(); n++ {
			v := narrative.Violation{Record: narrative.Record{Type: "thing", ID: fmt.Sprint(n)}, Summary: fmt.Sprintf("thing %d is broken", n)}
			if !yield(v, nil) {
				return
			}
		}
	}
}

// measureIssues opens many issues in one check, waits until each was diagnosed, mends what is broken, and waits until
// each is resolved. One that is lost is an error.
func measureIssues(ctx context.Context, dir string, s size) ([]row, error) {
	all := &broken{n: s.issues}
	h, err := newHouse(ctx, dir, "", func(reg *narrative.Registry) {
		narrative.AddRecordAssertion(reg, brokenClass, func(struct{}) (narrative.RecordAssertion, error) { return all, nil })
	})
	if err != nil {
		return nil, err
	}
	defer h.stop()
	meta := narrative.AssertionMeta{
		Meta:        narrative.Meta{Name: "things-work", Class: brokenClass, Every: narrative.Duration(day), Enabled: true},
		MaxIssues:   s.issues,
		Diagnostics: []narrative.DeclaredCase{{Case: "wait", Reason: "they mend themselves", Pass: true}},
	}.WithDefaults()
	begun := time.Now()
	if _, err := h.service.Store().Apply(ctx, narrative.Manifest{Source: "bench", Assertions: []narrative.AssertionMeta{meta}}, begun.UTC()); err != nil {
		return nil, err
	}
	if _, err := h.service.Reconcile(ctx); err != nil {
		return nil, err
	}
	diagnosed := func(i narrative.Issue) bool { return i.Status == narrative.StatusOpen && i.Rounds == 1 && !i.Working }
	if err := h.every(ctx, s.issues, "diagnosed", diagnosed); err != nil {
		return nil, err
	}
	all.mended.Store(true)
	if _, err := h.check(ctx, meta.Meta); err != nil {
		return nil, err
	}
	resolved := func(i narrative.Issue) bool { return i.Status == narrative.StatusResolved }
	if err := h.every(ctx, s.issues, "resolved", resolved); err != nil {
		return nil, err
	}
	took := time.Since(begun)
	events, err := h.eventsOf(ctx, min(s.issues, 20))
	if err != nil {
		return nil, err
	}
	return []row{
		{
			what: "issues a second, opened to resolved", ours: []float64{float64(s.issues) / took.Seconds()}, compare: alone,
			note: fmt.Sprintf("%d opened in one run, each diagnosed and resolved, none lost", s.issues),
		},
		{what: "history events an issue", ours: events, compare: alone, note: "opened, one round, a pass, resolved"},
	}, nil
}

// every waits until there are n issues, all of which are so.
func (h *house) every(ctx context.Context, n int, what string, so func(narrative.Issue) bool) error {
	for deadline := time.Now().Add(10 * time.Minute); ; {
		found, err := h.countIssues(ctx, so)
		switch {
		case err != nil:
			return err
		case found == n:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("only %d of %d issues are %s", found, n, what)
		}
		if err := pause(ctx, 300*time.Millisecond); err != nil { // seldom: to look is work as well
			return err
		}
	}
}

func (h *house) countIssues(ctx context.Context, so func(narrative.Issue) bool) (n int, err error) {
	page := narrative.Page{Limit: narrative.MaxPage}
	for {
		listed, err := h.service.Store().Issues(ctx, narrative.IssueQuery{Assertion: "things-work"}, page)
		if err != nil {
			return n, err
		}
		for _, i := range listed.Items {
			if so(i) {
				n++
			}
		}
		if page.Cursor = listed.NextCursor; page.Cursor == "" {
			return n, nil
		}
	}
}

// eventsOf counts the events in the histories of the newest issues.
func (h *house) eventsOf(ctx context.Context, issues int) (counts []float64, err error) {
	listed, err := h.service.Store().Issues(ctx, narrative.IssueQuery{Assertion: "things-work"}, narrative.Page{Limit: issues})
	if err != nil {
		return nil, err
	}
	for _, i := range listed.Items {
		n := 0.0
		events := h.temporal.GetWorkflowHistory(ctx, i.WorkflowID, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			if _, err := events.Next(); err != nil {
				return nil, err
			}
			n++
		}
		counts = append(counts, n)
	}
	return counts, nil
}
