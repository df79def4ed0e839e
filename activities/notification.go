package activities

import (
	"cmp"
	"context"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	narrative "github.com/narrative-go/narrative"
)

// NotificationInput names a message.
type NotificationInput struct {
	Key string `json:"key"`
	// Once makes one attempt only: somebody waits to see what becomes of it.
	Once bool `json:"once,omitempty"`
}

// SendOutput says what became of a message.
type SendOutput struct {
	State   narrative.NotificationState `json:"state"`
	Receipt string                      `json:"receipt"`
	// Wait is how long it is held back, for others to join it or for what is told before it; zero where it was sent.
	Wait time.Duration `json:"wait,omitempty"`
}

// Bounds of trying to send a message, from the first attempt, or since a person had it sent again, by channel. What a
// mail server greylists, or an outage of Slack's, is over by then.
var triedFor = map[string]time.Duration{
	narrative.ChannelEmail:   24 * time.Hour,
	narrative.ChannelSlack:   12 * time.Hour,
	narrative.ChannelWebhook: 12 * time.Hour,
}

// Send sends one message and marks it sent. Between the two lies the one window in which a crash sends it again: with
// the same key, by which the medium can tell, and knowing that it may have been sent.
func (a *Activities) Send(ctx context.Context, in NotificationInput) (SendOutput, error) {
	defer beat(ctx)()
	sending, err := a.o.Store.BeginSending(ctx, in.Key, a.now())
	if err != nil {
		return SendOutput{}, failed(again(err))
	}
	first := sending.Notifications[0]
	switch {
	case first.State != narrative.NotificationPending:
		return SendOutput{State: first.State, Receipt: first.Receipt}, nil
	case sending.NotBefore != nil:
		return SendOutput{State: first.State, Wait: max(sending.NotBefore.Sub(a.now()), time.Millisecond)}, nil
	case sending.Waits:
		return SendOutput{State: first.State, Wait: min(max(a.now().Sub(first.CreatedAt)/4, time.Second), time.Minute)}, nil
	}
	sent, err := a.send(ctx, sending)
	ctx, cancel := lasting(ctx)
	defer cancel()
	if err != nil {
		if kept := a.o.Store.KeepPosts(ctx, sent.Posts); kept != nil { // as far as it came
			a.o.Logger.Warn("how far a message came could not be kept", "key", in.Key, "error", kept)
		}
		return SendOutput{}, a.tried(ctx, in.Key, sending, err)
	}
	if err := a.o.Store.NotificationSent(ctx, in.Key, sent, a.now()); err != nil {
		return SendOutput{}, failed(again(err))
	}
	a.o.Observer.Told(first.Channel, narrative.NotificationSent)
	a.refreshPosts(ctx, sent.Posts) // which show what has happened meanwhile
	for _, n := range sending.Notifications {
		a.told("told %s by %s: %s", n.Recipient, n.Channel, n.Message.Subject)
	}
	return SendOutput{State: narrative.NotificationSent, Receipt: sent.Receipt}, nil
}

// again makes a store's failure one that is worth a retry: a race that was lost says nothing against the message.
func again(err error) error {
	if narrative.KindOf(err) == narrative.Conflict {
		return narrative.Errorf(narrative.Unavailable, "%w", err)
	}
	return err
}

func (a *Activities) send(ctx context.Context, sending narrative.Sending) (narrative.Sent, error) {
	name := sending.Notifications[0].Channel
	channel, ok := a.o.Channels[name]
	if !ok {
		return narrative.Sent{}, narrative.Errorf(narrative.Unavailable, "the channel %s is not configured where the worker runs", name)
	}
	_, board := channel.(narrative.Board)
	telling, err := a.telling(ctx, sending, board)
	if err != nil {
		return narrative.Sent{}, err
	}
	var sent narrative.Sent
	err = guarded(func() (err error) {
		sent, err = channel.Send(ctx, telling)
		return err
	})
	sent.Receipt = storable(sent.Receipt)
	return sent, err
}

