package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// eventsAPI answers each request by the next of its functions, and the last one again.
type eventsAPI struct {
	*httptest.Server
	mu      sync.Mutex
	asked   []string // ?QUERY Last-Event-ID
	answers []func(w http.ResponseWriter, r *http.Request)
}

func (a *eventsAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.asked = append(a.asked, strings.TrimSpace(r.URL.Path+"?"+r.URL.RawQuery+" "+r.Header.Get("Last-Event-ID")))
	next := a.answers[min(len(a.asked), len(a.answers))-1]
	a.mu.Unlock()
	next(w, r)
}

// events sends events and ends the connection.
func events(text string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		_, _ = io.WriteString(w, text)
	}
}

// andStay keeps the connection once the events are sent.
func andStay(text string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		events(text)(w, r)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
}

// answering answers that.
func answering(status int, kind, body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func datumEvent(id string) string {
	return fmt.Sprintf("id: %s\nevent: datum\ndata: {\"id\":%[1]q,\"origin\":\"shop\",\"name\":\"order\",\"note\":null,\"level\":\"info\",\"at\":\"2026-03-04T11:59:00Z\"}\n\n", id)
}

// tailing runs datum tail until that was asked for so often, and what is on stdout holds the text.
func tailing(t *testing.T, times int, text string, answers []func(http.ResponseWriter, *http.Request), flags ...string) (result, *eventsAPI) {
	t.Helper()
	api := &eventsAPI{answers: answers}
	api.Server = httptest.NewServer(api)
	t.Cleanup(api.Close)
	w := setup(t)
	w.env["NARRATIVE_URL"] = api.URL
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan result, 1)
	go func() {
		ended <- w.runUntil(ctx, append([]string{"datum", "tail"}, flags...), func(p *program) { p.every = time.Millisecond })
	}()
	eventually(t, "it was asked for and printed", func() bool {
		api.mu.Lock()
		defer api.mu.Unlock()
		return len(ended) > 0 || len(api.asked) >= times && strings.Contains(w.stdout.String(), text)
	})
	stop()
	return <-ended, api
}

