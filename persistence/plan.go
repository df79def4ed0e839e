package persistence

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

const selectOccurrences = "SELECT c.id, c.event, c.summary, c.details, c.at, c.expires_at, " + solutionColumns +
	" FROM occurrences c LEFT JOIN solutions o ON o.occurrence_id = c.id"

func scanOccurrence(r engine.Row) (c narrative.Occurrence, err error) {
	var o narrative.Solution
	err = r.Scan(append([]any{
		&c.ID, &c.Event,
		document{&c.Summary},
		document{&c.Details},
		moment{&c.At},
		perhaps{&c.ExpiresAt},
	}, scanSolution(&o)...)...)
	if o.ID != "" {
		c.Solution = &o
	}
	return c, err
}

// Occurrence returns an occurrence with its solution.
func (s *Store) Occurrence(ctx context.Context, id string) (narrative.Occurrence, error) {
	var o *narrative.Occurrence
	b := &engine.Batch{}
	b.Query(collectOne(&o, scanOccurrence), selectOccurrences+" WHERE c.id = $1", id)
	if err := s.engine.Read(ctx, b); err != nil {
		return narrative.Occurrence{}, during(err, "load occurrence %s", id)
	}
	if o == nil {
		return narrative.Occurrence{}, narrative.Errorf(narrative.NotFound, "there is no occurrence %s", id)
	}
	return *o, nil
}

// AnswerOccurrence keeps the solution that answers the occurrence, unless one is kept already, and returns the one kept.
func (s *Store) AnswerOccurrence(ctx context.Context, id string, answer narrative.Solution) (narrative.Solution, error) {
	var t texts
	t.value("solution", answer)
	if err := t.err(); err != nil {
		return narrative.Solution{}, during(err, "answer occurrence %s", id)
	}
	var kept *narrative.Occurrence
	err := s.engine.Tx(ctx, func(tx engine.Tx) error {
		var c *narrative.Occurrence
		b := &engine.Batch{}
		if s.dialect.RowLocks {
			b.Exec("SELECT 1 FROM occurrences WHERE id = $1 FOR UPDATE", id)
		}
		b.Query(collectOne(&c, scanOccurrence), selectOccurrences+" WHERE c.id = $1", id)
		if err := tx.Run(ctx, b); err != nil {
			return err
		}
		if c == nil {
			return narrative.Errorf(narrative.NotFound, "there is no occurrence %s", id)
		}
		if kept = c; c.Solution != nil {
			return nil
		}
		answer.ID = cmp.Or(answer.ID, narrative.NewID(c.At))
		args, err := solutionArguments(answer, "", id)
		if err != nil {
			return err
		}
		kept = nil
		b = &engine.Batch{}
		b.Exec(insertSolution, args...)
		b.Query(collectOne(&kept, scanOccurrence), selectOccurrences+" WHERE c.id = $1", id)
		return tx.Run(ctx, b)
	})
	if err != nil {
		return narrative.Solution{}, during(err, "answer occurrence %s", id)
	}
	return *kept.Solution, nil
}

// FinishSolution stamps the solution of an occurrence.
func (s *Store) FinishSolution(ctx context.Context, solutionID string, at time.Time, failure string) error {
	var t texts
	t.add("failure", failure)
	if err := t.err(); err != nil {
		return during(err, "finish solution %s", solutionID)
	}
	finished := 0
	b := &engine.Batch{}
	b.Count(&finished, "UPDATE solutions SET enacted_at = $2, error = $3 WHERE id = $1 AND occurrence_id IS NOT NULL",
		solutionID, at, failure)
	if err := s.engine.Write(ctx, b); err != nil {
		return during(err, "finish solution %s", solutionID)
	}
	return found(finished == 1, "there is no solution %s of an occurrence", solutionID)
}

const selectActions = "SELECT a.solution_id, a.idx, a.action, a.state, a.attempts, a.started_at, a.finished_at, a.receipt, " +
	"a.error FROM action_runs a"

func scanAction(r engine.Row) (a narrative.ActionRun, err error) {
	err = r.Scan(&a.SolutionID, &a.Index, &a.Action, (*string)(&a.State), &a.Attempts, moment{&a.StartedAt},
		perhaps{&a.FinishedAt}, &a.Receipt, &a.Error)
	return a, err
}

// ledger is what the ledger of actions says of one action, and where it belongs.
type ledger struct {
	exists  bool           // the solution
	plan    narrative.Plan // the solution's
	issueID string         // empty for an occurrence's
	row     *narrative.ActionRun
}

