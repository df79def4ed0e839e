package persistence

import (
	"context"
	"fmt"
	"reflect"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

// cleanedViolations refuses text that cannot be stored, cuts each violation to what an issue may keep, and drops a record
// that stands twice.
func cleanedViolations(all []narrative.Violation) ([]narrative.Violation, error) {
	out := make([]narrative.Violation, 0, len(all))
	seen := make(map[narrative.Record]bool, len(all))
	for n, v := range all {
		if err := badViolation(v); err != nil {
			return nil, narrative.ProblemsOf(fmt.Sprintf("violations[%d]", n), err)
		}
		if seen[v.Record] {
			continue
		}
		seen[v.Record] = true
		var err error
		if v.Details, err = boundedDetails(v.Details); err != nil {
			return nil, during(err, "violation by %s %s", v.Record.Type, v.Record.ID)
		}
		v.Summary, v.Reason = clip(v.Summary, maxSummary), clip(v.Reason, maxSummary)
		out = append(out, v)
	}
	return out, nil
}

func badViolation(v narrative.Violation) error {
	for _, s := range []string{v.Record.Type, v.Record.ID, v.Summary, v.Reason, string(v.Severity)} {
		if err := narrative.CheckText(s); err != nil {
			return err
		}
	}
	return badText(reflect.ValueOf(v.Details), 0)
}

// queueViolated loads in how many checks in a row each record kept violated the assertion, where an issue takes several.
func queueViolated(b *engine.Batch, assertion string, violated map[narrative.Record]int) {
	b.Query(func(row engine.Row) error {
		var r narrative.Record
		var times int
		err := row.Scan(&r.Type, &r.ID, &times)
		violated[r] = times
		return err
	}, `
		SELECT record_type, record_id, times FROM violations
		WHERE assertion = $1 AND (SELECT fail_after FROM assertion_metas WHERE name = $1) > 1`, assertion)
}

var recordColumns = []engine.Column{{Name: "record_type"}, {Name: "record_id"}}

// writeViolations keeps the violating records of the newest check of a record assertion: those found, those of which
// nothing could be said as they were before, and no others. violating is how many were kept before.
func (w *recorder) writeViolations(ctx context.Context, violating int) error {
	r := w.record
	if r.Outcome == narrative.OutcomeErrored || violating == 0 && len(r.Violations) == 0 {
		return nil
	}
	if r.OverRecords {
		if err := w.writeFound(ctx, r.Violations[:min(len(r.Violations), narrative.MaxViolations)]); err != nil {
			return err
		}
	}
	if err := w.writeUnknown(ctx, r.Unknown); err != nil {
		return err
	}
	w.batch.Exec("DELETE FROM violations WHERE assertion = $1 AND last_seq < $2", r.Assertion, r.Seq)
	w.batch.Exec(`
		UPDATE assertion_metas SET violating = (SELECT COUNT(*) FROM violations WHERE assertion = $1)
		WHERE name = $1`, r.Assertion)
	return nil
}

func (w *recorder) writeFound(ctx context.Context, found []narrative.Violation) error {
	columns := append(recordColumns[:2:2], engine.Column{Name: "summary"}, engine.Column{Name: "details", JSON: true})
	insert := `
		INSERT INTO violations (assertion, record_type, record_id, summary, details, first_seen, last_seen, last_seq, times)
		SELECT $1, r.record_type, r.record_id, r.summary, r.details, $2, $2, $3, 1
		FROM ` + w.dialect.Rows(4, columns...) + `
		WHERE TRUE
		ON CONFLICT (assertion, record_type, record_id) DO UPDATE
		SET summary = excluded.summary, details = excluded.details, last_seen = excluded.last_seen,
			last_seq = excluded.last_seq, times = violations.times + 1`
	rows := pieces{send: func(table engine.Table, size int) error {
		w.batch.Exec(insert, w.record.Assertion, w.record.FinishedAt, w.record.Seq, table)
		return w.send(ctx, size)
	}}
	for _, v := range found {
		details, err := detailsOf(v)
		if err != nil {
			return during(err, "violation by %s %s", v.Record.Type, v.Record.ID)
		}
		if err := rows.add(v.Record.Type, v.Record.ID, v.Summary, details); err != nil {
			return err
		}
	}
	return rows.rest()
}

// detailsOf encodes the details of a violating record, or what was dropped where they are too large; empty for none.
func detailsOf(v narrative.Violation) (string, error) {
	if v.Details == nil {
		return "", nil
	}
	details, err := encodeJSON(v.Details)
	switch {
	case err != nil:
		return "", narrative.Errorf(narrative.Invalid, "details: %w", err)
	case len(details) > maxViolation:
		return fmt.Sprintf(`{"dropped_bytes":%d}`, len(details)), nil
	}
	return string(details), nil
}

// writeUnknown keeps the records as they are: how often they violated in a row is not known to end.
func (w *recorder) writeUnknown(ctx context.Context, unknown []narrative.Record) error {
	update := `
		UPDATE violations SET last_seq = $2
		WHERE assertion = $1 AND (record_type, record_id) IN (
			SELECT r.record_type, r.record_id FROM ` + w.dialect.Rows(3, recordColumns...) + ")"
	rows := pieces{send: func(table engine.Table, size int) error {
		w.batch.Exec(update, w.record.Assertion, w.record.Seq, table)
		return w.send(ctx, size)
	}}
	for _, u := range unknown {
		if err := rows.add(u.Type, u.ID); err != nil {
			return err
		}
	}
	return rows.rest()
}
