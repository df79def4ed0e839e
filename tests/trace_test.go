package tests

import (
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/narrative-go/narrative/persistence/pgtest"
)

// collector takes spans by OTLP over HTTP, as an OpenTelemetry collector does.
type collector struct {
	*httptest.Server
	mu    sync.Mutex
	spans map[string]span // by trace and span id, in hex
}

// span is a span and the service that told it.
type span struct {
	*tracepb.Span
	service string
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{spans: map[string]span{}}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var export collectorpb.ExportTraceServiceRequest
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &export) != nil {
		http.Error(w, "no spans", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range export.ResourceSpans {
		var service string
		for _, a := range of.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				service = a.GetValue().GetStringValue()
			}
		}
		for _, scope := range of.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans[hex.EncodeToString(slices.Concat(s.TraceId, s.SpanId))] = span{s, service}
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// way is how a trace came to the span of that name, the first step first. What it began with is told by another
// program, and of that there is the id alone.
func (c *collector) way(trace, name string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, s := range c.spans {
		if !strings.HasPrefix(key, trace) || s.Name != name {
			continue
		}
		var steps []string
		for known := true; known; {
			above := hex.EncodeToString(s.ParentSpanId)
			steps = append([]string{s.service + ": " + s.Name}, steps...)
			if s, known = c.spans[trace+above]; !known {
				return append([]string{above}, steps...)
			}
		}
	}
	return nil
}

// TestATraceGoesFromTheCallToTheActivity asks the API, in a trace of the caller's, for a check that another process
// makes: both tell their part of that one trace, each step below the one before.
func TestATraceGoesFromTheCallToTheActivity(t *testing.T) {
	t.Parallel()
	spans := newCollector(t)
	env := settings{
		"TEMPORAL_ADDRESS": temporalServer(t), "NARRATIVE_DATABASE_URL": pgtest.Database(t),
		"OTEL_EXPORTER_OTLP_ENDPOINT": spans.URL, "OTEL_BSP_SCHEDULE_DELAY": "100",
	}
	as := func(service string) settings {
		named := maps.Clone(env)
		named["OTEL_SERVICE_NAME"] = service
		return named
	}
	launch(t, programBinary, t.TempDir(), as("worker"), "worker")
	p := start(t, programBinary, t.TempDir(), as("api"), "serve", "--listen", "127.0.0.1:0")
	api := caller{t, p.url, ""}
	api.does(201, "PUT", "/api/v1/assertions/here", `{"class": "test.FileExists", "every": "24h", "args": {"path": "."}}`)
	p.settled("here")

	const trace, from = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	api.does(200, "POST", "/api/v1/assertions/here/check", "", "traceparent", "00-"+trace+"-"+from+"-01")
	want := []string{
		from, "api: POST /api/v1/assertions/{name}/check", "api: StartWorkflow:CheckAssertion",
		"worker: RunWorkflow:CheckAssertion", "worker: StartActivity:CheckAssertion", "worker: RunActivity:CheckAssertion",
	}
	await(t, 20*time.Second, "the trace is whole", func() error {
		if got := spans.way(trace, "RunActivity:CheckAssertion"); !slices.Equal(got, want) {
			return fmt.Errorf("it went %q; want %q", got, want)
		}
		return nil
	})
}
