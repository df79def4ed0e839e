package activities

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	narrative "github.com/narrative-go/narrative"
)

// records yields violations from a function.
type records func(yield func(narrative.Violation, error) bool)

func (r records) Violations(context.Context) iter.Seq2[narrative.Violation, error] {
	return iter.Seq2[narrative.Violation, error](r)
}

func violation(id string) narrative.Violation {
	return narrative.Violation{Record: narrative.Record{Type: "invoice", ID: id}, Summary: "bad"}
}

func collected(t *testing.T, state narrative.CheckState, r records) (narrative.CheckRecord, error) {
	t.Helper()
	var record narrative.CheckRecord
	err := collect(t.Context(), r, state, testSecrets(nil, nil), &record)
	return record, err
}

func TestCollect(t *testing.T) {
	t.Parallel()
	t.Run("keeps the first ten thousand, those with an open issue, and counts all", func(t *testing.T) {
		t.Parallel()
		state := narrative.CheckState{Open: []narrative.Issue{{Kind: narrative.KindRecord, Record: narrative.Record{Type: "invoice", ID: "11999"}}}}
		got, err := collected(t, state, func(yield func(narrative.Violation, error) bool) {
			for n := range 12_000 {
				if !yield(violation(fmt.Sprint(n)), nil) {
					return
				}
			}
		})
		if err != nil || got.Total != 12_000 || len(got.Violations) != narrative.MaxViolations+1 || got.Outcome != narrative.OutcomeFailed {
			t.Errorf("total %d, kept %d, %s, %v; want 12000, 10001, failed", got.Total, len(got.Violations), got.Outcome, err)
		}
	})
	t.Run("an error with a record concerns that record alone", func(t *testing.T) {
		t.Parallel()
		got, err := collected(t, narrative.CheckState{}, func(yield func(narrative.Violation, error) bool) {
			_ = yield(violation("1"), errors.New("locked")) && yield(violation("2"), nil)
		})
		if err != nil || len(got.Unknown) != 1 || len(got.Violations) != 1 {
			t.Errorf("unknown %v, violations %v, %v; want one of each", got.Unknown, got.Violations, err)
		}
	})
	t.Run("an error without a record is the check's", func(t *testing.T) {
		t.Parallel()
		_, err := collected(t, narrative.CheckState{}, func(yield func(narrative.Violation, error) bool) {
			_ = yield(violation("1"), nil) && yield(narrative.Violation{}, errors.New("connection lost"))
		})
		if err == nil {
			t.Error("no error; want the check's")
		}
	})
	t.Run("no violation passes", func(t *testing.T) {
		t.Parallel()
		got, err := collected(t, narrative.CheckState{}, func(func(narrative.Violation, error) bool) {})
		if err != nil || got.Outcome != narrative.OutcomePassed || !got.OverRecords {
			t.Errorf("%s, %v; want passed", got.Outcome, err)
		}
	})
	t.Run("a record twice counts once", func(t *testing.T) {
		t.Parallel()
		got, _ := collected(t, narrative.CheckState{}, func(yield func(narrative.Violation, error) bool) {
			for range 2 {
				if !yield(violation("1"), nil) {
					return
				}
			}
		})
		if got.Total != 1 {
			t.Errorf("total %d; want 1", got.Total)
		}
	})
	t.Run("a record whose id cannot be kept concerns itself alone", func(t *testing.T) {
		t.Parallel()
		got, err := collected(t, narrative.CheckState{}, func(yield func(narrative.Violation, error) bool) {
			_ = yield(violation(strings.Repeat("x", narrative.MaxRecordPart+1)), nil) && yield(violation("2"), nil)
		})
		if err != nil || len(got.Unknown) != 1 || got.Total != 1 || !strings.Contains(got.Summary, "1000 bytes") {
			t.Errorf("unknown %d, total %d, %q, %v; want one of each, and why", len(got.Unknown), got.Total, got.Summary, err)
		}
	})
}
