package webhook

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
)

func TestAMessageIsPosted(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	sent, err := channel(r.URL+"/x?token=t0ken", Options{}).Send(context.Background(), telling())
	if err != nil || sent.Receipt != "HTTP 204" {
		t.Fatalf("%+v, %v", sent, err)
	}
	const want = `{"version":1,"kind":"opened","key":"k1","subject":"2 issues","text":"See \u003cthem\u003e.","at":"2026-03-01T12:00:00Z","issues":[` +
		`{"id":"i-7","assertion":"invoices-balance","record":{"type":"invoice","id":"7"},"kind":"record","status":"impasse","severity":"error",` +
		`"summary":"off by 5","opened_at":"2026-03-01T12:00:00Z","resolved_at":null,"workflow_id":"issue/invoices-balance/invoice/7",` +
		`"awaiting":{"for":"choice","step_id":"","since":"2026-03-01T12:00:00Z","until":null}},` +
		`{"id":"i-8","assertion":"no-negative-stock","record":{"type":"","id":""},"kind":"failure","status":"resolved","severity":"",` +
		`"summary":"","opened_at":"2026-03-01T12:00:00Z","resolved_at":"2026-03-01T12:00:00Z","workflow_id":"","awaiting":null}]}`
	if diff := cmp.Diff(want, r.bodies[0]); diff != "" {
		t.Errorf("body (-want +got)\n%s", diff)
	}
	got := map[string]string{}
	for _, name := range []string{"Content-Type", "User-Agent", "Idempotency-Key", KindHeader} {
		got[name] = r.header[0].Get(name)
	}
	headers := map[string]string{"Content-Type": "application/json", "User-Agent": "narrative", "Idempotency-Key": "k1", KindHeader: "opened"}
	if diff := cmp.Diff(headers, got); diff != "" {
		t.Errorf("headers (-want +got)\n%s", diff)
	}
	if err := Verify("s3cret", r.header[0].Get(SignatureHeader), []byte(r.bodies[0]), now, time.Second); err != nil {
		t.Error(err)
	}
}

func TestAMessageOfNoIssueListsNone(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	_, err := New(Options{}).Send(context.Background(), narrative.Telling{Notification: narrative.Notification{Recipient: r.URL}})
	if err != nil || !strings.Contains(r.bodies[0], `"issues":[]`) || r.header[0].Get(SignatureHeader) != "" {
		t.Errorf("%v: %v", err, r.bodies)
	}
}

func TestTheAnswerTellsWhetherToTryAgain(t *testing.T) {
	t.Parallel()
	inAMinute := now.Add(time.Minute).Format(http.TimeFormat)
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		kind   narrative.ErrorKind
		after  time.Duration
		says   string
	}{
		"too many":              {says(429, "slow\n\tdown\x07", "Retry-After", "30"), narrative.Unavailable, 30 * time.Second, "HTTP 429: slow down"},
		"down until a date":     {says(503, "", "Retry-After", inAMinute), narrative.Unavailable, time.Minute, "HTTP 503"},
		"down since a date":     {says(503, "", "Retry-After", now.Add(-time.Hour).Format(http.TimeFormat)), narrative.Unavailable, 0, "HTTP 503"},
		"down for a year":       {says(500, "", "Retry-After", "31536000"), narrative.Unavailable, time.Hour, "HTTP 500"},
		"down for less than no": {says(500, "", "Retry-After", "-5"), narrative.Unavailable, 0, "HTTP 500"},
		"down, who knows":       {says(502, "", "Retry-After", "soon"), narrative.Unavailable, 0, "HTTP 502"},
		"gone":                  {says(410, strings.Repeat("é", 300)), narrative.Invalid, 0, "HTTP 410: " + strings.Repeat("é", 100)},
		"repeats what it got":   {says(404, "no /hooks/T0KEN-T0KEN?k=t0ken&n=1 (T0KEN-T0KEN, s3cret)"), narrative.Invalid, 0, "HTTP 404: no [redacted] ([redacted], [redacted])"},
		"a redirect":            {says(302, "", "Location", "http://other.example/"), narrative.Invalid, 0, "give the URL it leads to"},
		"a redirect into a GET": {says(301, "", "Location", "/there"), narrative.Invalid, 0, "HTTP 301, a redirect that is not followed; give the URL it leads to"},
		"cut off":               {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, narrative.Unavailable, 0, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := receive(t, tt.answer)
			_, err := channel(r.URL+"/hooks/T0KEN-T0KEN?k=t0ken&n=1", Options{}).Send(context.Background(), telling())
			var e *narrative.Error
			if !errors.As(err, &e) || e.Kind != tt.kind || e.RetryAfter != tt.after || !strings.HasSuffix(e.Message, tt.says) {
				t.Fatalf("got %#v", err)
			}
			if strings.Contains(strings.ToLower(e.Message), "t0ken") || !strings.HasPrefix(e.Message, "POST 127.0.0.1:") {
				t.Errorf("it says %s", e.Message)
			}
		})
	}
}

