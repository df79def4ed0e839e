package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/narrative-go/narrative"
)

const (
	// maxResponse is how much of an answer is read, so that its connection can be used again, in bytes.
	maxResponse = 64 << 10
	// maxWords is how much of an answer is repeated, in bytes.
	maxWords = 200
	// maxRetryAfter bounds what an answer may ask for.
	maxRetryAfter = time.Hour
	maxRedirects  = 5
)

// Client makes the requests. It is safe for concurrent use.
type Client struct {
	free, guarded *http.Client
	now           func() time.Time
}

// NewClient returns a client that goes by given where that is not nil; its CheckRedirect is replaced. now is the clock;
// nil means the machine's.
//
// Where private addresses are forbidden, requests go by no proxy, which would look names up by itself, and with a dialer
// of the client's own. They take over given's settings for TLS where its transport is an [http.Transport], and leave any
// other transport aside.
func NewClient(given *http.Client, now func() time.Time) *Client {
	if now == nil {
		now = time.Now
	}
	free := http.Client{Transport: transport(net.Dialer{})}
	if given != nil {
		free = *given
	}
	guarded := free
	guarded.Transport = guard(free.Transport)
	free.CheckRedirect, guarded.CheckRedirect = checkRedirect, checkRedirect
	return &Client{free: &free, guarded: &guarded, now: now}
}

func transport(dialer net.Dialer) *http.Transport {
	dialer.Timeout, dialer.KeepAlive = 10*time.Second, 30*time.Second
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           20,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: maxResponse,
	}
}

func guard(given http.RoundTripper) *http.Transport {
	t := transport(net.Dialer{Control: onlyPublic})
	t.Proxy = nil
	if own, ok := given.(*http.Transport); ok && own.TLSClientConfig != nil {
		t.TLSClientConfig = own.TLSClientConfig.Clone()
	}
	return t
}

// checkRedirect follows a redirect to the same place that repeats the request as it was. Otherwise the answer itself is
// returned, which is not a success.
func checkRedirect(next *http.Request, via []*http.Request) error {
	first := via[0]
	if next.URL.Host != first.URL.Host || next.URL.Scheme != first.URL.Scheme || next.Method != first.Method || len(via) > maxRedirects {
		return http.ErrUseLastResponse
	}
	return nil
}

// Do makes one request and returns a receipt such as "HTTP 204". hidden is what its errors must not say besides what
// the URL and the headers hold. Where the context has no end, [narrative.DefaultActionTimeout] bounds it.
//
// 429, 5xx and failures of the network are [narrative.Unavailable], with the RetryAfter that was asked for; everything
// else but 2xx is [narrative.Invalid], and so is an address that rules forbid.
func (c *Client) Do(ctx context.Context, r *http.Request, rules narrative.Webhooks, hidden ...string) (receipt string, err error) {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(narrative.DefaultActionTimeout))
		defer cancel()
	}
	client := c.free
	if rules.PrivateAddresses == narrative.PrivateForbid {
		client = c.guarded
	}
	attempt, hide := r.Method+" "+r.URL.Host, secretsOf(r, hidden)
	response, err := client.Do(r.WithContext(ctx))
	if err != nil {
		return "", unsent(attempt, err, hide)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(response.Body, maxResponse))
	return c.judge(attempt, response, hide.from(string(text)))
}

// unsent is the error of a request without an answer. What the outermost error says is left out: it repeats the URL.
func unsent(attempt string, err error, hide secrets) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	var refused *narrative.Error
	if errors.As(err, &refused) && refused.Kind == narrative.Invalid {
		return narrative.Errorf(narrative.Invalid, "%s: %s", attempt, hide.from(refused.Error()))
	}
	return narrative.Errorf(narrative.Unavailable, "%s: %s", attempt, hide.from(err.Error()))
}

func (c *Client) judge(attempt string, response *http.Response, words string) (string, error) {
	code := response.StatusCode
	receipt := fmt.Sprintf("HTTP %d", code)
	said := fmt.Sprintf("%s: %s", attempt, receipt)
	if code >= 300 && code < 400 {
		return "", narrative.Errorf(narrative.Invalid, "%s, a redirect that is not followed; give the URL it leads to", said)
	}
	if words = sentence(words); words != "" {
		said += ": " + words
	}
	switch {
	case code >= 200 && code < 300:
		return receipt, nil
	case code == http.StatusTooManyRequests || code >= 500:
		return "", &narrative.Error{Kind: narrative.Unavailable, Message: said, RetryAfter: c.retryAfter(response.Header.Get("Retry-After"))}
	default:
		return "", narrative.Errorf(narrative.Invalid, "%s", said)
	}
}

// retryAfter reads seconds or a date; what cannot be read, or has passed, is zero.
func (c *Client) retryAfter(header string) time.Duration {
	if seconds, err := strconv.ParseInt(header, 10, 64); err == nil {
		return time.Duration(max(min(seconds, int64(maxRetryAfter/time.Second)), 0)) * time.Second
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return max(min(at.Sub(c.now()), maxRetryAfter), 0)
}
