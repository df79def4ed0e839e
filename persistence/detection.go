package persistence

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

// BeginDetection gives out the next sequence number and loads what a detection needs, in one batch.
func (s *Store) BeginDetection(ctx context.Context, name, runID string) (narrative.DetectionState, error) {
	var state narrative.DetectionState
	var exists bool
	b := &engine.Batch{}
	queueRunBy(b, narrative.EventKind, runID, &state.Recorded)
	queueSeq(b, "event_metas", name, runID, &state.Seq)
	b.Query(func(r engine.Row) error {
		exists = true
		return r.Scan(scanEvent(&state.Meta)...)
	}, "SELECT "+eventColumns+" FROM event_metas WHERE name = $1 AND removed_at IS NULL", name)
	queueConfig(b, &state.Config, "")
	queueHandoffsOf(b, runID, &state.Handoffs)
	err := s.engine.Write(ctx, b)
	switch {
	case err != nil:
	case !exists:
		err = noEvent(name)
	case state.Recorded != nil:
		err = sameRun(*state.Recorded, name)
	}
	if err != nil {
		return narrative.DetectionState{}, during(err, "begin a detection of %q", name)
	}
	return state, nil
}

// RecordDetection commits a detection; one that detected nothing takes one batch.
func (s *Store) RecordDetection(ctx context.Context, r narrative.DetectionRecord) (narrative.DetectionResult, error) {
	r, err := cleanedDetection(r)
	if err != nil {
		return narrative.DetectionResult{}, during(err, "record the detection of %q", r.Assertion)
	}
	if len(r.Occurrences) == 0 {
		recorded := 0
		b := &engine.Batch{}
		if err := s.queueDetection(b, r, &recorded); err != nil {
			return narrative.DetectionResult{}, err
		}
		if err := s.engine.Write(ctx, b); err != nil {
			return narrative.DetectionResult{}, during(err, "record the detection of %q", r.Assertion)
		}
		if recorded == 1 {
			return narrative.DetectionResult{Run: r.CheckRun, Claimed: []narrative.Occurrence{}, Handoffs: []narrative.Handoff{}}, nil
		}
	}
	var result narrative.DetectionResult
	err = s.engine.Tx(ctx, func(tx engine.Tx) error {
		result, err = s.recordDetection(ctx, tx, r)
		return err
	})
	return result, during(err, "record the detection of %q", r.Assertion)
}

// queueDetection keeps the run unless it is kept already or the event is gone.
func (s *Store) queueDetection(b *engine.Batch, r narrative.DetectionRecord, recorded *int) error {
	args, err := runArguments(r.CheckRun, r.Revision, r.Error)
	if err != nil {
		return err
	}
	b.Exec(`
		UPDATE event_metas SET checked_revision = CASE WHEN checked_revision < $2 THEN $2 ELSE checked_revision END
		WHERE name = $1 AND removed_at IS NULL`, r.Assertion, r.Revision)
	b.Count(recorded, insertRun+`
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14
		WHERE EXISTS (SELECT 1 FROM event_metas WHERE name = $2 AND removed_at IS NULL)
		ON CONFLICT (run_id) DO NOTHING`, args...)
	return nil
}

func (s *Store) recordDetection(ctx context.Context, tx engine.Tx, r narrative.DetectionRecord) (narrative.DetectionResult, error) {
	var meta narrative.EventMeta
	var exists bool
	var recorded *narrative.CheckRun
	b := &engine.Batch{}
	b.Query(func(row engine.Row) error {
		exists = true
		return row.Scan(scanEvent(&meta)...)
	}, "SELECT "+eventColumns+" FROM event_metas WHERE name = $1 AND removed_at IS NULL"+s.dialect.Lock("FOR UPDATE"), r.Assertion)
	queueRunBy(b, narrative.EventKind, r.RunID, &recorded)
	err := tx.Run(ctx, b)
	switch {
	case err != nil:
		return narrative.DetectionResult{}, err
	case !exists:
		return narrative.DetectionResult{}, noEvent(r.Assertion)
	case recorded != nil:
		return recordedDetection(ctx, tx, *recorded, r.Assertion)
	}
	claimed, err := s.claim(ctx, tx, r, meta)
	if err != nil {
		return narrative.DetectionResult{}, err
	}
	result := narrative.DetectionResult{Run: r.CheckRun, Claimed: claimed, Handoffs: []narrative.Handoff{}}
	b = &engine.Batch{}
	if err := s.queueSummaries(b, meta, claimed); err != nil {
		return result, err
	}
	for _, o := range claimed {
		h := narrative.Handoff{ID: narrative.NewID(r.FinishedAt), WorkflowID: "occurrence/" + o.ID, OccurrenceID: o.ID, CreatedAt: r.FinishedAt}
		queueHandoff(b, r.ID, h)
		result.Handoffs = append(result.Handoffs, h)
	}
	return result, tx.Run(ctx, b)
}

