package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	api "github.com/slack-go/slack"

	"github.com/narrative-go/narrative"
)

// maxRetryAfter bounds what Slack may ask for.
const maxRetryAfter = time.Hour

// classify makes an error of ours of one of slack-go's. It never holds the token.
func (w *web) classify(attempt string, err error) error {
	if err == nil {
		return nil
	}
	found := classified(attempt, err)
	found.Message = hide(found.Message, w.token)
	if found.Err != nil && strings.Contains(found.Err.Error(), w.token) {
		found.Err = nil
	}
	return found
}

func hide(s, secret string) string { return strings.ReplaceAll(s, secret, "[secret]") }

func classified(attempt string, err error) *narrative.Error {
	var limited *api.RateLimitedError
	var status api.StatusCodeError
	var refused api.SlackErrorResponse
	var transport *url.Error
	switch {
	case errors.As(err, &limited):
		return unavailable(attempt, "too many requests (ratelimited)", nil, limited.RetryAfter)
	case errors.As(err, &status):
		return byStatus(attempt, status.Code, 0)
	case errors.As(err, &refused):
		return byWord(attempt, refused)
	case errors.As(err, &transport):
		return unavailable(attempt, transport.Err.Error(), transport.Err, 0)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), !undecodable(err):
		return unavailable(attempt, err.Error(), err, 0)
	}
	// It may have been accepted: worth another try, which looks first.
	return &narrative.Error{Kind: narrative.Internal, Message: attempt + ": the answer cannot be read: " + err.Error(), Err: err}
}

func undecodable(err error) bool {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	return errors.As(err, &syntax) || errors.As(err, &kind)
}

func unavailable(attempt, why string, err error, after time.Duration) *narrative.Error {
	return &narrative.Error{
		Kind: narrative.Unavailable, Message: attempt + ": " + why, Err: err, RetryAfter: max(min(after, maxRetryAfter), 0),
	}
}

// byStatus tells what a status other than 200 means.
func byStatus(attempt string, code int, after time.Duration) *narrative.Error {
	said := fmt.Sprintf("HTTP %d", code)
	if code == http.StatusTooManyRequests || code >= 500 {
		return unavailable(attempt, said, nil, after)
	}
	if code >= 300 && code < 400 {
		said += ", a redirect, which is not followed"
	}
	return &narrative.Error{Kind: narrative.Invalid, Message: attempt + ": " + said}
}

// refusal is what Slack refused with: its own word. It is the cause of an Invalid error.
type refusal string

func (r refusal) Error() string { return string(r) }

func byWord(attempt string, r api.SlackErrorResponse) *narrative.Error {
	why, known := sentences()[r.Err]
	switch {
	case transient(r.Err):
		return unavailable(attempt, "Slack cannot do it now ("+r.Err+")", refusal(r.Err), 0)
	case !known:
		why = "Slack refused it"
	}
	why += " (" + r.Err + ")"
	if r.Needed != "" {
		why += "; needed: " + r.Needed
	}
	if r.Provided != "" {
		why += "; provided: " + r.Provided
	}
	if len(r.ResponseMetadata.Messages) > 0 {
		why += "; " + clip(strings.Join(r.ResponseMetadata.Messages, "; "), 500)
	}
	return &narrative.Error{Kind: narrative.Invalid, Message: attempt + ": " + why, Err: refusal(r.Err)}
}

func transient(word string) bool {
	switch word {
	case "internal_error", "service_unavailable", "fatal_error", "request_timeout", "ratelimited", "rate_limited",
		"message_limit_exceeded", "team_added_to_org":
		return true
	}
	return false
}

// sentences say what Slack's words mean, and what to do.
func sentences() map[string]string {
	const token = "; give a new bot token"
	return map[string]string{
		"is_archived":                           "the channel is archived: unarchive it, or name another",
		"channel_not_found":                     "there is no such channel, or the bot cannot see it: check the name, and invite the bot with /invite where it is private",
		"not_in_channel":                        "the bot is not in the channel: invite it with /invite",
		"missing_scope":                         "the bot lacks a scope: add it to the app and install it again",
		"not_authed":                            "no token was given",
		"invalid_auth":                          "the token is not valid" + token,
		"token_revoked":                         "the token was revoked" + token,
		"token_expired":                         "the token has expired" + token,
		"account_inactive":                      "the bot's account was deactivated" + token,
		"msg_too_long":                          "the message is too long",
		"msg_blocks_too_long":                   "the message's blocks are too long",
		"metadata_too_large":                    "the message's metadata is too large",
		"no_text":                               "the message is empty",
		"invalid_blocks":                        "the message's blocks are not valid",
		"invalid_blocks_format":                 "the message's blocks are not valid",
		"invalid_attachments":                   "the message's attachments are not valid",
		"restricted_action":                     "the workspace's rules do not let the bot do this: ask its owner",
		"message_not_found":                     "the message is gone",
		"thread_not_found":                      "the message of the thread is gone",
		"cant_update_message":                   "the message is not the bot's to edit",
		"expired_trigger_id":                    "it took too long: press again",
		"invalid_arguments":                     "Slack does not take what it was given",
		"restricted_action_thread_only_channel": "only replies may be posted in the channel",
	}
}

// hasWord tells whether Slack refused with one of the words.
func hasWord(err error, words ...string) bool {
	var r refusal
	if !errors.As(err, &r) {
		return false
	}
	for _, w := range words {
		if string(r) == w {
			return true
		}
	}
	return false
}

// gone tells whether the message that was to be edited, or whose thread was asked for, is not there any more.
func gone(err error) bool { return hasWord(err, "message_not_found", "thread_not_found") }

// uneditable tells whether the message is there, and cannot be edited for ever.
func uneditable(err error) bool { return hasWord(err, "cant_update_message", "edit_window_closed") }
