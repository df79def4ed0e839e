package persistence_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence"
	"github.com/narrative-go/narrative/persistence/pgtest"
)

func BenchmarkPassingCheck(b *testing.B) {
	for name, database := range engines {
		b.Run(name, func(b *testing.B) {
			s := watching(b, database(b))
			for i := 0; b.Loop(); i++ {
				runID := fmt.Sprint(i)
				state, err := s.BeginCheck(b.Context(), "a", runID)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := s.RecordCheck(b.Context(), narrative.CheckRecord{Revision: 1, CheckRun: narrative.CheckRun{
					Assertion: "a", RunID: runID, Seq: state.Seq, Outcome: narrative.OutcomePassed, FinishedAt: time.Now(),
				}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAddDatums(b *testing.B) {
	for name, database := range engines {
		for _, size := range []int{1, 1000} {
			b.Run(fmt.Sprint(name, "/", size), func(b *testing.B) {
				s := open(b, database(b))
				datums := make([]narrative.Datum, size)
				for i := range datums {
					datums[i] = narrative.Datum{Origin: "shop", Name: "order", Note: []byte(`{"n":1,"text":"hello"}`), ThreadID: "t", At: time.Now()}
				}
				for b.Loop() {
					if _, err := s.AddDatums(b.Context(), datums); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "datums/s")
			})
		}
	}
}

// BenchmarkViolations records a check that finds 10,000 violating records, all of them kept before.
func BenchmarkViolations(b *testing.B) {
	for name, database := range engines {
		b.Run(name, func(b *testing.B) {
			s := watching(b, database(b))
			violations := violating(narrative.MaxViolations)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				runID := fmt.Sprint(i)
				state, err := s.BeginCheck(b.Context(), "a", runID)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := s.RecordCheck(b.Context(), narrative.CheckRecord{
					Revision: 1, OverRecords: true, Violations: violations, Total: 20 * len(violations),
					CheckRun: narrative.CheckRun{
						Assertion: "a", RunID: runID, Seq: state.Seq, Outcome: narrative.OutcomeFailed, FinishedAt: time.Now(),
					},
				}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBareUpsert writes as many rows to the same table with nothing around, for comparison.
func BenchmarkBareUpsert(b *testing.B) {
	url := pgtest.Database(b)
	watching(b, url)
	conn, err := pgx.Connect(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(context.Background())
	violations := violating(narrative.MaxViolations)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		batch := &pgx.Batch{}
		for _, v := range violations {
			batch.Queue(`
				INSERT INTO violations (assertion, record_type, record_id, summary, details, first_seen, last_seen, last_seq)
				VALUES ('a', $1, $2, $3, $4, $5, $5, $6)
				ON CONFLICT (assertion, record_type, record_id) DO UPDATE
				SET summary = excluded.summary, details = excluded.details, last_seen = excluded.last_seen,
					last_seq = excluded.last_seq`,
				v.Record.Type, v.Record.ID, v.Summary, v.Details, time.Now(), i)
		}
		if err := conn.SendBatch(b.Context(), batch).Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// watching opens a store with an assertion.
func watching(b *testing.B, url string) *persistence.Store {
	b.Helper()
	s := open(b, url)
	meta := narrative.AssertionMeta{Meta: narrative.Meta{Name: "a", Class: "test", Every: narrative.Duration(time.Minute), Enabled: true}}
	if _, err := s.Apply(b.Context(), narrative.Manifest{Assertions: []narrative.AssertionMeta{meta}}, time.Now()); err != nil {
		b.Fatal(err)
	}
	return s
}

func violating(n int) []narrative.Violation {
	all := make([]narrative.Violation, n)
	for i := range all {
		all[i] = narrative.Violation{
			Record: narrative.Record{Type: "invoice", ID: fmt.Sprint(i)}, Summary: fmt.Sprintf("invoice %d is off by 1.50", i),
			Details: map[string]any{"id": int64(i), "total": 100.5, "lines_total": "99.00"},
		}
	}
	return all
}

// BenchmarkUptime looks through the history of a million beats.
func BenchmarkUptime(b *testing.B) {
	const beats = 1_000_000
	for name, database := range engines {
		b.Run(name, func(b *testing.B) {
			s := open(b, database(b))
			now := time.Now()
			for begin := 0; begin < beats; begin += 10_000 {
				datums := make([]narrative.Datum, 10_000)
				for i := range datums {
					datums[i] = narrative.Beat{Name: "agent", At: now.Add(time.Duration(begin+i-beats) * 30 * time.Second)}.Datum()
				}
				if _, err := s.AddDatums(b.Context(), datums); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				u, err := s.Uptime(b.Context(), narrative.UptimeQuery{Name: "agent", Now: now})
				if err != nil || u.Beats != beats {
					b.Fatal(u.Beats, err)
				}
			}
		})
	}
}
