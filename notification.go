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
	NotifyTest       NotificationKind = "test" // that somebody asked for, to see whether a channel works
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

// The channels by which people are told.
const (
	ChannelEmail   = "email"   // the recipient is an address
	ChannelSlack   = "slack"   // the recipient is a channel, #name or its id
	ChannelWebhook = "webhook" // the recipient is a URL, in which ${env:NAME} and ${file:PATH} may stand for secrets
)

// Channels are the names of all channels.
var Channels = []string{ChannelEmail, ChannelSlack, ChannelWebhook}

// Notification is what one recipient is told of one issue. Several may go out as one message: their Batch is the same.
type Notification struct {
	ID        string            `json:"id"`
	Key       string            `json:"key"`      // unique for ever; see [NotificationKey]
	Batch     string            `json:"batch"`    // the key of the message that it is part of; given by the store
	IssueID   string            `json:"issue_id"` // empty where it concerns none
	Kind      NotificationKind  `json:"kind"`
	Channel   string            `json:"channel"` // such as [ChannelEmail]
	Recipient string            `json:"recipient"`
	Message   Message           `json:"message"`
	State     NotificationState `json:"state"`
	// Suppressed says by what it was kept from being sent, where it is suppressed.
	Suppressed string     `json:"suppressed"`
	Attempts   int        `json:"attempts"`
	LastError  string     `json:"last_error"`
	Receipt    string     `json:"receipt"` // Message-ID, Slack channel and ts, HTTP status
	CreatedAt  time.Time  `json:"created_at"`
	SentAt     *time.Time `json:"sent_at"`

	// Together names what it may share a message with: notifications of the same Together, channel and recipient that
	// are written before that message goes out. Empty: it goes by itself, or, where many are written, in a digest.
	Together string `json:"-"`
	// Wait is how long the message is held back for others to join it; each that joins prolongs it, up to
	// [MaxGather]. Zero: only those that are written at once share it.
	Wait time.Duration `json:"-"`
	// Digest says when so many were written to the recipient that this one is held back for others of its kind, where
	// it does not wait anyway. The zero value: never.
	Digest Digest `json:"-"`
}

// MaxGather is the longest time that a message is held back for others to join it.
const MaxGather = 20 * time.Second

// MaxBatch is the most notifications that go out as one message.
const MaxBatch = 100

// Digested tells whether notifications of that kind may be held back for a digest: those that nothing waits for.
func (k NotificationKind) Digested() bool {
	switch k {
	case NotifyOpened, NotifyNoSolution, NotifyImpasse, NotifyRenotified, NotifyResolved:
		return true
	}
	return false
}

// Message is what a notification says.
type Message struct {
	Subject string `json:"subject"`
	Text    string `json:"text"`
	HTML    string `json:"html,omitempty"`   // empty: made from Text
	Blocks  []any  `json:"blocks,omitempty"` // of Slack's Block Kit; empty: made from Text
}

// NotificationKey is the key of what is told to one recipient at one point of an issue's (or occurrence's) life:
// about is that point, such as "round/3" or an action's key.
func NotificationKey(about string, kind NotificationKind, channel, recipient string) string {
	return HashText(about + "\x1f" + string(kind) + "\x1f" + channel + "\x1f" + recipient)[:32]
}

// Telling is one message, about to be sent to one recipient.
type Telling struct {
	// Notification is the message as a whole: Key is the message's, Message what it says; where it stands for several
	// notifications, IssueID is the first one's.
	Notification
	// Stories are those of the issues that it concerns, in the order in which the message names them; empty where it
	// concerns none.
	Stories []Story
	// Earlier are the keys of the messages sent to this recipient before about those issues, oldest first.
	Earlier []string
	// Posts are the messages that stand for those issues at this recipient already.
	Posts []Post
	// Again says that an earlier attempt may have been accepted although nobody heard of it.
	Again bool
}

// Post is a message that stands for an issue at a recipient and is edited as the issue moves. Several issues may share
// one: their Place and Message are the same.
type Post struct {
	IssueID   string
	Channel   string
	Recipient string
	Place     string // where it is: the id of a Slack channel
	Message   string // which it is: a Slack ts
	Shown     int    // the number of the newest timeline entry that its thread shows
	Told      string // the key of the telling that its thread shows, if it shows one
}

// Sent is what became of a message that was accepted.
type Sent struct {
	Receipt string // Message-ID, Slack channel and ts, HTTP status
	Posts   []Post // made, or brought up to date, by it
}

// Channel sends messages of one kind. Send must be harmless to repeat as far as the medium allows, by the telling's
// Key. An [Invalid] error is permanent; any other is worth a retry, not before the error's RetryAfter.
type Channel interface {
	Send(ctx context.Context, t Telling) (Sent, error)
}

// Board is a [Channel] whose messages are edited as the issues that they stand for move.
type Board interface {
	Channel
	// Refresh brings a message up to date with the stories of its issues, and returns the posts that are different now,
	// also where it failed half-way. All posts share the message, and stories are those of their issues; of stories
	// that posts does not name only Issue is set. Again is as in [Telling].
	Refresh(ctx context.Context, posts []Post, stories []Story, again bool) ([]Post, error)
}
