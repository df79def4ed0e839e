package persistence

import (
	"context"

	sq "github.com/Masterminds/squirrel"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

const (
	issueColumns = "i.id, i.workflow_id, i.assertion, i.kind, i.record_type, i.record_id, i.status, i.severity, i.summary, " +
		"i.verdict, i.opened_at, i.opened_seq, i.resolved_at, i.closed_seq, i.muted_until, i.acknowledged, i.snoozed_until, " +
		"i.awaiting, i.rounds, i.version, i.working, i.next_round_at, i.enacted_seq, i.attempts, i.idle, i.passes, " +
		"i.verify_at, i.notified_at, i.renotified, i.escalated, m.check_seq"
	issueTables  = "issues i JOIN assertion_metas m ON m.name = i.assertion"
	selectIssues = "SELECT " + issueColumns + " FROM " + issueTables
)

func scanIssue(r engine.Row) (i narrative.Issue, err error) {
	err = r.Scan(&i.ID, &i.WorkflowID, &i.Assertion, (*string)(&i.Kind), &i.Record.Type, &i.Record.ID,
		(*string)(&i.Status), (*string)(&i.Severity), &i.Summary, document{&i.Verdict}, moment{&i.OpenedAt}, &i.OpenedSeq,
		perhaps{&i.ResolvedAt}, &i.ClosedSeq, perhaps{&i.MutedUntil}, document{&i.Acknowledged}, perhaps{&i.SnoozedUntil},
		document{&i.Awaiting}, &i.Rounds, &i.Version, &i.Working, moment{&i.NextRoundAt}, &i.EnactedSeq, &i.Attempts,
		&i.Idle, &i.Passes, perhaps{&i.VerifyAt}, perhaps{&i.NotifiedAt}, &i.Renotified, &i.Escalated, &i.CurrentSeq)
	i.Steps = []narrative.ResolutionStep{}
	return i, err
}

// Issue returns the issue with its steps.
func (s *Store) Issue(ctx context.Context, id string) (narrative.Issue, error) {
	var issue *narrative.Issue
	b := &engine.Batch{}
	queueIssue(b, id, &issue)
	if err := s.engine.Read(ctx, b); err != nil {
		return narrative.Issue{}, during(err, "load issue %s", id)
	}
	if issue == nil {
		return narrative.Issue{}, noIssue(id)
	}
	return *issue, nil
}

// queueIssue loads an issue with its steps; to stays nil where there is none.
func queueIssue(b *engine.Batch, id string, to **narrative.Issue) {
	b.Query(collectOne(to, scanIssue), selectIssues+" WHERE i.id = $1", id)
	b.Query(func(r engine.Row) error {
		step, err := scanStep(r)
		if *to != nil {
			(*to).Steps = append((*to).Steps, step.ResolutionStep)
		}
		return err
	}, selectSteps+" WHERE s.issue_id = $1 ORDER BY s.position, s.id", id)
}

// Issues lists issues, opened last first, with their steps.
func (s *Store) Issues(ctx context.Context, q narrative.IssueQuery, p narrative.Page) (narrative.Listed[narrative.Issue], error) {
	var none narrative.Listed[narrative.Issue]
	limit, after, err := pageOf("issues", p)
	if err != nil {
		return none, err
	}
	issues := []narrative.Issue{}
	query := filtered(q).OrderBy("i.opened_at DESC", "i.id DESC").Limit(uint64(limit) + 1)
	if after != nil {
		query = query.Where("(i.opened_at, i.id) < (?, ?)", after.at(), after.id)
	}
	if err := s.read(ctx, query, collect(&issues, scanIssue)); err != nil {
		return none, during(err, "list the issues")
	}
	page := listed(issues, limit, func(i narrative.Issue) cursor {
		return cursor{"issues", i.OpenedAt.UnixMicro(), i.ID}
	})
	return page, during(s.addSteps(ctx, page.Items), "list the issues")
}

func filtered(q narrative.IssueQuery) sq.SelectBuilder {
	query := statements.Select(issueColumns).From(issueTables)
	for _, f := range []struct{ column, value string }{
		{"i.status", string(q.Status)},
		{"i.assertion", q.Assertion},
		{"i.record_type", q.RecordType},
		{"i.record_id", q.RecordID},
		{"i.severity", string(q.Severity)},
	} {
		if f.value != "" {
			query = query.Where(sq.Eq{f.column: f.value})
		}
	}
	if !q.Since.IsZero() {
		query = query.Where(sq.GtOrEq{"i.opened_at": q.Since})
	}
	if !q.Until.IsZero() {
		query = query.Where(sq.Lt{"i.opened_at": q.Until})
	}
	return query
}

func (s *Store) addSteps(ctx context.Context, issues []narrative.Issue) error {
	if len(issues) == 0 {
		return nil
	}
	ids, place := make([]string, len(issues)), map[string]int{}
	for n, i := range issues {
		ids[n], place[i.ID] = i.ID, n
	}
	query := statements.Select(stepColumns).From(stepTables).Where(sq.Eq{"s.issue_id": ids}).OrderBy("s.position", "s.id")
	return s.read(ctx, query, func(r engine.Row) error {
		step, err := scanStep(r)
		if n, ok := place[step.issueID]; ok {
			issues[n].Steps = append(issues[n].Steps, step.ResolutionStep)
		}
		return err
	})
}

// UnresolvedIssues returns unresolved ones in the order of their ids, which is that of their opening.
func (s *Store) UnresolvedIssues(ctx context.Context, after string, limit int) ([]narrative.Issue, error) {
	issues := []narrative.Issue{}
	b := &engine.Batch{}
	b.Query(collect(&issues, scanIssue), selectIssues+`
		WHERE i.id > $1 AND i.status NOT IN ('resolved', 'wont_fix')
		ORDER BY i.id LIMIT $2`, after, max(limit, 0))
	return issues, during(s.engine.Read(ctx, b), "load the unresolved issues")
}

// CountIssues counts the unresolved issues. The index of those finds them, however many are closed.
func (s *Store) CountIssues(ctx context.Context) ([]narrative.IssueCount, error) {
	counts := []narrative.IssueCount{}
	b := &engine.Batch{}
	b.Query(collect(&counts, func(r engine.Row) (c narrative.IssueCount, err error) {
		return c, r.Scan((*string)(&c.Status), (*string)(&c.Severity), &c.Count, moment{&c.Oldest})
	}), `
		SELECT status, severity, COUNT(*), MIN(opened_at) FROM issues
		WHERE status NOT IN ('resolved', 'wont_fix')
		GROUP BY status, severity
		ORDER BY status, severity`)
	return counts, during(s.engine.Read(ctx, b), "count the issues")
}

func noIssue(id string) error {
	return narrative.Errorf(narrative.NotFound, "there is no issue %s", id)
}

// queueNewIssue adds an issue as a check opens it, gives it the verdict that will be read back, and tells how many bytes
// that has.
func queueNewIssue(b *engine.Batch, i *narrative.Issue) (weight int, err error) {
	verdict, err := encodeJSON(i.Verdict)
	if err == nil {
		err = decodeVerdict(verdict, &i.Verdict)
	}
	if err != nil {
		return 0, during(err, "issue of %s", i.Name())
	}
	b.Exec(`
		INSERT INTO issues (id, workflow_id, assertion, kind, record_type, record_id, status, severity, summary, verdict,
			opened_at, opened_seq)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		i.ID, i.WorkflowID, i.Assertion, string(i.Kind), i.Record.Type, i.Record.ID, string(i.Status), string(i.Severity),
		i.Summary, engine.JSON(verdict), i.OpenedAt, i.OpenedSeq)
	return len(verdict), nil
}

// queueChangedIssue writes all that a change may alter. What names the issue is not among it.
func queueChangedIssue(b *engine.Batch, i narrative.Issue) error {
	verdict, err := encoded(&i.Verdict)
	if err != nil {
		return err
	}
	acknowledged, err := encoded(i.Acknowledged)
	if err != nil {
		return err
	}
	awaiting, err := encoded(i.Awaiting)
	if err != nil {
		return err
	}
	b.Exec(`
		UPDATE issues
		SET status = $2, severity = $3, summary = $4, verdict = $5, resolved_at = $6, closed_seq = $7, muted_until = $8,
			acknowledged = $9, snoozed_until = $10, awaiting = $11, rounds = $12, version = $13, working = $14,
			next_round_at = $15, enacted_seq = $16, attempts = $17, idle = $18, passes = $19, verify_at = $20,
			notified_at = $21, renotified = $22, escalated = $23
		WHERE id = $1`,
		i.ID, string(i.Status), string(i.Severity), i.Summary, verdict, i.ResolvedAt, i.ClosedSeq, i.MutedUntil,
		acknowledged, i.SnoozedUntil, awaiting, i.Rounds, i.Version, i.Working, unlessZero(i.NextRoundAt), i.EnactedSeq,
		i.Attempts, i.Idle, i.Passes, i.VerifyAt, i.NotifiedAt, i.Renotified, i.Escalated)
	return nil
}
