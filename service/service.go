package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/client"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/config"
	"github.com/narrative-go/narrative/persistence"
	"github.com/narrative-go/narrative/starter"
	"github.com/narrative-go/narrative/worker"
)

// Defaults of [Options].
const (
	DefaultListen  = "127.0.0.1:8321"
	DefaultDataDir = ".narrative"
)

// stopWithin bounds an orderly stop.
const stopWithin = 9 * time.Second

// Service is a Narrative process.
type Service struct {
	o Options

	listener net.Listener
	store    narrative.Store
	embedded EmbeddedServer
	client   client.Client
	starter  *starter.Starter
	worker   *worker.Worker
	server   *http.Server
	failed   chan error          // of the worker or the API, while running
	manifest *narrative.Manifest // of the file
	applied  atomic.Bool
	ruled    chan struct{} // the configuration that rules the open issues has changed
	stops    []func()      // newest last
	cancel   context.CancelFunc

	unfinished chan func(context.Context) (narrative.Reconciled, error) // the rest of what follows an apply

	metrics     *metrics
	metricsAddr string       // where they are answered by themselves
	tracer      trace.Tracer // nil: no traces
}

// New checks the options and connects to nothing. Its errors are [narrative.Invalid] and name the setting.
func New(o Options) (*Service, error) {
	if o.Registry == nil {
		return nil, errors.New("service: Options.Registry is required")
	}
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	return &Service{o: o, metrics: newMetrics(o.Version), failed: make(chan error, 4), ruled: make(chan struct{}, 1), unfinished: make(chan func(context.Context) (narrative.Reconciled, error), 16)}, nil
}

// Run starts the process, waits until ctx ends or something fails for good, and stops it.
func (s *Service) Run(ctx context.Context) error {
	if err := s.Start(ctx); err != nil {
		return err
	}
	defer s.Stop()
	return s.Wait(ctx)
}

// Wait returns nil when ctx ends, or what failed for good before.
func (s *Service) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failed:
		return err
	}
}

// Start connects and starts everything that the options ask for. When it fails, what had been started is stopped. ctx
// bounds the start alone.
func (s *Service) Start(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			s.Stop()
		}
	}()
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	for _, part := range []func(ctx, running context.Context) error{
		s.readFile, s.requireKey, s.listen, s.startTracing, s.listenMetrics, s.openStore, s.dial, s.startStarter, s.startWorker, s.startAPI, s.load,
	} {
		if err := part(ctx, running); err != nil {
			return err
		}
	}
	return nil
}

// Stop ends everything in order, within ten seconds.
func (s *Service) Stop() {
	if s.cancel != nil {
		s.cancel()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := len(s.stops) - 1; i >= 0; i-- {
			s.stops[i]()
		}
		s.stops = nil
	}()
	select {
	case <-done:
	case <-time.After(stopWithin):
		s.o.Logger.Warn("stopped without waiting for everything to end")
	}
}

func (s *Service) onStop(stop func()) { s.stops = append(s.stops, stop) }

