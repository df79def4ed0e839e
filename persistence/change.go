package persistence

import (
	"context"
	"fmt"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

// ChangeIssue changes an issue under its lock. It shares the lock of the assertion's meta: no check begins, and none is
// recorded, between what the change sees and its commit, so that an issue closed here stays closed for every check that
// began before.
func (s *Store) ChangeIssue(ctx context.Context, id string, version int, key string, change func(*narrative.Issue) (narrative.Effects, error)) (narrative.Issue, error) {
	var issue *narrative.Issue
	var refused error
	err := s.engine.Tx(ctx, func(tx engine.Tx) error {
		var done bool
		var err error
		if issue, done, err = s.lockedIssue(ctx, tx, id, key); err != nil || done {
			return err
		}
		if version >= 0 && issue.Version != version {
			return narrative.Errorf(narrative.Conflict, "issue %s is at version %d, not %d: it was changed meanwhile", id, issue.Version, version)
		}
		c := changing{was: *issue, key: key}
		if c.steps, err = rowsOf(*issue); err != nil {
			return err
		}
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

// lockedIssue locks and loads an issue and tells whether the change of that key was made before.
func (s *Store) lockedIssue(ctx context.Context, tx engine.Tx, id, key string) (issue *narrative.Issue, done bool, err error) {
	b := &engine.Batch{}
	if s.dialect.RowLocks {
		b.Exec("SELECT 1 FROM assertion_metas WHERE name = (SELECT assertion FROM issues WHERE id = $1) FOR SHARE", id)
		b.Exec("SELECT 1 FROM issues WHERE id = $1 FOR UPDATE", id)
	}
	queueIssue(b, id, &issue)
	if key != "" {
		b.Query(func(r engine.Row) error {
			done = true
			return nil
		}, "SELECT 1 FROM issue_entries WHERE issue_id = $1 AND key = $2", id, key)
	}
	if err := tx.Run(ctx, b); err != nil {
		return nil, false, err
	}
	return issue, done, found(issue != nil, "there is no issue %s", id)
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
	issue.ID = c.was.ID
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
	for _, n := range effects.Notifications {
		if n.IssueID == "" {
			n.IssueID = issue.ID
		}
		queueNotification(b, n)
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
