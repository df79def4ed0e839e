package http

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
)

func TestWhatMeetsTheExpectationPasses(t *testing.T) {
	t.Parallel()
	healthy := answers(t, 200, `{"status":"ok","queue":{"depth":7},"items":[{"ok":true},{"ok":true}]}`, "Content-Type", "application/json")
	for name, a := range map[string]Args{
		"nothing asked":  {URL: healthy},
		"a status":       {URL: healthy, Status: Statuses{200}},
		"another status": {URL: answers(t, 404, "gone"), Status: Statuses{404, 410}, Contains: "gone"},
		"a text":         {URL: healthy, Contains: `"status":"ok"`},
		"an expression":  {URL: healthy, JSON: `body.status == "ok" and body.queue.depth < 10 and all(body.items, .ok)`},
		"a nested one":   {URL: healthy, JSON: `count(body.items, any([.ok], #)) == 2 and body.absent == nil`},
		"of the rest":    {URL: healthy, JSON: `status == 200 and headers["content-type"] == "application/json"`},
		"the time":       {URL: healthy, Latency: seconds(5)},
		"HEAD":           {URL: healthy, Method: "head"},
		"a list":         {URL: answers(t, 200, `[1, 2.5]`), JSON: "len(body) == 2 and sum(body) == 3.5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := check(t, a)
			if err != nil || !v.Passed || v.Reason != "" || !strings.Contains(v.Summary, " answers ") {
				t.Errorf("%+v, %v", v, err)
			}
		})
	}
}

func TestWhatDoesNotFails(t *testing.T) {
	t.Parallel()
	healthy := answers(t, 200, `{"status":"degraded","queue":{"depth":170}}`)
	slow := serving(t, func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		time.Sleep(60 * time.Millisecond)
		_, _ = io.WriteString(w, "late")
	})
	for name, tt := range map[string]struct {
		args            Args
		reason, summary string
	}{
		"the status":        {Args{URL: answers(t, 503, "no")}, "status", "it answers 503 Service Unavailable; expected is 200 to 299"},
		"one of several":    {Args{URL: healthy, Status: Statuses{201, 204}}, "status", "it answers 200 OK; expected is 201 or 204"},
		"the text":          {Args{URL: healthy, Contains: "all is well"}, "body", `the body does not contain "all is well"`},
		"the expression":    {Args{URL: healthy, JSON: "body.queue.depth\n < 100"}, "json", "body.queue.depth < 100 does not hold"},
		"what is not there": {Args{URL: healthy, JSON: "body.ok"}, "json", "body.ok does not hold"},
		"the time":          {Args{URL: slow, Latency: seconds(0.05)}, "latency", "longer than 50ms"},
		"several": {
			Args{URL: healthy, Contains: "well", JSON: `body.status == "ok"`},
			"body", `the body does not contain "well"; body.status == "ok" does not hold`,
		},
		"the status, whatever the body": {Args{URL: answers(t, 500, "<html>"), JSON: "body.ok"}, "status", "500"},
		"a redirect not followed": {
			Args{URL: answers(t, 302, "", "Location", "http://127.0.0.1:1/"), FollowRedirects: to(false)},
			"status", "it answers 302 Found; expected is 200 to 299",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := check(t, tt.args)
			if err != nil || v.Passed || v.Reason != tt.reason || !strings.Contains(v.Summary, tt.summary) {
				t.Errorf("%+v, %v", v, err)
			}
			if _, ok := v.Details["latency_ms"].(int64); !ok || v.Details["status"] == nil {
				t.Errorf("details %v", v.Details)
			}
		})
	}
}

