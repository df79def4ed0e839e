// Package httpapi is Narrative's HTTP API: JSON under /api/v1, liveness and readiness, and its own description at
// /openapi.json.
//
// Requests are judged by the ground floor (narrative.DecodeSignal, Datum.Validate and so on) and by the types of the
// query parameters; every refusal is a problem document (RFC 9457) whose errors name the field. 400 is what cannot be
// read (JSON, query, cursor), 422 what can be read and is not acceptable. One table in problem.go maps kinds of errors
// to statuses.
//
// The handler bounds the time and size of what it reads itself, so the server around it should set ReadHeaderTimeout
// and IdleTimeout, and neither ReadTimeout nor WriteTimeout: a check is waited for up to half a minute, and a stream
// of datums may take as long as it keeps moving.
package httpapi

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	narrative "github.com/narrative-go/narrative"
)

// Options say what the API stands on.
type Options struct {
	Store    narrative.Store    // required
	Operator narrative.Operator // required
	// Apply validates files and makes the store and Temporal match them. Mistakes are narrative.Problems, with the place
	// for a path. Required.
	Apply func(ctx context.Context, a Application) (narrative.Applied, error)
	// Parse reads and validates the text of a narrative.yaml that has one section and comes from nowhere. Mistakes are
	// narrative.Problems with paths such as assertions[0].every. Required.
	Parse func(text []byte) (narrative.Manifest, error)
	// Put makes the store hold what the manifest says, and Temporal match it. Required.
	Put func(ctx context.Context, m narrative.Manifest) (narrative.Applied, error)
	// Ready tells how the process stands. Required.
	Ready func(ctx context.Context) Readiness

	// Datums stores the datums that come one by one; who has it closes it. Default: one of its own, which is never closed,
	// and need not be, as nothing is answered before it is stored.
	Datums *narrative.Datums
	// Configs knows the configuration; default a cache of what Store has.
	Configs *narrative.ConfigCache

	// RequireKey refuses requests without a key that has the scope they need; the table in scope.go has it. Default:
	// whoever shows no key may do everything.
	RequireKey bool

	// Interactions takes what Slack sends when a button is pressed; default nobody does.
	Interactions http.Handler

	// Metrics are told by /metrics, together with the API's own, which are registered there; default those alone.
	Metrics *prometheus.Registry
	// Tracer makes a span of each request; default nobody does.
	Tracer trace.Tracer

	Version string       // told by /openapi.json; default "dev"
	Logger  *slog.Logger // default discards
	// Now is the clock; default time.Now.
	Now func() time.Time
	// CheckWait is how long a check that was asked for is waited for; default 30 s.
	CheckWait time.Duration
	// Ending is closed when the process is about to end: what follows along ends then. Default: nobody says.
	Ending <-chan struct{}
	// Local has the API answer to the names of this machine alone: set where it listens on loopback and asks for no key.
	Local bool
	// RateLimit is how many requests a second each caller may send, by key or else by address; twice as many may come at
	// once. Those that bring datums do not count. Default 200; negative: no limit.
	RateLimit float64
}

// api is the handlers' receiver.
type api struct {
	Options
	mux *routeMux
	doc huma.API
	// admitted answers requests whose caller is known.
	admitted http.Handler

	keys     *keyring
	failures failures
	pace     *limiter     // of each caller
	tails    atomic.Int32 // who follow datums
	suspects *limiter     // of keys from addresses that sent too many wrong ones, together

	counted counted
}

// New returns the API as a handler, or says which option is missing.
func New(o Options) (http.Handler, error) {
	for _, required := range []struct {
		name    string
		missing bool
	}{{"Store", o.Store == nil}, {"Operator", o.Operator == nil}, {"Apply", o.Apply == nil}, {"Parse", o.Parse == nil}, {"Put", o.Put == nil}, {"Ready", o.Ready == nil}} {
		if required.missing {
			return nil, narrative.Errorf(narrative.Invalid, "httpapi: Options.%s is required", required.name)
		}
	}
	a := &api{Options: o.withDefaults(), mux: &routeMux{ServeMux: http.NewServeMux()}, counted: newCounted()}
	a.Apply, a.Put = forgetting(a.Configs, a.Apply), forgetting(a.Configs, a.Put)
	a.Logger = slog.New(identifying{naming{a.Logger.Handler()}})
	a.keys, a.failures.from = newKeyring(a.Store, a.Now, a.Logger), map[string]failed{}
	a.pace, a.suspects = newLimiter(a.RateLimit), newLimiter(suspectLookups)
	a.doc = humago.New(exactMux{a.mux}, describe(a.Version))
	a.doc.UseMiddleware(ownStatus)
	a.routes()
	a.describeSecurity()
	if err := a.serveDescription(); err != nil {
		return nil, err
	}
	return calledBy(a.observed(a.guard())), nil
}