// Addr is where the API listens, host:port; empty without one.
func (s *Service) Addr() string {
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// UIURL is where the embedded server's UI is; empty without one.
func (s *Service) UIURL() string {
	if s.embedded == nil {
		return ""
	}
	return s.embedded.UIURL()
}

// TemporalAddress is the embedded server's host:port; empty without one.
func (s *Service) TemporalAddress() string {
	if s.embedded == nil {
		return ""
	}
	return s.embedded.Address()
}

// Outbox is what is written to a folder instead of being sent: the folder, and the channels; empty where all is sent.
func (s *Service) Outbox() (dir string, channels []string) {
	channels = s.o.boxed()
	if len(channels) == 0 {
		return "", nil
	}
	return s.o.OutboxDir, channels
}

// Store is the store in use, from Start to Stop.
func (s *Service) Store() narrative.Store { return s.store }

// readFile finds every mistake in the file before anything is made or started.
func (s *Service) readFile(context.Context, context.Context) error {
	if s.o.File == "" {
		return nil
	}
	validator, err := Validator(s.o.Registry)
	if err != nil {
		return err
	}
	m, err := config.Load(s.o.File, validator)
	if err != nil {
		return err
	}
	s.manifest = &m
	return nil
}

// listen takes the API's port before anything is started: it is what most often goes wrong.
func (s *Service) listen(ctx, _ context.Context) error {
	if !s.o.API {
		return nil
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.o.Listen)
	if err != nil {
		return narrative.Errorf(narrative.Unavailable, "the API cannot listen on %s: %v; stop what uses that port, or choose another with --listen", s.o.Listen, cause(err))
	}
	s.listener = l
	s.onStop(func() { _ = l.Close() })
	return nil
}

// cause returns the innermost error: of a network error, the part that says why.
func cause(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

func (s *Service) openStore(ctx, _ context.Context) error {
	if s.o.DataDir != "" && s.o.Embedded != nil {
		if err := os.MkdirAll(s.o.DataDir, 0o700); err != nil {
			return narrative.Errorf(narrative.Invalid, "the data directory %s cannot be made (%v); choose another with --data-dir", s.o.DataDir, cause(err))
		}
	}
	if s.o.Migrate {
		if _, _, err := persistence.Migrate(ctx, s.o.DatabaseURL); err != nil {
			return err
		}
	}
	store, err := persistence.Open(ctx, s.o.DatabaseURL, persistence.Options{Logger: s.o.Logger})
	if err != nil {
		return err
	}
	s.store = store
	if s.o.WrapStore != nil {
		s.store = s.o.WrapStore(store)
	}
	s.onStop(func() { _ = store.Close() })
	return nil
}

// load applies the file and begins to make Temporal match the store.
func (s *Service) load(ctx, running context.Context) error {
	if s.manifest != nil {
		applied, err := s.store.Apply(ctx, *s.manifest, s.o.Now().UTC())
		if err != nil {
			return err
		}
		s.rules(applied)
	}
	s.applied.Store(true)
	open, err := s.store.UnresolvedIssues(ctx, "", issuesSeen)
	if err == nil && len(open) > 0 {
		s.o.Told(Happening{At: s.o.Now(), Text: fmt.Sprintf("%s open from before: narrative issue list", plural(len(open)))})
	}
	var keeping sync.WaitGroup
	keeping.Go(func() { s.keepReconciled(running) })
	keeping.Go(func() { s.finish(running) })
	s.onStop(keeping.Wait)
	return nil
}

// rules sees to it that the open issues hear of a changed configuration.
func (s *Service) rules(applied narrative.Applied) {
	if !applied.Config {
		return
	}
	select {
	case s.ruled <- struct{}{}:
	default: // they will hear of it with the change before
	}
}

// issuesSeen is how many open issues are counted at start-up.
const issuesSeen = 500

func plural(issues int) string {
	switch issues {
	case 1:
		return "1 issue is"
	case issuesSeen:
		return fmt.Sprintf("%d issues or more are", issues)
	}
	return fmt.Sprintf("%d issues are", issues)
}

// reconcileEvery is how often each process makes Temporal match the store, besides the watchdog, which needs a worker
// and its own cron to be there. The second time comes sooner: what was decided just before a crash is sent again once it
// is too old to be on its way.
const (
	reconcileEvery = time.Minute
	reconcileSoon  = 12 * time.Second
)

// keepReconciled makes Temporal match the store now, soon, and again and again.
func (s *Service) keepReconciled(running context.Context) {
	wait := reconcileSoon
	for {
		if _, err := s.starter.Reconcile(running); err != nil && running.Err() == nil {
			s.o.Logger.Warn("Temporal could not be made to match the store; it will be tried again", "error", err)
		}
		select {
		case <-running.Done():
			return
		case <-s.ruled:
			if err := s.starter.WakeIssues(running); err != nil && running.Err() == nil {
				s.o.Logger.Warn("open issues could not be told of the configuration; they take it in with their next change", "error", err)
			}
		case <-time.After(wait):
			wait = reconcileEvery
		}
	}
}

// said returns an error as one line for the API's readiness.
func said(err error) string {
	if err == nil {
		return "ok"
	}
	return fmt.Sprint(err)
}

// Reconcile makes Temporal match the store, from Start to Stop.
func (s *Service) Reconcile(ctx context.Context) (narrative.Reconciled, error) {
	return s.starter.Reconcile(ctx)
}