// tried notes an attempt that failed. One that comes when the channel was tried for long enough is the last.
func (a *Activities) tried(ctx context.Context, key string, sending narrative.Sending, err error) error {
	text := clip(storable(err.Error()), maxError)
	if storeErr := a.o.Store.NotificationTried(ctx, key, text, false, a.now()); storeErr != nil {
		a.o.Logger.Warn("attempt to send could not be written down", "key", key, "error", storeErr)
	}
	bound := cmp.Or(triedFor[sending.Notifications[0].Channel], 24*time.Hour)
	if a.now().Sub(sending.Since) >= bound {
		return temporal.NewNonRetryableApplicationError(text, string(narrative.KindOf(err)), nil)
	}
	return failed(err)
}

// telling is the message as a channel sees it. A board is given whole stories; others the issues alone.
func (a *Activities) telling(ctx context.Context, sending narrative.Sending, board bool) (narrative.Telling, error) {
	t := narrative.Telling{
		Notification: sending.Notifications[0], Earlier: sending.Earlier, Posts: sending.Posts, Again: sending.Again,
	}
	seen := map[string]bool{"": true}
	for _, n := range sending.Notifications {
		if seen[n.IssueID] {
			continue
		}
		seen[n.IssueID] = true
		story, err := a.story(ctx, n.IssueID, board)
		if err != nil {
			return t, err
		}
		if slices.ContainsFunc(sending.Posts, func(p narrative.Post) bool { return p.IssueID == n.IssueID }) {
			story.Entries = nil // Refresh, of which there is one at a time, shows them
		}
		t.Stories = append(t.Stories, story)
	}
	slices.SortStableFunc(t.Stories, byName)
	t.Key = t.Batch
	if len(sending.Notifications) > 1 {
		t.Message = gathered(sending.Notifications, t.Stories)
	}
	return t, nil
}

func (a *Activities) story(ctx context.Context, issueID string, whole bool) (narrative.Story, error) {
	if whole {
		return a.o.Store.Story(ctx, issueID)
	}
	issue, err := a.o.Store.Issue(ctx, issueID)
	return narrative.Story{Issue: issue}, err
}

// GiveUpInput is a message that could not be sent.
type GiveUpInput struct {
	NotificationInput
	Reason string `json:"reason"`
}

// GiveUp marks a message undelivered, where people see it.
func (a *Activities) GiveUp(ctx context.Context, in GiveUpInput) error {
	a.o.Logger.Error("notification is undelivered", "key", in.Key, "reason", in.Reason)
	a.told("a notification could not be delivered: %s", in.Reason)
	if err := a.o.Store.NotificationTried(ctx, in.Key, in.Reason, true, a.now()); err != nil {
		return failed(again(err))
	}
	if n, err := a.o.Store.Notification(ctx, in.Key); err == nil { // else it is not counted
		a.o.Observer.Told(n.Channel, narrative.NotificationUndelivered)
	}
	return nil
}

// RefreshInput names a message that stands for issues: the channel, and where and which it is.
type RefreshInput struct {
	Channel string `json:"channel"`
	Place   string `json:"place"`
	Message string `json:"message"`
}

// Refresh brings a message that stands for issues up to date, by a channel that can edit it.
func (a *Activities) Refresh(ctx context.Context, in RefreshInput) error {
	defer beat(ctx)()
	board, ok := a.o.Channels[in.Channel].(narrative.Board)
	if !ok {
		return failed(narrative.Errorf(narrative.Unavailable, "the channel %s is not configured where the worker runs, or cannot edit", in.Channel))
	}
	posts, err := a.o.Store.SharedPosts(ctx, in.Channel, in.Place, in.Message)
	if err != nil || len(posts) == 0 {
		return failed(err)
	}
	var stories []narrative.Story
	for _, p := range posts {
		story, err := a.story(ctx, p.IssueID, true)
		if err != nil {
			return failed(err)
		}
		stories = append(stories, story)
	}
	slices.SortStableFunc(stories, byName)
	changed, err := board.Refresh(ctx, posts, stories, activity.GetInfo(ctx).Attempt > 1)
	if len(changed) > 0 { // as far as it came
		if kept := a.o.Store.KeepPosts(ctx, changed); kept != nil {
			return failed(kept)
		}
	}
	return failed(err)
}

func byName(x, y narrative.Story) int { return cmp.Compare(x.Issue.Name(), y.Issue.Name()) }
