package persistence_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/narrative-go/narrative"
)

func BenchmarkPassingCheck(b *testing.B) {
	for name, database := range engines {
		b.Run(name, func(b *testing.B) {
			s := open(b, database(b))
			meta := narrative.AssertionMeta{Meta: narrative.Meta{Name: "a", Class: "test", Every: narrative.Duration(time.Minute), Enabled: true}}
			if _, err := s.Apply(b.Context(), narrative.Manifest{Assertions: []narrative.AssertionMeta{meta}}, time.Now()); err != nil {
				b.Fatal(err)
			}
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
