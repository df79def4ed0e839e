package persistence

import (
	"context"

	sq "github.com/Masterminds/squirrel"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

const runColumns = "id, name, kind, outcome, summary, scheduled_at, started_at, finished_at, workflow_id, run_id, seq, verdict"

func scanRun(r engine.Row) (run narrative.CheckRun, err error) {
	err = r.Scan(&run.ID, &run.Assertion, (*string)(&run.Kind), (*string)(&run.Outcome), &run.Summary,
		moment{&run.ScheduledAt}, moment{&run.StartedAt}, moment{&run.FinishedAt}, &run.WorkflowID, &run.RunID,
		&run.Seq, document{&run.Verdict})
	return run, err
}

// CheckRuns lists the runs of an assertion or event, those begun last first.
func (s *Store) CheckRuns(ctx context.Context, name string, p narrative.Page) (narrative.Listed[narrative.CheckRun], error) {
	var none narrative.Listed[narrative.CheckRun]
	list := "runs/" + name
	limit, after, err := pageOf(list, p)
	if err != nil {
		return none, err
	}
	query := statements.Select(runColumns).From("check_runs").Where(sq.Eq{"name": name}).
		OrderBy("seq DESC", "id DESC").Limit(uint64(limit) + 1)
	if after != nil {
		query = query.Where("(seq, id) < (?, ?)", after.place, after.id)
	}
	var runs []narrative.CheckRun
	if err := s.read(ctx, query, collect(&runs, scanRun)); err != nil {
		return none, during(err, "list the runs of %q", name)
	}
	return listed(runs, limit, func(r narrative.CheckRun) cursor { return cursor{list, r.Seq, r.ID} }), nil
}

// collect returns a function for rows that appends what scan makes of them.
func collect[T any](to *[]T, scan func(engine.Row) (T, error)) func(engine.Row) error {
	return func(r engine.Row) error {
		one, err := scan(r)
		if err == nil {
			*to = append(*to, one)
		}
		return err
	}
}

// collectOne is collect for at most one row.
func collectOne[T any](to **T, scan func(engine.Row) (T, error)) func(engine.Row) error {
	return func(r engine.Row) error {
		one, err := scan(r)
		if err == nil {
			*to = &one
		}
		return err
	}
}

// queueRunBy looks up a run by its run id.
func queueRunBy(b *engine.Batch, kind narrative.MetaKind, runID string, to **narrative.CheckRun) {
	b.Query(collectOne(to, scanRun),
		"SELECT "+runColumns+" FROM check_runs WHERE run_id = $1 AND kind = $2", runID, string(kind))
}

// insertRun keeps a run unless it is kept already. It is followed by a WHERE or an ON CONFLICT clause.
const insertRun = `
	INSERT INTO check_runs (id, name, kind, outcome, summary, scheduled_at, started_at, finished_at, workflow_id, run_id,
		seq, verdict, revision, error)`

func runArguments(run narrative.CheckRun, revision int64, failure string) ([]any, error) {
	var verdict any
	if run.Outcome == narrative.OutcomePassed || run.Outcome == narrative.OutcomeFailed {
		encodedVerdict, err := encoded(&run.Verdict)
		if err != nil {
			return nil, err
		}
		verdict = encodedVerdict
	}
	return []any{
		run.ID, run.Assertion, string(run.Kind), string(run.Outcome), run.Summary, run.ScheduledAt, run.StartedAt,
		run.FinishedAt, run.WorkflowID, run.RunID, run.Seq, verdict, revision, failure,
	}, nil
}

// sameRun tells a retry from a run id that is used for something else.
func sameRun(recorded narrative.CheckRun, name string) error {
	if recorded.Assertion == name {
		return nil
	}
	return narrative.Errorf(narrative.Conflict, "run %s was recorded for %q already, not for %q", recorded.RunID, recorded.Assertion, name)
}
