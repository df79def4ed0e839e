package persistence

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

// precise cuts a run's times to what the store keeps.
func precise(run narrative.CheckRun) narrative.CheckRun {
	for _, at := range []*time.Time{&run.ScheduledAt, &run.StartedAt, &run.FinishedAt} {
		*at = at.UTC().Truncate(time.Microsecond)
	}
	return run
}

// checkFacts is what is loaded under the lock.
type checkFacts struct {
	narrative.CheckFacts
	exists    bool
	recorded  *narrative.CheckRun
	violating int
}

// recordCheck commits a check in a transaction.
func (s *Store) recordCheck(ctx context.Context, tx engine.Tx, r narrative.CheckRecord) (narrative.CheckResult, error) {
	facts, err := s.lockFacts(ctx, tx, r)
	switch {
	case err != nil:
		return narrative.CheckResult{}, err
	case !facts.exists:
		return narrative.CheckResult{}, noAssertion(r.Assertion)
	case facts.recorded != nil:
		return recordedCheck(ctx, tx, *facts.recorded, facts.Meta)
	}
	decision := narrative.DecideCheck(facts.CheckFacts)
	w := recorder{store: s, tx: tx, dialect: s.dialect, batch: &engine.Batch{}, record: r, workflows: map[string]string{}}
	for _, i := range facts.Open {
		w.workflows[i.ID] = i.WorkflowID
	}
	if err := w.write(ctx, decision, *facts); err != nil {
		return narrative.CheckResult{}, err
	}
	return narrative.CheckResult{
		Run: r.CheckRun, Soft: decision.Soft, Opened: orEmpty(w.opened), Changed: slices.Sorted(maps.Keys(decision.Reasons)),
		Handoffs: orEmpty(w.handoffs),
	}, nil
}

// lockFacts locks the meta's row and loads what the decision is made by. Statements after the first see what was
// committed while the lock was waited for.
func (s *Store) lockFacts(ctx context.Context, tx engine.Tx, r narrative.CheckRecord) (*checkFacts, error) {
	f := &checkFacts{CheckFacts: narrative.CheckFacts{Now: r.FinishedAt, Record: r}}
	b := &engine.Batch{}
	b.Query(func(row engine.Row) error {
		f.exists = true
		err := row.Scan(append(scanAssertion(&f.Meta), &f.violating)...)
		f.Streak = f.Meta.Streak
		return err
	}, "SELECT "+assertionColumns+", violating FROM assertion_metas WHERE name = $1 AND removed_at IS NULL"+
		s.dialect.Lock("FOR UPDATE"), r.Assertion)
	queueRunBy(b, narrative.AssertionKind, r.RunID, &f.recorded)
	queueOpen(b, r.Assertion, &f.Open)
	barred := map[narrative.IssueKey]bool{}
	f.Barred = func(k narrative.IssueKey) bool { return barred[k] }
	if r.Outcome != narrative.OutcomePassed || len(r.Violations) > 0 || r.Total > 0 {
		queueBarred(b, r, barred)
	}
	violated := map[narrative.Record]int{}
	f.Violated = func(r narrative.Record) int { return violated[r] }
	if r.OverRecords && len(r.Violations) > 0 {
		queueViolated(b, r.Assertion, violated)
	}
	return f, tx.Run(ctx, b)
}

// queueBarred loads the keys of closed issues that keep new ones away: closed after this check began, or by a won't
// fix that still holds.
func queueBarred(b *engine.Batch, r narrative.CheckRecord, barred map[narrative.IssueKey]bool) {
	b.Query(func(row engine.Row) error {
		var k narrative.IssueKey
		err := row.Scan((*string)(&k.Kind), &k.Record.Type, &k.Record.ID)
		barred[k] = true
		return err
	}, `
		SELECT kind, record_type, record_id FROM issues
		WHERE assertion = $1 AND status IN ('resolved', 'wont_fix') AND closed_seq >= $2
		UNION
		SELECT kind, record_type, record_id FROM issues
		WHERE assertion = $1 AND status = 'wont_fix' AND (muted_until IS NULL OR muted_until > $3)`,
		r.Assertion, r.Seq, r.FinishedAt)
}

// recordedCheck answers a check that was recorded before. What was soft then is told while no newer check was recorded.
func recordedCheck(ctx context.Context, tx engine.Tx, run narrative.CheckRun, meta narrative.AssertionMeta) (narrative.CheckResult, error) {
	if err := sameRun(run, meta.Name); err != nil {
		return narrative.CheckResult{}, err
	}
	result := narrative.CheckResult{Run: run, Opened: []narrative.Issue{}}
	if run.Seq == meta.Streak.LastSeq {
		result.Soft = meta.Soft
	}
	b := &engine.Batch{}
	b.Query(collect(&result.Opened, scanIssue), selectIssues+`
		WHERE i.assertion = $1 AND i.opened_seq = $2
		ORDER BY i.id`, meta.Name, run.Seq)
	queueHandoffsOf(b, run.RunID, &result.Handoffs)
	return result, tx.Run(ctx, b)
}

