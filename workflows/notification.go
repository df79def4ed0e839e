package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/narrative-go/narrative/activities"
)

// Bounds of sending one notification: attempts a second apart, doubling to a minute, for about a day.
const (
	sendAttempts    = 1_440
	sendMaxInterval = time.Minute
	sendTimeout     = time.Minute
)

// Notify sends one message to one recipient. Nothing waits for it.
func Notify(ctx workflow.Context, in activities.NotificationInput) (activities.SendOutput, error) {
	send := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: sendTimeout,
		HeartbeatTimeout:    activities.HeartbeatTimeout,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: sendMaxInterval, MaximumAttempts: sendAttempts,
		},
		Summary: "send",
	})
	var out activities.SendOutput
	err := workflow.ExecuteActivity(send, acts.Send, in).Get(ctx, &out)
	if err == nil {
		return out, nil
	}
	giveUp := workflow.WithActivityOptions(ctx, quick("undelivered", storeTimeout))
	given := activities.GiveUpInput{NotificationInput: in, Reason: activities.Reason(err)}
	if storeErr := workflow.ExecuteActivity(giveUp, acts.GiveUp, given).Get(ctx, nil); storeErr != nil {
		return out, storeErr
	}
	return out, temporal.NewApplicationError(given.Reason, "undelivered")
}