// claim keeps the run and those occurrences that are not kept already. One that has expired makes room with all that
// hung on it, its answer too: what comes again is another occurrence, with an id and a workflow of its own.
func (s *Store) claim(ctx context.Context, tx engine.Tx, r narrative.DetectionRecord, meta narrative.EventMeta) ([]narrative.Occurrence, error) {
	recorded := 0
	b := &engine.Batch{}
	if err := s.queueDetection(b, r, &recorded); err != nil {
		return nil, err
	}
	claimed := []narrative.Occurrence{}
	for n, o := range r.Occurrences {
		o.ID, o.Event, o.At, o.Solution = narrative.NewID(r.FinishedAt), r.Assertion, r.FinishedAt, nil
		o.ExpiresAt = expiry(o.At, meta.TTL)
		if err := queueClaim(b, o, r.RunID, &claimed); err != nil {
			return nil, during(err, "occurrences[%d]", n)
		}
	}
	return claimed, tx.Run(ctx, b)
}

// queueSummaries writes the occurrences down as datums, whatever the minimum level, each in a thread of its own by its id.
func (s *Store) queueSummaries(b *engine.Batch, meta narrative.EventMeta, claimed []narrative.Occurrence) error {
	datums := make([]narrative.Datum, len(claimed))
	for n, o := range claimed {
		summary, err := encodeJSON(orObject(o.Summary))
		if err != nil {
			return during(err, "summary")
		}
		d := narrative.Datum{
			Origin: clip(meta.Class, narrative.MaxDatumName), Name: clip(cmp.Or(meta.DisplayName, meta.Name), narrative.MaxDatumName),
			Note: summary, Level: narrative.Info, ThreadID: o.ID, At: o.At, ExpiresAt: o.ExpiresAt,
		}
		if len(summary) > narrative.MaxDatumNote {
			d.Note = json.RawMessage(`"the summary is too long for a datum"`)
		}
		var problems narrative.Problems
		if datums[n], problems = d.Plain(); len(problems) > 0 {
			return during(problems, "summary")
		}
	}
	s.identify(datums)
	for _, d := range datums {
		s.queueDatum(b, d)
	}
	return nil
}

func expiry(at time.Time, ttl narrative.Duration) *time.Time {
	if ttl <= 0 {
		return nil
	}
	expires := at.Add(time.Duration(ttl)).Truncate(time.Microsecond)
	return &expires
}

func queueClaim(b *engine.Batch, o narrative.Occurrence, runID string, claimed *[]narrative.Occurrence) error {
	summary, err := encodeJSON(orObject(o.Summary))
	if err != nil {
		return during(err, "summary")
	}
	identity, err := narrative.IdentityJSON(summary)
	if err != nil {
		return during(err, "summary")
	}
	var details any
	if o.Details != nil {
		if details, err = encoded(&o.Details); err != nil {
			return during(err, "details")
		}
	}
	if err := readBack(&o, summary, details); err != nil {
		return err
	}
	hash := narrative.HashText(string(identity))
	b.Exec("DELETE FROM occurrences WHERE event = $1 AND hash = $2 AND expires_at <= $3", o.Event, hash, o.At)
	b.Query(func(r engine.Row) error {
		*claimed = append(*claimed, o)
		return nil
	}, `
		INSERT INTO occurrences (id, event, hash, summary, details, at, expires_at, run_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (event, hash) DO NOTHING
		RETURNING id`,
		o.ID, o.Event, hash, engine.JSON(summary), details, o.At, o.ExpiresAt, runID)
	return nil
}

// readBack gives the occurrence what the database will hand back of it.
func readBack(o *narrative.Occurrence, summary []byte, details any) error {
	if details != nil {
		if err := (document{&o.Details}).Scan(string(details.(engine.JSON))); err != nil {
			return err
		}
	}
	return document{&o.Summary}.Scan(summary)
}

func orObject(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

// recordedDetection answers a detection that was recorded before.
func recordedDetection(ctx context.Context, tx engine.Tx, run narrative.CheckRun, name string) (narrative.DetectionResult, error) {
	if err := sameRun(run, name); err != nil {
		return narrative.DetectionResult{}, err
	}
	result := narrative.DetectionResult{Run: run, Claimed: []narrative.Occurrence{}}
	b := &engine.Batch{}
	b.Query(collect(&result.Claimed, scanOccurrence), selectOccurrences+" WHERE c.run_id = $1 ORDER BY c.id", run.RunID)
	queueHandoffsOf(b, run.RunID, &result.Handoffs)
	return result, tx.Run(ctx, b)
}

// cleanedDetection refuses text that cannot be stored, cuts what is too long, and gives the run its id.
func cleanedDetection(r narrative.DetectionRecord) (narrative.DetectionRecord, error) {
	var t texts
	t.value("run", r.CheckRun)
	t.add("error", r.Error)
	for n, o := range r.Occurrences {
		t.value(fmt.Sprintf("occurrences[%d].summary", n), o.Summary)
		t.value(fmt.Sprintf("occurrences[%d].details", n), o.Details)
	}
	if r.RunID == "" {
		t.problems = append(t.problems, narrative.Problem{Path: "run_id", Message: "is required"})
	}
	r.Kind, r.ID, r.Verdict = narrative.EventKind, narrative.NewID(r.FinishedAt), narrative.Verdict{}
	r.Summary, r.Error = clip(r.Summary, maxSummary), clip(r.Error, maxSummary)
	if r.Outcome == narrative.OutcomeErrored {
		r.Summary = cmp.Or(r.Summary, r.Error)
	}
	r.CheckRun = precise(r.CheckRun)
	return r, t.err()
}
