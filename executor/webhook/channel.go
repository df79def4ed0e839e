package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/narrative-go/narrative"
)

// KindHeader is the header that says why a request is made: a [narrative.NotificationKind].
const KindHeader = "X-Narrative-Kind"

// UserAgent is who makes requests.
const UserAgent = "narrative"

// Options are what a [Channel] goes by. The zero value works.
type Options struct {
	// Secret signs each request; default none, and no request is signed.
	Secret string
	// HTTPClient makes the requests; see [NewClient]. Default one with timeouts.
	HTTPClient *http.Client
	// Resolve says what the references in a URL stand for; default nothing, and a URL with a reference is Invalid.
	Resolve narrative.Resolver
	// Config reads whether private addresses are forbidden, before each request; default they are not.
	Config func(ctx context.Context) (narrative.Config, error)
	// Now is the clock; default the machine's.
	Now func() time.Time
	// Logger gets a line a message at level debug, without its URL; default none.
	Logger *slog.Logger
}

// Channel tells the programs behind URLs. It is safe for concurrent use.
type Channel struct {
	o      Options
	client *Client
}

var _ narrative.Channel = (*Channel)(nil)

// New returns the channel.
func New(o Options) *Channel {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Config == nil {
		o.Config = func(context.Context) (narrative.Config, error) { return narrative.Config{}, nil }
	}
	return &Channel{o: o, client: NewClient(o.HTTPClient, o.Now)}
}

// Send posts the message's [Body] to the URL that is its recipient; the receipt is the status, such as "HTTP 204".
func (c *Channel) Send(ctx context.Context, t narrative.Telling) (narrative.Sent, error) {
	config, err := c.o.Config(ctx)
	if err != nil {
		return narrative.Sent{}, narrative.Errorf(narrative.Unavailable, "read whether webhooks may go to private addresses: %w", err)
	}
	hidden := []string{c.o.Secret}
	to, err := c.resolve(t.Recipient, &hidden)
	if err != nil {
		return narrative.Sent{}, err
	}
	r, err := c.request(ctx, to, t)
	if err != nil {
		return narrative.Sent{}, err
	}
	receipt, err := c.client.Do(ctx, r, config.Webhooks, hidden...)
	c.o.Logger.DebugContext(ctx, "webhook", "host", to.Host, "key", t.Key, "receipt", receipt, "error", err)
	return narrative.Sent{Receipt: receipt}, err
}

// resolve reads the recipient, and notes what its references stand for.
func (c *Channel) resolve(recipient string, values *[]string) (*url.URL, error) {
	if c.o.Resolve == nil && narrative.HasReference(recipient) {
		return nil, narrative.Errorf(narrative.Invalid, "resolve the URL of a webhook: there is nothing to resolve references with")
	}
	quoted, err := json.Marshal(recipient)
	if err != nil {
		return nil, err
	}
	resolved, err := narrative.ResolveReferences(quoted, func(kind, name string) (string, error) {
		value, err := c.o.Resolve(kind, name)
		*values = append(*values, value)
		return value, err
	})
	if err != nil {
		return nil, narrative.Errorf(narrative.KindOf(err), "resolve the URL of a webhook: %w", err)
	}
	var text string
	if err := json.Unmarshal(resolved, &text); err != nil {
		return nil, err
	}
	return ParseURL(text)
}

// ParseURL reads an http or https URL. Its error never says what the URL is: it may hold a secret.
func ParseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, narrative.Errorf(narrative.Invalid, "must be an http:// or https:// URL with a host")
	}
	return u, nil
}

func (c *Channel) request(ctx context.Context, to *url.URL, t narrative.Telling) (*http.Request, error) {
	issues := make([]narrative.Issue, len(t.Stories))
	for n, s := range t.Stories {
		issues[n] = s.Issue
	}
	body, err := NewBody(t.Notification, issues...).Encode()
	if err != nil {
		return nil, err
	}
	r, err := NewRequest(ctx, http.MethodPost, to, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(KindHeader, string(t.Kind))
	Mark(r, t.Key, c.o.Secret, c.o.Now(), body)
	return r, nil
}

// NewRequest makes a request to a URL with a body, which may be empty, from [UserAgent].
func NewRequest(ctx context.Context, method string, to *url.URL, body []byte) (*http.Request, error) {
	// The URL is set afterwards, so that no error repeats it.
	r, err := http.NewRequestWithContext(ctx, method, "http://placeholder.invalid", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.URL, r.Host = to, to.Host
	r.Header.Set("User-Agent", UserAgent)
	return r, nil
}

// Mark gives the request its Idempotency-Key and, where there is a secret, its signature.
func Mark(r *http.Request, key, secret string, now time.Time, body []byte) {
	r.Header.Set("Idempotency-Key", key)
	if secret != "" {
		r.Header.Set(SignatureHeader, Sign(secret, now, body))
	}
}
