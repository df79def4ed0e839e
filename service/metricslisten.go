package service

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	narrative "github.com/narrative-go/narrative"
)

// listenMetrics answers /metrics, and /healthz, on an address of their own, for a process without the API.
func (s *Service) listenMetrics(ctx, _ context.Context) error {
	if s.o.MetricsListen == "" {
		return nil
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.o.MetricsListen)
	if err != nil {
		return narrative.Errorf(narrative.Unavailable, "the metrics cannot be had on %s: %v; stop what uses that port, or choose another with --metrics-listen", s.o.MetricsListen, cause(err))
	}
	s.metricsAddr = l.Addr().String()
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"status":"ok"}` + "\n"))
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.o.Logger.Error("the metrics cannot be had any more", "error", err)
		}
	}()
	s.onStop(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopMetrics)
		defer cancel()
		_ = server.Shutdown(ctx)
		_ = server.Close()
	})
	return nil
}

// MetricsAddr is where the metrics are, host:port, when they have an address of their own; else empty.
func (s *Service) MetricsAddr() string { return s.metricsAddr }
