package persistence

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

// ChangeIssue changes an issue under its lock and that of its assertion's meta. No check begins, none is recorded, and no
// other issue of the assertion is changed between what the change sees and its commit: an issue closed here stays closed
// for every check that began before, and plans begun unasked are counted.
func (s *Store) ChangeIssue(ctx context.Context, id string, version int, key string, change func(*narrative.Issue) (narrative.Effects, error)) (narrative.Issue, error) {
	var issue *narrative.Issue
	var refused error
	err := s.engine.Tx(ctx, func(tx engine.Tx) error {
		locked, err := s.lockIssueToChange(ctx, tx, id, key)
		if err != nil {
			return err
		}
		if issue = locked.issue; locked.done {
			return nil
		}
		if version >= 0 && issue.Version != version {
			return narrative.Errorf(narrative.Conflict, "issue %s is at version %d, not %d: it was changed meanwhile", id, issue.Version, version)
		}
		c := changing{was: *issue, key: key}
		if c.steps, err = rowsOf(*issue); err != nil {
			return err
		}
		issue.UnaskedPlans, issue.Newest, issue.FailingSeq, issue.Siblings, issue.Told = locked.unasked, locked.newest, locked.failing, locked.siblings, locked.told
		effects, err := change(issue)
		if err != nil {
			refused = err
			return err
		}
		if version >= 0 {
			issue.Version = c.was.Version + 1
		} else {
			issue.Version = c.was.Version
		}
		b := &engine.Batch{}
		if err := c.queue(b, issue, effects); err != nil {
			return err
		}
		if err := s.queueNotifications(b, effects.Notifications); err != nil {
			return err
		}
		issue = nil
		queueIssue(b, id, &issue)
		return tx.Run(ctx, b)
	})
	switch {
	case refused != nil:
		return narrative.Issue{}, refused
	case err != nil:
		return narrative.Issue{}, during(err, "change issue %s", id)
	}
	return *issue, nil
}

// lockedIssue is an issue that may be changed.
type lockedIssue struct {
	issue    *narrative.Issue
	unasked  []time.Time // when plans were begun unasked for its assertion
	newest   *narrative.Entry
	failing  int64
	siblings int
	told     []narrative.Recipient
	done     bool // the change was made before
}

// lockIssueToChange locks and loads an issue, in one batch. What is loaded after the locks is what they protect.
func (s *Store) lockIssueToChange(ctx context.Context, tx engine.Tx, id, key string) (*lockedIssue, error) {
	l := &lockedIssue{}
	b := &engine.Batch{}
	if s.dialect.RowLocks {
		b.Exec("SELECT 1 FROM assertion_metas WHERE name = (SELECT assertion FROM issues WHERE id = $1) FOR UPDATE", id)
		b.Exec("SELECT 1 FROM issues WHERE id = $1 FOR UPDATE", id)
	}
	queueIssue(b, id, &l.issue)
	b.Query(collect(&l.unasked, func(r engine.Row) (at time.Time, err error) { return at, r.Scan(moment{&at}) }), `
		SELECT unasked_at FROM resolution_steps
		WHERE assertion = (SELECT assertion FROM issues WHERE id = $1) AND unasked_at IS NOT NULL
		ORDER BY unasked_at DESC
		LIMIT COALESCE((SELECT m.max_plans FROM assertion_metas m JOIN issues i ON i.assertion = m.name WHERE i.id = $1), 0)`, id)
	b.Query(func(r engine.Row) error { return r.Scan(&l.failing) }, `
		SELECT CASE i.kind
			WHEN 'failure' THEN CASE WHEN m.failed > 0 THEN m.last_seq ELSE 0 END
			WHEN 'record' THEN COALESCE((
				SELECT v.last_seq FROM violations v
				WHERE v.assertion = i.assertion AND v.record_type = i.record_type AND v.record_id = i.record_id), 0)
			ELSE 0 END
		FROM issues i
		JOIN assertion_metas m ON m.name = i.assertion
		WHERE i.id = $1`, id)
	b.Query(func(r engine.Row) error { return r.Scan(&l.siblings) }, `
		SELECT COUNT(*) FROM issues s
		JOIN issues i ON i.assertion = s.assertion AND i.opened_at = s.opened_at AND i.opened_seq = s.opened_seq
		WHERE i.id = $1`, id)
	b.Query(collect(&l.told, func(r engine.Row) (to narrative.Recipient, err error) { return to, r.Scan(&to.Channel, &to.Address) }), `
		SELECT DISTINCT channel, recipient FROM notifications
		WHERE issue_id = $1 AND state <> 'suppressed'
		ORDER BY channel, recipient`, id)
	b.Query(collectOne(&l.newest, scanEntry), selectEntries+" WHERE issue_id = $1 ORDER BY number DESC LIMIT 1", id)
	if key != "" {
		b.Query(func(r engine.Row) error {
			l.done = true
			return nil
		}, "SELECT 1 FROM issue_entries WHERE issue_id = $1 AND key = $2", id, key)
	}
	if err := tx.Run(ctx, b); err != nil {
		return nil, err
	}
	return l, found(l.issue != nil, "there is no issue %s", id)
}

// changing is one change of an issue.
type changing struct {
	was   narrative.Issue
	steps map[string]stepRow // as they were
	key   string
}

func (c changing) queue(b *engine.Batch, issue *narrative.Issue, effects narrative.Effects) error {
	if err := c.check(*issue, effects); err != nil {
		return err
	}
	issue.ID, issue.Assertion = c.was.ID, c.was.Assertion
	if issue.Status.Closed() && !c.was.Status.Closed() {
		issue.ClosedSeq = max(issue.ClosedSeq, c.was.CurrentSeq)
	}
	if err := queueChangedIssue(b, *issue); err != nil {
		return err
	}
	if err := queueSteps(b, issue, c.steps); err != nil {
		return err
	}
	for _, e := range effects.Entries {
		queueEntry(b, issue.ID, e)
	}
	for n := range effects.Notifications {
		effects.Notifications[n].IssueID = cmp.Or(effects.Notifications[n].IssueID, issue.ID)
	}
	return nil
}

// check refuses text that cannot be stored, and a change that does not leave its key behind.
func (c changing) check(issue narrative.Issue, effects narrative.Effects) error {
	var t texts
	t.value("issue", issue)
	keyed := c.key == ""
	for n, e := range effects.Entries {
		t.entry(fmt.Sprintf("entries[%d]", n), e)
		keyed = keyed || e.Key == c.key
	}
	for n, one := range effects.Notifications {
		t.value(fmt.Sprintf("notifications[%d]", n), one)
	}
	if err := t.err(); err != nil {
		return err
	}
	if !keyed {
		return narrative.Errorf(narrative.Internal, "the change %q returned no timeline entry of that key", c.key)
	}
	return nil
}