// TestWhatCannotBeJudgedIsAnError holds each bad target to its time.
func TestWhatCannotBeJudgedIsAnError(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing := "http://" + closed.Addr().String()
	_ = closed.Close()
	hundredMegabytes := func(w http.ResponseWriter, _ *http.Request) {
		for chunk := make([]byte, 1<<20); ; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
	for name, tt := range map[string]struct {
		args Args
		kind narrative.ErrorKind
		says string
	}{
		"refuses": {Args{URL: refusing}, narrative.Unavailable, "the connection is refused"},
		"has no name": {
			Args{URL: "http://nowhere.invalid/"}, narrative.Unavailable, "GET nowhere.invalid: its name cannot be resolved: ",
		},
		"hangs before it answers": {
			Args{URL: serving(t, func(http.ResponseWriter, *http.Request) { <-released })}, narrative.Uncertain, "no answer within 500ms",
		},
		"hangs in the middle": {Args{URL: serving(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "begun")
			w.(http.Flusher).Flush()
			<-released
		})}, narrative.Uncertain, "no answer within 500ms"},
		"trickles for ever": {Args{URL: serving(t, func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, ".")
				w.(http.Flusher).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		})}, narrative.Uncertain, "no answer within 500ms"},
		"says nothing": {Args{URL: raw(t, func(c net.Conn) { <-released })}, narrative.Uncertain, "no answer within 500ms"},
		"redirects for ever": {Args{URL: serving(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path+"x", http.StatusFound)
		})}, narrative.Invalid, "it redirects more than 10 times"},
		"answers 100 MB":        {Args{URL: serving(t, hundredMegabytes)}, narrative.Invalid, "the body is larger than 1048576 bytes (max_body)"},
		"answers 16 MB, packed": {Args{URL: answers(t, 200, bomb(t), "Content-Encoding", "gzip")}, narrative.Invalid, "the body is larger than 1048576 bytes"},
		"answers headers without end": {Args{URL: raw(t, func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for i := 0; ; i++ {
				if _, err := fmt.Fprintf(c, "X-%d: %s\r\n", i, strings.Repeat("x", 1000)); err != nil {
					return
				}
			}
		})}, narrative.Unavailable, "no answer can be had"},
		"answers garbage for JSON": {Args{URL: answers(t, 200, "<html>"), JSON: "body.ok"}, narrative.Invalid, "the body is not valid JSON"},
		"answers half a JSON":      {Args{URL: answers(t, 200, `{"ok":`), JSON: "body.ok"}, narrative.Invalid, "the body is not valid JSON"},
		"answers nothing for JSON": {Args{URL: answers(t, 204, ""), JSON: "body.ok"}, narrative.Invalid, "the body is empty"},
		"answers other JSON":       {Args{URL: answers(t, 200, `{"ok":"yes"}`), JSON: "body.ok"}, narrative.Invalid, "the expression cannot be evaluated"},
		"answers a deeper JSON":    {Args{URL: answers(t, 200, strings.Repeat("[", 20_000)), JSON: "body == 1"}, narrative.Invalid, "the body is not valid JSON"},
		"lacks what is compared":   {Args{URL: answers(t, 200, `{}`), JSON: "body.queue.depth < 3"}, narrative.Invalid, "the expression cannot be evaluated"},
		"answers what takes too long": {
			Args{URL: answers(t, 200, "["+strings.Repeat("0,", 100_000)+"0]"), JSON: "all(body, all(body, # == 0))"},
			narrative.Invalid, "the expression took too long over this body",
		},
		"speaks no HTTP": {Args{URL: raw(t, func(c net.Conn) { _, _ = io.WriteString(c, "\x00\x01SSH-2.0\r\n\r\n") })}, narrative.Unavailable, "no answer can be had"},
		"hangs up":       {Args{URL: raw(t, func(net.Conn) {})}, narrative.Unavailable, "the connection was closed"},
		"hangs up in the middle": {Args{URL: raw(t, func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
		})}, narrative.Unavailable, "the connection was closed before the whole answer"},
		"speaks no TLS": {Args{URL: strings.Replace(answers(t, 200, ""), "http:", "https:", 1)}, narrative.Unavailable, "TLS"},
		"leads nowhere": {Args{URL: answers(t, 302, "", "Location", "gopher://x/")}, narrative.Unavailable, "no answer can be had"},
		"leads to what refuses": {
			Args{URL: answers(t, 302, "", "Location", refusing)},
			narrative.Unavailable,
			"the connection is refused (redirected to " + strings.TrimPrefix(refusing, "http://") + ")",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.args.Timeout = seconds(15)
			if tt.kind == narrative.Uncertain || strings.Contains(tt.says, "too long") { // these take all of it
				tt.args.Timeout = seconds(0.5)
			}
			start := time.Now()
			v, err := check(t, tt.args)
			if err == nil || !strings.Contains(err.Error(), tt.says) || narrative.KindOf(err) != tt.kind {
				t.Errorf("%+v, %v (%s)", v, err, narrative.KindOf(err))
			}
			if took := time.Since(start); took > time.Duration(tt.args.Timeout)+5*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
	t.Cleanup(func() { close(released) }) // before the servers are closed, which wait
}

func TestTheChecksOwnEndLeavesTimeToSayIt(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	hanging := made(t, Args{URL: serving(t, func(http.ResponseWriter, *http.Request) { <-released })}, nil)
	t.Cleanup(func() { close(released) })
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_, err := hanging.Check(ctx)
	if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "no answer within 1.") {
		t.Errorf("%v, %v", err, ctx.Err())
	}
}