func TestPrivateAddressesAreRefusedWhereTheyAreForbidden(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	byName := strings.Replace(r.URL, "127.0.0.1", "localhost", 1)
	mapped := strings.Replace(r.URL, "127.0.0.1", "[::ffff:127.0.0.1]", 1)
	for _, url := range []string{r.URL, byName, mapped, "http://169.254.169.254/latest/meta-data", "https://10.0.0.1", "http://0.0.0.0:1", "http://[fe80::1]"} {
		_, err := channel(url, Options{Config: forbid}).Send(context.Background(), telling())
		if narrative.KindOf(err) != narrative.Invalid || !strings.Contains(err.Error(), "config.webhooks.private_addresses is forbid") {
			t.Errorf("%s: %v", url, err)
		}
	}
	if len(r.bodies) > 0 {
		t.Errorf("received %v", r.bodies)
	}
	if _, err := channel(byName, Options{}).Send(context.Background(), telling()); err != nil {
		t.Errorf("allowed: %v", err)
	}
}

func TestAClientOfOnesOwnDoesNotGetAroundIt(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	own := http.DefaultTransport.(*http.Transport).Clone()
	for name, client := range map[string]*http.Client{
		"a transport": {Transport: own}, "another": {Transport: around{own}},
	} {
		if _, err := channel(r.URL, Options{HTTPClient: client}).Send(context.Background(), telling()); err != nil {
			t.Errorf("%s, allowed: %v", name, err)
		}
		_, err := channel(r.URL, Options{HTTPClient: client, Config: forbid}).Send(context.Background(), telling())
		if narrative.KindOf(err) != narrative.Invalid {
			t.Errorf("%s, forbidden: %v", name, err)
		}
	}
}

type around struct{ http.RoundTripper }

func TestWhatKeepsAMessageFromBeingSent(t *testing.T) {
	t.Parallel()
	down := func(context.Context) (narrative.Config, error) { return narrative.Config{}, errors.New("no store") }
	for name, tt := range map[string]struct {
		channel *Channel
		to      string
		kind    narrative.ErrorKind
		says    string
	}{
		"a reference to nothing":  {channel("", Options{}), "http://h/${env:GONE}", narrative.Invalid, "resolve the URL of a webhook: GONE is not set"},
		"nobody to resolve it":    {New(Options{}), "http://h/${env:HOOK}", narrative.Invalid, "there is nothing to resolve references with"},
		"a secret that is no URL": {channel("s3cret s3cret", Options{}), "${env:HOOK}", narrative.Invalid, "must be an http:// or https:// URL with a host"},
		"a store that is away":    {channel("", Options{Config: down}), "${env:HOOK}", narrative.Unavailable, "no store"},
		"a host that is away":     {channel("http://u:s3cret@127.0.0.1:1/s3cret", Options{}), "${env:HOOK}", narrative.Unavailable, "POST 127.0.0.1:1: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			message := telling()
			message.Recipient = tt.to
			_, err := tt.channel.Send(context.Background(), message)
			if narrative.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("got %v", err)
			}
		})
	}
}
