package activities

import (
	"context"

	narrative "github.com/narrative-go/narrative"
)

// NotificationInput names a notification.
type NotificationInput struct {
	Key string `json:"key"`
}

// SendOutput says what became of a notification.
type SendOutput struct {
	State   narrative.NotificationState `json:"state"`
	Receipt string                      `json:"receipt"`
}

// Send sends one notification and marks it sent. Between the two lies the one window in which a crash sends it again:
// with the same key, by which the medium can tell.
func (a *Activities) Send(ctx context.Context, in NotificationInput) (SendOutput, error) {
	defer beat(ctx)()
	n, err := a.o.Store.Notification(ctx, in.Key)
	if err != nil {
		return SendOutput{}, failed(err)
	}
	if n.State != narrative.NotificationPending {
		return SendOutput{State: n.State, Receipt: n.Receipt}, nil
	}
	channel, ok := a.o.Channels[n.Channel]
	if !ok {
		return SendOutput{}, failed(narrative.Errorf(narrative.Unavailable, "the channel %s is not configured where the worker runs", n.Channel))
	}
	receipt, err := channel.Send(ctx, n)
	ctx, cancel := lasting(ctx)
	defer cancel()
	if err != nil {
		if storeErr := a.o.Store.NotificationTried(ctx, in.Key, err.Error(), false, a.now()); storeErr != nil {
			a.o.Logger.Warn("attempt to send could not be written down", "key", in.Key, "error", storeErr)
		}
		return SendOutput{}, failed(err)
	}
	if err := a.o.Store.NotificationSent(ctx, in.Key, receipt, a.now()); err != nil {
		return SendOutput{}, failed(err)
	}
	a.told("told %s by %s: %s", n.Recipient, n.Channel, n.Message.Subject)
	return SendOutput{State: narrative.NotificationSent, Receipt: receipt}, nil
}

// GiveUpInput is a notification that could not be sent.
type GiveUpInput struct {
	NotificationInput
	Reason string `json:"reason"`
}

// GiveUp marks a notification undelivered, where people see it.
func (a *Activities) GiveUp(ctx context.Context, in GiveUpInput) error {
	a.o.Logger.Error("notification is undelivered", "key", in.Key, "reason", in.Reason)
	a.told("a notification could not be delivered: %s", in.Reason)
	return failed(a.o.Store.NotificationTried(ctx, in.Key, in.Reason, true, a.now()))
}
