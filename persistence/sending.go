package persistence

import (
	"context"
	"slices"
	"time"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

// maxEarlier bounds how many earlier messages a message refers to.
const maxEarlier = 100

// BeginSending claims a message, so that nothing joins it any more, and counts an attempt at it.
func (s *Store) BeginSending(ctx context.Context, batch string, now time.Time) (narrative.Sending, error) {
	var sending narrative.Sending
	err := s.engine.Tx(ctx, func(tx engine.Tx) error {
		sending = narrative.Sending{}
		b := &engine.Batch{}
		if s.dialect.RowLocks { // two messages about an issue begin one after the other
			b.Exec("SELECT 1 FROM issues WHERE id IN (SELECT issue_id FROM notifications WHERE batch = $1) ORDER BY id FOR UPDATE", batch)
		}
		b.Exec("UPDATE notification_batches SET claimed_at = $2 WHERE key = $1 AND claimed_at IS NULL AND due_at <= $2", batch, now)
		b.Query(func(r engine.Row) error {
			var due time.Time
			sending.NotBefore = &due
			return r.Scan(moment{&due})
		}, "SELECT due_at FROM notification_batches WHERE key = $1 AND claimed_at IS NULL", batch)
		queueSending(b, batch, &sending)
		if err := tx.Run(ctx, b); err != nil {
			return err
		}
		if len(sending.Notifications) == 0 {
			return noNotification(batch)
		}
		pending := slices.DeleteFunc(slices.Clone(sending.Notifications), func(n narrative.Notification) bool {
			return n.State != narrative.NotificationPending
		})
		if len(pending) == 0 {
			return nil
		}
		sending.Notifications, sending.Again = pending, pending[0].Attempts > 0
		if sending.NotBefore != nil || sending.Waits {
			return nil
		}
		if sending.Since.IsZero() {
			sending.Since = now.UTC().Truncate(time.Microsecond)
		}
		b = &engine.Batch{}
		b.Exec(`
			UPDATE notifications SET attempts = attempts + 1, tried_since = COALESCE(tried_since, $2)
			WHERE batch = $1 AND state = 'pending'`, batch, sending.Since)
		for n := range sending.Notifications {
			sending.Notifications[n].Attempts++
		}
		return tx.Run(ctx, b)
	})
	return sending, during(err, "begin to send notification %s", batch)
}

// queueSending loads a message with what its sending needs to know. A recovery waits for what it ends.
func queueSending(b *engine.Batch, batch string, to *narrative.Sending) {
	b.Query(collect(&to.Notifications, scanNotification), selectNotifications+`
		WHERE batch = $1 AND state <> 'suppressed'
		ORDER BY created_at, id`, batch)
	b.Query(func(r engine.Row) error { return r.Scan(moment{&to.Since}) }, `
		SELECT MAX(tried_since) FROM notifications WHERE batch = $1 AND state = 'pending'`, batch)
	waits := func(engine.Row) error { to.Waits = true; return nil }
	b.Query(waits, `
		SELECT 1 FROM notifications n
		JOIN notifications p ON p.issue_id = n.issue_id AND p.channel = n.channel AND p.recipient = n.recipient
		WHERE n.batch = $1 AND n.kind = 'resolved' AND n.state = 'pending' AND p.state = 'pending' AND p.kind <> 'resolved'
		LIMIT 1`, batch)
	// In Slack the first message about an issue is what the others are replies to. One that was begun waits for none.
	b.Query(waits, `
		SELECT 1 FROM notifications n
		JOIN notifications p ON p.issue_id = n.issue_id AND p.channel = n.channel AND p.recipient = n.recipient
		WHERE n.batch = $1 AND n.channel = 'slack' AND n.state = 'pending' AND n.attempts = 0
			AND p.batch <> $1 AND p.state = 'pending' AND p.kind <> 'resolved'
			AND (p.attempts > 0 OR (
				NOT EXISTS (SELECT 1 FROM notification_batches h WHERE h.key = p.batch AND h.claimed_at IS NULL)
				AND ((SELECT MIN(e.created_at) FROM notifications e WHERE e.batch = p.batch), p.batch)
					< ((SELECT MIN(o.created_at) FROM notifications o WHERE o.batch = $1), $1)))
		LIMIT 1`, batch)
	b.Query(collect(&to.Earlier, func(r engine.Row) (key string, err error) { return key, r.Scan(&key) }), `
		SELECT batch FROM (
			SELECT p.batch, MIN(p.created_at) AS at, MIN(p.id) AS id FROM notifications n
			JOIN notifications p ON p.issue_id = n.issue_id AND p.channel = n.channel AND p.recipient = n.recipient
			WHERE n.batch = $1 AND p.batch <> $1 AND p.state = 'sent'
			GROUP BY p.batch
			ORDER BY 2 DESC, 3 DESC LIMIT $2) AS newest
		ORDER BY at, id`, batch, maxEarlier)
	b.Query(collect(&to.Posts, scanPost), selectPosts+`
		JOIN notifications n ON n.issue_id = p.issue_id AND n.channel = p.channel AND n.recipient = p.recipient
		WHERE n.batch = $1 AND n.state <> 'suppressed'
		ORDER BY p.issue_id`, batch)
}

// NotificationTried notes an attempt that failed.
func (s *Store) NotificationTried(ctx context.Context, batch, failure string, last bool, now time.Time) error {
	var t texts
	t.add("failure", failure)
	if err := t.err(); err != nil {
		return err
	}
	return during(s.onMessage(ctx, batch, func(b *engine.Batch, n narrative.Notification) {
		state := n.State
		if last {
			state = narrative.NotificationUndelivered
		}
		b.Exec("UPDATE notifications SET last_error = $2, state = $3 WHERE id = $1", n.ID, failure, string(state))
		if last {
			queueTelling(b, n, now, "could not tell %s by %s: %s", n.Recipient, n.Channel, failure)
		}
	}), "note the attempt to send notification %s", batch)
}

// NotificationSent marks a message sent and keeps its posts.
func (s *Store) NotificationSent(ctx context.Context, batch string, sent narrative.Sent, now time.Time) error {
	var t texts
	t.value("sent", sent)
	if err := t.err(); err != nil {
		return err
	}
	kept := false
	return during(s.onMessage(ctx, batch, func(b *engine.Batch, n narrative.Notification) {
		b.Exec("UPDATE notifications SET last_error = '', state = 'sent', receipt = $2, sent_at = $3 WHERE id = $1",
			n.ID, sent.Receipt, now)
		queueTelling(b, n, now, "told %s by %s: %s", n.Recipient, n.Channel, n.Message.Subject)
		if !kept {
			queuePosts(b, sent.Posts)
			kept = true
		}
	}), "note that notification %s was sent", batch)
}

// onMessage runs a change of each of a message's notifications that is neither sent nor suppressed, with their issues and
// themselves locked.
func (s *Store) onMessage(ctx context.Context, batch string, change func(*engine.Batch, narrative.Notification)) error {
	return s.engine.Tx(ctx, func(tx engine.Tx) error {
		var all []narrative.Notification
		b := &engine.Batch{}
		if s.dialect.RowLocks {
			b.Exec(`
				SELECT 1 FROM issues
				WHERE id IN (SELECT issue_id FROM notifications WHERE batch = $1)
				ORDER BY id FOR UPDATE`, batch)
		}
		b.Query(collect(&all, scanNotification), selectNotifications+" WHERE batch = $1 ORDER BY created_at, id"+
			s.dialect.Lock("FOR UPDATE"), batch)
		if err := tx.Run(ctx, b); err != nil {
			return err
		}
		if len(all) == 0 {
			return noNotification(batch)
		}
		b = &engine.Batch{}
		for _, n := range all {
			if n.State == narrative.NotificationPending || n.State == narrative.NotificationUndelivered {
				change(b, n)
			}
		}
		return tx.Run(ctx, b)
	})
}

const selectPosts = "SELECT DISTINCT p.issue_id, p.channel, p.recipient, p.place, p.message, p.shown, p.told FROM posts p"

func scanPost(r engine.Row) (p narrative.Post, err error) {
	return p, r.Scan(&p.IssueID, &p.Channel, &p.Recipient, &p.Place, &p.Message, &p.Shown, &p.Told)
}

// Posts returns the posts of an issue.
func (s *Store) Posts(ctx context.Context, issueID string) ([]narrative.Post, error) {
	posts, err := s.posts(ctx, "WHERE p.issue_id = $1", issueID)
	return posts, during(err, "load the posts of issue %s", issueID)
}

// SharedPosts returns the posts of all issues that share a message.
func (s *Store) SharedPosts(ctx context.Context, channel, place, message string) ([]narrative.Post, error) {
	posts, err := s.posts(ctx, "WHERE p.channel = $1 AND p.place = $2 AND p.message = $3", channel, place, message)
	return posts, during(err, "load the posts of message %s", message)
}

func (s *Store) posts(ctx context.Context, where string, args ...any) ([]narrative.Post, error) {
	posts := []narrative.Post{}
	b := &engine.Batch{}
	b.Query(collect(&posts, scanPost), selectPosts+" "+where+" ORDER BY p.channel, p.recipient, p.issue_id", args...)
	return posts, s.engine.Read(ctx, b)
}

// KeepPosts keeps how far posts have come.
func (s *Store) KeepPosts(ctx context.Context, posts []narrative.Post) error {
	var t texts
	t.value("posts", posts)
	if err := t.err(); err != nil {
		return err
	}
	b := &engine.Batch{}
	queuePosts(b, posts)
	return during(s.engine.Write(ctx, b), "keep the posts")
}

// queuePosts keeps posts. What was shown stays shown: an older one does not take it back.
func queuePosts(b *engine.Batch, posts []narrative.Post) {
	for _, p := range posts {
		b.Exec(`
			INSERT INTO posts (issue_id, channel, recipient, place, message, shown, told)
			VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (issue_id, channel, recipient) DO UPDATE
			SET shown = CASE WHEN posts.place = excluded.place AND posts.message = excluded.message AND posts.shown > excluded.shown
					THEN posts.shown ELSE excluded.shown END,
				told = CASE WHEN excluded.told <> '' THEN excluded.told ELSE posts.told END,
				place = excluded.place, message = excluded.message`,
			p.IssueID, p.Channel, p.Recipient, p.Place, p.Message, p.Shown, p.Told)
	}
}
