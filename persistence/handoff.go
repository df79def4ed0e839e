package persistence

import (
	"context"
	"time"

	sq "github.com/Masterminds/squirrel"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

const handoffColumns = "h.id, h.workflow_id, h.issue_id, h.check_seq, h.passed, h.gone, h.occurrence_id, h.created_at"

func scanHandoff(r engine.Row) (h narrative.Handoff, err error) {
	var o narrative.Observation
	err = r.Scan(&h.ID, &h.WorkflowID, text{&o.IssueID}, &o.CheckSeq, &o.Passed, &o.Gone, text{&h.OccurrenceID}, moment{&h.CreatedAt})
	if o.IssueID != "" {
		o.Wake = o.CheckSeq == 0
		h.Observation = &o
	}
	return h, err
}

func queueHandoff(b *engine.Batch, checkRunID string, h narrative.Handoff) {
	var o narrative.Observation
	if h.Observation != nil {
		o = *h.Observation
	}
	b.Exec(`
		INSERT INTO handoffs (id, check_run_id, workflow_id, issue_id, check_seq, passed, gone, occurrence_id, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		h.ID, checkRunID, h.WorkflowID, unlessEmpty(o.IssueID), o.CheckSeq, o.Passed, o.Gone, unlessEmpty(h.OccurrenceID),
		h.CreatedAt)
}

// queueHandoffsOf loads the hand-offs that a run made and that are not done.
func queueHandoffsOf(b *engine.Batch, runID string, to *[]narrative.Handoff) {
	*to = []narrative.Handoff{}
	b.Query(collect(to, scanHandoff), "SELECT "+handoffColumns+`
		FROM handoffs h
		JOIN check_runs r ON r.id = h.check_run_id
		WHERE r.run_id = $1 AND h.done_at IS NULL
		ORDER BY h.id`, runID)
}

// PendingHandoffs returns, oldest first, hand-offs made before the given time and not done.
func (s *Store) PendingHandoffs(ctx context.Context, before time.Time, limit int) ([]narrative.Handoff, error) {
	handoffs := []narrative.Handoff{}
	b := &engine.Batch{}
	b.Query(collect(&handoffs, scanHandoff), "SELECT "+handoffColumns+`
		FROM handoffs h
		WHERE h.done_at IS NULL AND h.created_at < $1
		ORDER BY h.created_at, h.id LIMIT $2`, before, max(limit, 0))
	return handoffs, during(s.engine.Read(ctx, b), "load the pending hand-offs")
}

// HandoffsDone marks hand-offs done.
func (s *Store) HandoffsDone(ctx context.Context, ids []string, now time.Time) error {
	if len(ids) == 0 {
		return nil
	}
	sql, args, err := build(statements.Update("handoffs").Set("done_at", now).Where(sq.Eq{"id": ids, "done_at": nil}))
	if err != nil {
		return err
	}
	b := &engine.Batch{}
	b.Exec(sql, args...)
	return during(s.engine.Write(ctx, b), "mark %d hand-offs done", len(ids))
}
