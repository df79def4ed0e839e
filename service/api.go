package service

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/config"
	"github.com/narrative-go/narrative/diagnosis"
	"github.com/narrative-go/narrative/executor"
	"github.com/narrative-go/narrative/httpapi"
	"github.com/narrative-go/narrative/persistence"
)

// startAPI answers HTTP.
func (s *Service) startAPI(ctx, running context.Context) error {
	if !s.o.API {
		return nil
	}
	interactions, err := s.interactions()
	if err != nil {
		return err
	}
	configs := narrative.NewConfigCache(s.store, nil)
	datums := narrative.NewDatums(s.store, narrative.DatumsOptions{Config: configs, Logger: s.o.Logger, Now: s.o.Now})
	s.onStop(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		_ = datums.Close(ctx) // who waits for what is left is told
	})
	handler, err := httpapi.New(httpapi.Options{
		Interactions: interactions, Datums: datums, Configs: configs, Ending: running.Done(),
		Store: s.store, Operator: s.starter, Apply: s.Apply, Parse: s.parse, Put: s.applyManifest, Ready: s.ready, Version: s.o.Version, Logger: s.o.Logger, Now: s.o.Now,
		Metrics: s.metrics.registry, Tracer: s.tracer,
		RequireKey: s.o.keysRequired(), RateLimit: s.o.RateLimit, Local: !s.o.keysRequired() && !s.o.public() && !s.o.Insecure,
	})
	if err != nil {
		return err
	}
	s.server = &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(s.o.Logger.Handler(), slog.LevelDebug), // connections that come to nothing
	}
	s.tellNoKey(ctx)
	serve, err := s.serving()
	if err != nil {
		return err
	}
	go func() {
		if err := serve(); !errors.Is(err, http.ErrServerClosed) {
			s.fail(narrative.Errorf(narrative.Unavailable, "the API stopped: %w", err))
		}
	}()
	s.onStop(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		if s.server.Shutdown(ctx) != nil {
			_ = s.server.Close() // what takes longer is cut off, and not left to fail halfway
		}
	})
	return nil
}

// ready tells what of the process can be used.
func (s *Service) ready(ctx context.Context) httpapi.Readiness {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	_, err := s.client.CheckHealth(ctx, nil)
	r := httpapi.Readiness{Store: said(s.store.Ping(ctx)), Temporal: said(err), Applied: s.applied.Load()}
	r.Worker = r.Temporal
	if err == nil {
		r.Worker = said(s.polled(ctx))
	}
	return r
}

// Apply makes the store hold what files say, all or nothing, and Temporal match it.
func (s *Service) Apply(ctx context.Context, a httpapi.Application) (narrative.Applied, error) {
	validator, err := Validator(s.o.Registry)
	if err != nil {
		return narrative.Applied{}, err
	}
	files := make([]config.File, len(a.Files))
	for i, f := range a.Files {
		files[i] = config.File{Name: f.Name, Source: f.Source, Dir: f.Dir, Text: []byte(f.Text)}
	}
	parse := config.ParseFiles
	if a.Prune {
		parse = config.ParseToPrune
	}
	m, err := parse(files, validator)
	if err != nil {
		return narrative.Applied{}, err
	}
	m.DryRun = a.DryRun
	return s.applyManifest(ctx, m)
}

// parse reads and judges a document that a program made.
func (s *Service) parse(text []byte) (narrative.Manifest, error) {
	validator, err := Validator(s.o.Registry)
	if err != nil {
		return narrative.Manifest{}, err
	}
	m, err := config.Parse(text, config.Options{Registry: s.o.Registry, Validator: validator})
	return m, config.Plain(err)
}

func (s *Service) applyManifest(ctx context.Context, m narrative.Manifest) (narrative.Applied, error) {
	applied, err := s.store.Apply(ctx, m, s.o.Now().UTC())
	if err != nil {
		return applied, err
	}
	if m.DryRun {
		return applied, nil
	}
	s.rules(applied)
	rest, err := s.starter.ReconcileTriggers(ctx)
	if err != nil {
		s.o.Logger.Warn("applied, but Temporal could not be made to match yet; it will be tried again", "error", err)
	}
	if rest != nil {
		select {
		case s.unfinished <- rest:
		default: // the next time that all is made to match does it
		}
	}
	return applied, nil
}

// finish does what is left of each apply once the triggers match, one after the other, until running ends.
func (s *Service) finish(running context.Context) {
	for {
		select {
		case <-running.Done():
			return
		case rest := <-s.unfinished:
			if _, err := rest(running); err != nil && running.Err() == nil {
				s.o.Logger.Warn("what was applied could not be checked at once; it will be tried again", "error", err)
			}
		}
	}
}

// executor makes what validates and runs plans.
func (s *Service) executor() (*executor.Executor, error) {
	return executor.New(executor.Options{
		Registry: s.o.Registry, Store: s.store, Now: s.o.Now, Logger: s.o.Logger, Logged: s.metrics.Logged,
		Wake: func(ctx context.Context, keys []string) error {
			var errs []error
			for _, key := range keys {
				errs = append(errs, s.starter.Notify(ctx, key))
			}
			return errors.Join(errs...)
		},
	})
}

// Validator finds everything wrong with a manifest for a program of these classes; it connects to nothing.
func Validator(reg *narrative.Registry) (narrative.Validator, error) {
	run, err := executor.ForValidation(reg)
	return narrative.Validator{Registry: reg, Executor: run, CompileCase: diagnosis.Compile}, err
}

// Migrate brings the store at the URL to a version of its tables, the newest where to is negative, and returns the
// version before and after.
func Migrate(ctx context.Context, url string, to int) (from, now int, err error) {
	if to < 0 {
		return persistence.Migrate(ctx, url)
	}
	return to, to, persistence.MigrateDown(ctx, url, to)
}
