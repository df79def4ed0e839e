package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/activities"
	"github.com/narrative-go/narrative/diagnosis"
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

func row(key string, i narrative.Issue, kind narrative.NotificationKind, at time.Time) narrative.Notification {
	return narrative.Notification{
		Key: key, IssueID: i.ID, Kind: kind, Channel: narrative.ChannelEmail, Recipient: "ann@example.com",
		Message: narrative.Message{Subject: "[Failing] " + key, Text: "text of " + key}, CreatedAt: at,
	}
}

// TestNotifyWaitsForOthers has a message that is held back go out once, with what joined it meanwhile.
func TestNotifyWaitsForOthers(t *testing.T) {
	t.Parallel()
	b, i := setup(t)
	b.send = func(int) error { return nil }
	add := func(key string) {
		n := row(key, i, narrative.NotifyNoSolution, b.env.Now().UTC())
		n.Together, n.Wait = "together", 10*time.Second
		if err := b.store.AddNotifications(context.Background(), []narrative.Notification{n}); err != nil {
			t.Error(err)
		}
	}
	add("one")
	b.at(5*time.Second, func() { add("two") })
	b.env.ExecuteWorkflow(workflows.Notify, workflows.NotifyInput{Key: "one"})
	if err := b.env.GetWorkflowError(); err != nil || len(b.tellings) != 1 {
		t.Fatalf("%d messages, %v", len(b.tellings), err)
	}
	told := b.tellings[0]
	if told.Key != "one" || told.Message.Subject != "[Failing] 2 messages about watched" {
		t.Errorf("told %q of key %s", told.Message.Subject, told.Key)
	}
	for _, part := range []string{"1. [Failing] one", "2. [Failing] two", "text of one", "text of two"} {
		if !strings.Contains(told.Message.Text, part) {
			t.Errorf("%q is not in\n%s", part, told.Message.Text)
		}
	}
	for _, key := range []string{"one", "two"} {
		if n, err := b.store.Notification(context.Background(), key); err != nil || n.State != narrative.NotificationSent || n.Attempts != 1 {
			t.Errorf("%s is %s after %d attempts, %v", key, n.State, n.Attempts, err)
		}
	}
}

