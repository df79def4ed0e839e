package persistence

import (
	"cmp"
	"context"
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
