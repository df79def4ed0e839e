package starter

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/workflows"
)

// Notify starts the workflow that sends the message, unless it runs.
func (s *Starter) Notify(ctx context.Context, key string) error {
	_, err := s.notify(ctx, workflows.NotifyInput{Key: key})
	return err
}

func (s *Starter) notify(ctx context.Context, in workflows.NotifyInput) (client.WorkflowRun, error) {
	options := client.StartWorkflowOptions{
		ID: workflows.NotifyID(in.Key), TaskQueue: narrative.NotifyTaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}
	s.mark(&options, workflows.KindNotify, "")
	run, err := s.o.Client.ExecuteWorkflow(ctx, options, workflows.Notify, in)
	if err != nil {
		return nil, fmt.Errorf("start notification %s: %w", in.Key, unavailable(err))
	}
	return run, nil
}

// Refresh has the post's message brought up to date, and does not wait for it.
func (s *Starter) Refresh(ctx context.Context, p narrative.Post) error {
	in := workflows.RefreshInput{Channel: p.Channel, Place: p.Place, Message: p.Message}
	options := client.StartWorkflowOptions{ID: workflows.RefreshID(in), TaskQueue: narrative.NotifyTaskQueue}
	s.mark(&options, workflows.KindNotify, "")
	_, err := s.o.Client.SignalWithStartWorkflow(ctx, options.ID, narrative.SignalMoved, nil, options,
		workflows.Refresh, in)
	if err != nil {
		return fmt.Errorf("bring the message of issue %s up to date: %w", p.IssueID, unavailable(err))
	}
	return nil
}

// Resend has an undelivered notification's message sent again.
func (s *Starter) Resend(ctx context.Context, notificationID, by string) error {
	batch, err := s.o.Store.RetryNotification(ctx, notificationID, by, s.now())
	if err != nil {
		return err
	}
	return s.Notify(ctx, batch)
}

// TestChannel sends a test message on the way that every message goes, and waits for what becomes of it.
func (s *Starter) TestChannel(ctx context.Context, channel, recipient, by string) (narrative.Notification, error) {
	now := s.now()
	n := narrative.Notification{
		Key:  narrative.NotificationKey(narrative.NewID(now), narrative.NotifyTest, channel, recipient),
		Kind: narrative.NotifyTest, Channel: channel, Recipient: recipient, CreatedAt: now,
		Message: narrative.Message{
			Subject: "[Test] Narrative can tell you by " + channel,
			Text:    "This is a test" + byWhom(by) + ". Nothing is wrong, and nothing is to be done.\n",
		},
	}
	if err := s.o.Store.AddNotifications(ctx, []narrative.Notification{n}); err != nil {
		return n, err
	}
	run, err := s.notify(ctx, workflows.NotifyInput{Key: n.Key, Once: true})
	if err != nil {
		return n, err
	}
	_ = run.Get(ctx, nil) // it fails where the message is undelivered, which the store tells
	if ctx.Err() != nil {
		return n, narrative.Errorf(narrative.Unavailable, "the test goes on in workflow %s; is a worker running?", run.GetID())
	}
	return s.o.Store.Notification(ctx, n.Key)
}

func byWhom(by string) string {
	if by == "" {
		return ""
	}
	return ", sent by " + by
}

func (s *Starter) now() time.Time { return s.o.Now().UTC().Truncate(time.Microsecond) }
