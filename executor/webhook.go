package executor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
)

// maxResponse is how much of a webhook's response is read, so that its connection can be used again.
const maxResponse = 64 << 10

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}

type webhookArgs struct {
	URL     string            `json:"url"`
	Method  string            `json:"method"` // default POST
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"` // a string as it is, anything else as JSON
}

func checkWebhook(raw json.RawMessage) (p narrative.Problems) {
	var args webhookArgs
	if err := narrative.DecodeArgs(raw, &args); err != nil {
		return narrative.ProblemsOf("", err)
	}
	if args.URL == "" {
		p = append(p, oneProblem("url", "is required")...)
	} else if !open(args.URL) {
		_, err := parseURL(args.URL)
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

// parseURL never says what the URL is: it may hold a secret.
func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, narrative.Errorf(narrative.Invalid, "must be an http:// or https:// URL with a host")
	}
	return u, nil
}

func validHeader(name, value string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	}) && !strings.ContainsAny(value, "\r\n\x00")
}

// webhookClient returns a client that follows no redirect to another place.
func webhookClient(given *http.Client) *http.Client {
	c := http.Client{Transport: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           20,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: maxResponse,
	}}
	if given != nil {
		c = *given
	}
	c.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		// The last answer is returned, and is not a success.
		if next.URL.Host != via[0].URL.Host || next.URL.Scheme != via[0].URL.Scheme || len(via) > 5 {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return &c
}

func (e *Executor) webhook(ctx context.Context, call narrative.ActionCall) (string, error) {
	if err := checkWebhook(call.Action.Args).Err(); err != nil {
		return "", err
	}
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(narrative.DefaultActionTimeout))
		defer cancel()
	}
	r, err := webhookRequest(ctx, call)
	if err != nil {
		return "", err
	}
	attempt := r.Method + " " + r.URL.Host
	response, err := e.HTTPClient.Do(r)
	if err != nil {
		return "", narrative.Errorf(narrative.Unavailable, "%s: %w", attempt, withoutURL(err))
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxResponse))
	receipt := fmt.Sprintf("HTTP %d", response.StatusCode)
	switch code := response.StatusCode; {
	case code >= 200 && code < 300:
		return receipt, nil
	case code == http.StatusTooManyRequests || code >= 500:
		return "", narrative.Errorf(narrative.Unavailable, "%s: %s", attempt, receipt)
	case code >= 300 && code < 400:
		return "", narrative.Errorf(narrative.Invalid, "%s: %s, a redirect that is not followed; give the URL it leads to", attempt, receipt)
	default:
		return "", narrative.Errorf(narrative.Invalid, "%s: %s", attempt, receipt)
	}
}

func webhookRequest(ctx context.Context, call narrative.ActionCall) (*http.Request, error) {
	var args webhookArgs
	if err := narrative.DecodeArgs(call.Action.Args, &args); err != nil {
		return nil, err
	}
	u, err := parseURL(args.URL)
	if err != nil {
		return nil, narrative.ProblemsOf("url", err)
	}
	body, contentType := args.body()
	r, err := http.NewRequestWithContext(ctx, "POST", "http://placeholder.invalid", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.URL, r.Host = u, u.Host
	if args.Method != "" {
		r.Method = strings.ToUpper(args.Method)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	r.Header.Set("User-Agent", "narrative")
	for name, value := range args.Headers {
		if !validHeader(name, value) {
			return nil, oneProblem("headers."+name, "is not a header that can be sent")
		}
		if strings.EqualFold(name, "Host") {
			r.Host = value
		}
		r.Header.Set(name, value)
	}
	r.Header.Set("Idempotency-Key", call.Key)
	return r, nil
}

func (a webhookArgs) body() (content []byte, contentType string) {
	trimmed := bytes.TrimSpace(a.Body)
	if len(trimmed) == 0 || bytes.Equal(trimmed, []byte("null")) {
		return nil, ""
	}
	var text string
	if json.Unmarshal(trimmed, &text) == nil {
		return []byte(text), "text/plain; charset=utf-8"
	}
	return trimmed, "application/json"
}

// withoutURL is the error beneath the one that repeats the URL, which may hold a secret.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
