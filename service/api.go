package service

import (
	"context"
	"errors"
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
func (s *Service) startAPI(context.Context, context.Context) error {
	if !s.o.API {
		return nil
	}
	interactions, err := s.interactions()
	if err != nil {
		return err
	}
	handler, err := httpapi.New(httpapi.Options{
		Interactions: interactions,
		Store:        s.store, Operator: s.starter, Apply: s.apply, Ready: s.ready, Version: s.o.Version, Logger: s.o.Logger, Now: s.o.Now,
	})
	if err != nil {
		return err
	}
	s.server = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	go func() {
		if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.fail(narrative.Errorf(narrative.Unavailable, "the API stopped: %w", err))
		}
	}()
	s.onStop(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		_ = s.server.Shutdown(ctx)
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

// apply makes the store hold what the text of a narrative.yaml says, and Temporal match it.
func (s *Service) apply(ctx context.Context, text []byte, source, dir string) (narrative.Applied, error) {
	validator, err := Validator(s.o.Registry)
	if err != nil {
		return narrative.Applied{}, err
	}
	m, err := config.Parse(text, config.Options{File: source, Dir: dir, Source: source, Registry: s.o.Registry, Validator: validator})
	if err != nil {
		return narrative.Applied{}, err
	}
	return s.applyManifest(ctx, m)
}

func (s *Service) applyManifest(ctx context.Context, m narrative.Manifest) (narrative.Applied, error) {
	applied, err := s.store.Apply(ctx, m, s.o.Now().UTC())
	if err != nil {
		return applied, err
	}
	s.rules(applied)
	if _, err := s.starter.Reconcile(ctx); err != nil {
		s.o.Logger.Warn("applied, but Temporal could not be made to match yet; it will be tried again", "error", err)
	}
	return applied, nil
}

// executor makes what validates and runs plans.
func (s *Service) executor() (*executor.Executor, error) {
	return executor.New(executor.Options{
		Registry: s.o.Registry, Store: s.store, Now: s.o.Now, Logger: s.o.Logger,
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