// TestARecoveryFollowsWhatItEnds has a recovery wait while what it ends is greylisted.
func TestARecoveryFollowsWhatItEnds(t *testing.T) {
	t.Parallel()
	b, i := setup(t)
	b.send = func(int) error { return nil }
	now := b.env.Now().UTC()
	rows := []narrative.Notification{row("opened", i, narrative.NotifyOpened, now), row("over", i, narrative.NotifyResolved, now.Add(time.Second))}
	if err := b.store.AddNotifications(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	b.at(time.Minute, func() {
		if len(b.tellings) > 0 {
			t.Errorf("it did not wait: %+v", b.tellings)
		}
		if err := b.store.NotificationSent(context.Background(), "opened", narrative.Sent{}, b.env.Now().UTC()); err != nil {
			t.Error(err)
		}
	})
	b.env.ExecuteWorkflow(workflows.Notify, workflows.NotifyInput{Key: "over"})
	if err := b.env.GetWorkflowError(); err != nil || len(b.tellings) != 1 || len(b.tellings[0].Earlier) != 1 || b.tellings[0].Earlier[0] != "opened" {
		t.Errorf("told %+v, %v", b.tellings, err)
	}
}

// TestNotifyOnce makes one attempt where somebody waits for what becomes of it.
func TestNotifyOnce(t *testing.T) {
	t.Parallel()
	b, i := setup(t)
	b.send = func(int) error { return errors.New("451 try again later") }
	if err := b.store.AddNotifications(t.Context(), []narrative.Notification{row("key", i, narrative.NotifyTest, b.env.Now().UTC())}); err != nil {
		t.Fatal(err)
	}
	b.env.ExecuteWorkflow(workflows.Notify, workflows.NotifyInput{Key: "key", Once: true})
	n, err := b.store.Notification(context.Background(), "key")
	if err != nil || n.State != narrative.NotificationUndelivered || n.LastError != "451 try again later" || b.sends != 1 {
		t.Errorf("%s (%s) after %d attempts, %v", n.State, n.LastError, b.sends, err)
	}
}

// TestNotifyHeedsRetryAfter waits for as long as the channel asks.
func TestNotifyHeedsRetryAfter(t *testing.T) {
	t.Parallel()
	b, i := setup(t)
	var at []time.Time
	b.send = func(attempt int) error {
		at = append(at, b.env.Now())
		if attempt == 1 {
			return &narrative.Error{Kind: narrative.Unavailable, Message: "429", RetryAfter: 7 * time.Minute}
		}
		return nil
	}
	if err := b.store.AddNotifications(t.Context(), []narrative.Notification{row("key", i, narrative.NotifyOpened, b.env.Now().UTC())}); err != nil {
		t.Fatal(err)
	}
	b.env.ExecuteWorkflow(workflows.Notify, workflows.NotifyInput{Key: "key"})
	if err := b.env.GetWorkflowError(); err != nil || len(at) != 2 || at[1].Sub(at[0]) < 7*time.Minute {
		t.Errorf("attempts at %v, %v", at, err)
	}
	if !b.tellings[1].Again || b.tellings[0].Again {
		t.Errorf("the second attempt must know of the first, and only that: %+v", b.tellings)
	}
}

// board is a channel whose messages are edited.
type board struct {
	*bench
	refreshed []string
	fail      int // so many times
}

func (b *board) Refresh(_ context.Context, posts []narrative.Post, stories []narrative.Story, _ bool) ([]narrative.Post, error) {
	b.refreshed = append(b.refreshed, fmt.Sprintf("%d of %d, shown %d", len(posts), len(stories), posts[0].Shown))
	if b.fail--; b.fail >= 0 {
		return nil, errors.New("not now")
	}
	changed := posts[0]
	changed.Shown = stories[0].Entries[len(stories[0].Entries)-1].Number
	return []narrative.Post{changed}, nil
}

// TestRefresh brings a message up to date, goes on while the issue moves, and remembers how far it came.
func TestRefresh(t *testing.T) {
	t.Parallel()
	b, i := setup(t)
	slack := &board{bench: b, fail: 1}
	acts, err := activities.New(activities.Options{
		Store: b.store, Registry: narrative.NewRegistry(), Executor: b, CompileCase: diagnosis.Compile, Deliverer: b,
		Channels: map[string]narrative.Channel{narrative.ChannelSlack: slack}, Now: func() time.Time { return b.env.Now() },
	})
	if err != nil {
		t.Fatal(err)
	}
	b.env.OnActivity(b.acts.Refresh, mock.Anything, mock.Anything).Return(acts.Refresh)
	post := narrative.Post{IssueID: i.ID, Channel: narrative.ChannelSlack, Recipient: "#ops", Place: "C1", Message: "1.1"}
	if err := b.store.KeepPosts(t.Context(), []narrative.Post{post}); err != nil {
		t.Fatal(err)
	}
	b.at(0, func() { b.env.SignalWorkflow(narrative.SignalMoved, nil) })
	b.at(1500*time.Millisecond, func() { b.env.SignalWorkflow(narrative.SignalMoved, nil) })
	b.env.ExecuteWorkflow(workflows.Refresh, workflows.RefreshInput{Channel: post.Channel, Place: post.Place, Message: post.Message})
	if err := b.env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	posts, err := b.store.Posts(context.Background(), i.ID)
	if err != nil || len(posts) != 1 || posts[0].Shown != 1 {
		t.Errorf("posts %+v, %v", posts, err)
	}
	if want := []string{"1 of 1, shown 0", "1 of 1, shown 0", "1 of 1, shown 1"}; !slices.Equal(slack.refreshed, want) {
		t.Errorf("refreshed %q, want %q", slack.refreshed, want)
	}
}
