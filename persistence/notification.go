package persistence

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

const selectNotifications = "SELECT id, key, issue_id, kind, channel, recipient, subject, text, html, state, attempts, " +
	"last_error, receipt, created_at, sent_at FROM notifications"

func scanNotification(r engine.Row) (n narrative.Notification, err error) {
	err = r.Scan(&n.ID, &n.Key, text{&n.IssueID}, (*string)(&n.Kind), &n.Channel, &n.Recipient, &n.Message.Subject,
		&n.Message.Text, &n.Message.HTML, (*string)(&n.State), &n.Attempts, &n.LastError, &n.Receipt,
		moment{&n.CreatedAt}, perhaps{&n.SentAt})
	return n, err
}

// queueNotification adds a notification whose key is not taken, with its line on the issue's timeline, whose row must
// be locked. The id is a new one, so that the line is written only with the notification.
func queueNotification(b *engine.Batch, n narrative.Notification) {
	n.ID = narrative.NewID(n.CreatedAt)
	n.State = cmp.Or(n.State, narrative.NotificationPending)
	b.Exec(`
		INSERT INTO notifications (id, key, issue_id, kind, channel, recipient, subject, text, html, state, attempts,
			last_error, receipt, created_at, sent_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
		ON CONFLICT (key) DO NOTHING`,
		n.ID, n.Key, unlessEmpty(n.IssueID), string(n.Kind), n.Channel, n.Recipient, n.Message.Subject, n.Message.Text,
		n.Message.HTML, string(n.State), n.Attempts, n.LastError, n.Receipt, n.CreatedAt, n.SentAt)
	if n.IssueID == "" {
		return
	}
	sentence := fmt.Sprintf("will tell %s by %s: %s", n.Recipient, n.Channel, n.Message.Subject)
	if n.State == narrative.NotificationSuppressed {
		sentence = fmt.Sprintf("will not tell %s by %s, as configured: %s", n.Recipient, n.Channel, n.Message.Subject)
	}
	queueEntryIf(b, n.IssueID, narrative.Entry{At: n.CreatedAt, Kind: narrative.EntryNotification, Text: sentence}, n.ID)
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
		b := &engine.Batch{}
		for _, id := range issuesOf(all) {
			if err := s.lockIssue(ctx, tx, id); err != nil {
				return err
			}
		}
		for _, n := range all {
			queueNotification(b, n)
		}
		return tx.Run(ctx, b)
	}), "add notifications")
}

// Notification returns the notification of a key.
func (s *Store) Notification(ctx context.Context, key string) (narrative.Notification, error) {
	var n *narrative.Notification
	b := &engine.Batch{}
	b.Query(collectOne(&n, scanNotification), selectNotifications+" WHERE key = $1", key)
	if err := s.engine.Read(ctx, b); err != nil {
		return narrative.Notification{}, during(err, "load notification %s", key)
	}
	if n == nil {
		return narrative.Notification{}, narrative.Errorf(narrative.NotFound, "there is no notification %s", key)
	}
	return *n, nil
}

// NotificationTried counts an attempt that failed.
func (s *Store) NotificationTried(ctx context.Context, key, failure string, last bool, now time.Time) error {
	var t texts
	t.add("failure", failure)
	if err := t.err(); err != nil {
		return err
	}
	return during(s.onNotification(ctx, key, func(b *engine.Batch, n narrative.Notification) {
		state := n.State
		if last {
			state = narrative.NotificationUndelivered
		}
		b.Exec("UPDATE notifications SET attempts = attempts + 1, last_error = $2, state = $3 WHERE id = $1",
			n.ID, failure, string(state))
		if last && n.IssueID != "" {
			queueEntry(b, n.IssueID, narrative.Entry{
				At: now, Kind: narrative.EntryNotification,
				Text: fmt.Sprintf("could not tell %s by %s: %s", n.Recipient, n.Channel, failure),
			})
		}
	}), "note the attempt to send notification %s", key)
}

// NotificationSent marks a notification sent.
func (s *Store) NotificationSent(ctx context.Context, key, receipt string, now time.Time) error {
	var t texts
	t.add("receipt", receipt)
	if err := t.err(); err != nil {
		return err
	}
	return during(s.onNotification(ctx, key, func(b *engine.Batch, n narrative.Notification) {
		b.Exec(`
			UPDATE notifications SET attempts = attempts + 1, last_error = '', state = 'sent', receipt = $2, sent_at = $3
			WHERE id = $1`, n.ID, receipt, now)
		if n.IssueID != "" {
			queueEntry(b, n.IssueID, narrative.Entry{
				At: now, Kind: narrative.EntryNotification,
				Text: fmt.Sprintf("told %s by %s: %s", n.Recipient, n.Channel, n.Message.Subject),
			})
		}
	}), "note that notification %s was sent", key)
}

// onNotification runs a change of a notification that was not sent yet, with its issue and itself locked.
func (s *Store) onNotification(ctx context.Context, key string, change func(*engine.Batch, narrative.Notification)) error {
	return s.engine.Tx(ctx, func(tx engine.Tx) error {
		var n *narrative.Notification
		b := &engine.Batch{}
		if s.dialect.RowLocks {
			b.Exec("SELECT 1 FROM issues WHERE id = (SELECT issue_id FROM notifications WHERE key = $1) FOR UPDATE", key)
		}
		b.Query(collectOne(&n, scanNotification), selectNotifications+" WHERE key = $1"+s.dialect.Lock("FOR UPDATE"), key)
		if err := tx.Run(ctx, b); err != nil {
			return err
		}
		if n == nil {
			return narrative.Errorf(narrative.NotFound, "there is no notification %s", key)
		}
		if n.State == narrative.NotificationSent {
			return nil
		}
		b = &engine.Batch{}
		change(b, *n)
		return tx.Run(ctx, b)
	})
}

// PendingNotifications returns the keys of those made before the given time and neither sent nor undelivered.
func (s *Store) PendingNotifications(ctx context.Context, before time.Time, limit int) ([]string, error) {
	keys := []string{}
	b := &engine.Batch{}
	b.Query(collect(&keys, func(r engine.Row) (key string, err error) { return key, r.Scan(&key) }), `
		SELECT key FROM notifications
		WHERE state = 'pending' AND created_at < $1
		ORDER BY created_at, id LIMIT $2`, before, max(limit, 0))
	return keys, during(s.engine.Read(ctx, b), "load the pending notifications")
}

// Told returns the distinct recipients of an issue's notifications; those suppressed were not told.
func (s *Store) Told(ctx context.Context, issueID string) ([]narrative.Notification, error) {
	told := []narrative.Notification{}
	b := &engine.Batch{}
	b.Query(collect(&told, func(r engine.Row) (n narrative.Notification, err error) {
		return n, r.Scan(&n.Channel, &n.Recipient)
	}), `
		SELECT DISTINCT channel, recipient FROM notifications
		WHERE issue_id = $1 AND state <> 'suppressed'
		ORDER BY channel, recipient`, issueID)
	return told, during(s.engine.Read(ctx, b), "load who was told of issue %s", issueID)
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
