package persistence_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence"
	"github.com/narrative-go/narrative/persistence/pgtest"
	"github.com/narrative-go/narrative/persistence/postgres"
)

// trips counts what is sent to the server: batches, and queries by themselves.
type trips struct{ batches, queries atomic.Int64 }

func (c *trips) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	c.batches.Add(1)
	return ctx
}
func (c *trips) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (c *trips) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}
func (c *trips) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.queries.Add(1)
	return ctx
}
func (c *trips) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// take returns what was sent since the last call.
func (c *trips) take() (batches, queries int64) { return c.batches.Swap(0), c.queries.Swap(0) }

func TestPassingUnchangedRunTakesTwoBatches(t *testing.T) {
	t.Parallel()
	var sent trips
	e, err := postgres.Open(t.Context(), pgtest.Database(t), postgres.Options{Tracer: &sent})
	if err != nil {
		t.Fatal(err)
	}
	s := persistence.New(e, persistence.Options{})
	defer s.Close()
	meta := narrative.AssertionMeta{Meta: narrative.Meta{Name: "a", Class: "test", Every: narrative.Duration(time.Minute), Enabled: true}}
	event := narrative.EventMeta{Meta: meta.Meta}
	event.Name = "e"
	if _, err := s.Apply(t.Context(), narrative.Manifest{Assertions: []narrative.AssertionMeta{meta}, Events: []narrative.EventMeta{event}}, time.Now()); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		sent.take()
		check(t, s, i, i%2 == 0) // of one record, or of many
		if batches, queries := sent.take(); batches != 2 || queries != 0 {
			t.Errorf("check %d: sent %d batches and %d queries, want 2 and 0", i, batches, queries)
		}
		detect(t, s, i)
		if batches, queries := sent.take(); batches != 2 || queries != 0 {
			t.Errorf("detection %d: sent %d batches and %d queries, want 2 and 0", i, batches, queries)
		}
	}
}

func TestBeatsAndDatumsTakeOneRoundTrip(t *testing.T) {
	t.Parallel()
	var sent trips
	e, err := postgres.Open(t.Context(), pgtest.Database(t), postgres.Options{Tracer: &sent})
	if err != nil {
		t.Fatal(err)
	}
	s := persistence.New(e, persistence.Options{})
	defer s.Close()
	now := time.Now()
	datums := make([]narrative.Datum, 3)
	for i := range datums {
		datums[i] = narrative.Datum{Origin: "o", Name: "n", At: now}
	}
	for what, do := range map[string]func() error{
		"a beat": func() error {
			_, _, err := s.Beat(t.Context(), narrative.Beat{Name: "a", At: now}, time.Second)
			return err
		},
		"a few datums": func() error {
			_, err := s.AddDatums(t.Context(), datums)
			return err
		},
		"the last beats": func() error {
			_, err := s.Heartbeat(t.Context(), "h", now)
			if narrative.KindOf(err) == narrative.NotFound {
				return nil
			}
			return err
		},
		"a history": func() error {
			_, err := s.Uptime(t.Context(), narrative.UptimeQuery{Name: "a", Now: now})
			return err
		},
		"a sweep": func() error {
			_, err := s.SweepDatums(t.Context(), now, 10)
			return err
		},
	} {
		sent.take()
		if err := do(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if batches, queries := sent.take(); batches != 1 || queries != 0 {
			t.Errorf("%s: sent %d batches and %d queries, want 1 and 0", what, batches, queries)
		}
	}
}

// TestASweepPassesOverWhatAnotherHolds has another transaction about to delete some of the expired datums.
func TestASweepPassesOverWhatAnotherHolds(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	s := open(t, url)
	past := time.Now().Add(-time.Hour)
	datums := make([]narrative.Datum, 20)
	for i := range datums {
		datums[i] = narrative.Datum{Origin: "o", Name: "n", At: past, ExpiresAt: &past}
	}
	if _, err := s.AddDatums(t.Context(), datums); err != nil {
		t.Fatal(err)
	}
	other, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(context.Background())
	tx, err := other.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "DELETE FROM datums WHERE id IN (SELECT id FROM datums ORDER BY id LIMIT 5)"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{10, 5, 0} {
		if n, err := s.SweepDatums(t.Context(), time.Now(), 10); n != want || err != nil {
			t.Errorf("swept %d (%v), want %d", n, err, want)
		}
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := s.SweepDatums(t.Context(), time.Now(), 10); n != 5 || err != nil {
		t.Errorf("swept %d (%v) of what the other left, want 5", n, err)
	}
}

func check(t *testing.T, s *persistence.Store, i int, overRecords bool) {
	t.Helper()
	runID := fmt.Sprint("check-", i)
	state, err := s.BeginCheck(t.Context(), "a", runID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.RecordCheck(t.Context(), narrative.CheckRecord{Revision: 1, OverRecords: overRecords, CheckRun: narrative.CheckRun{
		Assertion: "a", RunID: runID, Seq: state.Seq, Outcome: narrative.OutcomePassed, Verdict: narrative.Passed("fine"),
	}})
	if err != nil {
		t.Fatal(err)
	}
}

func detect(t *testing.T, s *persistence.Store, i int) {
	t.Helper()
	runID := fmt.Sprint("detection-", i)
	state, err := s.BeginDetection(t.Context(), "e", runID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.RecordDetection(t.Context(), narrative.DetectionRecord{Revision: 1, CheckRun: narrative.CheckRun{
		Assertion: "e", RunID: runID, Seq: state.Seq, Outcome: narrative.OutcomeNotDetected,
	}})
	if err != nil {
		t.Fatal(err)
	}
}
