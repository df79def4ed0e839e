package persistence

import (
	"fmt"
	"slices"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

const (
	solutionColumns = "o.id, o.problem, o.plan, o.rollback, o.template, o.rollback_template, o.data, o.enacted_at, o.error"
	stepColumns     = "s.issue_id, s.id, s.case_name, s.action, s.reason, s.digest, s.state, s.times, s.at, s.round, " +
		"s.approval, s.approval_timeout_ns, s.verify_after_ns, s.unasked_at, " + solutionColumns
	stepTables  = "resolution_steps s LEFT JOIN solutions o ON o.step_id = s.id"
	selectSteps = "SELECT " + stepColumns + " FROM " + stepTables
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
		&s.Round, (*string)(&s.Policy.Approval), (*int64)(&s.Policy.ApprovalTimeout), (*int64)(&s.Policy.VerifyAfter),
		perhaps{&s.UnaskedAt},
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
		document{&o.Rollback},
		document{&o.Template},
		document{&o.RollbackTemplate},
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

func rowOf(i narrative.Issue, position int, s narrative.ResolutionStep) (row stepRow, err error) {
	row.step = []any{
		s.ID, i.ID, i.Assertion, position, s.Case, string(s.Action), s.Reason, s.Digest, string(s.State), s.Count,
		s.At.UTC(), s.Round, string(s.Policy.Approval), int64(s.Policy.ApprovalTimeout), int64(s.Policy.VerifyAfter),
		unlessNil(s.UnaskedAt),
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
		row, err := rowOf(i, position, s)
		if err != nil {
			return nil, during(err, "step %s", s.ID)
		}
		rows[s.ID] = row
	}
	return rows, nil
}

func solutionArguments(o narrative.Solution, stepID, occurrenceID string) ([]any, error) {
	plan, err := list(o.Plan)
	if err != nil {
		return nil, during(err, "plan")
	}
	var plans [3]any
	for n, p := range []narrative.Plan{o.Rollback, o.Template, o.RollbackTemplate} {
		if p == nil {
			continue
		}
		if plans[n], err = list(p); err != nil {
			return nil, during(err, "%s", [...]string{"rollback", "template", "rollback template"}[n])
		}
	}
	data, err := encoded(o.Data)
	if err != nil {
		return nil, during(err, "data")
	}
	return []any{
		o.ID, unlessEmpty(stepID), unlessEmpty(occurrenceID), o.Problem, plan, plans[0], plans[1], plans[2], data,
		unlessNil(o.EnactedAt), o.Error,
	}, nil
}

const insertSolution = `
	INSERT INTO solutions (id, step_id, occurrence_id, problem, plan, rollback, template, rollback_template, data,
		enacted_at, error)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`

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
		row, err := rowOf(*i, position, *s)
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
		INSERT INTO resolution_steps (id, issue_id, assertion, position, case_name, action, reason, digest, state, times,
			at, round, approval, approval_timeout_ns, verify_after_ns, unasked_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
		ON CONFLICT (id) DO UPDATE
		SET position = excluded.position, case_name = excluded.case_name, action = excluded.action,
			reason = excluded.reason, digest = excluded.digest, state = excluded.state, times = excluded.times,
			at = excluded.at, round = excluded.round, approval = excluded.approval,
			approval_timeout_ns = excluded.approval_timeout_ns, verify_after_ns = excluded.verify_after_ns,
			unasked_at = excluded.unasked_at
		WHERE resolution_steps.issue_id = excluded.issue_id`, row.step...)
	if row.solution == nil {
		return
	}
	b.Exec(insertSolution+`
		ON CONFLICT (id) DO UPDATE
		SET problem = excluded.problem, plan = excluded.plan, rollback = excluded.rollback, template = excluded.template,
			rollback_template = excluded.rollback_template, data = excluded.data, enacted_at = excluded.enacted_at,
			error = excluded.error
		WHERE solutions.step_id = excluded.step_id`, row.solution...)
}
