package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// requestIDHeader names a request, in what is answered and in the log.
const requestIDHeader = "X-Request-Id"

// counted are the API's own counters.
type counted struct {
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	datums   *prometheus.CounterVec
}

func newCounted() counted {
	return counted{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "narrative_http_requests_total", Help: "Requests answered by the API.",
		}, []string{"route", "method", "status"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "narrative_http_request_duration_seconds", Help: "How long requests to the API took.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"route", "method"}),
		datums: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "narrative_datums_total", Help: "Datums that were stored, filtered by their level, or refused.",
			ConstLabels: prometheus.Labels{"by": "api"},
		}, []string{"result"}),
	}
}

func (c counted) register(with prometheus.Registerer) {
	with.MustRegister(c.requests, c.took, c.datums)
	c.intake(Intake{}) // so that the series begin at 0
}

// intake counts what became of the datums of a request.
func (c counted) intake(in Intake) {
	c.datums.WithLabelValues("stored").Add(float64(in.Stored))
	c.datums.WithLabelValues("filtered").Add(float64(in.Filtered))
	c.datums.WithLabelValues("refused").Add(float64(in.Refused))
}

// observed counts, traces and logs every request.
func (a *api) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now() // how long it takes is measured by the real clock
		route, method := a.pattern(r), knownMethod(r.Method)
		ctx, span := a.span(r, route)
		seen := &watched{ResponseWriter: w}
		defer func() {
			took, status := time.Since(began), seen.statusOr200()
			cause := recover()
			if cause != nil { // it is cut off: the caller sees no answer, or half of one
				status = http.StatusInternalServerError
			}
			a.counted.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
			a.counted.took.WithLabelValues(route, method).Observe(took.Seconds())
			ended(span, status)
			a.logAccess(r.WithContext(ctx), route, status, seen, took)
			if cause != nil {
				panic(cause)
			}
		}()
		next.ServeHTTP(seen, r.WithContext(ctx))
	})
}

// pattern is the path of the route that takes the request, and "none" where there is none, so that there are only so
// many.
func (a *api) pattern(r *http.Request) string {
	_, pattern := a.mux.Handler(slashed(r))
	if pattern == "" {
		return "none"
	}
	return pathOf(pattern)
}

// pathOf is the path of a mux's pattern.
func pathOf(pattern string) string {
	if _, path, ok := strings.Cut(pattern, " "); ok {
		return strings.TrimSuffix(path, "{$}") // which is the mux's own way to say "nothing below"
	}
	return pattern
}

func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// unwatched are the routes that machines ask again and again; they are not traced, and logged like others.
func unwatched(route string) bool {
	return route == "/metrics" || route == "/healthz" || route == "/readyz"
}

// span begins the span of a request, which goes on with the caller's trace where it names one.
func (a *api) span(r *http.Request, route string) (ctx context.Context, span trace.Span) {
	ctx = r.Context()
	if a.Tracer == nil || unwatched(route) {
		return ctx, nil
	}
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	return a.Tracer.Start(ctx, r.Method+" "+route, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", r.Method), attribute.String("http.route", route), attribute.String("url.path", r.URL.Path),
	))
}

func ended(span trace.Span, status int) {
	if span == nil {
		return
	}
	span.SetAttributes(attribute.Int("http.response.status_code", status))
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, http.StatusText(status))
	}
	span.End()
}

// logAccess writes one line for each request: at debug, and at info where it went wrong here.
func (a *api) logAccess(r *http.Request, route string, status int, w *watched, took time.Duration) {
	level := slog.LevelDebug
	if status >= http.StatusInternalServerError {
		level = slog.LevelInfo
	}
	ctx := r.Context()
	if !a.Logger.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.String("route", route),
		slog.Int("status", status), slog.Int64("bytes", w.bytes), slog.Duration("took", took), slog.String("remote", r.RemoteAddr),
	}
	if id := w.Header().Get(requestIDHeader); id != "" {
		attrs = append(attrs, slog.String("request_id", id))
	}
	if of := trace.SpanContextFromContext(ctx); of.HasTraceID() {
		attrs = append(attrs, slog.String("trace_id", of.TraceID().String()))
	}
	a.Logger.LogAttrs(ctx, level, "request", attrs...)
}

// watched knows how an answer went.
type watched struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader notes the status; those of 1xx are not the answer yet.
func (w *watched) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *watched) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *watched) statusOr200() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}
