package persistence

import (
	"fmt"
	"slices"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

const (
	solutionColumns = "o.id, o.problem, o.plan, o.template, o.data, o.enacted_at, o.error"
	stepColumns     = "s.issue_id, s.id, s.case_name, s.action, s.reason, s.digest, s.state, s.times, s.at, s.round, " + solutionColumns
	stepTables      = "resolution_steps s LEFT JOIN solutions o ON o.step_id = s.id"
	selectSteps     = "SELECT " + stepColumns + " FROM " + stepTables
)

// storedStep is a step and whose it is.
type storedStep struct {
	issueID string
	narrative.ResolutionStep
}

func scanStep(r engine.Row) (s storedStep, err error) {
	var o narrative.Solution
	err = r.Scan(append([]any{
		&s.issueID, &s.ID, &s.Case, (*string)(&s.Action), &s.Reason, &s.Digest, (*string)(&s.State),
		&s.Count,
		moment{&s.At},
		&s.Round,
	}, scanSolution(&o)...)...)
	if o.ID != "" {
		s.Solution = &o
	}
	return s, err
}

// scanSolution scans a solution; its id stays empty where there is none.
func scanSolution(o *narrative.Solution) []any {
	return []any{
		text{&o.ID},
		text{&o.Problem},
		document{&o.Plan},
		document{&o.Template},
		document{&o.Data},
		perhaps{&o.EnactedAt},
		text{&o.Error},
	}
}

// stepRow are the arguments of the statements that keep one step, and its solution where it has one.
type stepRow struct {
	step, solution []any
}

func (r stepRow) equal(other stepRow) bool {
	return fmt.Sprint(r.step) == fmt.Sprint(other.step) && fmt.Sprint(r.solution) == fmt.Sprint(other.solution)
}

func rowOf(issueID string, position int, s narrative.ResolutionStep) (row stepRow, err error) {
	row.step = []any{
		s.ID, issueID, position, s.Case, string(s.Action), s.Reason, s.Digest, string(s.State), s.Count,
		s.At.UTC(), s.Round,
	}
	if s.Solution == nil {
		return row, nil
	}
	row.solution, err = solutionArguments(*s.Solution, s.ID, "")
	return row, err
}

func rowsOf(i narrative.Issue) (map[string]stepRow, error) {
	rows := map[string]stepRow{}
	for position, s := range i.Steps {
		row, err := rowOf(i.ID, position, s)
		if err != nil {
			return nil, during(err, "step %s", s.ID)
		}
		rows[s.ID] = row
	}
	return rows, nil
}

func solutionArguments(o narrative.Solution, stepID, occurrenceID string) ([]any, error) {
	plan, err := encodeJSON(orEmpty(o.Plan))
	if err != nil {
		return nil, during(err, "plan")
	}
	var template any
	if o.Template != nil {
		if template, err = encoded(&o.Template); err != nil {
			return nil, during(err, "template")
		}
	}
	data, err := encoded(o.Data)
	if err != nil {
		return nil, during(err, "data")
	}
	var enacted any
	if o.EnactedAt != nil {
		enacted = o.EnactedAt.UTC()
	}
	return []any{
		o.ID, unlessEmpty(stepID), unlessEmpty(occurrenceID), o.Problem, engine.JSON(plan), template, data,
		enacted, o.Error,
	}, nil
}

const insertSolution = `
	INSERT INTO solutions (id, step_id, occurrence_id, problem, plan, template, data, enacted_at, error)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

// queueSteps writes the steps that were added or altered since before. Their ids, and those of their solutions, are
// given here where they have none.
func queueSteps(b *engine.Batch, i *narrative.Issue, before map[string]stepRow) error {
	i.Steps = slices.Clone(i.Steps)
	for position := range i.Steps {
		s := &i.Steps[position]
		if s.ID == "" {
			s.ID = narrative.NewID(s.At)
		}
		if s.Solution != nil && s.Solution.ID == "" {
			solution := *s.Solution
			solution.ID = narrative.NewID(s.At)
			s.Solution = &solution
		}
		row, err := rowOf(i.ID, position, *s)
		if err != nil {
			return during(err, "step %s", s.ID)
		}
		if was, known := before[s.ID]; known && was.equal(row) {
			continue
		}
		queueStep(b, row)
	}
	return nil
}

func queueStep(b *engine.Batch, row stepRow) {
	b.Exec(`
		INSERT INTO resolution_steps (id, issue_id, position, case_name, action, reason, digest, state, times, at, round)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (id) DO UPDATE
		SET position = excluded.position, case_name = excluded.case_name, action = excluded.action,
			reason = excluded.reason, digest = excluded.digest, state = excluded.state, times = excluded.times,
			at = excluded.at, round = excluded.round
		WHERE resolution_steps.issue_id = excluded.issue_id`, row.step...)
	if row.solution == nil {
		return
	}
	b.Exec(insertSolution+`
		ON CONFLICT (id) DO UPDATE
		SET problem = excluded.problem, plan = excluded.plan, template = excluded.template, data = excluded.data,
			enacted_at = excluded.enacted_at, error = excluded.error
		WHERE solutions.step_id = excluded.step_id`, row.solution...)
}
