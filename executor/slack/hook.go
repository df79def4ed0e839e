package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
)

// HookOptions are what a [Hook] goes by.
type HookOptions struct {
	// URL is the incoming webhook's, such as https://hooks.slack.com/services/…; required. It is a secret.
	URL string
	// HTTPClient makes the requests; its CheckRedirect is replaced. Default one that gives up after 15 s.
	HTTPClient *http.Client
	// Now is the clock; default the machine's.
	Now func() time.Time
	// Logger gets a line a message at level debug; default none.
	Logger *slog.Logger
}

// Hook is the channel that posts to an incoming webhook: less than [Slack], for those who may not add a bot. It cannot
// edit a message or reply in a thread, so it is no [narrative.Board]; it shows no buttons; it always posts to the
// channel that the webhook was made for, whatever the recipient; and it cannot look up whether a message was taken, so
// that one may come twice. It is safe for concurrent use.
type Hook struct {
	url    *url.URL
	secret string
	client *http.Client
	now    func() time.Time
	logger *slog.Logger
}

var _ narrative.Channel = (*Hook)(nil)

// NewHook returns the channel. Its error does not say what the URL is.
func NewHook(o HookOptions) (*Hook, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, narrative.Errorf(narrative.Invalid, "set up Slack's incoming webhook: its URL must be an http:// or https:// URL with a host")
	}
	h := &Hook{url: u, secret: o.URL, client: clientOf(o.HTTPClient), now: o.Now, logger: o.Logger}
	if h.now == nil {
		h.now = time.Now
	}
	if h.logger == nil {
		h.logger = slog.New(slog.DiscardHandler)
	}
	return h, nil
}

// Cannot says, in one sentence, what a [Slack] could do and a Hook cannot.
func (h *Hook) Cannot() string {
	return "an incoming webhook cannot edit messages, reply in threads, show buttons or choose the channel, and cannot find out whether a message was taken: one may come twice"
}

// Send posts the message; the receipt is "ok". The recipient is left aside.
func (h *Hook) Send(ctx context.Context, t narrative.Telling) (narrative.Sent, error) {
	w := wordsOf(t.Message, t.Kind, true)
	body, err := json.Marshal(message{Text: w.text, Blocks: w.blocks})
	if err != nil {
		return narrative.Sent{}, narrative.Errorf(narrative.Invalid, "encode a message for Slack's webhook: %w", err)
	}
	said, err := h.post(ctx, body)
	h.logger.DebugContext(ctx, "slack webhook", "key", t.Key, "error", err)
	if err != nil {
		return narrative.Sent{}, err
	}
	return narrative.Sent{Receipt: said}, nil
}

const hookAttempt = "post to Slack's incoming webhook"

func (h *Hook) post(ctx context.Context, body []byte) (string, error) {
	// The URL is set afterwards, so that no error repeats it.
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://placeholder.invalid", bytes.NewReader(body))
	if err != nil {
		return "", narrative.Errorf(narrative.Invalid, "%s: %w", hookAttempt, err)
	}
	r.URL, r.Host = h.url, h.url.Host
	r.Header.Set("Content-Type", "application/json")
	answer, err := h.client.Do(r)
	if err != nil {
		var outer *url.Error
		if errors.As(err, &outer) {
			err = outer.Err // the outermost says the URL
		}
		return "", unavailable(hookAttempt, hide(err.Error(), h.secret), nil, 0)
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
	return h.judge(answer, strings.TrimSpace(string(said)))
}

func (h *Hook) judge(answer *http.Response, word string) (string, error) {
	code := answer.StatusCode
	switch {
	case code >= 200 && code < 300 && word == "ok":
		return word, nil
	case code == http.StatusTooManyRequests || code >= 500 || transient(word):
		return "", unavailable(hookAttempt, h.said(code, word), nil, retryAfter(answer.Header.Get("Retry-After"), h.now()))
	}
	why := h.said(code, word)
	if sentence, known := hookSentences()[word]; known {
		why = sentence + " (" + why + ")"
	}
	return "", &narrative.Error{Kind: narrative.Invalid, Message: hookAttempt + ": " + why, Err: refusal(word)}
}

// said repeats the beginning of an answer.
func (h *Hook) said(code int, word string) string {
	return strings.TrimSuffix(fmt.Sprintf("HTTP %d, %s", code, line(hide(word, h.secret), 100)), ", ")
}

// hookSentences say what the words of webhooks mean.
func hookSentences() map[string]string {
	const remade = "make another in the app's settings"
	return map[string]string{
		"no_service":                        "the webhook was disabled or removed: " + remade,
		"no_service_id":                     "the webhook's URL is not whole",
		"no_team":                           "there is no such workspace: " + remade,
		"team_disabled":                     "the workspace was disabled",
		"user_not_found":                    "who the webhook posts to is gone: " + remade,
		"invalid_token":                     "the webhook's URL is not valid: " + remade,
		"channel_not_found":                 "the webhook's channel is gone: " + remade,
		"channel_is_archived":               "the webhook's channel is archived: unarchive it, or make another",
		"action_prohibited":                 "the workspace's rules forbid it: ask its owner",
		"posting_to_general_channel_denied": "the workspace's rules forbid posting to #general: ask its owner",
		"invalid_blocks":                    "the message's blocks are not valid",
		"invalid_payload":                   "the message is not valid",
		"no_text":                           "the message is empty",
	}
}

// retryAfter reads seconds or a date; what cannot be read, or has passed, is zero.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil {
		return time.Duration(max(min(seconds, int(maxRetryAfter/time.Second)), 0)) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
