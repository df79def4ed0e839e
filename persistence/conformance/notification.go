package conformance

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/narrative-go/narrative"
)

var notificationTests = map[string]func(*bench){
	"a notification's life is told": func(b *bench) {
		issue := b.opened("a")
		b.do(b.store.AddNotifications(b.ctx, []narrative.Notification{notification("k", issue.ID)}))
		b.send("k")
		b.do(b.store.NotificationTried(b.ctx, "k", "connection refused", false, at(time.Minute)))
		got := must(b.store.Notification(b.ctx, "k"))(b)
		b.same("tried", []any{narrative.NotificationPending, 1, "connection refused"}, []any{got.State, got.Attempts, got.LastError})
		b.send("k")
		b.do(b.store.NotificationTried(b.ctx, "k", "550 no such user", true, at(2*time.Minute)))
		b.same("undelivered", narrative.NotificationUndelivered, must(b.store.Notification(b.ctx, "k"))(b).State)
		b.do(b.store.NotificationSent(b.ctx, "k", narrative.Sent{Receipt: "<id@host>"}, at(3*time.Minute)))
		want := notification("k", issue.ID)
		want.Batch = "k"
		want.ID, want.CreatedAt, want.State, want.Attempts = got.ID, kept(0), narrative.NotificationSent, 2
		want.Receipt, want.SentAt = "<id@host>", keptPtr(3*time.Minute)
		b.same("sent", want, must(b.store.Notification(b.ctx, "k"))(b))
		b.do(b.store.NotificationSent(b.ctx, "k", narrative.Sent{Receipt: "another"}, at(4*time.Minute)))
		b.do(b.store.NotificationTried(b.ctx, "k", "too late", true, at(5*time.Minute)))
		b.same("stays sent", want, must(b.store.Notification(b.ctx, "k"))(b))
		b.same("timeline", []string{
			"notification: will tell ops@example.com by email: it broke",
			"notification: could not tell ops@example.com by email: 550 no such user",
			"notification: told ops@example.com by email: it broke",
		}, b.texts(issue.ID)[1:])
	},
	"a key is used once for ever": func(b *bench) {
		issue := b.opened("a")
		other := notification("k", issue.ID)
		other.Recipient = "else@example.com"
		b.do(b.store.AddNotifications(b.ctx, []narrative.Notification{notification("k", issue.ID), other}))
		b.do(b.store.AddNotifications(b.ctx, []narrative.Notification{other, notification("l", "")}))
		b.same("who", "ops@example.com", must(b.store.Notification(b.ctx, "k"))(b).Recipient)
		b.same("of none", "", must(b.store.Notification(b.ctx, "l"))(b).IssueID)
		b.same("timeline", 2, len(b.texts(issue.ID)))
	},
	"what is pending is found": func(b *bench) {
		late, suppressed := notification("late", ""), notification("suppressed", "")
		late.CreatedAt, suppressed.State = at(time.Hour), narrative.NotificationSuppressed
		b.do(b.store.AddNotifications(b.ctx, []narrative.Notification{
			late, suppressed, notification("sent", ""), notification("undelivered", ""), notification("pending", ""),
		}))
		b.do(b.store.NotificationSent(b.ctx, "sent", narrative.Sent{}, at(0)))
		b.do(b.store.NotificationTried(b.ctx, "undelivered", "no", true, at(0)))
		b.same("before", []string{"pending"}, must(b.store.PendingNotifications(b.ctx, at(time.Minute), 10))(b))
		b.same("all", []string{"pending", "late"}, must(b.store.PendingNotifications(b.ctx, at(2*time.Hour), 10))(b))
		b.same("limited", []string{"pending"}, must(b.store.PendingNotifications(b.ctx, at(2*time.Hour), 1))(b))
	},
	"everybody who was told is known once": func(b *bench) {
		issue := b.opened("a")
		again, slack := notification("again", issue.ID), notification("slack", issue.ID)
		slack.Channel, slack.Recipient = "slack", "#ops"
		again.Kind = narrative.NotifyAction
		b.do(b.store.AddNotifications(b.ctx, []narrative.Notification{notification("k", issue.ID), again, slack, notification("other", "")}))
		b.same("told", []narrative.Recipient{
			{Channel: narrative.ChannelEmail, Address: "ops@example.com"}, {Channel: "slack", Address: "#ops"},
		}, b.toldOf(issue.ID))
	},
	"a missing notification or issue is not found": func(b *bench) {
		_, err := b.store.Notification(b.ctx, "none")
		b.refused("load", narrative.NotFound, err)
		_, err = b.store.BeginSending(b.ctx, "none", at(0))
		b.refused("begin", narrative.NotFound, err)
		_, err = b.store.RetryNotification(b.ctx, "none", "", at(0))
		b.refused("retry", narrative.NotFound, err)
		b.refused("tried", narrative.NotFound, b.store.NotificationTried(b.ctx, "none", "", false, at(0)))
		b.refused("sent", narrative.NotFound, b.store.NotificationSent(b.ctx, "none", narrative.Sent{}, at(0)))
		b.refused("add", narrative.NotFound, b.store.AddNotifications(b.ctx, []narrative.Notification{notification("k", "none")}))
	},
	"what is written together goes out as one message": func(b *bench) {
		first, second := b.opened("a"), b.opened("b")
		rows := []narrative.Notification{
			joined("k1", first.ID, 0), joined("k2", second.ID, 0), joined("elsewhere", first.ID, 0), notification("alone", first.ID),
		}
		rows[2].Recipient = "else@example.com"
		b.do(b.store.AddNotifications(b.ctx, rows))
		shared := rows[0].Batch
		b.same("batches", []string{shared, shared, "elsewhere", "alone"}, batches(rows))
		sending := b.send(shared)
		b.same("notifications", []string{"k1", "k2"}, slices.Sorted(slices.Values(sentKeys(sending.Notifications))))
		b.same("again", false, sending.Again)
		b.do(b.store.NotificationSent(b.ctx, shared, narrative.Sent{Receipt: "r"}, at(time.Minute)))
		for _, key := range []string{"k1", "k2"} {
			got := must(b.store.Notification(b.ctx, key))(b)
			b.same(key, []any{narrative.NotificationSent, "r", 1}, []any{got.State, got.Receipt, got.Attempts})
		}
		b.same("timeline", "notification: told ops@example.com by email: it broke", b.texts(second.ID)[2])
		b.same("pending", []string{"alone", "elsewhere"}, slices.Sorted(slices.Values(must(b.store.PendingNotifications(b.ctx, at(time.Hour), 10))(b))))
	},
	"what was told before is not sent again with what is told now": func(b *bench) {
		first, second := b.opened("a"), b.opened("b")
		before := []narrative.Notification{joined("raised a", first.ID, 0)}
		b.do(b.store.AddNotifications(b.ctx, before))
		b.send(before[0].Batch)
		b.do(b.store.NotificationSent(b.ctx, before[0].Batch, narrative.Sent{}, at(time.Minute)))
		now := []narrative.Notification{joined("raised a", first.ID, 0), joined("raised b", second.ID, 0)}
		b.do(b.store.AddNotifications(b.ctx, now))
		sending := b.send(now[1].Batch)
		b.same("sent now", []string{"raised b"}, sentKeys(sending.Notifications))
		b.do(b.store.NotificationSent(b.ctx, now[1].Batch, narrative.Sent{}, at(time.Minute)))
		b.same("pending", 0, len(must(b.store.PendingNotifications(b.ctx, at(time.Hour), 10))(b)))
	},
	"a message holds no more than fit": func(b *bench) {
		issue := b.opened("a")
		var rows []narrative.Notification
		for n := range narrative.MaxBatch + 2 {
			rows = append(rows, joined(fmt.Sprintf("k%d", n), issue.ID, 0))
		}
		b.do(b.store.AddNotifications(b.ctx, rows))
		sizes := map[string]int{}
		for _, batch := range batches(rows) {
			sizes[batch]++
		}
		b.same("sizes", []int{2, narrative.MaxBatch}, slices.Sorted(maps.Values(sizes)))
		errs := together(narrative.MaxBatch+20, func(n int) error {
			return b.store.AddNotifications(b.ctx, []narrative.Notification{joined(fmt.Sprintf("w%d", n), issue.ID, time.Minute)})
		})
		b.same("errors", make([]error, len(errs)), errs)
		for _, batch := range must(b.store.PendingNotifications(b.ctx, at(time.Hour), 100))(b) {
			if size := len(b.send(batch).Notifications); size > narrative.MaxBatch {
				b.Errorf("message %s holds %d", batch, size)
			}
		}
	},
	"what concerns no issue is gathered by itself, and a message does not count as one before it": func(b *bench) {
		issue := b.opened("a")
		digest := narrative.Digest{MoreThan: 1, Within: narrative.Duration(time.Minute)}
		var rows []narrative.Notification
		for _, key := range []string{"i1", "i2", "o1", "i3", "o2", "o3"} {
			n := notification(key, issue.ID)
			if key[0] == 'o' {
				n.IssueID = ""
			}
			n.Digest = digest
			rows = append(rows, n)
		}
		first := []narrative.Notification{rows[0], rows[1]}
		for n := range first {
			first[n].Together = "t"
		}
		b.do(b.store.AddNotifications(b.ctx, first))
		b.same("the first goes at once", true, b.send(first[0].Batch).NotBefore == nil)
		for n := range rows[2:] {
			b.do(b.store.AddNotifications(b.ctx, rows[2+n:3+n]))
		}
		b.same("batches", []string{"o1", "i3", "o1", "o1"}, batches(rows[2:]))
	},
	"a channel is tried from the first attempt on": func(b *bench) {
		issue := b.opened("a")
		b.do(b.store.AddNotifications(b.ctx, []narrative.Notification{notification("k", issue.ID)}))
		for n := range 3 {
			sending := must(b.store.BeginSending(b.ctx, "k", at(time.Duration(25+n)*time.Hour)))(b)
			b.same("since", kept(25*time.Hour), sending.Since)
		}
	},
	"what waits for others is joined until it is sent": func(b *bench) {
		first, second, third := b.opened("a"), b.opened("b"), b.opened("c")
		one, two := []narrative.Notification{joined("k1", first.ID, time.Second)}, []narrative.Notification{joined("k2", second.ID, time.Second)}
		two[0].CreatedAt = at(500 * time.Millisecond)
		b.do(b.store.AddNotifications(b.ctx, one))
		b.do(b.store.AddNotifications(b.ctx, two))
		b.do(b.store.AddNotifications(b.ctx, two))
		b.same("batches", []string{"k1", "k1"}, append(batches(one), batches(two)...))
		early := must(b.store.BeginSending(b.ctx, "k1", at(time.Second)))(b)
		b.same("not before", keptPtr(1500*time.Millisecond), early.NotBefore)
		b.same("attempts", 0, must(b.store.Notification(b.ctx, "k1"))(b).Attempts)
		sending := must(b.store.BeginSending(b.ctx, "k1", at(2*time.Second)))(b)
		b.same("notifications", []string{"k1", "k2"}, sentKeys(sending.Notifications))
		late := []narrative.Notification{joined("k3", third.ID, time.Second)}
		b.do(b.store.AddNotifications(b.ctx, late))
		b.same("comes too late", []string{"k3"}, batches(late))
	},
	"nothing is held back for longer than is allowed": func(b *bench) {
		issue := b.opened("a")
		for n := range 60 {
			row := joined(fmt.Sprintf("k%d", n), issue.ID, time.Second)
			row.CreatedAt = at(time.Duration(n) * 500 * time.Millisecond)
			b.do(b.store.AddNotifications(b.ctx, []narrative.Notification{row}))
		}
		b.same("not before", keptPtr(narrative.MaxGather), must(b.store.BeginSending(b.ctx, "k0", at(0)))(b).NotBefore)
	},
	"many in a short time become a digest": func(b *bench) {
		issue := b.opened("a")
		var rows []narrative.Notification
		for n := range 6 {
			row := notification(fmt.Sprintf("k%d", n), issue.ID)
			row.Digest = narrative.Digest{MoreThan: 2, Within: narrative.Duration(time.Minute)}
			row.CreatedAt = at(time.Duration(n) * time.Second)
			rows = append(rows, row)
			b.do(b.store.AddNotifications(b.ctx, rows[n:]))
		}
		other := rows[0]
		other.Key, other.Kind, other.CreatedAt = "other", narrative.NotifyImpasse, at(6*time.Second)
		rows = append(rows, other)
		b.do(b.store.AddNotifications(b.ctx, rows[6:]))
		b.same("batches", []string{"k0", "k1", "k2", "k2", "k2", "k2", "other"}, batches(rows))
		b.same("not before", keptPtr(time.Minute+2*time.Second), must(b.store.BeginSending(b.ctx, "k2", at(10*time.Second)))(b).NotBefore)
		sending := must(b.store.BeginSending(b.ctx, "k2", at(2*time.Minute)))(b)
		b.same("notifications", []string{"k2", "k3", "k4", "k5"}, sentKeys(sending.Notifications))
		later := rows[0]
		later.Key, later.CreatedAt = "later", at(10*time.Minute)
		last := []narrative.Notification{later}
		b.do(b.store.AddNotifications(b.ctx, last))
		b.same("later", []string{"later"}, batches(last))
	},
	"a recovery waits for what it ends": func(b *bench) {
		issue := b.opened("a")
		recovery := notification("over", issue.ID)
		recovery.Kind, recovery.CreatedAt = narrative.NotifyResolved, at(time.Minute)
		b.do(b.store.AddNotifications(b.ctx, []narrative.Notification{notification("k", issue.ID), recovery}))
		waiting := must(b.store.BeginSending(b.ctx, "over", at(time.Hour)))(b)
		b.same("waits", true, waiting.Waits)
		b.same("attempts", 0, must(b.store.Notification(b.ctx, "over"))(b).Attempts)
		b.send("k")
		b.do(b.store.NotificationSent(b.ctx, "k", narrative.Sent{}, at(time.Hour)))
		sending := must(b.store.BeginSending(b.ctx, "over", at(time.Hour)))(b)
		b.same("sends", []any{false, []string{"k"}}, []any{sending.Waits, sending.Earlier})
	},
	"in Slack the messages about an issue are sent one after the other": func(b *bench) {
		issue := b.opened("a")
		rows := []narrative.Notification{notification("first", issue.ID), notification("second", issue.ID), notification("held", issue.ID)}
		for n := range rows {
			rows[n].Channel, rows[n].Recipient, rows[n].CreatedAt = "slack", "#ops", at(time.Duration(n)*time.Second)
		}
		rows[2].Together, rows[2].Wait, rows[2].CreatedAt = "t", 10*time.Second, at(-time.Second)
		b.do(b.store.AddNotifications(b.ctx, rows))
		begin := func(batch string, after time.Duration) bool {
			return must(b.store.BeginSending(b.ctx, batch, at(after)))(b).Waits
		}
		b.same("second waits for the first", true, begin("second", time.Second))
		b.same("the first waits for none that is held back", false, begin("first", time.Second))
		b.same("what was held back waits for one that was begun", true, begin("held", time.Minute))
		b.same("one that was begun waits for none", false, begin("first", time.Minute))
		b.do(b.store.NotificationSent(b.ctx, "first", narrative.Sent{}, at(time.Minute)))
		b.same("then the next", []bool{true, false}, []bool{begin("second", time.Minute), begin("held", time.Minute)})
	},
	"a second attempt knows of the first": func(b *bench) {
		issue := b.opened("a")
		b.do(b.store.AddNotifications(b.ctx, []narrative.Notification{notification("k", issue.ID)}))
		b.same("first", false, b.send("k").Again)
		b.same("second", true, b.send("k").Again)
	},
	"what is undelivered is tried again when a person says so": func(b *bench) {
		issue := b.opened("a")
		rows := []narrative.Notification{joined("k1", issue.ID, 0), joined("k2", issue.ID, 0)}
		b.do(b.store.AddNotifications(b.ctx, rows))
		shared := rows[0].Batch
		b.send(shared)
		_, err := b.store.RetryNotification(b.ctx, rows[1].ID, "ann", at(time.Minute))
		b.refused("pending", narrative.Conflict, err)
		b.do(b.store.NotificationTried(b.ctx, shared, "550 no", true, at(time.Minute)))
		b.same("counted", []narrative.NotificationCount{{State: "undelivered", Channel: "email", Count: 2}}, must(b.store.CountNotifications(b.ctx))(b))
		b.same("batch", shared, must(b.store.RetryNotification(b.ctx, rows[1].ID, "ann", at(time.Hour)))(b))
		sending := b.send(shared)
		b.same("again", []any{true, kept(time.Hour), 2}, []any{sending.Again, sending.Since, len(sending.Notifications)})
	},
	"notifications are listed, newest first": func(b *bench) {
		issue := b.opened("a")
		rows := []narrative.Notification{notification("k1", issue.ID), notification("k2", ""), notification("k3", issue.ID)}
		for n := range rows {
			rows[n].CreatedAt = at(time.Duration(n) * time.Second)
		}
		rows[2].Channel, rows[2].Message.Blocks = "slack", []any{map[string]any{"type": "divider"}}
		b.do(b.store.AddNotifications(b.ctx, rows))
		page := must(b.store.Notifications(b.ctx, narrative.NotificationQuery{}, narrative.Page{Limit: 2}))(b)
		b.same("first page", []string{"k3", "k2"}, sentKeys(page.Items))
		b.same("blocks", rows[2].Message.Blocks, page.Items[0].Message.Blocks)
		page = must(b.store.Notifications(b.ctx, narrative.NotificationQuery{}, narrative.Page{Limit: 2, Cursor: page.NextCursor}))(b)
		b.same("second page", []any{[]string{"k1"}, ""}, []any{sentKeys(page.Items), page.NextCursor})
		for _, q := range []narrative.NotificationQuery{{IssueID: issue.ID, Channel: "email"}, {IssueID: issue.ID, State: "pending", Kind: "opened", Channel: "email"}, {Since: at(0), Until: at(time.Second)}} {
			b.same("filtered", []string{"k1"}, sentKeys(must(b.store.Notifications(b.ctx, q, narrative.Page{}))(b).Items))
		}
		b.same("none", 0, len(must(b.store.Notifications(b.ctx, narrative.NotificationQuery{State: "sent"}, narrative.Page{}))(b).Items))
	},
	"posts are kept, and found with those that share their message": func(b *bench) {
		first, second := b.opened("a"), b.opened("b")
		if first.ID > second.ID { // they may be of one millisecond
			first, second = second, first
		}
		posts := []narrative.Post{
			{IssueID: first.ID, Channel: "slack", Recipient: "#ops", Place: "C1", Message: "1.1", Shown: 3},
			{IssueID: second.ID, Channel: "slack", Recipient: "#ops", Place: "C1", Message: "1.1", Shown: 1},
		}
		b.do(b.store.KeepPosts(b.ctx, posts))
		b.same("both", posts, must(b.store.SharedPosts(b.ctx, "slack", "C1", "1.1"))(b))
		b.same("own", posts[1:], must(b.store.Posts(b.ctx, second.ID))(b))
		older := posts[0]
		older.Shown = 2
		b.do(b.store.KeepPosts(b.ctx, []narrative.Post{older}))
		b.same("nothing is taken back", posts[:1], must(b.store.Posts(b.ctx, first.ID))(b))
		row := notification("k", first.ID)
		row.Channel, row.Recipient = "slack", "#ops"
		b.do(b.store.AddNotifications(b.ctx, []narrative.Notification{row}))
		b.same("known when sending", posts[:1], b.send("k").Posts)
		posts[0].Shown = 9
		b.do(b.store.NotificationSent(b.ctx, "k", narrative.Sent{Receipt: "C1/1.1", Posts: posts[:1]}, at(time.Minute)))
		b.same("kept with what was sent", posts[:1], must(b.store.Posts(b.ctx, first.ID))(b))
	},
	"a check tells of what it opens and of what it raises": func(b *bench) {
		b.watch(assertion("a"))
		record := b.begin("a", 0)
		record.Outcome, record.Verdict = narrative.OutcomeFailed, narrative.Failed("broken")
		record.Tell = func(_ narrative.AssertionMeta, opened []narrative.Issue, _ []narrative.Raised) []narrative.Notification {
			return []narrative.Notification{joined("k1", opened[0].ID, 0)}
		}
		issue := must(b.store.RecordCheck(b.ctx, record))(b).Opened[0]
		b.same("timeline", []string{"opened: broken", "notification: will tell ops@example.com by email: it broke"}, b.texts(issue.ID))
		record = b.begin("a", time.Minute)
		record.Outcome, record.Verdict = narrative.OutcomeFailed, narrative.Verdict{Summary: "worse", Severity: narrative.SeverityCritical}
		record.Tell = func(_ narrative.AssertionMeta, opened []narrative.Issue, raised []narrative.Raised) []narrative.Notification {
			b.same("raised", []any{0, 1, narrative.SeverityError, narrative.SeverityCritical}, []any{len(opened), len(raised), raised[0].From, raised[0].Severity})
			return []narrative.Notification{joined("k2", raised[0].ID, 0)}
		}
		b.same("changed", []string{issue.ID}, must(b.store.RecordCheck(b.ctx, record))(b).Changed)
		b.same("told", issue.ID, must(b.store.Notification(b.ctx, "k2"))(b).IssueID)
	},
	"what is written at once by many joins one message": func(b *bench) {
		issue := b.opened("a")
		errs := together(20, func(n int) error {
			return b.store.AddNotifications(b.ctx, []narrative.Notification{joined(fmt.Sprintf("k%d", n), issue.ID, time.Minute)})
		})
		b.same("errors", make([]error, len(errs)), errs)
		pending := must(b.store.PendingNotifications(b.ctx, at(time.Hour), 100))(b)
		b.same("messages", 1, len(pending))
		b.same("notifications", 20, len(must(b.store.BeginSending(b.ctx, pending[0], at(time.Hour)))(b).Notifications))
	},
}

// toldOf are those who were told of an issue, as a change sees them.
func (b *bench) toldOf(id string) (told []narrative.Recipient) {
	b.Helper()
	b.change(id, func(i *narrative.Issue) { told = i.Told })
	return told
}

// joined is a notification that shares its message with others.
func joined(key, issueID string, wait time.Duration) narrative.Notification {
	n := notification(key, issueID)
	n.Together, n.Wait = "opened/1", wait
	return n
}

// send begins to send a message.
func (b *bench) send(batch string) narrative.Sending {
	b.Helper()
	return must(b.store.BeginSending(b.ctx, batch, at(time.Hour)))(b)
}

func sentKeys(all []narrative.Notification) []string {
	keys := []string{}
	for _, n := range all {
		keys = append(keys, n.Key)
	}
	return keys
}

func batches(all []narrative.Notification) []string {
	keys := []string{}
	for _, n := range all {
		keys = append(keys, n.Batch)
	}
	return keys
}
