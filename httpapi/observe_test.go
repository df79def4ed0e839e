package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/httpapi"
)

func (s *fakeStore) CountIssues(context.Context) ([]narrative.IssueCount, error) {
	return s.issueCounts, s.fail
}

func TestMetricsTellOfIssuesRequestsAndDatums(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	w := setup(t, func(o *httpapi.Options) { o.Metrics = registry })
	w.issueCounts = []narrative.IssueCount{
		{Status: narrative.StatusOpen, Severity: narrative.SeverityError, Count: 2, Oldest: noon.Add(-time.Hour)},
		{Status: narrative.StatusImpasse, Severity: narrative.SeverityError, Count: 1, Oldest: noon.Add(-2 * time.Hour)},
	}
	w.get(t, "/api/v1/issues/i1")
	w.get(t, "/api/v1/issues/i2")
	w.get(t, "/nowhere/at/all")
	w.send(t, "BREW", "/api/v1/issues/i1", "")
	w.post(t, "/api/v1/datums", "{\"origin\":\"o\",\"name\":\"n\"}\n{\"origin\":\"o\",\"name\":\"n\",\"level\":\"trace\"}\n{}\n", "Content-Type", "application/x-ndjson")
	for name, want := range map[string]string{
		"narrative_issues": `
# HELP narrative_issues Issues that are not closed.
# TYPE narrative_issues gauge
narrative_issues{severity="critical",status="impasse"} 0
narrative_issues{severity="critical",status="open"} 0
narrative_issues{severity="critical",status="solution_applied"} 0
narrative_issues{severity="error",status="impasse"} 1
narrative_issues{severity="error",status="open"} 2
narrative_issues{severity="error",status="solution_applied"} 0
narrative_issues{severity="info",status="impasse"} 0
narrative_issues{severity="info",status="open"} 0
narrative_issues{severity="info",status="solution_applied"} 0
narrative_issues{severity="warning",status="impasse"} 0
narrative_issues{severity="warning",status="open"} 0
narrative_issues{severity="warning",status="solution_applied"} 0
`,
		"narrative_issue_age_seconds": `
# HELP narrative_issue_age_seconds Since when the oldest issue that is not closed is open; 0 where there is none.
# TYPE narrative_issue_age_seconds gauge
narrative_issue_age_seconds{severity="critical"} 0
narrative_issue_age_seconds{severity="error"} 7200
narrative_issue_age_seconds{severity="info"} 0
narrative_issue_age_seconds{severity="warning"} 0
`,
		"narrative_http_requests_total": `
# HELP narrative_http_requests_total Requests answered by the API.
# TYPE narrative_http_requests_total counter
narrative_http_requests_total{method="GET",route="/api/v1/issues/{id}",status="404"} 2
narrative_http_requests_total{method="GET",route="none",status="404"} 1
narrative_http_requests_total{method="POST",route="/api/v1/datums",status="200"} 1
narrative_http_requests_total{method="other",route="none",status="405"} 1
`,
		"narrative_datums_total": `
# HELP narrative_datums_total Datums that were stored, filtered by their level, or refused.
# TYPE narrative_datums_total counter
narrative_datums_total{by="api",result="filtered"} 1
narrative_datums_total{by="api",result="refused"} 1
narrative_datums_total{by="api",result="stored"} 1
`,
	} {
		if err := testutil.GatherAndCompare(registry, strings.NewReader(want), name); err != nil {
			t.Error(err)
		}
	}
	text := w.get(t, "/metrics").body
	if want := `narrative_http_request_duration_seconds_count{method="GET",route="/api/v1/issues/{id}"} 2`; !strings.Contains(text, want) {
		t.Errorf("%q is not in\n%s", want, text)
	}
}

func TestMetricsOfTheProcessAreToldWithoutTheStore(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.get(t, "/healthz")
	w.fail = narrative.Errorf(narrative.Unavailable, "the store is away")
	r := w.get(t, "/metrics")
	if r.status != 200 || !strings.Contains(r.body, `narrative_http_requests_total{method="GET",route="/healthz",status="200"} 1`) {
		t.Errorf("%d\n%s", r.status, r.body)
	}
	if strings.Contains(r.body, "narrative_issues{") || strings.Contains(r.body, "narrative_notifications{") {
		t.Errorf("it tells of what it cannot know:\n%s", r.body)
	}
}

