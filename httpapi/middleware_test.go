package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/httpapi"
)

func TestEveryAnswerNamesItsRequest(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	w := setup(t, func(o *httpapi.Options) { o.Logger = textLogger(&log) })
	w.fail = errors.New("boom")
	r := w.get(t, "/api/v1/datums", "X-Request-Id", "order 42/7")
	r.refuses(t, 500, `"instance":"urn:narrative:request:order%2042%2F7"`)
	if got := r.header.Get("X-Request-Id"); got != "order 42/7" {
		t.Errorf("X-Request-Id: %q", got)
	}
	if !strings.Contains(log.String(), `request_id="order 42/7"`) {
		t.Errorf("logged: %s", log.String())
	}
	for name, given := range map[string]string{"none": "", "too long": strings.Repeat("x", 129), "not ASCII": "größe"} {
		r := w.get(t, "/nothing", "X-Request-Id", given)
		made := r.header.Get("X-Request-Id")
		if made == "" || made == given || len(made) > 128 {
			t.Errorf("%s: X-Request-Id: %q", name, made)
		}
		r.refuses(t, 404, "urn:narrative:request:"+made)
	}
}

func TestLargeAnswersAreCompressedForThoseWhoAcceptIt(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for range 20 {
		w.datums = append(w.datums, narrative.Datum{ID: "d", Origin: strings.Repeat("o", 100), Name: "n", Note: []byte("1"), Level: narrative.Info, At: noon})
	}
	plain := w.get(t, "/api/v1/datums", "Accept-Encoding", "identity")
	for accepted, wanted := range map[string]bool{
		"gzip": true, "br, gzip;q=0.5": true, "*": true, "gzip;q=0": false, "br": false, "*;q=0, gzip": true, "gzip;q=0, *": false,
	} {
		r := w.get(t, "/api/v1/datums", "Accept-Encoding", accepted)
		if compressed := r.header.Get("Content-Encoding") == "gzip"; compressed != wanted {
			t.Errorf("%s: compressed is %v", accepted, compressed)
		}
		if r.body != plain.body || r.header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: Vary %q, body %.100s", accepted, r.header.Get("Vary"), r.body)
		}
	}
	if r := w.get(t, "/healthz", "Accept-Encoding", "gzip"); r.header.Get("Content-Encoding") != "" {
		t.Error("a small answer is compressed")
	}
}

func zipped(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := io.WriteString(z, text); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestCompressedBodiesAreTakenWithinTheLimits(t *testing.T) {
	t.Parallel()
	w := setup(t)
	encoded := []string{"Content-Encoding", "gzip"}
	w.post(t, "/api/v1/datums", zipped(t, `{"origin":"o","name":"n"}`), encoded...).is(t, 200, `{"stored":1,"filtered":0,"refused":0,"errors":[]}`)
	lines := strings.Repeat(`{"origin":"o","name":"n"}`+"\n", 1500)
	w.post(t, "/api/v1/datums", zipped(t, lines), append(encoded, "Content-Type", ndjson)...).is(t, 200, `{"stored":1500,"filtered":0,"refused":0,"errors":[]}`)
	w.post(t, "/api/v1/datums", zipped(t, `{"origin":"`+strings.Repeat("o", 2<<20)), encoded...).refuses(t, 413)
	w.post(t, "/api/v1/datums", `{"origin":"o","name":"n"}`, encoded...).refuses(t, 400, "gzip")
	w.post(t, "/api/v1/datums", zipped(t, `{"origin":"o","name":"n"}`)[:20], encoded...).refuses(t, 400)
	w.post(t, "/api/v1/datums", "x", "Content-Encoding", "br").refuses(t, 415, "br")
}

func TestEveryBodyIsLimited(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.issues[issueOne] = narrative.Issue{ID: issueOne}
	w.assertions = []narrative.AssertionMeta{{Meta: meta("a")}}
	const most, mostOfDatums = 1 << 20, 1<<20 + 64<<10
	for path, limit := range map[string]int{
		"POST /api/v1/datums": mostOfDatums, "POST /log/": mostOfDatums, "POST /api/datum/": mostOfDatums,
		"POST /api/v1/issues/" + issueOne + "/comment": most, "POST /api/v1/issues/" + issueOne + "/reopen": most,
		"POST /api/v1/notifications/n/retry": most, "POST /api/v1/channels/email/test": most, "POST /api/v1/keys": most,
		"PUT /api/v1/assertions/a": most, "PUT /api/v1/events/e": most, "PATCH /api/v1/config": most,
	} {
		method, path, _ := strings.Cut(path, " ")
		large, says := `"`+strings.Repeat("x", limit)+`"`, fmt.Sprintf("larger than %d bytes", limit)
		w.send(t, method, path, large).refuses(t, 413, says)
		if method == http.MethodPost && path != "/api/v1/keys" {
			w.send(t, method, path, large, "Idempotency-Key", "k").refuses(t, 413, says)
		}
	}
}

func TestWhoAsksTooFastIsToldWhenToComeAgain(t *testing.T) {
	t.Parallel()
	now := noon
	w := setup(t, func(o *httpapi.Options) { o.RateLimit, o.Now = 2, func() time.Time { return now } })
	for n := range 4 {
		if r := w.get(t, "/api/v1/issues"); r.status != 200 {
			t.Fatalf("request %d: status %d", n, r.status)
		}
	}
	r := w.get(t, "/api/v1/issues")
	r.refuses(t, 429, "2 requests a second")
	if got := r.header.Get("Retry-After"); got != "1" {
		t.Errorf("Retry-After: %q", got)
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if r := w.get(t, path); r.status != 200 {
			t.Errorf("%s: status %d", path, r.status)
		}
	}
	w.post(t, "/api/v1/datums", `{"origin":"o","name":"n"}`).is(t, 200, `{"stored":1,"filtered":0,"refused":0,"errors":[]}`)
	w.give("ann", narrative.ScopeRead)
	if r := w.get(t, "/api/v1/issues", bearer("ann")...); r.status != 200 {
		t.Errorf("another caller: status %d", r.status)
	}
	now = now.Add(500 * time.Millisecond)
	if r := w.get(t, "/api/v1/issues"); r.status != 200 {
		t.Errorf("after a while: status %d", r.status)
	}
	w.get(t, "/api/v1/issues").refuses(t, 429)
}

func TestNoLimitWhereNoneIsWanted(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *httpapi.Options) { o.RateLimit = -1 })
	for range 500 {
		if r := w.get(t, "/healthz"); r.status != 200 {
			t.Fatalf("status %d", r.status)
		}
	}
}

// TestWhatWasAcceptedIsAnsweredOnTheWayDown shuts the server down while a request is carried out.
func TestWhatWasAcceptedIsAnsweredOnTheWayDown(t *testing.T) {
	t.Parallel()
	w := setup(t)
	begun, goOn := make(chan struct{}), make(chan struct{})
	w.addDatums = func([]narrative.Datum) error {
		close(begun)
		<-goOn
		return nil
	}
	answered := make(chan reply)
	go func() { answered <- w.post(t, "/api/v1/datums", `{"origin":"o","name":"n"}`) }()
	<-begun
	down := make(chan error)
	go func() { down <- w.server.Config.Shutdown(context.Background()) }()
	close(goOn)
	(<-answered).is(t, 200, `{"stored":1,"filtered":0,"refused":0,"errors":[]}`)
	if err := <-down; err != nil {
		t.Error(err)
	}
}
