package narrative

import (
	"context"
	"time"
)

// NotificationKind is why somebody is told something: the X-Narrative-Kind of a mail.
type NotificationKind string

// The kinds of notifications.
const (
	NotifyOpened     NotificationKind = "opened"
	NotifyNoSolution NotificationKind = "no_solution"
	NotifyImpasse    NotificationKind = "impasse"
	NotifyApproval   NotificationKind = "approval"
	NotifyEscalated  NotificationKind = "escalated"
	NotifyRenotified NotificationKind = "renotified"
	NotifyResolved   NotificationKind = "resolved"
	NotifyAction     NotificationKind = "action"
)

// NotificationState is how far a notification has come.
type NotificationState string

// The states of a notification.
const (
	NotificationPending     NotificationState = "pending"
	NotificationSent        NotificationState = "sent"
	NotificationUndelivered NotificationState = "undelivered"
	NotificationSuppressed  NotificationState = "suppressed"
)

// ChannelEmail is the channel that sends mail.
const ChannelEmail = "email"

// Notification is one message to one recipient.
type Notification struct {
	ID        string            `json:"id"`
	Key       string            `json:"key"`      // unique for ever; see [NotificationKey]
	IssueID   string            `json:"issue_id"` // empty where it concerns none
	Kind      NotificationKind  `json:"kind"`
	Channel   string            `json:"channel"` // such as [ChannelEmail]
	Recipient string            `json:"recipient"`
	Message   Message           `json:"message"`
	State     NotificationState `json:"state"`
	Attempts  int               `json:"attempts"`
	LastError string            `json:"last_error"`
	Receipt   string            `json:"receipt"` // Message-ID, Slack ts
	CreatedAt time.Time         `json:"created_at"`
	SentAt    *time.Time        `json:"sent_at"`
}

// Message is what a notification says.
type Message struct {
	Subject string `json:"subject"`
	Text    string `json:"text"`
	HTML    string `json:"html,omitempty"` // empty: made from Text
}

// NotificationKey is the key of what is told to one recipient at one point of an issue's (or occurrence's) life:
// about is that point, such as "round/3" or an action's key.
func NotificationKey(about string, kind NotificationKind, channel, recipient string) string {
	return HashText(about + "\x1f" + string(kind) + "\x1f" + channel + "\x1f" + recipient)[:32]
}

// Channel sends notifications of one kind. Send must be harmless to repeat as far as the medium allows, by the
// notification's key. An [Invalid] error is permanent; any other is worth a retry.
type Channel interface {
	Send(ctx context.Context, n Notification) (receipt string, err error)
}