// lines is a log that can be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// access returns the lines of the access log.
func (l *lines) access(t *testing.T) (all []map[string]any) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.b.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		if fields["msg"] == "request" {
			all = append(all, fields)
		}
	}
	return all
}

func TestEveryRequestIsOneLineOfTheLog(t *testing.T) {
	t.Parallel()
	log := &lines{}
	w := setup(t, func(o *httpapi.Options) {
		o.Logger = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	id := w.get(t, "/api/v1/issues/i1").header.Get("X-Request-Id")
	w.fail = narrative.Errorf(narrative.Unavailable, "the store is away")
	w.get(t, "/api/v1/assertions")
	var got []map[string]any
	for deadline := time.Now().Add(5 * time.Second); len(got) < 2 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		got = log.access(t) // the line follows the answer
	}
	if len(got) != 2 {
		t.Fatalf("%d lines: %v", len(got), got)
	}
	first, second := got[0], got[1]
	for field, want := range map[string]any{
		"level": "DEBUG", "method": "GET", "path": "/api/v1/issues/i1", "route": "/api/v1/issues/{id}", "status": 404.0, "request_id": id,
	} {
		if first[field] != want {
			t.Errorf("%s: %v, want %v", field, first[field], want)
		}
	}
	if second["level"] != "INFO" || second["status"] != 503.0 {
		t.Errorf("of a failure: %v", second)
	}
}

func TestARequestIsASpanOfTheCallersTrace(t *testing.T) {
	t.Parallel()
	recorded := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorded))
	w := setup(t, func(o *httpapi.Options) { o.Tracer = provider.Tracer("test") })
	w.get(t, "/readyz")
	w.get(t, "/api/v1/issues/i1", "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	var spans []sdktrace.ReadOnlySpan
	for deadline := time.Now().Add(5 * time.Second); len(spans) == 0 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		spans = recorded.Ended()
	}
	if len(spans) != 1 {
		t.Fatalf("%d spans", len(spans))
	}
	s := spans[0]
	if s.Name() != http.MethodGet+" /api/v1/issues/{id}" || s.SpanContext().TraceID().String() != "0af7651916cd43dd8448eb211c80319c" ||
		s.Parent().SpanID().String() != "b7ad6b7169203331" {
		t.Errorf("span %s of trace %s below %s", s.Name(), s.SpanContext().TraceID(), s.Parent().SpanID())
	}
}

// TestNoMetricIsOfUnboundedCardinality asks for paths that nobody knows beforehand.
func TestNoMetricIsOfUnboundedCardinality(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, path := range []string{"/a", "/b", "/api/v1/issues/x", "/api/v1/issues/y", "/log/1", "/%2e%2e/x"} {
		w.get(t, path)
	}
	text := w.get(t, "/metrics").body
	for _, m := range regexp.MustCompile(`route="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if m[1] != "none" && m[1] != "/api/v1/issues/{id}" {
			t.Errorf("route %q", m[1])
		}
	}
}

func TestARequestCountsForItsRouteAlsoWithoutTheSlash(t *testing.T) {
	t.Parallel()
	recorded := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorded))
	w := setup(t, func(o *httpapi.Options) { o.Tracer = provider.Tracer("test") })
	for _, path := range []string{"/log", "/api/datum"} {
		w.post(t, path, `{"origin":"o","datum_name":"n"}`)
	}
	told := w.get(t, "/metrics").body
	spans := map[string]bool{}
	for _, s := range recorded.Ended() {
		spans[s.Name()] = true
	}
	for _, route := range []string{"/log/", "/api/datum/"} {
		if want := `narrative_http_requests_total{method="POST",route="` + route + `",status="201"} 1`; !strings.Contains(told, want) {
			t.Errorf("%q is not in\n%s", want, told)
		}
		if !spans["POST "+route] {
			t.Errorf("no span is of %s; there are %v", route, spans)
		}
	}
}
