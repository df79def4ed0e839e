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
)

// webhookCall has the URL as a resolved secret.
func webhookCall(url, rest string) narrative.ActionCall {
	written, _ := json.Marshal("${env:HOOK}")
	resolved, _ := json.Marshal(url)
	return call("webhook", `{"url":`+string(written)+rest+`}`, `{"url":`+string(resolved)+rest+`}`)
}

func TestARequestIsSent(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ rest, method, contentType, body string }{
		"nothing but a URL": {``, "POST", "", ""},
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
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
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