func (o Options) withDefaults() Options {
	if o.Version == "" {
		o.Version = "dev"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	if o.Configs == nil {
		o.Configs = narrative.NewConfigCache(o.Store, nil)
	}
	if o.Datums == nil {
		o.Datums = narrative.NewDatums(o.Store, narrative.DatumsOptions{Config: o.Configs, Now: o.Now})
	}
	if o.RateLimit == 0 {
		o.RateLimit = defaultRateLimit
	}
	if o.CheckWait == 0 {
		o.CheckWait = 30 * time.Second
	}
	return o
}

// forgetting has the configuration read again after a change, so that the next request here is judged by it.
func forgetting[T any](c *narrative.ConfigCache, change func(context.Context, T) (narrative.Applied, error)) func(context.Context, T) (narrative.Applied, error) {
	return func(ctx context.Context, what T) (narrative.Applied, error) {
		applied, err := change(ctx, what)
		c.Forget()
		return applied, err
	}
}

func (a *api) routes() {
	a.datumRoutes()
	a.heartbeatRoutes()
	a.issueRoutes()
	a.assertionRoutes()
	a.eventRoutes()
	a.applyRoutes()
	a.notificationRoutes()
	a.interactionRoutes()
	a.metricRoutes()
	a.healthRoutes()
	a.keyRoutes()
	a.configRoutes()
	a.originalRoutes()
}

// now is the time to microseconds, as the store keeps it.
func (a *api) now() time.Time { return a.Now().UTC().Truncate(time.Microsecond) }

// route is one operation as the API describes it.
type route struct {
	method, path string
	id           string // names the operation in /openapi.json
	tag          string
	summary      string
	status       int   // of success; default 200
	errors       []int // statuses besides 400 and 500
	body         *huma.RequestBody
	query        bool          // an Invalid error means a malformed query: 400
	timeout      time.Duration // default requestTimeout; negative: the handler bounds its time itself
}

const requestTimeout = 30 * time.Second

// add registers a route. The request's body is described and not judged by huma: the handler reads it.
func add[I, O any](a *api, r route, handle func(context.Context, *I) (*O, error)) {
	op := huma.Operation{
		OperationID: r.id, Method: r.method, Path: r.path, Summary: r.summary, Tags: []string{r.tag},
		DefaultStatus: cmp.Or(r.status, http.StatusOK),
		Errors:        append([]int{http.StatusBadRequest}, r.errors...),
	}
	huma.Register(a.doc, op, func(ctx context.Context, in *I) (*O, error) {
		if r.timeout >= 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, cmp.Or(r.timeout, requestTimeout))
			defer cancel()
		}
		out, err := handle(ctx, in)
		if err != nil {
			return nil, a.problem(ctx, r, err)
		}
		return out, nil
	})
	described := a.operation(r.method, r.path)
	described.RequestBody = r.body
	if r.method == http.MethodPost && !neverKept[r.path] {
		described.Parameters = append(described.Parameters, idempotencyParameter())
	}
	if r.body == nil {
		delete(described.Responses, "422") // huma adds it; without a body nothing is unprocessable
	}
}

// operation returns the description of a route.
func (a *api) operation(method, path string) *huma.Operation {
	item := a.doc.OpenAPI().Paths[path]
	switch method {
	case http.MethodGet:
		return item.Get
	case http.MethodPost:
		return item.Post
	case http.MethodPut:
		return item.Put
	case http.MethodPatch:
		return item.Patch
	case http.MethodDelete:
		return item.Delete
	}
	panic("httpapi: no route is of method " + method) // wrong wiring
}

// answer is a response of status 200 with a JSON body.
type answer[T any] struct{ Body T }

func answered[T any](body T) *answer[T] { return &answer[T]{Body: body} }
