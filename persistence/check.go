package persistence

import (
	"cmp"
	"context"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

// BeginCheck gives out the next check_seq and loads what a check needs, in one batch.
func (s *Store) BeginCheck(ctx context.Context, name, runID string) (narrative.CheckState, error) {
	var state narrative.CheckState
	var exists bool
	b := &engine.Batch{}
	queueRunBy(b, narrative.AssertionKind, runID, &state.Recorded)
	queueSeq(b, "assertion_metas", name, runID, &state.Seq)
	b.Query(func(r engine.Row) error {
		exists = true
		err := r.Scan(scanAssertion(&state.Meta)...)
		state.Streak = state.Meta.Streak
		return err
	}, "SELECT "+assertionColumns+" FROM assertion_metas WHERE name = $1 AND removed_at IS NULL", name)
	queueConfig(b, &state.Config, "")
	b.Query(collectOne(&state.Last, scanVerdict), `
		SELECT verdict FROM check_runs
		WHERE name = $1 AND outcome IN ('passed', 'failed')
		ORDER BY seq DESC, id DESC LIMIT 1`, name)
	queueOpen(b, name, &state.Open)
	queueHandoffsOf(b, runID, &state.Handoffs)
	err := s.engine.Write(ctx, b)
	switch {
	case err != nil:
	case !exists:
		err = noAssertion(name)
	case state.Recorded != nil:
		err = sameRun(*state.Recorded, name)
	}
	if err != nil {
		return narrative.CheckState{}, during(err, "begin a check of %q", name)
	}
	return state, nil
}

// queueSeq gives out the next check_seq, unless the run was recorded already. It is one statement, so that checks that
// begin at the same time get different ones.
func queueSeq(b *engine.Batch, table, name, runID string, to *int64) {
	b.Query(func(r engine.Row) error { return r.Scan(to) }, `
		UPDATE `+table+` SET check_seq = check_seq + 1
		WHERE name = $1 AND removed_at IS NULL AND NOT EXISTS (SELECT 1 FROM check_runs WHERE run_id = $2)
		RETURNING check_seq`, name, runID)
}

func scanVerdict(r engine.Row) (v narrative.Verdict, err error) {
	return v, r.Scan(document{&v})
}

// queueOpen loads an assertion's unresolved issues, oldest first, without steps.
func queueOpen(b *engine.Batch, assertion string, to *[]narrative.Issue) {
	*to = []narrative.Issue{}
	b.Query(collect(to, scanIssue), selectIssues+`
		WHERE i.assertion = $1 AND i.status NOT IN ('resolved', 'wont_fix')
		ORDER BY i.id`, assertion)
}

// RecordCheck commits a check. One that passed where nothing was open takes one batch; any other is decided under the
// lock of its meta's row.
func (s *Store) RecordCheck(ctx context.Context, r narrative.CheckRecord) (narrative.CheckResult, error) {
	r, err := cleaned(r)
	if err != nil {
		return narrative.CheckResult{}, during(err, "record the check of %q", r.Assertion)
	}
	if r.Outcome == narrative.OutcomePassed && len(r.Violations) == 0 && r.Total == 0 {
		unchanged, err := s.recordUnchanged(ctx, r)
		if err != nil {
			return narrative.CheckResult{}, during(err, "record the check of %q", r.Assertion)
		}
		if unchanged {
			return narrative.CheckResult{Run: r.CheckRun, Opened: []narrative.Issue{}, Handoffs: []narrative.Handoff{}}, nil
		}
	}
	var result narrative.CheckResult
	err = s.engine.Tx(ctx, func(tx engine.Tx) error {
		result, err = s.recordCheck(ctx, tx, r)
		return err
	})
	return result, during(err, "record the check of %q", r.Assertion)
}

// recordUnchanged records a passing check where there is nothing it could change but its streak. It tells whether that
// was so: not where an issue or a violating record is kept, a newer check was recorded first, the run is recorded, or the
// meta is gone.
// The row is locked by a statement of its own, since a later statement sees what was committed meanwhile.
func (s *Store) recordUnchanged(ctx context.Context, r narrative.CheckRecord) (bool, error) {
	args, err := runArguments(r.CheckRun, r.Revision, r.Error)
	if err != nil {
		return false, err
	}
	recorded := 0
	b := &engine.Batch{}
	if s.dialect.RowLocks {
		b.Exec("SELECT 1 FROM assertion_metas WHERE name = $1 FOR UPDATE", r.Assertion)
	}
	b.Exec(`
		UPDATE assertion_metas
		SET passed = passed + 1, failed = 0, errored = 0, last_seq = $2, soft = '',
			checked_revision = CASE WHEN checked_revision < $3 THEN $3 ELSE checked_revision END
		WHERE name = $1 AND removed_at IS NULL AND last_seq < $2 AND violating = 0
			AND NOT EXISTS (SELECT 1 FROM check_runs WHERE run_id = $4)
			AND NOT EXISTS (
				SELECT 1 FROM issues WHERE assertion = $1 AND status NOT IN ('resolved', 'wont_fix'))`,
		r.Assertion, r.Seq, r.Revision, r.RunID)
	b.Count(&recorded, insertRun+`
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14
		WHERE EXISTS (SELECT 1 FROM assertion_metas WHERE name = $2 AND removed_at IS NULL AND last_seq = $11)
		ON CONFLICT (run_id) DO NOTHING`, args...)
	err = s.engine.Write(ctx, b)
	return recorded == 1, err
}

// cleaned refuses text that cannot be stored, cuts what is too long, and gives the run its id.
func cleaned(r narrative.CheckRecord) (narrative.CheckRecord, error) {
	var t texts
	for _, f := range []struct{ field, value string }{
		{"assertion", r.Assertion}, {"summary", r.Summary}, {"error", r.Error}, {"workflow_id", r.WorkflowID}, {"run_id", r.RunID},
	} {
		t.add(f.field, f.value)
	}
	t.value("verdict", r.Verdict)
	if err := t.err(); err != nil {
		return r, err
	}
	if r.RunID == "" {
		return r, narrative.Problems{{Path: "run_id", Message: "is required"}}
	}
	verdict, err := bounded(r.Verdict)
	if err != nil {
		return r, err
	}
	r.Kind, r.ID, r.Verdict = narrative.AssertionKind, narrative.NewID(r.FinishedAt), verdict
	r.Summary, r.Error = clip(r.Summary, maxSummary), clip(r.Error, maxSummary)
	if r.Outcome == narrative.OutcomeErrored {
		r.Summary, r.Verdict = cmp.Or(r.Summary, r.Error), narrative.Verdict{}
	}
	r.CheckRun = precise(r.CheckRun)
	found := len(r.Violations)
	r.Violations, err = cleanedViolations(r.Violations)
	r.Total -= found - len(r.Violations)
	return r, err
}