// lockAction locks an action's issue, then its solution, and loads its row.
func (s *Store) lockAction(ctx context.Context, tx engine.Tx, solutionID string, index int) (*ledger, error) {
	var l ledger
	b := &engine.Batch{}
	if s.dialect.RowLocks {
		b.Exec(`
			SELECT 1 FROM issues WHERE id = (
				SELECT s.issue_id FROM resolution_steps s JOIN solutions o ON o.step_id = s.id WHERE o.id = $1)
			FOR UPDATE`, solutionID)
		b.Exec("SELECT 1 FROM solutions WHERE id = $1 FOR UPDATE", solutionID)
	}
	b.Query(func(r engine.Row) error {
		l.exists = true
		return r.Scan(document{&l.plan}, text{&l.issueID})
	}, "SELECT o.plan, s.issue_id FROM solutions o LEFT JOIN resolution_steps s ON s.id = o.step_id WHERE o.id = $1", solutionID)
	b.Query(collectOne(&l.row, scanAction), selectActions+" WHERE a.solution_id = $1 AND a.idx = $2", solutionID, index)
	if err := tx.Run(ctx, b); err != nil {
		return nil, err
	}
	return &l, found(l.exists, "there is no solution %s", solutionID)
}

// tell writes on the timeline of the action's issue, where it has one.
func (l *ledger) tell(b *engine.Batch, index int, action string, now time.Time, format string, args ...any) {
	if l.issueID == "" {
		return
	}
	sentence := fmt.Sprintf("action %s (%d of %d) ", action, index+1, max(len(l.plan), index+1)) + fmt.Sprintf(format, args...)
	queueEntry(b, l.issueID, narrative.Entry{At: now, Kind: narrative.EntryAction, Text: sentence})
}

// StartAction marks an action started, unless it is done, or was started and may not be repeated.
func (s *Store) StartAction(ctx context.Context, solutionID string, index int, action string, repeat bool, now time.Time) (narrative.ActionRun, error) {
	var before narrative.ActionRun
	var t texts
	t.add("action", action)
	if err := t.err(); err != nil {
		return before, during(err, "start action %d of solution %s", index, solutionID)
	}
	err := s.engine.Tx(ctx, func(tx engine.Tx) error {
		before = narrative.ActionRun{SolutionID: solutionID, Index: index, Action: action}
		l, err := s.lockAction(ctx, tx, solutionID, index)
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
			INSERT INTO action_runs (solution_id, idx, action, state, attempts, started_at, receipt, error)
			VALUES ($1, $2, $3, 'started', 1, $4, '', '')
			ON CONFLICT (solution_id, idx) DO UPDATE
			SET state = 'started', attempts = action_runs.attempts + 1, started_at = excluded.started_at,
				finished_at = NULL, error = ''`, solutionID, index, action, now)
		if before.State == "" {
			l.tell(b, index, action, now, "started")
		} else {
			l.tell(b, index, action, now, "started again: attempt %d", before.Attempts+1)
		}
		return tx.Run(ctx, b)
	})
	return before, during(err, "start action %d of solution %s", index, solutionID)
}

// FinishAction marks an action done or failed. One that is done stays so.
func (s *Store) FinishAction(ctx context.Context, solutionID string, index int, receipt, failure string, now time.Time) error {
	var t texts
	t.add("receipt", receipt)
	t.add("failure", failure)
	if err := t.err(); err != nil {
		return during(err, "finish action %d of solution %s", index, solutionID)
	}
	return during(s.engine.Tx(ctx, func(tx engine.Tx) error {
		l, err := s.lockAction(ctx, tx, solutionID, index)
		if err != nil {
			return err
		}
		if l.row == nil {
			return narrative.Errorf(narrative.NotFound, "action %d of solution %s was not started", index, solutionID)
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
			UPDATE action_runs SET state = $3, finished_at = $4, receipt = $5, error = $6
			WHERE solution_id = $1 AND idx = $2`, solutionID, index, string(state), now, receipt, failure)
		switch {
		case failure != "":
			l.tell(b, index, l.row.Action, now, "failed: %s", failure)
		case receipt != "":
			l.tell(b, index, l.row.Action, now, "done: %s", receipt)
		default:
			l.tell(b, index, l.row.Action, now, "done")
		}
		return tx.Run(ctx, b)
	}), "finish action %d of solution %s", index, solutionID)
}
