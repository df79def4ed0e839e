package service

import (
	"context"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/client"
	temporaltrace "go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"

	narrative "github.com/narrative-go/narrative"
)

// tracerName names what makes the spans.
const tracerName = "github.com/narrative-go/narrative"

// tracing tells whether OTEL_* asks for traces. What cannot be done is Invalid.
func tracing(env func(string) string) (bool, error) {
	first := func(names ...string) (name, value string) {
		for _, name := range names {
			if value := env(name); value != "" {
				return name, value
			}
		}
		return "", ""
	}
	_, exporter := first("OTEL_TRACES_EXPORTER")
	_, endpoint := first("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
	switch {
	case strings.EqualFold(env("OTEL_SDK_DISABLED"), "true"), exporter == "none", exporter == "" && endpoint == "":
		return false, nil
	case exporter != "" && exporter != "otlp":
		return false, narrative.Errorf(narrative.Invalid, "OTEL_TRACES_EXPORTER is %q; expected otlp or none", exporter)
	}
	if name, protocol := first("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"); protocol != "" && protocol != "http/protobuf" {
		return false, narrative.Errorf(narrative.Invalid, "%s is %q; traces are sent by http/protobuf, usually to port 4318", name, protocol)
	}
	return true, nil
}

// startTracing makes the tracer where OTEL_* asks for traces; without, there is none, and no span costs anything.
func (s *Service) startTracing(ctx, _ context.Context) error {
	on, err := tracing(os.Getenv)
	if err != nil || !on {
		return err
	}
	exporter, err := otlptracehttp.New(ctx) // reads OTEL_EXPORTER_OTLP_*, and connects to nothing yet
	if err != nil {
		return narrative.Errorf(narrative.Invalid, "the OTEL_* settings cannot be used: %w", err)
	}
	about, err := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", "narrative"), attribute.String("service.version", s.o.Version),
	), resource.WithHost(), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		s.o.Logger.Warn("traces do not tell all of where they come from", "error", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { // else the library prints to stderr
		s.o.Logger.Warn("traces could not be sent", "error", err)
	}))
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	s.tracer = provider.Tracer(tracerName, trace.WithInstrumentationVersion(s.o.Version))
	s.onStop(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = provider.Shutdown(ctx) // sends what is left
	})
	return nil
}

// observed gives the client, and the workers that use it, metrics and, where they are wanted, traces.
func observed(options *client.Options, m *metrics, tracer trace.Tracer) error {
	if m != nil {
		options.MetricsHandler = temporalHandler{all: m.temporal}
	}
	if tracer == nil {
		return nil
	}
	traced, err := temporaltrace.NewTracingInterceptor(temporaltrace.TracerOptions{
		Tracer: tracer, TextMapPropagator: propagation.TraceContext{}, AllowInvalidParentSpans: true,
	})
	if err != nil {
		return narrative.Errorf(narrative.Internal, "make the tracing of Temporal: %w", err)
	}
	options.Interceptors = append(options.Interceptors, ticking{traced})
	return nil
}

// ticking traces everything but the start of what ticks from then on: each tick is to be a trace of its own, and not a
// part of the one that once started a cron workflow or made a schedule.
type ticking struct{ interceptor.Interceptor }

// InterceptClient implements [interceptor.ClientInterceptor].
func (t ticking) InterceptClient(next interceptor.ClientOutboundInterceptor) interceptor.ClientOutboundInterceptor {
	return tickingClient{t.Interceptor.InterceptClient(next), next}
}

type tickingClient struct {
	interceptor.ClientOutboundInterceptor
	untraced interceptor.ClientOutboundInterceptor
}

// ExecuteWorkflow leaves cron workflows untraced.
func (c tickingClient) ExecuteWorkflow(ctx context.Context, in *interceptor.ClientExecuteWorkflowInput) (client.WorkflowRun, error) {
	if in.Options.CronSchedule != "" {
		return c.untraced.ExecuteWorkflow(ctx, in)
	}
	return c.ClientOutboundInterceptor.ExecuteWorkflow(ctx, in)
}

// CreateSchedule leaves schedules untraced.
func (c tickingClient) CreateSchedule(ctx context.Context, in *interceptor.ScheduleClientCreateInput) (client.ScheduleHandle, error) {
	return c.untraced.CreateSchedule(ctx, in)
}
