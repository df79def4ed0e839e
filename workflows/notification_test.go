package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/workflows"
)

// TestNotify sends one message through a channel that refuses for a while, for good, and for ever.
func TestNotify(t *testing.T) {
	t.Parallel()
	greylisted := errors.New("try again later")
	for name, c := range map[string]struct {
		send  func(attempt int) error
		state narrative.NotificationState
		sends int
	}{
		"a temporary refusal is tried again": {
			func(attempt int) error {
				if attempt < 4 {
					return greylisted
				}
				return nil
			}, narrative.NotificationSent, 4,
		},
		"a permanent refusal is undelivered at once": {
			func(int) error { return narrative.Errorf(narrative.Invalid, "no such user") }, narrative.NotificationUndelivered, 1,
		},
		"one that never ends is undelivered after a day": {
			func(int) error { return greylisted }, narrative.NotificationUndelivered, 1440,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, i := setup(t)
			b.send = c.send
			err := b.store.AddNotifications(t.Context(), []narrative.Notification{{
				ID: "n", Key: "key", IssueID: i.ID, Kind: narrative.NotifyAction, Channel: narrative.ChannelEmail,
				Recipient: "ann@example.com", Message: narrative.Message{Subject: "s", Text: "t"},
				State: narrative.NotificationPending, CreatedAt: time.Now().UTC(),
			}})
			if err != nil {
				t.Fatal(err)
			}
			b.env.ExecuteWorkflow(workflows.Notify, workflows.NotifyInput{Key: "key"})
			n, err := b.store.Notification(context.Background(), "key")
			if err != nil || n.State != c.state || b.sends != c.sends {
				t.Errorf("%s after %d attempts (%v); want %s after %d", n.State, b.sends, err, c.state, c.sends)
			}
			if failed := b.env.GetWorkflowError() != nil; failed != (c.state == narrative.NotificationUndelivered) {
				t.Errorf("the workflow ended with %v; want it to fail where the message is undelivered", b.env.GetWorkflowError())
			}
		})
	}
}

// TestHousekeeping runs the sweep on datums past their time, and the watchdog.
func TestHousekeeping(t *testing.T) {
	t.Parallel()
	b, _ := setup(t)
	past := time.Now().UTC().Add(-time.Hour)
	_, err := b.store.AddDatums(t.Context(), []narrative.Datum{
		{Origin: "o", Name: "expired", Level: narrative.Info, At: past, ExpiresAt: &past},
		{Origin: "o", Name: "kept", Level: narrative.Info, At: past},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.env.ExecuteWorkflow(workflows.Sweep)
	var swept narrative.Swept
	if err := b.env.GetWorkflowResult(&swept); err != nil || swept.Datums != 1 {
		t.Errorf("swept %+v, %v; want the one datum that has expired", swept, err)
	}
	watch, _ := setup(t)
	watch.env.ExecuteWorkflow(workflows.Watchdog)
	var done narrative.Reconciled
	if err := watch.env.GetWorkflowResult(&done); err != nil || done.Started != 7 {
		t.Errorf("the watchdog did %+v, %v; want what Reconcile did", done, err)
	}
}