// TestMemoryIsBounded is not parallel: it looks at the whole process.
func TestMemoryIsBounded(t *testing.T) {
	endless := serving(t, func(w http.ResponseWriter, _ *http.Request) {
		for chunk := make([]byte, 1<<16); ; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := check(t, Args{URL: endless}); err == nil {
		t.Error("it passed")
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 20<<20 {
		t.Errorf("%d MB were taken", grown>>20)
	}
}

func TestTheRequestIsMadeAsToldTo(t *testing.T) {
	t.Parallel()
	type request struct{ Method, Host, Query, Body, ContentType, Token, User, Agent string }
	var got request
	url := serving(t, func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, password, _ := r.BasicAuth()
		got = request{
			r.Method, r.Host, r.URL.RawQuery, string(body), r.Header.Get("Content-Type"), r.Header.Get("X-Token"),
			user + ":" + password, r.Header.Get("User-Agent"),
		}
	})
	url = strings.Replace(url, "http://", "http://me:pass@", 1) + "/?a=1"
	for body, want := range map[string]request{
		`{"a": 1}`: {"POST", "shop.example", "a=1", `{"a":1}`, "application/json", "t", "me:pass", "narrative"},
		`"a text"`: {"POST", "shop.example", "a=1", `a text`, "text/plain; charset=utf-8", "t", "me:pass", "narrative"},
		``:         {"POST", "shop.example", "a=1", ``, "", "t", "me:pass", "narrative"},
	} {
		a := Args{URL: url, Method: "post", Headers: map[string]string{"host": "shop.example", "x-token": "t"}, Body: json.RawMessage(body)}
		if v, err := check(t, a); err != nil || !v.Passed {
			t.Fatalf("%+v, %v", v, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", body, diff)
		}
	}
}

func TestRedirectsAreFollowed(t *testing.T) {
	t.Parallel()
	count := 0
	url := serving(t, func(w http.ResponseWriter, r *http.Request) {
		if count++; count <= 10 {
			http.Redirect(w, r, "/next", http.StatusMovedPermanently)
		}
	})
	v, err := check(t, Args{URL: url})
	if err != nil || !v.Passed || v.Details["redirects"] != 10 {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestSecretsStayAtHome(t *testing.T) {
	t.Parallel()
	var seen http.Header
	elsewhere := serving(t, func(_ http.ResponseWriter, r *http.Request) { seen = r.Header })
	elsewhere = strings.Replace(elsewhere, "127.0.0.1", "localhost", 1)
	leading := answers(t, 307, "", "Location", elsewhere)
	a := Args{URL: leading + "/?key=k3y", Headers: map[string]string{"X-Api-Key": "s3cret", "Authorization": "Bearer s3cret", "Accept": "a/b"}}
	if v, err := check(t, a); err != nil || !v.Passed {
		t.Fatalf("%+v, %v", v, err)
	}
	for name, values := range seen {
		if strings.Contains(strings.Join(values, " "), "s3cret") || strings.Contains(strings.Join(values, " "), "k3y") {
			t.Errorf("%s: %v", name, values)
		}
	}
	a.Method, a.Body = "POST", json.RawMessage(`"s3cret"`)
	if _, err := check(t, a); err == nil || !strings.Contains(err.Error(), "redirects a request with a body to another place") {
		t.Errorf("a body: %v", err)
	}
}

// TestSecretsAreNotTold asks targets that repeat what they were told.
func TestSecretsAreNotTold(t *testing.T) {
	t.Parallel()
	secrets := []string{"passw0rd", "qu3ry", "t0ken"}
	echo := strings.Join(secrets, " ")
	for name, url := range map[string]string{
		"refuses":            "http://127.0.0.1:1",
		"garbage":            raw(t, func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 "+echo+"\r\n\r\n") }),
		"a bad redirect":     answers(t, 302, "", "Location", "http://["+echo),
		"a foreign redirect": answers(t, 302, "", "Location", "gopher://x/?"+echo),
		"fails":              answers(t, 500, echo),
		"no JSON":            answers(t, 200, echo),
		"other JSON":         answers(t, 200, fmt.Sprintf("%q", echo)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := check(t, Args{
				URL:  strings.Replace(url, "http://", "http://me:passw0rd@", 1) + "/?key=qu3ry&n=1",
				JSON: "int(body) == 3", Headers: map[string]string{"Authorization": "Bearer t0ken"},
			})
			told := fmt.Sprintf("%+v %v", v, err)
			for _, s := range secrets {
				if strings.Contains(told, s) {
					t.Errorf("%q is told in: %s", s, told)
				}
			}
			if v.Passed || err == nil && v.Reason != "status" {
				t.Errorf("%+v, %v", v, err)
			}
		})
	}
}

func TestAnEndedContextIsNotTheTargetsFault(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := made(t, Args{URL: "http://127.0.0.1:1"}, nil).Check(ctx); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}
