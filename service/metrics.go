package service

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/activities"
)

// maxNames is how many assertions and events are counted by name; what comes after is counted as otherName.
const (
	maxNames  = 2000
	otherName = "other"
)

// seconds are the bounds of the histograms of how long something took.
var seconds = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}

// metrics are what this process counts of its own work. What is read from the store, and the requests, the API adds to
// the same registry.
type metrics struct {
	registry *prometheus.Registry
	temporal *temporalMetrics

	checks   *prometheus.CounterVec
	took     *prometheus.HistogramVec
	lag      prometheus.Histogram
	messages *prometheus.CounterVec
	datums   *prometheus.CounterVec

	mu    sync.Mutex
	names map[string]bool
}

var _ activities.Observer = (*metrics)(nil)

func newMetrics(version string) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		temporal: newTemporalMetrics(),
		names:    map[string]bool{},
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "narrative_check_runs_total", Help: "Checks and detections recorded by this process.",
		}, []string{"assertion", "outcome"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "narrative_check_duration_seconds", Help: "How long checks and detections took that could be made.", Buckets: seconds,
		}, []string{"outcome"}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "narrative_check_lag_seconds", Help: "From when a check or detection was due until a worker began it.", Buckets: seconds,
		}),
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "narrative_messages_total",
			Help: "Messages that this process sent, or gave up as undelivered; each stands for one notification or more.",
		}, []string{"channel", "state"}),
		datums: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "narrative_datums_total", Help: "Datums that were stored, filtered by their level, or refused.",
			ConstLabels: prometheus.Labels{"by": "worker"},
		}, []string{"result"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "narrative_build_info", Help: "1, with the version of this process.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(
		m.temporal, m.checks, m.took, m.lag, m.messages, m.datums, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// begin makes the series of a worker begin at 0, so that the first increase is one.
func (m *metrics) begin() {
	for _, channel := range narrative.Channels {
		for _, state := range []narrative.NotificationState{narrative.NotificationSent, narrative.NotificationUndelivered} {
			m.messages.WithLabelValues(channel, string(state))
		}
	}
	for _, result := range []string{"stored", "filtered"} {
		m.datums.WithLabelValues(result)
	}
}

// Checked counts a check.
func (m *metrics) Checked(c activities.Checked) {
	m.checks.WithLabelValues(m.bounded(c.Name), string(c.Outcome)).Inc()
	if c.Outcome == narrative.OutcomeErrored {
		return
	}
	m.took.WithLabelValues(string(c.Outcome)).Observe(max(c.Took, 0).Seconds())
	m.lag.Observe(max(c.Lag, 0).Seconds()) // the clock of Temporal may be ahead of ours
}

// bounded keeps the names that are counted by themselves to so many.
func (m *metrics) bounded(name string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.names[name] {
		if len(m.names) >= maxNames {
			return otherName
		}
		m.names[name] = true
	}
	return name
}

// Told counts a message.
func (m *metrics) Told(channel string, state narrative.NotificationState) {
	m.messages.WithLabelValues(channel, string(state)).Inc()
}

// Logged counts a datum.
func (m *metrics) Logged(stored bool) {
	result := "filtered"
	if stored {
		result = "stored"
	}
	m.datums.WithLabelValues(result).Inc()
}

// stopMetrics is how long an orderly stop waits for a scrape.
const stopMetrics = time.Second
