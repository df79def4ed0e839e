package slack

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/executor/slack/slackfake"
)

func hook(t *testing.T, url string) *Hook {
	t.Helper()
	h, err := NewHook(HookOptions{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestAHookPostsTextAndBlocks(t *testing.T) {
	t.Parallel()
	w := setup(t)
	told := w.telling("k1", narrative.NotifyAction, w.story("i-1"))
	told.Recipient, told.Message.Text = "#elsewhere", "off by <5>"
	told.Message.Blocks = []any{map[string]any{"type": "divider"}}
	sent, err := hook(t, w.fake.HookURL()).Send(context.Background(), told)
	if err != nil || sent.Receipt != "ok" || len(sent.Posts) != 0 {
		t.Fatalf("%+v, %v", sent, err)
	}
	m := w.card()
	if m.Text != "*[Told] k1*\noff by &lt;5&gt;" || len(m.Blocks) != 1 || len(m.Attachments) != 0 {
		t.Errorf("%+v", m)
	}
}

func TestAHookSaysWhatItCannot(t *testing.T) {
	t.Parallel()
	var channel narrative.Channel = hook(t, "https://hooks.slack.com/services/x")
	if _, is := channel.(narrative.Board); is {
		t.Error("it is no board")
	}
	contains(t, channel.(*Hook).Cannot(), "edit", "thread", "buttons", "channel", "twice")
}

func TestAHooksRefusalsTellWhetherToTryAgain(t *testing.T) {
	t.Parallel()
	for word, kind := range map[string]narrative.ErrorKind{
		"no_service": narrative.Invalid, "invalid_token": narrative.Invalid, "channel_is_archived": narrative.Invalid,
		"channel_not_found": narrative.Invalid, "rollup_error": narrative.Unavailable, "some_new_word": narrative.Invalid,
	} {
		w := setup(t)
		w.fake.Fail(slackfake.Hook, word, 1)
		_, err := hook(t, w.fake.HookURL()).Send(context.Background(), w.telling("k1", narrative.NotifyTest))
		if narrative.KindOf(err) != kind || !strings.Contains(err.Error(), word) || strings.Contains(err.Error(), "services") {
			t.Errorf("%s: %v", word, err)
		}
	}
	for status, kind := range map[int]narrative.ErrorKind{404: narrative.Invalid, 410: narrative.Invalid, 500: narrative.Unavailable, 503: narrative.Unavailable} {
		w := setup(t)
		w.fake.Break(slackfake.Hook, status, 1)
		if _, err := hook(t, w.fake.HookURL()).Send(context.Background(), w.telling("k1", narrative.NotifyTest)); narrative.KindOf(err) != kind {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestAHooksRetryAfterIsKept(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.fake.Limit(slackfake.Hook, 30, 1)
	_, err := hook(t, w.fake.HookURL()).Send(context.Background(), w.telling("k1", narrative.NotifyTest))
	var e *narrative.Error
	if !errors.As(err, &e) || e.Kind != narrative.Unavailable || e.RetryAfter != 30*time.Second {
		t.Errorf("got %#v", err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	if d := retryAfter("Sun, 01 Mar 2026 12:00:20 GMT", now); d != 20*time.Second {
		t.Error(d)
	}
}

func TestAHooksURLIsInNoError(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h := hook(t, w.fake.HookURL())
	w.fake.Drop(slackfake.Hook, 1)
	_, err := h.Send(context.Background(), w.telling("k1", narrative.NotifyTest))
	if narrative.KindOf(err) != narrative.Unavailable || strings.Contains(err.Error(), "services") {
		t.Errorf("got %v", err)
	}
	w.fake.Close()
	_, err = h.Send(context.Background(), w.telling("k1", narrative.NotifyTest))
	if narrative.KindOf(err) != narrative.Unavailable || strings.Contains(err.Error(), "services") {
		t.Errorf("got %v", err)
	}
	for _, bad := range []string{"", "services/T1/secret", "ftp://x/services", "https://%zz/services"} {
		if _, err := NewHook(HookOptions{URL: bad}); narrative.KindOf(err) != narrative.Invalid || strings.Contains(err.Error(), "services/") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
