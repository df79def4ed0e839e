package persistence

import (
	"encoding/json"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

// boundedViolations cuts each violation to what an issue may keep.
func boundedViolations(all []narrative.Violation) ([]narrative.Violation, error) {
	out := make([]narrative.Violation, len(all))
	for i, v := range all {
		b, err := bounded(v.Verdict())
		if err != nil {
			return nil, during(err, "violation by %s %s", v.Record.Type, v.Record.ID)
		}
		v.Summary, v.Reason, v.Details = b.Summary, b.Reason, b.Details
		out[i] = v
	}
	return out, nil
}

// queueViolations keeps the violating records of the newest check of a record assertion: those found, those of which
// nothing could be said as they were before, and no others. violating is how many were kept before.
func queueViolations(b *engine.Batch, r narrative.CheckRecord, violating int) error {
	if r.Outcome == narrative.OutcomeErrored || violating == 0 && len(r.Violations) == 0 {
		return nil
	}
	if err := queueFound(b, r); err != nil {
		return err
	}
	for _, u := range r.Unknown {
		b.Exec("UPDATE violations SET last_seq = $4 WHERE assertion = $1 AND record_type = $2 AND record_id = $3",
			r.Assertion, u.Type, u.ID, r.Seq)
	}
	b.Exec("DELETE FROM violations WHERE assertion = $1 AND last_seq < $2", r.Assertion, r.Seq)
	b.Exec(`
		UPDATE assertion_metas SET violating = (SELECT COUNT(*) FROM violations WHERE assertion = $1)
		WHERE name = $1`, r.Assertion)
	return nil
}

func queueFound(b *engine.Batch, r narrative.CheckRecord) error {
	if !r.OverRecords {
		return nil
	}
	for _, v := range r.Violations[:min(len(r.Violations), narrative.MaxViolations)] {
		details, err := detailsOf(v)
		if err != nil {
			return err
		}
		b.Exec(`
			INSERT INTO violations (assertion, record_type, record_id, summary, details, first_seen, last_seen, last_seq)
			VALUES ($1, $2, $3, $4, $5, $6, $6, $7)
			ON CONFLICT (assertion, record_type, record_id) DO UPDATE
			SET summary = excluded.summary, details = excluded.details, last_seen = excluded.last_seen,
				last_seq = excluded.last_seq`,
			r.Assertion, v.Record.Type, v.Record.ID, v.Summary, details, r.FinishedAt, r.Seq)
	}
	return nil
}

func detailsOf(v narrative.Violation) (any, error) {
	details, err := encodeJSON(v.Details)
	switch {
	case err != nil || v.Details == nil:
		return nil, err
	case len(details) > maxViolation:
		dropped := map[string]int{"dropped_bytes": len(details)}
		details, err = json.Marshal(dropped)
	}
	return engine.JSON(details), err
}
