package persistence

import (
	"context"
	"fmt"
	"time"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

const selectActions = "SELECT a.solution_id, a.idx, a.rollback, a.action, a.state, a.attempts, a.started_at, " +
	"a.finished_at, a.receipt, a.error FROM action_runs a"

func scanAction(r engine.Row) (a narrative.ActionRun, err error) {
	err = r.Scan(&a.SolutionID, &a.Index, &a.Rollback, &a.Action, (*string)(&a.State), &a.Attempts, moment{&a.StartedAt},
		perhaps{&a.FinishedAt}, &a.Receipt, &a.Error)
	return a, err
}

// Actions returns a solution's rows in the ledger: those of its plan by index, then those of its rollback.
func (s *Store) Actions(ctx context.Context, solutionID string) ([]narrative.ActionRun, error) {
	actions := []narrative.ActionRun{}
	b := &engine.Batch{}
	b.Query(collect(&actions, scanAction), selectActions+" WHERE a.solution_id = $1 ORDER BY a.rollback, a.idx", solutionID)
	return actions, during(s.engine.Read(ctx, b), "load the actions of solution %s", solutionID)
}

// ledger is what the ledger of actions says of one action, and where it belongs.
type ledger struct {
	ref     narrative.ActionRef
	exists  bool           // the solution
	plan    narrative.Plan // the solution's
	issueID string         // empty for an occurrence's
	row     *narrative.ActionRun
}

// lockAction locks an action's issue, then its solution, and loads its row.
func (s *Store) lockAction(ctx context.Context, tx engine.Tx, ref narrative.ActionRef) (*ledger, error) {
	l := ledger{ref: ref}
	b := &engine.Batch{}
	if s.dialect.RowLocks {
		b.Exec(`
			SELECT 1 FROM issues WHERE id = (
				SELECT s.issue_id FROM resolution_steps s JOIN solutions o ON o.step_id = s.id WHERE o.id = $1)
			FOR UPDATE`, ref.SolutionID)
		b.Exec("SELECT 1 FROM solutions WHERE id = $1 FOR UPDATE", ref.SolutionID)
	}
	b.Query(func(r engine.Row) error {
		l.exists = true
		return r.Scan(document{&l.plan}, text{&l.issueID})
	}, "SELECT o.plan, s.issue_id FROM solutions o LEFT JOIN resolution_steps s ON s.id = o.step_id WHERE o.id = $1", ref.SolutionID)
	b.Query(collectOne(&l.row, scanAction), selectActions+" WHERE a.solution_id = $1 AND a.idx = $2 AND a.rollback = $3",
		ref.SolutionID, ref.Index, ref.Rollback)
	if err := tx.Run(ctx, b); err != nil {
		return nil, err
	}
	return &l, found(l.exists, "there is no solution %s", ref.SolutionID)
}

// tell writes on the timeline of the action's issue, where it has one.
func (l *ledger) tell(b *engine.Batch, action string, now time.Time, format string, args ...any) {
	if l.issueID == "" {
		return
	}
	n := l.ref.Index + 1
	sentence := fmt.Sprintf("action %s (%d of %d) ", action, n, max(len(l.plan), n))
	if l.ref.Rollback {
		sentence = fmt.Sprintf("rollback %s (of action %d) ", action, n)
	}
	queueEntry(b, l.issueID, narrative.Entry{At: now, Kind: narrative.EntryAction, Text: sentence + fmt.Sprintf(format, args...)})
}

// nameOf is how errors call an action.
func nameOf(ref narrative.ActionRef) string {
	if ref.Rollback {
		return fmt.Sprintf("the rollback of action %d of solution %s", ref.Index, ref.SolutionID)
	}
	return fmt.Sprintf("action %d of solution %s", ref.Index, ref.SolutionID)
}

// StartAction marks an action started, unless it is done, or was started and may not be repeated.
func (s *Store) StartAction(ctx context.Context, ref narrative.ActionRef, action string, repeat bool, now time.Time) (narrative.ActionRun, error) {
	var before narrative.ActionRun
	var t texts
	t.add("action", action)
	if err := t.err(); err != nil {
		return before, during(err, "start %s", nameOf(ref))
	}
	err := s.engine.Tx(ctx, func(tx engine.Tx) error {
		before = narrative.ActionRun{SolutionID: ref.SolutionID, Index: ref.Index, Rollback: ref.Rollback, Action: action}
		l, err := s.lockAction(ctx, tx, ref)
		if err != nil {
			return err
		}
		if l.row != nil {
			before = *l.row
		}
		if before.State == narrative.ActionDone || before.State == narrative.ActionStarted && !repeat {
			return nil
		}
		b := &engine.Batch{}
		b.Exec(`
			INSERT INTO action_runs (solution_id, idx, rollback, action, state, attempts, started_at, receipt, error)
			VALUES ($1, $2, $3, $4, 'started', 1, $5, '', '')
			ON CONFLICT (solution_id, idx, rollback) DO UPDATE
			SET state = 'started', attempts = action_runs.attempts + 1, started_at = excluded.started_at,
				finished_at = NULL, error = ''`, ref.SolutionID, ref.Index, ref.Rollback, action, now)
		if before.State == "" {
			l.tell(b, action, now, "started")
		} else {
			l.tell(b, action, now, "started again: attempt %d", before.Attempts+1)
		}
		return tx.Run(ctx, b)
	})
	return before, during(err, "start %s", nameOf(ref))
}

// FinishAction marks an action done or failed. One that is done stays so.
func (s *Store) FinishAction(ctx context.Context, ref narrative.ActionRef, receipt, failure string, now time.Time) error {
	var t texts
	t.add("receipt", receipt)
	t.add("failure", failure)
	if err := t.err(); err != nil {
		return during(err, "finish %s", nameOf(ref))
	}
	return during(s.engine.Tx(ctx, func(tx engine.Tx) error {
		l, err := s.lockAction(ctx, tx, ref)
		if err != nil {
			return err
		}
		if l.row == nil {
			return narrative.Errorf(narrative.NotFound, "%s was not started", nameOf(ref))
		}
		if l.row.State == narrative.ActionDone {
			return nil
		}
		state := narrative.ActionDone
		if failure != "" {
			state = narrative.ActionFailed
		}
		b := &engine.Batch{}
		b.Exec(`
			UPDATE action_runs SET state = $4, finished_at = $5, receipt = $6, error = $7
			WHERE solution_id = $1 AND idx = $2 AND rollback = $3`,
			ref.SolutionID, ref.Index, ref.Rollback, string(state), now, receipt, failure)
		switch {
		case failure != "":
			l.tell(b, l.row.Action, now, "failed: %s", failure)
		case receipt != "":
			l.tell(b, l.row.Action, now, "done: %s", receipt)
		default:
			l.tell(b, l.row.Action, now, "done")
		}
		return tx.Run(ctx, b)
	}), "finish %s", nameOf(ref))
}
