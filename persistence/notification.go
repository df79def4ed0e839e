package persistence

import (
	"context"
	"fmt"
	"slices"
	"time"

	sq "github.com/Masterminds/squirrel"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

const (
	notificationColumns = "id, key, batch, issue_id, kind, channel, recipient, subject, text, html, blocks, state, suppressed, " +
		"attempts, last_error, receipt, created_at, sent_at"
	selectNotifications = "SELECT " + notificationColumns + " FROM notifications"
)

func scanNotification(r engine.Row) (n narrative.Notification, err error) {
	err = r.Scan(&n.ID, &n.Key, &n.Batch, text{&n.IssueID}, (*string)(&n.Kind), &n.Channel, &n.Recipient, &n.Message.Subject,
		&n.Message.Text, &n.Message.HTML, document{&n.Message.Blocks}, (*string)(&n.State), &n.Suppressed, &n.Attempts,
		&n.LastError, &n.Receipt, moment{&n.CreatedAt}, perhaps{&n.SentAt})
	return n, err
}

// AddNotifications adds those whose key is not taken yet.
func (s *Store) AddNotifications(ctx context.Context, all []narrative.Notification) error {
	var t texts
	for i, n := range all {
		t.value(fmt.Sprintf("notifications[%d]", i), n)
	}
	if err := t.err(); err != nil {
		return during(err, "add notifications")
	}
	return during(s.engine.Tx(ctx, func(tx engine.Tx) error {
		if err := s.lockIssues(ctx, tx, all); err != nil {
			return err
		}
		b := &engine.Batch{}
		if err := s.queueNotifications(b, all); err != nil {
			return err
		}
		return tx.Run(ctx, b)
	}), "add notifications")
}

// lockIssues locks the issues that notifications concern, so that their timelines may be written on.
func (s *Store) lockIssues(ctx context.Context, tx engine.Tx, all []narrative.Notification) error {
	for _, id := range issuesOf(all) {
		if err := s.lockIssue(ctx, tx, id); err != nil {
			return err
		}
	}
	return nil
}

// Notification returns the notification of a key, or one of the message of that key.
func (s *Store) Notification(ctx context.Context, key string) (narrative.Notification, error) {
	var n *narrative.Notification
	b := &engine.Batch{}
	b.Query(collectOne(&n, scanNotification), selectNotifications+`
		WHERE key = $1 OR batch = $1
		ORDER BY CASE WHEN key = $1 THEN 0 ELSE 1 END, id LIMIT 1`, key)
	if err := s.engine.Read(ctx, b); err != nil {
		return narrative.Notification{}, during(err, "load notification %s", key)
	}
	if n == nil {
		return narrative.Notification{}, noNotification(key)
	}
	return *n, nil
}

func noNotification(key string) error {
	return narrative.Errorf(narrative.NotFound, "there is no notification %s", key)
}

// Notifications lists notifications, newest first.
func (s *Store) Notifications(ctx context.Context, q narrative.NotificationQuery, p narrative.Page) (narrative.Listed[narrative.Notification], error) {
	var none narrative.Listed[narrative.Notification]
	limit, after, err := pageOf("notifications", p)
	if err != nil {
		return none, err
	}
	query := statements.Select(notificationColumns).From("notifications").OrderBy("created_at DESC", "id DESC").Limit(uint64(limit) + 1)
	for _, f := range []struct{ column, value string }{
		{"issue_id", q.IssueID}, {"state", string(q.State)}, {"channel", q.Channel}, {"kind", string(q.Kind)},
	} {
		if f.value != "" {
			query = query.Where(sq.Eq{f.column: f.value})
		}
	}
	if !q.Since.IsZero() {
		query = query.Where(sq.GtOrEq{"created_at": q.Since})
	}
	if !q.Until.IsZero() {
		query = query.Where(sq.Lt{"created_at": q.Until})
	}
	if after != nil {
		query = query.Where("(created_at, id) < (?, ?)", after.at(), after.id)
	}
	var found []narrative.Notification
	if err := s.read(ctx, query, collect(&found, scanNotification)); err != nil {
		return none, during(err, "list the notifications")
	}
	return listed(found, limit, func(n narrative.Notification) cursor {
		return cursor{"notifications", n.CreatedAt.UnixMicro(), n.ID}
	}), nil
}

// CountNotifications counts those that are pending or undelivered.
func (s *Store) CountNotifications(ctx context.Context) ([]narrative.NotificationCount, error) {
	counts := []narrative.NotificationCount{}
	b := &engine.Batch{}
	b.Query(collect(&counts, func(r engine.Row) (c narrative.NotificationCount, err error) {
		return c, r.Scan((*string)(&c.State), &c.Channel, &c.Count)
	}), `
		SELECT state, channel, COUNT(*) FROM notifications WHERE state = 'pending' GROUP BY state, channel
		UNION ALL
		SELECT state, channel, COUNT(*) FROM notifications WHERE state = 'undelivered' AND kind <> 'test' GROUP BY state, channel
		ORDER BY 1, 2`)
	return counts, during(s.engine.Read(ctx, b), "count the notifications")
}

// RetryNotification makes an undelivered message pending again.
func (s *Store) RetryNotification(ctx context.Context, id, by string, now time.Time) (batch string, err error) {
	var t texts
	t.add("by", by)
	if err := t.err(); err != nil {
		return "", err
	}
	err = s.engine.Tx(ctx, func(tx engine.Tx) error {
		var of []narrative.Notification
		b := &engine.Batch{}
		b.Query(collect(&of, scanNotification), selectNotifications+
			" WHERE batch = (SELECT batch FROM notifications WHERE id = $1) ORDER BY created_at, id", id)
		if err := tx.Run(ctx, b); err != nil {
			return err
		}
		if len(of) == 0 {
			return noNotification(id)
		}
		batch = of[0].Batch
		if err := s.lockIssues(ctx, tx, of); err != nil {
			return err
		}
		changed := 0
		b = &engine.Batch{}
		b.Count(&changed, "UPDATE notifications SET state = 'pending', tried_since = $2 WHERE batch = $1 AND state = 'undelivered'", batch, now)
		if err := tx.Run(ctx, b); err != nil {
			return err
		}
		if changed == 0 {
			return narrative.Errorf(narrative.Conflict, "notification %s is %s: only an undelivered one is tried again", id, of[0].State)
		}
		b = &engine.Batch{}
		for _, n := range of {
			if n.State == narrative.NotificationUndelivered {
				queueTelling(b, n, now, "will try again to tell %s by %s: %s", n.Recipient, n.Channel, n.Message.Subject)
			}
		}
		return tx.Run(ctx, b)
	})
	return batch, during(err, "try notification %s again", id)
}

// queueTelling adds a line to the timeline of the notification's issue, where it has one.
func queueTelling(b *engine.Batch, n narrative.Notification, at time.Time, format string, args ...any) {
	if n.IssueID != "" {
		queueEntry(b, n.IssueID, narrative.Entry{At: at, Kind: narrative.EntryNotification, Text: fmt.Sprintf(format, args...)})
	}
}

// PendingNotifications returns the keys of messages made before the given time and neither sent nor undelivered.
func (s *Store) PendingNotifications(ctx context.Context, before time.Time, limit int) ([]string, error) {
	keys := []string{}
	b := &engine.Batch{}
	b.Query(collect(&keys, func(r engine.Row) (key string, err error) { return key, r.Scan(&key) }), `
		SELECT batch FROM notifications
		WHERE state = 'pending' AND created_at < $1
		GROUP BY batch
		ORDER BY MIN(attempts), MIN(created_at), MIN(id) LIMIT $2`, before, max(limit, 0))
	return keys, during(s.engine.Read(ctx, b), "load the pending notifications")
}

// issuesOf returns the issues that notifications concern, in the order in which they are locked.
func issuesOf(all []narrative.Notification) []string {
	var ids []string
	for _, n := range all {
		if n.IssueID != "" {
			ids = append(ids, n.IssueID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
