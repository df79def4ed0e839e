package http

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
)

// Defaults and bounds of the arguments.
const (
	defaultTimeout = 10 * time.Second
	defaultMaxBody = 1 << 20
	mostMaxBody    = 16 << 20
	maxExpression  = 4096 // bytes
)

// Args are the arguments of the class "http".
type Args struct {
	URL     string            `json:"url"`              // http:// or https://
	Method  string            `json:"method,omitempty"` // default GET
	Headers map[string]string `json:"headers,omitempty"`
	Body    json.RawMessage   `json:"body,omitempty"` // a string as it is, anything else as JSON

	Status          Statuses           `json:"status,omitempty"`           // any of these; default 200 to 299
	Contains        string             `json:"contains,omitempty"`         // a text that the body has in it
	JSON            string             `json:"json,omitempty"`             // an expression over body, status and headers
	Latency         narrative.Duration `json:"latency,omitempty"`          // the longest that the whole answer may take
	CertificateDays *int               `json:"certificate_days,omitempty"` // the fewest days that it has left

	FollowRedirects *bool              `json:"follow_redirects,omitempty"` // default true: at most 10
	Private         *bool              `json:"private,omitempty"`          // default true: private addresses are allowed
	Timeout         narrative.Duration `json:"timeout,omitempty"`          // of the whole exchange; default 10s
	MaxBody         int                `json:"max_body,omitempty"`         // bytes; default 1 MiB, at most 16 MiB
}

var _ narrative.ArgsValidator = (*Args)(nil)

// Statuses are the statuses that are expected.
type Statuses []int

// UnmarshalJSON reads one status or a list of them.
func (s *Statuses) UnmarshalJSON(b []byte) error {
	var one int
	if json.Unmarshal(b, &one) == nil {
		*s = Statuses{one}
		return nil
	}
	var several []int
	if err := json.Unmarshal(b, &several); err != nil {
		return narrative.Errorf(narrative.Invalid, "must be a status such as 200, or a list such as [200, 204]")
	}
	*s = several
	return nil
}

// expect tells whether a status is one of them.
func (s Statuses) expect(status int) bool {
	if len(s) == 0 {
		return status >= 200 && status <= 299
	}
	return slices.Contains(s, status)
}

// String says them as a person would.
func (s Statuses) String() string {
	if len(s) == 0 {
		return "200 to 299"
	}
	words := make([]string, len(s))
	for i, status := range s {
		words[i] = fmt.Sprint(status)
	}
	return strings.Join(words, " or ")
}

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// ValidateArgs returns what is wrong with them, as far as that can be told before references are resolved.
func (a *Args) ValidateArgs() (p narrative.Problems) {
	p = append(p, a.checkRequest()...)
	p = append(p, a.checkExpectation()...)
	return append(p, a.checkBounds()...)
}

func (a *Args) checkRequest() (p narrative.Problems) {
	switch {
	case a.URL == "":
		p = append(p, problem("url", "is required: what to ask, such as https://shop.example/healthz"))
	case !narrative.HasReference(a.URL):
		_, err := parseURL(a.URL)
		p = append(p, narrative.ProblemsOf("url", err)...)
	}
	if a.Method != "" && !narrative.HasReference(a.Method) && !slices.Contains(methods, strings.ToUpper(a.Method)) {
		p = append(p, problem("method", "must be one of %s; not %q", strings.Join(methods, ", "), a.Method))
	}
	for _, name := range sortedNames(a.Headers) {
		value := a.Headers[name]
		if !validName(name) || !narrative.HasReference(value) && strings.ContainsAny(value, "\r\n\x00") {
			p = append(p, problem("headers."+name, "is not a header that can be sent"))
		}
	}
	return p
}

func (a *Args) checkExpectation() (p narrative.Problems) {
	for _, status := range a.Status {
		if status < 200 || status > 599 {
			p = append(p, problem("status", "must be from 200 to 599; not %d", status))
		}
	}
	if a.JSON != "" && !narrative.HasReference(a.JSON) {
		_, err := compile(a.JSON)
		p = append(p, narrative.ProblemsOf("json", err)...)
	}
	if head := strings.EqualFold(a.Method, "HEAD"); head && a.Contains != "" {
		p = append(p, problem("contains", "has nothing to look at: HEAD is answered without a body"))
	} else if head && a.JSON != "" {
		p = append(p, problem("json", "has nothing to look at: HEAD is answered without a body"))
	}
	if days := a.CertificateDays; days != nil {
		switch u, err := url.Parse(a.URL); {
		case *days < 0 || *days > 3650:
			p = append(p, problem("certificate_days", "must be from 0 to 3650; not %d", *days))
		case err == nil && u.Scheme == "http":
			p = append(p, problem("certificate_days", "needs an https:// URL; what answers over http:// has no certificate"))
		}
	}
	return p
}

func (a *Args) checkBounds() (p narrative.Problems) {
	if a.Timeout < 0 {
		p = append(p, problem("timeout", "must not be negative"))
	}
	switch timeout := a.timeout(); {
	case a.Latency < 0:
		p = append(p, problem("latency", "must not be negative"))
	case a.Timeout >= 0 && time.Duration(a.Latency) >= timeout:
		p = append(p, problem("latency", "must be less than the timeout, which is %s", narrative.Duration(timeout)))
	}
	if a.MaxBody < 0 || a.MaxBody > mostMaxBody {
		p = append(p, problem("max_body", "must be from 1 to %d bytes; not %d", mostMaxBody, a.MaxBody))
	}
	return p
}

func (a *Args) timeout() time.Duration {
	if a.Timeout > 0 {
		return time.Duration(a.Timeout)
	}
	return defaultTimeout
}

func problem(path, format string, args ...any) narrative.Problem {
	return narrative.Problem{Path: path, Message: fmt.Sprintf(format, args...)}
}

// parseURL never says what the URL is: it may hold a secret.
func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, narrative.Errorf(narrative.Invalid, "must be an http:// or https:// URL with a host")
	}
	return u, nil
}

func validName(header string) bool {
	return header != "" && !strings.ContainsFunc(header, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	})
}
