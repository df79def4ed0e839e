package conformance

import (
	"time"

	"github.com/narrative-go/narrative"
)

var notificationTests = map[string]func(*bench){
	"a notification's life is told": func(b *bench) {
		issue := b.opened("a")
		b.do(b.store.AddNotifications(b.ctx, []narrative.Notification{notification("k", issue.ID)}))
		b.do(b.store.NotificationTried(b.ctx, "k", "connection refused", false, at(time.Minute)))
		got := must(b.store.Notification(b.ctx, "k"))(b)
		b.same("tried", []any{narrative.NotificationPending, 1, "connection refused"}, []any{got.State, got.Attempts, got.LastError})
		b.do(b.store.NotificationTried(b.ctx, "k", "550 no such user", true, at(2*time.Minute)))
		b.same("undelivered", narrative.NotificationUndelivered, must(b.store.Notification(b.ctx, "k"))(b).State)
		b.do(b.store.NotificationSent(b.ctx, "k", "<id@host>", at(3*time.Minute)))
		want := notification("k", issue.ID)
		want.ID, want.CreatedAt, want.State, want.Attempts = got.ID, kept(0), narrative.NotificationSent, 3
		want.Receipt, want.SentAt = "<id@host>", keptPtr(3*time.Minute)
		b.same("sent", want, must(b.store.Notification(b.ctx, "k"))(b))
		b.do(b.store.NotificationSent(b.ctx, "k", "another", at(4*time.Minute)))
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
		b.do(b.store.NotificationSent(b.ctx, "sent", "", at(0)))
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
		b.same("told", []narrative.Notification{
			{Channel: narrative.ChannelEmail, Recipient: "ops@example.com"}, {Channel: "slack", Recipient: "#ops"},
		}, must(b.store.Told(b.ctx, issue.ID))(b))
	},
	"a missing notification or issue is not found": func(b *bench) {
		_, err := b.store.Notification(b.ctx, "none")
		b.refused("load", narrative.NotFound, err)
		b.refused("tried", narrative.NotFound, b.store.NotificationTried(b.ctx, "none", "", false, at(0)))
		b.refused("sent", narrative.NotFound, b.store.NotificationSent(b.ctx, "none", "", at(0)))
		b.refused("add", narrative.NotFound, b.store.AddNotifications(b.ctx, []narrative.Notification{notification("k", "none")}))
	},
}
