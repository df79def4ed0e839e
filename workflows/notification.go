package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/activities"
)

// Bounds of sending one message: attempts a second apart, doubling to a minute, for about a day. The activity ends them
// sooner, as its channel asks.
const (
	sendAttempts    = 1_440
	sendMaxInterval = time.Minute
	sendTimeout     = 5 * time.Minute // a message to Slack about many issues is many requests
)

// Notify sends one message to one recipient, when it is due. Nothing waits for it.
func Notify(ctx workflow.Context, in activities.NotificationInput) (activities.SendOutput, error) {
	attempts := int32(sendAttempts)
	if in.Once {
		attempts = 1
	}
	send := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: sendTimeout,
		HeartbeatTimeout:    activities.HeartbeatTimeout,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: sendMaxInterval, MaximumAttempts: attempts,
		},
		Summary: "send",
	})
	var out activities.SendOutput
	for {
		out = activities.SendOutput{}
		err := workflow.ExecuteActivity(send, acts.Send, in).Get(ctx, &out)
		if err != nil {
			return out, giveUp(ctx, in, err)
		}
		if out.Wait <= 0 {
			return out, nil
		}
		timer := workflow.NewTimerWithOptions(ctx, out.Wait, workflow.TimerOptions{Summary: "held back"})
		if err := timer.Get(ctx, nil); err != nil {
			return out, err
		}
	}
}

// giveUp marks a message undelivered, and is the error that the workflow ends with.
func giveUp(ctx workflow.Context, in activities.NotificationInput, why error) error {
	options := workflow.WithActivityOptions(ctx, quick("undelivered", storeTimeout))
	given := activities.GiveUpInput{NotificationInput: in, Reason: activities.Reason(why)}
	if err := workflow.ExecuteActivity(options, acts.GiveUp, given).Get(ctx, nil); err != nil {
		return err
	}
	return temporal.NewApplicationError(given.Reason, "undelivered")
}

// Bounds of bringing messages up to date.
const (
	refreshAfter    = time.Second // changes within it are shown at once
	refreshAttempts = 720         // up to a minute apart: about twelve hours
	refreshTimes    = 100         // of one run
)

// Refresh brings a message that stands for issues up to date, again and again while it hears that one of them has moved.
// What it cannot bring up to date it leaves to the next change.
func Refresh(ctx workflow.Context, in activities.RefreshInput) error {
	moved := workflow.GetSignalChannel(ctx, narrative.SignalMoved)
	options := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: sendTimeout,
		HeartbeatTimeout:    activities.HeartbeatTimeout,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: sendMaxInterval, MaximumAttempts: refreshAttempts,
		},
		Summary: "edit",
	})
	for range refreshTimes {
		if err := workflow.Sleep(ctx, refreshAfter); err != nil {
			return err
		}
		for moved.ReceiveAsync(nil) {
		}
		if err := workflow.ExecuteActivity(options, acts.Refresh, in).Get(ctx, nil); err != nil && moved.Len() == 0 {
			return err
		}
		if moved.Len() == 0 {
			return nil
		}
	}
	return workflow.NewContinueAsNewError(ctx, Refresh, in)
}
