package service

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/httpapi"
)

func TestWhenTracesAreWanted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env  map[string]string
		on   bool
		says string
	}{
		"by default not":       {nil, false, ""},
		"by an endpoint":       {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, true, ""},
		"by a traces endpoint": {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, true, ""},
		"by an exporter":       {map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, true, ""},
		"not by none":          {map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, false, ""},
		"not when disabled":    {map[string]string{"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, false, ""},
		"by no other exporter": {map[string]string{"OTEL_TRACES_EXPORTER": "zipkin"}, false, `OTEL_TRACES_EXPORTER is "zipkin"; expected otlp or none`},
		"by no other protocol": {map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, false, `OTEL_EXPORTER_OTLP_PROTOCOL is "grpc"; traces are sent by http/protobuf`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			on, err := tracing(func(name string) string { return c.env[name] })
			if on != c.on || fmt.Sprint(err) != c.says && (c.says == "" && err != nil || c.says != "" && !strings.Contains(fmt.Sprint(err), c.says)) {
				t.Errorf("%t, %v", on, err)
			}
		})
	}
}

// collector takes spans by OTLP over HTTP.
type collector struct {
	mu    sync.Mutex
	spans []*tracepb.Span
	from  string // the service.name
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var request collectorpb.ExportTraceServiceRequest
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &request) != nil {
		http.Error(w, "no spans", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range request.ResourceSpans {
		for _, a := range of.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				c.from = a.GetValue().GetStringValue()
			}
		}
		for _, scope := range of.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// fakeTemporal takes workflows that are started and keeps what they are told.
type fakeTemporal struct {
	workflowservice.UnimplementedWorkflowServiceServer
	mu     sync.Mutex
	starts []*workflowservice.StartWorkflowExecutionRequest
}

func (f *fakeTemporal) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{}, nil
}

func (f *fakeTemporal) StartWorkflowExecution(_ context.Context, r *workflowservice.StartWorkflowExecutionRequest) (*workflowservice.StartWorkflowExecutionResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.starts = append(f.starts, r)
	return &workflowservice.StartWorkflowExecutionResponse{RunId: "run"}, nil
}

func (f *fakeTemporal) serve(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(server, f)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	return l.Addr().String()
}

// checking is an operator that starts a workflow for each check.
type checking struct {
	narrative.Operator
	client client.Client
	err    error
}

func (c *checking) CheckNow(ctx context.Context, _ narrative.MetaKind, name string) (narrative.CheckRun, error) {
	_, c.err = c.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: name, TaskQueue: "q"}, "checkFlow", name)
	return narrative.CheckRun{ID: "r", Assertion: name, Outcome: narrative.OutcomePassed}, c.err
}

// oneMeta is a store of one assertion.
type oneMeta struct{ narrative.Store }

func (oneMeta) AssertionMeta(context.Context, string) (narrative.AssertionMeta, error) {
	return narrative.AssertionMeta{Meta: narrative.Meta{Name: "balance", Enabled: true}}, nil
}

func checkFlow(ctx workflow.Context, name string) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	return workflow.ExecuteActivity(ctx, checkIt, name).Get(ctx, nil)
}

func checkIt(context.Context, string) error { return nil }

// TestATraceGoesFromTheAPIThroughTheWorkflowToTheActivity goes the whole way but for Temporal itself: what the client
// would tell it is handed to a workflow environment of the SDK.
func TestATraceGoesFromTheAPIThroughTheWorkflowToTheActivity(t *testing.T) {
	collected := &collector{}
	receiver := httptest.NewServer(collected)
	t.Cleanup(receiver.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.URL)

	s := &Service{o: Options{}.withDefaults()}
	if err := s.startTracing(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
	temporal := &fakeTemporal{}
	options := client.Options{HostPort: temporal.serve(t)}
	if err := observed(&options, newMetrics("dev"), s.tracer); err != nil {
		t.Fatal(err)
	}
	c, err := dial(t.Context(), options, s.o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)

	operator := &checking{client: c}
	handler := s.handlerFor(t, operator)
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/api/v1/assertions/balance/check", nil))
	if answer.Code != http.StatusOK || len(temporal.starts) != 1 {
		t.Fatalf("%d %s; %d workflows were started", answer.Code, answer.Body, len(temporal.starts))
	}

	runFlow(t, options.Interceptors, temporal.starts[0].GetHeader())
	if _, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "tick", TaskQueue: "q", CronSchedule: "@every 1m"}, "checkFlow", "x"); err != nil {
		t.Fatal(err)
	}
	if fields := temporal.starts[1].GetHeader().GetFields(); len(fields) != 0 {
		t.Errorf("a cron workflow would tick for ever in the trace that started it: %v", fields)
	}
	s.Stop() // sends what is left
	collected.isOneTrace(t)
}

func (s *Service) handlerFor(t *testing.T, operator narrative.Operator) http.Handler {
	t.Helper()
	handler, err := httpapi.New(httpapi.Options{
		Store: oneMeta{}, Operator: operator, Tracer: s.tracer, Apply: s.Apply, Parse: s.parse, Put: s.applyManifest,
		Ready: func(context.Context) httpapi.Readiness { return httpapi.Readiness{} },
	})
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// runFlow runs the workflow with the header that Temporal would give it.
func runFlow(t *testing.T, with []interceptor.ClientInterceptor, header *commonpb.Header) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetHeader(header)
	env := suite.NewTestWorkflowEnvironment()
	var both []interceptor.WorkerInterceptor
	for _, one := range with {
		both = append(both, one.(interceptor.WorkerInterceptor)) // as the SDK itself takes them from the client
	}
	env.SetWorkerOptions(worker.Options{Interceptors: both})
	env.RegisterActivity(checkIt)
	env.ExecuteWorkflow(checkFlow, "balance")
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
}

func (c *collector) isOneTrace(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.from != "narrative" {
		t.Errorf("the service is %q", c.from)
	}
	byName := map[string]*tracepb.Span{}
	for _, span := range c.spans {
		byName[span.Name] = span
	}
	var parent *tracepb.Span
	for _, name := range []string{
		"POST /api/v1/assertions/{name}/check", "StartWorkflow:checkFlow", "RunWorkflow:checkFlow", "StartActivity:checkIt", "RunActivity:checkIt",
	} {
		span := byName[name]
		if span == nil {
			t.Fatalf("no span %s in %v", name, c.spans)
		}
		if parent != nil && (string(span.TraceId) != string(parent.TraceId) || string(span.ParentSpanId) != string(parent.SpanId)) {
			t.Errorf("%s is not below %s", name, parent.Name)
		}
		parent = span
	}
}
