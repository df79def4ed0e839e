package executor

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/executor/webhook"
)

// webhookCall has the URL as a resolved secret.
func webhookCall(url, rest string) narrative.ActionCall {
	written, _ := json.Marshal("${env:HOOK}")
	resolved, _ := json.Marshal(url)
	return call("webhook", `{"url":`+string(written)+rest+`}`, `{"url":`+string(resolved)+rest+`}`)
}

// about is the body of a request that was given none.
const about = `{"version":1,"kind":"action","key":"solution/0","subject":"invoices-balance invoice 7: total is off",` +
	`"text":"total is off\n\n-- \nAssertion: invoices-balance\nIssue: i-7\nThe whole story: narrative issue explain i-7\n",` +
	`"at":"2026-03-01T12:00:00Z","issues":[{"id":"i-7","assertion":"invoices-balance","record":{"type":"invoice","id":"7"},` +
	`"kind":"record","status":"","severity":"","summary":"total is off","opened_at":"0001-01-01T00:00:00Z","resolved_at":null,` +
	`"workflow_id":"","awaiting":null}]}`

func TestARequestIsSent(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ rest, method, contentType, body string }{
		"nothing but a URL": {``, "POST", "application/json", about},
		"nothing, by PATCH": {`,"body":null,"method":"PATCH"`, "PATCH", "application/json", about},
		"nothing to carry":  {`,"method":"DELETE"`, "DELETE", "", ""},
		"an empty body":     {`,"body":""`, "POST", "", ""},
		"a JSON body":       {`,"body":{"id":7}`, "POST", "application/json", `{"id":7}`},
		"a text body":       {`,"body":"hello","method":"put"`, "PUT", "text/plain; charset=utf-8", "hello"},
		"its own type":      {`,"body":"a=b","headers":{"content-type":"application/x-www-form-urlencoded"}`, "POST", "application/x-www-form-urlencoded", "a=b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := map[string]string{}
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				got = map[string]string{
					"method": r.Method, "type": r.Header.Get("Content-Type"), "body": string(b),
					"key": r.Header.Get("Idempotency-Key"), "agent": r.UserAgent(), "query": r.URL.RawQuery,
				}
				w.WriteHeader(http.StatusNoContent)
			}))
			defer s.Close()
			receipt, err := setup(t).Run(context.Background(), webhookCall(s.URL+"/x?token=s3cret", tt.rest))
			if err != nil || receipt != "HTTP 204" {
				t.Fatalf("receipt %q, %v", receipt, err)
			}
			want := map[string]string{
				"method": tt.method, "type": tt.contentType, "body": tt.body, "key": "solution/0",
				"agent": "narrative", "query": "token=s3cret",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestTheAnswerTellsWhetherToTryAgain(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]narrative.ErrorKind{
		400: narrative.Invalid, 404: narrative.Invalid, 302: narrative.Invalid,
		429: narrative.Unavailable, 500: narrative.Unavailable, 503: narrative.Unavailable,
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }))
		_, err := setup(t).Run(context.Background(), webhookCall(s.URL+"/?token=s3cret", `,"headers":{"X-Key":"s3cret"}`))
		s.Close()
		if narrative.KindOf(err) != want || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%d: kind %q, %v", code, narrative.KindOf(err), err)
		}
	}
}

func TestAServerThatIsNotThereIsUnavailable(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	url := gone.URL
	gone.Close()
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // a server notices that its client is gone once it has read everything
		<-r.Context().Done()
	}))
	defer slow.Close()
	cut := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer cut.Close()
	for name, url := range map[string]string{"gone": url, "slow": slow.URL, "cut off": cut.URL} {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		at := strings.Replace(url, "http://", "http://user:s3cret@", 1) + "/?token=s3cret"
		_, err := setup(t).Run(ctx, webhookCall(at, ``))
		cancel()
		if narrative.KindOf(err) != narrative.Unavailable || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARedirectIsFollowedOnTheSameHostOnly(t *testing.T) {
	t.Parallel()
	reached := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer other.Close()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/here":
			http.Redirect(w, r, "/there", http.StatusTemporaryRedirect)
		case "/away":
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		}
	}))
	defer s.Close()
	if receipt, err := setup(t).Run(context.Background(), webhookCall(s.URL+"/here", ``)); err != nil || receipt != "HTTP 200" {
		t.Errorf("receipt %q, %v", receipt, err)
	}
	_, err := setup(t).Run(context.Background(), webhookCall(s.URL+"/away", ``))
	if narrative.KindOf(err) != narrative.Invalid || reached {
		t.Errorf("reached %v, %v", reached, err)
	}
}

func TestABadURLIsRefusedWithoutSayingIt(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"http://h\n/s3cret", "s3cret", "ftp://s3cret@h", "{{s3cret"} {
		_, err := setup(t).Run(context.Background(), webhookCall(url, ``))
		if narrative.KindOf(err) != narrative.Invalid || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestARequestIsSignedWhereItHasASecret(t *testing.T) {
	t.Parallel()
	var signature, kind string
	var body []byte
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signature, kind = r.Header.Get(webhook.SignatureHeader), r.Header.Get(webhook.KindHeader)
		body, _ = io.ReadAll(r.Body)
		if r.URL.Path == "/no" {
			http.Error(w, "I know s3cret", http.StatusForbidden)
		}
	}))
	defer s.Close()
	if _, err := setup(t).Run(context.Background(), webhookCall(s.URL, `,"secret":"s3cret","body":{"id":7}`)); err != nil {
		t.Fatal(err)
	}
	if err := webhook.Verify("s3cret", signature, body, now, 0); err != nil || kind != "action" {
		t.Errorf("kind %q, %v", kind, err)
	}
	_, err := setup(t).Run(context.Background(), webhookCall(s.URL+"/no", `,"secret":"s3cret"`))
	if narrative.KindOf(err) != narrative.Invalid || !strings.HasSuffix(err.Error(), "HTTP 403: I know [redacted]") {
		t.Errorf("got %v", err)
	}
	if _, err := setup(t).Run(context.Background(), webhookCall(s.URL, ``)); err != nil || signature != "" {
		t.Errorf("without a secret: %q, %v", signature, err)
	}
}

func TestARequestToAPrivateAddressIsRefusedWhereThatIsForbidden(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	w := setup(t)
	w.store.config.Webhooks.PrivateAddresses = narrative.PrivateForbid
	_, err := w.Run(context.Background(), webhookCall(s.URL, ``))
	if narrative.KindOf(err) != narrative.Invalid || !strings.Contains(err.Error(), "127.0.0.1 is a loopback address, and config.webhooks.private_addresses is forbid") {
		t.Errorf("got %v", err)
	}
}
