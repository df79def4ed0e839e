package persistence

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

// queueNotifications adds notifications whose keys are not taken, with their lines on the timelines of their issues,
// whose rows must be locked, and fills in their batches. They are written in the order of the messages that they may
// join, so that two transactions lock those in the same order.
func (s *Store) queueNotifications(b *engine.Batch, all []narrative.Notification) error {
	order := make([]int, len(all))
	for n := range all {
		order[n] = n
	}
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(groupOf(all[x]), groupOf(all[y])) })
	batches := writtenTogether(all, order)
	for _, n := range order {
		own := cmp.Or(batches[n], all[n].Key)
		s.queueGathering(b, all[n], own)
		if err := queueNotification(b, &all[n], own); err != nil {
			return err
		}
	}
	return nil
}

// writtenTogether names the messages of notifications that go out together and wait for no others, by their places: after
// all of their keys, so that a message that was written before is another.
func writtenTogether(all []narrative.Notification, order []int) map[int]string {
	groups := map[string][]int{}
	for _, n := range order {
		if one := all[n]; one.Together != "" && one.Wait == 0 && one.State != narrative.NotificationSuppressed {
			group := one.Together + "\x1f" + one.Channel + "\x1f" + one.Recipient
			groups[group] = append(groups[group], n)
		}
	}
	batches := map[int]string{}
	for _, group := range groups {
		for part := range slices.Chunk(group, narrative.MaxBatch) {
			if len(part) == 1 {
				continue
			}
			keys := make([]string, len(part))
			for at, n := range part {
				keys[at] = all[n].Key
			}
			slices.Sort(keys)
			batch := narrative.HashText(strings.Join(keys, "\x1f"))[:32]
			for _, n := range part {
				batches[n] = batch
			}
		}
	}
	return batches
}

// groupOf names the message that a notification may join; empty where it goes by itself.
func groupOf(n narrative.Notification) string {
	switch to := "\x1f" + n.Channel + "\x1f" + n.Recipient; {
	case n.State == narrative.NotificationSuppressed:
		return ""
	case n.Wait > 0:
		return "together\x1f" + n.Together + to
	case n.Digest.MoreThan > 0 && n.IssueID == "": // what concerns no issue is not hidden among those that do
		return "digest\x1f" + string(n.Kind) + to + "\x1fno issue"
	case n.Digest.MoreThan > 0:
		return "digest\x1f" + string(n.Kind) + to
	}
	return ""
}

// queueGathering opens, or prolongs, the message that a notification joins: at once where it is to wait for others, and
// where many of its kind were written to its recipient of late. One that is full takes no more. What is gathered is kept from being sent, by its row's
// lock, until the transaction ends.
func (s *Store) queueGathering(b *engine.Batch, n narrative.Notification, own string) {
	group := groupOf(n)
	if group == "" {
		return
	}
	due, latest, few := n.CreatedAt.Add(n.Wait), n.CreatedAt.Add(narrative.MaxGather), 0
	var since time.Time
	if n.Wait == 0 {
		within := time.Duration(n.Digest.Within)
		due, latest, few, since = n.CreatedAt.Add(within), n.CreatedAt, n.Digest.MoreThan, n.CreatedAt.Add(-within)
	}
	lock := func() {
		if s.dialect.RowLocks {
			b.Exec("SELECT 1 FROM notification_batches WHERE group_key = $1 AND claimed_at IS NULL FOR UPDATE", group)
		}
	}
	lock()
	b.Exec(`
		UPDATE notification_batches SET claimed_at = $2
		WHERE group_key = $1 AND claimed_at IS NULL
			AND (SELECT COUNT(*) FROM notifications WHERE batch = notification_batches.key) >= $3`,
		group, n.CreatedAt, narrative.MaxBatch)
	b.Exec(`
		INSERT INTO notification_batches (key, group_key, due_at, latest_at)
		SELECT $1, $2, $3, $4
		WHERE NOT EXISTS (SELECT 1 FROM notifications WHERE key = $5)
			AND NOT EXISTS (SELECT 1 FROM notification_batches WHERE key = $1)
			AND ($6 = 0 OR $6 <= (
				SELECT COUNT(DISTINCT batch) FROM notifications
				WHERE recipient = $7 AND channel = $8 AND kind = $9 AND created_at > $10 AND state <> 'suppressed'
					AND batch <> $1))
		ON CONFLICT (group_key) WHERE claimed_at IS NULL DO UPDATE
		SET due_at = CASE
			WHEN notification_batches.latest_at < excluded.due_at AND notification_batches.due_at < notification_batches.latest_at
				THEN notification_batches.latest_at
			WHEN notification_batches.latest_at < excluded.due_at THEN notification_batches.due_at
			ELSE excluded.due_at END`,
		own, group, due, latest, n.Key, few, n.Recipient, n.Channel, string(n.Kind), since)
	lock()
}

// queueNotification adds one notification. The id is a new one, so that the line is written only with the notification.
func queueNotification(b *engine.Batch, n *narrative.Notification, own string) error {
	n.ID = narrative.NewID(n.CreatedAt)
	n.State = cmp.Or(n.State, narrative.NotificationPending)
	var blocks any
	if len(n.Message.Blocks) > 0 {
		encoded, err := encodeJSON(n.Message.Blocks)
		if err != nil {
			return during(err, "notification %s: blocks", n.Key)
		}
		blocks = engine.JSON(encoded)
	}
	b.Exec(`
		INSERT INTO notifications (id, key, batch, issue_id, kind, channel, recipient, subject, text, html, blocks, state,
			suppressed, attempts, last_error, receipt, created_at, sent_at)
		SELECT $1, $2, COALESCE((SELECT key FROM notification_batches WHERE group_key = $3 AND claimed_at IS NULL), $4), $5, $6,
			$7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19
		WHERE TRUE
		ON CONFLICT (key) DO NOTHING`,
		n.ID, n.Key, groupOf(*n), own, unlessEmpty(n.IssueID), string(n.Kind), n.Channel, n.Recipient, n.Message.Subject,
		n.Message.Text, n.Message.HTML, blocks, string(n.State), n.Suppressed, n.Attempts, n.LastError, n.Receipt, n.CreatedAt, n.SentAt)
	b.Query(func(r engine.Row) error { return r.Scan(&n.Batch) }, "SELECT batch FROM notifications WHERE key = $1", n.Key)
	if n.IssueID == "" {
		return nil
	}
	sentence := fmt.Sprintf("will tell %s by %s: %s", n.Recipient, n.Channel, n.Message.Subject)
	if n.State == narrative.NotificationSuppressed {
		sentence = fmt.Sprintf("will not tell %s by %s (%s): %s", n.Recipient, n.Channel, cmp.Or(n.Suppressed, "as configured"), n.Message.Subject)
	}
	queueEntryIf(b, n.IssueID, narrative.Entry{At: n.CreatedAt, Kind: narrative.EntryNotification, Text: sentence}, n.ID)
	return nil
}
