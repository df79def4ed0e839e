package cli

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
	"strings"
	"syscall"
	"time"
)

// defaultURL is where the API is unless NARRATIVE_URL says otherwise.
const defaultURL = "http://127.0.0.1:8321"

// clientTimeout bounds a request; a check is waited for by the API for half a minute, an apply for two.
const clientTimeout = 150 * time.Second

// maxReply bounds what is read of an answer.
const maxReply = 64 << 20

// client calls the API.
type client struct {
	base string
	key  string
	http *http.Client
}

// client returns the client that the environment asks for.
func (p *program) client() (*client, error) {
	base := p.Env("NARRATIVE_URL")
	if base == "" {
		base = defaultURL
	}
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, misused("NARRATIVE_URL is %q; expected the address of the API, such as %s", base, defaultURL)
	}
	return &client{base: strings.TrimRight(base, "/"), key: p.Env("NARRATIVE_API_KEY"), http: newHTTPClient()}, nil
}

func newHTTPClient() *http.Client { return &http.Client{Timeout: clientTimeout} }

// reply is an answer of the API that is no refusal.
type reply struct {
	status int
	body   []byte
	header http.Header
}

// into decodes the answer.
func (r reply) into(v any) error {
	if err := json.Unmarshal(r.body, v); err != nil {
		return failed("what answers at NARRATIVE_URL is no Narrative API: %w", err)
	}
	return nil
}

// problem is a problem document.
type problem struct {
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

func (p *problem) Error() string { return p.Detail }

// get asks for a path.
func (c *client) get(ctx context.Context, path string, query url.Values, header ...string) (reply, error) {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return c.send(ctx, http.MethodGet, path, nil, header...)
}

// post sends a value as JSON; nil sends nothing.
func (c *client) post(ctx context.Context, path string, value any) (reply, error) {
	if value == nil {
		return c.send(ctx, http.MethodPost, path, nil)
	}
	body, err := json.Marshal(value)
	if err != nil {
		return reply{}, misused("encode the request: %w", err)
	}
	return c.send(ctx, http.MethodPost, path, body, "Content-Type", "application/json")
}

// send makes a request. A refusal by the API is a *problem with the code to end by.
func (c *client) send(ctx context.Context, method, path string, body []byte, header ...string) (reply, error) {
	request, err := c.request(ctx, method, path, body, header...)
	if err != nil {
		return reply{}, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return reply{}, c.unreachable(ctx, err)
	}
	defer response.Body.Close()
	read, err := io.ReadAll(io.LimitReader(response.Body, maxReply))
	if err != nil {
		return reply{}, c.unreachable(ctx, err)
	}
	if response.StatusCode >= 300 {
		return reply{}, c.refused(response, read)
	}
	return reply{response.StatusCode, read, response.Header}, nil
}

// request is a request that shows the key.
func (c *client) request(ctx context.Context, method, path string, body []byte, header ...string) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, misused("make a request to %s: %w", c.base, err)
	}
	if c.key != "" {
		request.Header.Set("Authorization", "Bearer "+c.key)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	return request, nil
}

// unreachable says what to do when nothing answers.
func (c *client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &exit{exitFailed, ctx.Err()}
	}
	reason := err.Error()
	var timeout net.Error
	var dns *net.DNSError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		reason = "connection refused"
	case errors.As(err, &dns):
		reason = "no such host"
	case errors.As(err, &timeout) && timeout.Timeout():
		reason = "no answer in time"
	}
	return failed("the Narrative API at %s cannot be reached (%s): start it with narrative dev, or set NARRATIVE_URL to where it is", c.base, reason)
}

func (c *client) refused(response *http.Response, body []byte) error {
	document := &problem{}
	if json.Unmarshal(body, document) != nil || document.Detail == "" {
		return failed("%s answers %s and is no Narrative API; set NARRATIVE_URL to where it is", c.base, response.Status)
	}
	document.Detail = plainText(document.Detail)
	switch response.StatusCode {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
		return &exit{exitMisused, document}
	case http.StatusUnauthorized, http.StatusForbidden:
		return &exit{exitFailed, fmt.Errorf("%w; set NARRATIVE_API_KEY to a key that may", document)}
	}
	return &exit{exitFailed, document}
}

// notFound tells whether the API answered that a thing is not there.
func notFound(err error) bool {
	var document *problem
	return errors.As(err, &document) && document.Status == http.StatusNotFound
}
