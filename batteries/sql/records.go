package sql

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/narrative-go/narrative"
)

// records is an assertion over records: each row is one that violates it.
type records struct {
	query
	kind   string
	column string
}

var (
	_ narrative.RecordAssertion = records{}
	_ narrative.RecordChecker   = records{}
	_ narrative.RecordSelector  = records{}
)

// Violations streams the rows.
func (r records) Violations(ctx context.Context) iter.Seq2[narrative.Violation, error] {
	return r.SelectViolations(ctx, func(narrative.Record) bool { return true })
}

// SelectViolations streams the rows. wanted is asked of each record just before it is yielded; of one that is not wanted,
// no more than the record is said. To describe what nobody keeps would be most of the work there is with a row.
func (r records) SelectViolations(ctx context.Context, wanted func(narrative.Record) bool) iter.Seq2[narrative.Violation, error] {
	return func(yield func(narrative.Violation, error) bool) {
		var m *violationMaker
		stopped := false
		err := r.rows(ctx, func(columns []string) (err error) {
			m, err = r.maker(columns)
			return err
		}, func(one row) (bool, error) {
			record, err := m.record(one)
			if err != nil {
				return false, err
			}
			v := narrative.Violation{Record: record}
			if wanted(record) {
				v = m.violation(record, one)
			}
			stopped = !yield(v, nil)
			return !stopped, nil
		})
		if err != nil && !stopped {
			yield(narrative.Violation{}, err)
		}
	}
}

// violationMaker makes violations of rows. A result may have very many of them, so it keeps what it can use again.
type violationMaker struct {
	records
	columns []string
	id      int // the column that identifies a row
	values  []any
	summary []byte
}

func (r records) maker(columns []string) (*violationMaker, error) {
	id := slices.Index(columns, r.column)
	if id < 0 {
		return nil, narrative.Errorf(narrative.Invalid, "record.id names the column %q, which the query does not have%s (it has: %s)",
			r.column, narrative.DidYouMean(r.column, columns), strings.Join(columns, ", "))
	}
	return &violationMaker{records: r, columns: columns, id: id, values: make([]any, len(columns))}, nil
}

func (m *violationMaker) record(one row) (narrative.Record, error) {
	id := one.value(m.id)
	if id == nil {
		return narrative.Record{}, narrative.Errorf(narrative.Invalid, "the column %q is NULL in a row (%s); every row needs an id", m.column, one)
	}
	record := narrative.Record{Type: m.kind, ID: written(id)}
	if record.ID == "" {
		return narrative.Record{}, narrative.Errorf(narrative.Invalid, "the column %q is empty in a row (%s); every row needs an id", m.column, one)
	}
	return record, nil
}

func (m *violationMaker) violation(record narrative.Record, one row) narrative.Violation {
	details := make(map[string]any, len(m.columns))
	for i, c := range m.columns {
		m.values[i] = one.value(i)
		details[c] = m.values[i]
	}
	return narrative.Violation{Record: record, Summary: m.summarize(record.ID), Details: details}
}

func (m *violationMaker) summarize(id string) string {
	s := append(m.summary[:0], m.kind...)
	s = append(s, ' ')
	s = append(s, cut(id, maxBrief)...)
	bare := len(s)
	s = append(s, ": "...)
	if s = brief(s, m.columns, m.values, m.id); len(s) == bare+len(": ") {
		s = append(s[:bare], " violates it"...)
	}
	m.summary = s
	return string(s)
}
