package executor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/executor/webhook"
)

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}

type webhookArgs struct {
	URL     string            `json:"url"`
	Method  string            `json:"method"` // default POST
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`   // a string as it is, anything else as JSON; default a [webhook.Body]
	Secret  string            `json:"secret"` // signs the request; default none
}

func checkWebhook(raw json.RawMessage) (p narrative.Problems) {
	var args webhookArgs
	if err := narrative.DecodeArgs(raw, &args); err != nil {
		return narrative.ProblemsOf("", err)
	}
	if args.URL == "" {
		p = append(p, oneProblem("url", "is required")...)
	} else if !open(args.URL) {
		_, err := webhook.ParseURL(args.URL)
		p = append(p, narrative.ProblemsOf("url", err)...)
	}
	if args.Method != "" && !open(args.Method) && !slices.Contains(methods, strings.ToUpper(args.Method)) {
		p = append(p, oneProblem("method", "must be one of %s; not %q", strings.Join(methods, ", "), args.Method)...)
	}
	for name, value := range args.Headers {
		if !open(value) && !validHeader(name, value) {
			p = append(p, oneProblem("headers."+name, "is not a header that can be sent")...)
		}
	}
	return p
}

func validHeader(name, value string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	}) && !strings.ContainsAny(value, "\r\n\x00")
}

func (e *Executor) webhook(ctx context.Context, call narrative.ActionCall) (string, error) {
	if err := checkWebhook(call.Action.Args).Err(); err != nil {
		return "", err
	}
	config, err := e.Store.Config(ctx)
	if err != nil {
		return "", fmt.Errorf("read whether webhooks may go to private addresses: %w", err)
	}
	var args webhookArgs
	if err := narrative.DecodeArgs(call.Action.Args, &args); err != nil {
		return "", err
	}
	r, err := e.request(ctx, args, call)
	if err != nil {
		return "", err
	}
	return e.requests.Do(ctx, r, config.Webhooks, args.Secret)
}

func (e *Executor) request(ctx context.Context, args webhookArgs, call narrative.ActionCall) (*http.Request, error) {
	u, err := webhook.ParseURL(args.URL)
	if err != nil {
		return nil, narrative.ProblemsOf("url", err)
	}
	method := http.MethodPost
	if args.Method != "" {
		method = strings.ToUpper(args.Method)
	}
	body, contentType, err := e.body(method, args.Body, call)
	if err != nil {
		return nil, err
	}
	r, err := webhook.NewRequest(ctx, method, u, body)
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	r.Header.Set(webhook.KindHeader, string(narrative.NotifyAction))
	for name, value := range args.Headers {
		if !validHeader(name, value) {
			return nil, oneProblem("headers."+name, "is not a header that can be sent")
		}
		if strings.EqualFold(name, "Host") {
			r.Host = value
		}
		r.Header.Set(name, value)
	}
	webhook.Mark(r, call.Key, args.Secret, e.Now(), body)
	return r, nil
}

// body is what a request carries. One that can carry something and was given nothing tells what it is about; an empty
// text is nothing.
func (e *Executor) body(method string, given json.RawMessage, call narrative.ActionCall) (content []byte, contentType string, err error) {
	trimmed := bytes.TrimSpace(given)
	var text string
	switch {
	case len(trimmed) == 0 || bytes.Equal(trimmed, []byte("null")):
		if !slices.Contains([]string{"POST", "PUT", "PATCH"}, method) {
			return nil, "", nil
		}
		content, err = e.about(call).Encode()
		return content, "application/json", err
	case json.Unmarshal(trimmed, &text) != nil:
		return trimmed, "application/json", nil
	case text == "":
		return nil, "", nil
	}
	return []byte(text), "text/plain; charset=utf-8", nil
}

// about is the body of a request that says nothing else.
func (e *Executor) about(call narrative.ActionCall) webhook.Body {
	n := narrative.Notification{
		Key: call.Key, Kind: narrative.NotifyAction, CreatedAt: e.Now(), Message: named(narrative.Message{}, call),
	}
	if call.Issue == nil {
		return webhook.NewBody(n)
	}
	return webhook.NewBody(n, *call.Issue)
}