func TestTailGoesOnWhereTheConnectionWasLost(t *testing.T) {
	t.Parallel()
	r, api := tailing(t, 4, "d3\n", []func(http.ResponseWriter, *http.Request){
		events(": hello\n\n" + datumEvent("d1") + datumEvent("d2") + "id: d9\nevent: datum\ndata: {\"id\""),
		answering(503, "application/problem+json", `{"status":503,"detail":"away"}`),
		answering(503, "application/problem+json", `{"status":503,"detail":"away"}`),
		andStay(datumEvent("d2") + datumEvent("d3")),
	}, "--quiet", "--origin", "shop", "--note", "customer=42", "--note", "items[0].sku=a=b")
	if diff := cmp.Diff(result{0, "d1\nd2\nd3\n", "narrative: away; trying on\nnarrative: it answers again\n"}, r, cmp.AllowUnexported(result{})); diff != "" {
		t.Errorf("ended (-want +got):\n%s", diff)
	}
	const filter = "note.customer=42&note.items%5B0%5D.sku=a%3Db&origin=shop"
	want := []string{
		"/api/v1/datums/tail?lines=10&" + filter,
		"/api/v1/datums/tail?" + filter + " d2", "/api/v1/datums/tail?" + filter + " d2", "/api/v1/datums/tail?" + filter + " d2",
	}
	if diff := cmp.Diff(want, api.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestTailBeginsAnewWhereNothingCame(t *testing.T) {
	t.Parallel()
	silent := events(": nothing yet\n\n")
	away := answering(502, "text/html", "<html>")
	for lines, test := range map[string]struct{ again, stderr string }{
		"5": {"/api/v1/datums/tail?lines=5", "narrative: it answers again\n"},
		"0": {"/api/v1/datums/tail?lines=0", "narrative: it answers again; what came meanwhile is not shown\n"},
	} {
		r, api := tailing(t, 3, "d1", []func(http.ResponseWriter, *http.Request){silent, away, andStay(datumEvent("d1"))}, "--quiet", "-n", lines)
		r.is(t, 0, "d1\n", test.stderr)
		if diff := cmp.Diff([]string{test.again, test.again, test.again}, api.asked); diff != "" {
			t.Errorf("asked (-want +got):\n%s", diff)
		}
	}
}

func TestTailGoesOnFromAnIDThatComesAlone(t *testing.T) {
	t.Parallel()
	_, api := tailing(t, 2, "", []func(http.ResponseWriter, *http.Request){events("id: 7\n\n" + "event: gap\ndata: {\"text\":\"x\"}\n\n"), andStay("")})
	if last := api.asked[1]; last != "/api/v1/datums/tail? 7" {
		t.Errorf("asked %s", last)
	}
}

func TestTailSaysWhatIsLeftOut(t *testing.T) {
	t.Parallel()
	r, _ := tailing(t, 1, "d1", []func(http.ResponseWriter, *http.Request){andStay(
		"event: gap\r\ndata: {\"text\":\r\ndata: \"120 datums were left out\"}\r\n\r\nevent: later\ndata: x\n\n" + datumEvent("d1"),
	)}, "--quiet")
	r.is(t, 0, "d1\n", "narrative: 120 datums were left out\n")
}

func TestTailPrintsJSONAsItCame(t *testing.T) {
	t.Parallel()
	r, _ := tailing(t, 1, "}\n", []func(http.ResponseWriter, *http.Request){andStay(
		"id: d1\nevent: datum\ndata: {\"id\": \"d1\",\ndata:  \"note\": 12345678901234567890, \"new\": \"<\"}\n\n",
	)}, "-o", "json")
	r.is(t, 0, `{"id":"d1","note":12345678901234567890,"new":"<"}`+"\n", "")
}

func TestTailEndsWhereThereIsNoUse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answers []func(http.ResponseWriter, *http.Request)
		code    int
		stderr  string
	}{
		"an old API": {
			[]func(http.ResponseWriter, *http.Request){answering(404, "application/problem+json", `{"status":404,"detail":"there is nothing at that path"}`)},
			1,
			"is older than this program, and datums cannot be followed there; narrative datum list --watch looks again and again\n",
		},
		"a filter that is refused": {[]func(http.ResponseWriter, *http.Request){answering(422, "application/problem+json", `{"status":422,"detail":"note: no"}`)}, 2, "narrative: note: no\n"},
		"no API":                   {[]func(http.ResponseWriter, *http.Request){answering(200, "text/html", "<html>")}, 1, `answers with "text/html" instead of events, and is no Narrative API`},
		"no answer at first":       {[]func(http.ResponseWriter, *http.Request){answering(503, "application/problem+json", `{"status":503,"detail":"away"}`)}, 1, "narrative: away\n"},
		"no key any more": {[]func(http.ResponseWriter, *http.Request){
			events(": \n\n"), answering(401, "application/problem+json", `{"status":401,"detail":"the key was revoked"}`),
		}, 1, "narrative: the key was revoked; set NARRATIVE_API_KEY"},
		"no datum":         {[]func(http.ResponseWriter, *http.Request){andStay("event: datum\ndata: {\n\n")}, 1, "is no Narrative API"},
		"an endless line":  {[]func(http.ResponseWriter, *http.Request){events("data: " + strings.Repeat("x", maxEvent))}, 1, "narrative: an event is larger than 16777216 bytes"},
		"an endless datum": {[]func(http.ResponseWriter, *http.Request){events(strings.Repeat("data: "+strings.Repeat("x", maxEvent/4)+"\n", 5))}, 1, "narrative: an event is larger than 16777216 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := tailing(t, 100, "never", test.answers)
			r.is(t, test.code, "", test.stderr)
		})
	}
}

func TestTailAsksAlwaysMoreRarelyWhereNothingIsHeard(t *testing.T) {
	t.Parallel()
	api := &eventsAPI{answers: []func(http.ResponseWriter, *http.Request){events(": hello\n\n"), answering(503, "text/plain", "")}}
	api.Server = httptest.NewServer(api)
	defer api.Close()
	w := setup(t)
	w.env["NARRATIVE_URL"] = api.URL
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	w.runUntil(ctx, []string{"datum", "tail"}, func(p *program) { p.every = time.Millisecond }).is(t, 0, "", "trying on\n")
	if most := 11; len(api.asked) > most { // 1 + 1 + 2 + 4 + … + 256 ms
		t.Errorf("asked %d times, want at most %d", len(api.asked), most)
	}
}

func TestTailRemembersALotAndNotAll(t *testing.T) {
	t.Parallel()
	var r recent
	for n := range tailMemory + 1 {
		if id := fmt.Sprint(n); !r.add(id) || r.add(id) {
			t.Fatalf("%s is not new once", id)
		}
	}
	if r.add("1") || !r.add("0") || len(r.ids) != tailMemory {
		t.Errorf("it remembers %d, not the newest %d", len(r.ids), tailMemory)
	}
}
