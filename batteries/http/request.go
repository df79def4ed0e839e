package http

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
)

const maxRedirects = 10

// target is what is asked, and what of it must not be told.
type target struct {
	url         *url.URL
	method      string
	body        []byte
	contentType string
	name        string // such as GET shop.example, for messages
	secrets     []string
}

func newTarget(a Args) (t target, err error) {
	if t.url, err = parseURL(a.URL); err != nil {
		return t, narrative.ProblemsOf("url", err)
	}
	t.method = strings.ToUpper(cmp.Or(a.Method, "GET"))
	t.body, t.contentType = content(a.Body)
	t.name = t.method + " " + t.url.Host
	t.secrets = secretsOf(t.url, a.Headers)
	return t, nil
}

// content is the body as it is sent.
func content(body json.RawMessage) (sent []byte, contentType string) {
	trimmed := bytes.TrimSpace(body)
	if len(trimmed) == 0 || bytes.Equal(trimmed, []byte("null")) {
		return nil, ""
	}
	var text string
	if json.Unmarshal(trimmed, &text) == nil {
		return []byte(text), "text/plain; charset=utf-8"
	}
	return trimmed, "application/json"
}

// answer is what came back.
type answer struct {
	status    int
	headers   http.Header
	body      []byte // not read where the status was not expected
	took      time.Duration
	redirects int
	expires   *time.Time // when the first certificate on the way expires; nil: there was none
}

// ask makes the request and reads the answer.
func (e *endpoint) ask(ctx context.Context) (answer, error) {
	r, err := e.request(ctx)
	if err != nil {
		return answer{}, err
	}
	start := e.now()
	response, err := e.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	got := answer{status: response.StatusCode, headers: response.Header}
	if e.Status.expect(got.status) {
		// One byte more than allowed shows that there is more, and no more than that is read.
		got.body, err = io.ReadAll(io.LimitReader(response.Body, int64(e.MaxBody)+1))
		switch {
		case err != nil:
			return answer{}, err
		case len(got.body) > e.MaxBody:
			return answer{}, narrative.Errorf(narrative.Invalid, "%s: the body is larger than %d bytes (max_body)", e.name, e.MaxBody)
		}
	}
	got.took = e.now().Sub(start)
	for r := response; r != nil; r = r.Request.Response { // what led to a request is the redirect before
		got.certificates(r)
		got.redirects++
	}
	got.redirects--
	return got, nil
}

func (e *endpoint) request(ctx context.Context) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, e.method, "http://placeholder.invalid", bytes.NewReader(e.body))
	if err != nil {
		return nil, err
	}
	target := *e.url
	r.URL, r.Host = &target, target.Host
	if e.contentType != "" {
		r.Header.Set("Content-Type", e.contentType)
	}
	r.Header.Set("User-Agent", "narrative")
	for name, value := range e.Headers {
		if strings.EqualFold(name, "Host") {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	return r, nil
}

var (
	errRedirects = errors.New("it redirects more than 10 times")
	errForeign   = errors.New("it redirects a request with a body to another place, which does not get it")
)

// redirect is asked about each redirect. What the request has to say of secrets goes to no other place.
func (e *endpoint) redirect(next *http.Request, via []*http.Request) error {
	switch {
	case e.FollowRedirects != nil && !*e.FollowRedirects:
		return http.ErrUseLastResponse
	case len(via) > maxRedirects:
		return errRedirects
	}
	next.Header.Del("Referer") // it would tell the query
	if next.URL.Host == e.url.Host && (next.URL.Scheme == e.url.Scheme || next.URL.Scheme == "https") {
		return nil
	}
	if next.ContentLength > 0 {
		return errForeign
	}
	for name := range e.Headers {
		next.Header.Del(name)
	}
	return nil
}

// certificates takes down when what was shown for one answer expires: a chain as soon as one certificate of it does,
// and of several chains the one that lasts longest.
func (a *answer) certificates(r *http.Response) {
	if r.TLS == nil {
		return
	}
	var lasts time.Time
	for _, chain := range r.TLS.VerifiedChains {
		expires := chain[0].NotAfter
		for _, c := range chain[1:] {
			if c.NotAfter.Before(expires) {
				expires = c.NotAfter
			}
		}
		if expires.After(lasts) {
			lasts = expires
		}
	}
	if !lasts.IsZero() && (a.expires == nil || lasts.Before(*a.expires)) {
		a.expires = &lasts
	}
}

// leastSecret is the length below which a text is no secret, but a word that stands everywhere.
const leastSecret = 4

// secretsOf are the texts of a request that must not be told, the longest first.
func secretsOf(u *url.URL, headers map[string]string) []string {
	var found []string
	add := func(values ...string) {
		for _, v := range values {
			if len(v) >= leastSecret {
				found = append(found, v)
			}
		}
	}
	for _, value := range headers {
		add(value)
		if _, token, ok := strings.Cut(value, " "); ok { // Bearer TOKEN
			add(token)
		}
	}
	if u.User != nil {
		password, _ := u.User.Password()
		add(u.User.String(), u.User.Username(), password, url.QueryEscape(password))
	}
	add(u.RawQuery)
	for _, values := range u.Query() {
		for _, v := range values {
			add(v, url.QueryEscape(v))
		}
	}
	slices.SortFunc(found, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b))
	})
	return slices.Compact(found)
}

// scrub is a text without secrets, and of a length that can be told.
func (t target) scrub(text string) string {
	for _, s := range t.secrets {
		text = strings.ReplaceAll(text, s, "[redacted]")
	}
	return cut(text, 300)
}

func cut(s string, most int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

func sortedNames(headers map[string]string) []string { return slices.Sorted(maps.Keys(headers)) }