// recorder writes what a check leads to.
type recorder struct {
	store     *Store
	tx        engine.Tx
	dialect   engine.Dialect
	batch     *engine.Batch // queued and not sent yet
	weight    int           // of it, in bytes, as far as they are counted
	record    narrative.CheckRecord
	workflows map[string]string // of the open issues
	opened    []narrative.Issue
	handoffs  []narrative.Handoff
}

// maxQueued is how many statements are sent at once.
const maxQueued = 3000

func (w *recorder) write(ctx context.Context, d narrative.CheckDecision, facts checkFacts) error {
	args, err := runArguments(w.record.CheckRun, w.record.Revision, w.record.Error)
	if err != nil {
		return err
	}
	w.batch.Exec(insertRun+"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)", args...)
	if d.Stale {
		return w.tx.Run(ctx, w.batch)
	}
	w.batch.Exec(`
		UPDATE assertion_metas
		SET passed = $2, failed = $3, errored = $4, last_seq = $5, soft = $6,
			checked_revision = CASE WHEN checked_revision < $7 THEN $7 ELSE checked_revision END
		WHERE name = $1`,
		w.record.Assertion, d.Streak.Passed, d.Streak.Failed, d.Streak.Errored, d.Streak.LastSeq, d.Soft, w.record.Revision)
	if err := w.openNew(ctx, d.Open); err != nil {
		return err
	}
	if err := w.change(ctx, d.Changed, d.Reasons); err != nil {
		return err
	}
	if err := w.tell(facts.Meta, d.Raised); err != nil {
		return err
	}
	for _, o := range d.Observe {
		if err := w.handOver(ctx, w.workflows[o.IssueID], o); err != nil {
			return err
		}
	}
	if err := w.writeViolations(ctx, facts.violating); err != nil {
		return err
	}
	return w.tx.Run(ctx, w.batch)
}

// tell writes down who is told of the issues that were opened, and of those whose severity was raised.
func (w *recorder) tell(meta narrative.AssertionMeta, raised []narrative.Raised) error {
	if w.record.Tell == nil || len(w.opened)+len(raised) == 0 {
		return nil
	}
	notifications := w.record.Tell(meta, w.opened, raised)
	var t texts
	t.value("notifications", notifications)
	if err := t.err(); err != nil {
		return err
	}
	return w.store.queueNotifications(w.batch, notifications)
}

// send sends what is queued where it is much, the last statement weighing that many bytes.
func (w *recorder) send(ctx context.Context, weight int) error {
	w.weight += weight
	if len(w.batch.Statements) < maxQueued && w.weight < pieceSize {
		return nil
	}
	err := w.tx.Run(ctx, w.batch)
	w.batch, w.weight = &engine.Batch{}, 0
	return err
}

func (w *recorder) openNew(ctx context.Context, issues []narrative.Issue) error {
	r := w.record
	for _, i := range issues {
		i.ID = narrative.NewID(r.FinishedAt)
		i.Assertion = r.Assertion
		i.WorkflowID = narrative.IssueWorkflowID(r.Assertion, i.Kind, i.Record)
		i.OpenedAt, i.OpenedSeq, i.CurrentSeq = r.FinishedAt, r.Seq, r.Seq
		i.Steps = []narrative.ResolutionStep{}
		weight, err := queueNewIssue(w.batch, &i)
		if err != nil {
			return err
		}
		w.weight += weight
		queueEntry(w.batch, i.ID, narrative.Entry{At: r.FinishedAt, Kind: narrative.EntryOpened, Text: i.Summary, Key: "opened"})
		w.opened = append(w.opened, i)
		if err := w.handOver(ctx, i.WorkflowID, narrative.Observation{IssueID: i.ID, CheckSeq: r.Seq}); err != nil {
			return err
		}
	}
	return nil
}

// change writes what [narrative.DecideCheck] may alter of an issue.
func (w *recorder) change(ctx context.Context, issues []narrative.Issue, reasons map[string]string) error {
	for _, i := range issues {
		verdict, err := encodeJSON(i.Verdict)
		if err != nil {
			return during(err, "issue of %s", i.Name())
		}
		acknowledged, err := encoded(i.Acknowledged)
		if err != nil {
			return err
		}
		w.batch.Exec(`
			UPDATE issues
			SET verdict = $2, severity = $3, summary = $4, passes = $5, next_round_at = $6, acknowledged = $7
			WHERE id = $1`,
			i.ID, engine.JSON(verdict), string(i.Severity), i.Summary, i.Passes, unlessZero(i.NextRoundAt), acknowledged)
		if reason := reasons[i.ID]; reason != "" {
			queueEntry(w.batch, i.ID, narrative.Entry{At: w.record.FinishedAt, Kind: narrative.EntryVerdict, Text: reason})
		}
		if err := w.send(ctx, len(verdict)); err != nil {
			return err
		}
	}
	return nil
}

func (w *recorder) handOver(ctx context.Context, workflowID string, o narrative.Observation) error {
	h := narrative.Handoff{
		ID: narrative.NewID(w.record.FinishedAt), WorkflowID: workflowID, Observation: &o, CreatedAt: w.record.FinishedAt,
	}
	queueHandoff(w.batch, w.record.ID, h)
	w.handoffs = append(w.handoffs, h)
	return w.send(ctx, 0)
}
