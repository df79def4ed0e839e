package service

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
)

// sdkSeconds are the bounds of the timers of the SDK, of which there are many.
var sdkSeconds = []float64{.005, .02, .1, .5, 1, 5, 10, 30, 60}

// maxTemporalSeries bounds what is kept of the SDK's metrics; more is dropped, and counted.
const maxTemporalSeries = 5000

// temporalMetrics keeps the Temporal SDK's own metrics. One name may come with different tags, which is why they are
// collected series by series and not as vectors.
type temporalMetrics struct {
	mu      sync.RWMutex
	series  map[string]prometheus.Metric
	dropped prometheus.Counter
}

var _ prometheus.Collector = (*temporalMetrics)(nil)

func newTemporalMetrics() *temporalMetrics {
	return &temporalMetrics{series: map[string]prometheus.Metric{}, dropped: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "narrative_temporal_dropped_series_total", Help: "Observations of the Temporal SDK that were dropped, there being too many series.",
	})}
}

// Describe implements [prometheus.Collector]: what there will be is not known.
func (t *temporalMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (t *temporalMetrics) Collect(to chan<- prometheus.Metric) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	to <- t.dropped
	for _, m := range t.series {
		to <- m
	}
}

// temporalHandler gives the SDK its counters, gauges and timers.
type temporalHandler struct {
	all  *temporalMetrics
	tags map[string]string
}

var _ client.MetricsHandler = temporalHandler{}

// WithTags adds tags.
func (h temporalHandler) WithTags(tags map[string]string) client.MetricsHandler {
	merged := maps.Clone(h.tags)
	if merged == nil {
		merged = map[string]string{}
	}
	maps.Copy(merged, tags)
	return temporalHandler{h.all, merged}
}

// Counter returns a counter.
func (h temporalHandler) Counter(name string) client.MetricsCounter {
	c, ok := kept(h, name, "_total", func(o prometheus.Opts) prometheus.Counter { return prometheus.NewCounter(prometheus.CounterOpts(o)) })
	return addTo{c, ok, h.all}
}

// Gauge returns a gauge.
func (h temporalHandler) Gauge(name string) client.MetricsGauge {
	g, ok := kept(h, name, "", func(o prometheus.Opts) prometheus.Gauge { return prometheus.NewGauge(prometheus.GaugeOpts(o)) })
	return setTo{g, ok, h.all}
}

// Timer returns a histogram of seconds.
func (h temporalHandler) Timer(name string) client.MetricsTimer {
	t, ok := kept(h, name, "_seconds", func(o prometheus.Opts) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: o.Name, Help: o.Help, ConstLabels: o.ConstLabels, Buckets: sdkSeconds})
	})
	return observeIn{t, ok, h.all}
}

// kept returns the series of a name and the handler's tags, which it makes where there is none; false where there is
// room for no more. A name's ending tells its kind, so that one name is never two.
func kept[M prometheus.Metric](h temporalHandler, name, ending string, make func(prometheus.Opts) M) (m M, ok bool) {
	name = "narrative_temporal_" + legal(strings.TrimPrefix(name, "temporal_"))
	if !strings.HasSuffix(name, ending) {
		name += ending
	}
	var key strings.Builder
	key.WriteString(name)
	for _, tag := range slices.Sorted(maps.Keys(h.tags)) {
		key.WriteString("\x00" + tag + "\x00" + h.tags[tag])
	}
	h.all.mu.RLock()
	m, ok = h.all.series[key.String()].(M)
	h.all.mu.RUnlock()
	if ok {
		return m, true
	}
	labels := prometheus.Labels{}
	for tag, value := range h.tags {
		labels[legal(tag)] = strings.ToValidUTF8(value, "\ufffd")
	}
	h.all.mu.Lock()
	defer h.all.mu.Unlock()
	if m, ok = h.all.series[key.String()].(M); ok || len(h.all.series) >= maxTemporalSeries {
		return m, ok
	}
	m = make(prometheus.Opts{Name: name, Help: "Of the Temporal SDK.", ConstLabels: labels})
	h.all.series[key.String()] = m
	return m, true
}

// legal makes a name of Prometheus' of one of the SDK's.
func legal(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
}

// These hand the SDK's observations on; ok is false where there is no series for them.
type (
	addTo struct {
		to  prometheus.Counter
		ok  bool
		all *temporalMetrics
	}
	setTo struct {
		to  prometheus.Gauge
		ok  bool
		all *temporalMetrics
	}
	observeIn struct {
		to  prometheus.Histogram
		ok  bool
		all *temporalMetrics
	}
)

// Inc adds to a counter.
func (a addTo) Inc(n int64) {
	switch {
	case !a.ok:
		a.all.dropped.Inc()
	case n > 0: // a counter that went back would panic
		a.to.Add(float64(n))
	}
}

// Update sets a gauge.
func (s setTo) Update(v float64) {
	if !s.ok {
		s.all.dropped.Inc()
		return
	}
	s.to.Set(v)
}

// Record observes a duration.
func (o observeIn) Record(d time.Duration) {
	if !o.ok {
		o.all.dropped.Inc()
		return
	}
	o.to.Observe(d.Seconds())
}
