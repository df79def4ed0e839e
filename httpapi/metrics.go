package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	narrative "github.com/narrative-go/narrative"
)

// metricsWithin bounds what a scrape asks of the store.
const metricsWithin = 5 * time.Second

// metricRoutes adds /metrics, in Prometheus' text format. What it tells is read from the store, so that each process
// that answers tells the same.
func (a *api) metricRoutes() {
	registry := prometheus.NewRegistry()
	registry.MustRegister(notificationMetrics{a})
	a.mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}))
}

var notificationsDesc = prometheus.NewDesc("narrative_notifications",
	"Notifications that are not sent: pending, or undelivered, which somebody should see to.", []string{"state", "channel"}, nil)

// notificationMetrics counts the notifications that are pending and undelivered.
type notificationMetrics struct{ a *api }

var _ prometheus.Collector = notificationMetrics{}

// Describe implements [prometheus.Collector].
func (notificationMetrics) Describe(to chan<- *prometheus.Desc) { to <- notificationsDesc }

// Collect implements [prometheus.Collector].
func (m notificationMetrics) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), metricsWithin)
	defer cancel()
	counts, err := m.a.Store.CountNotifications(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(notificationsDesc, err)
		return
	}
	found := map[[2]string]int{}
	for _, state := range []narrative.NotificationState{narrative.NotificationPending, narrative.NotificationUndelivered} {
		for _, channel := range narrative.Channels {
			found[[2]string{string(state), channel}] = 0
		}
	}
	for _, c := range counts {
		found[[2]string{string(c.State), c.Channel}] = c.Count
	}
	for labels, n := range found {
		to <- prometheus.MustNewConstMetric(notificationsDesc, prometheus.GaugeValue, float64(n), labels[:]...)
	}
}

// interactionRoutes adds what Slack sends when a button is pressed, where there is somebody to take it.
func (a *api) interactionRoutes() {
	if a.Interactions != nil {
		a.mux.Handle("POST /slack/interactions", a.Interactions)
		return
	}
	a.mux.HandleFunc("POST /slack/interactions", func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, http.StatusNotFound, "Slack's buttons are not configured: set NARRATIVE_SLACK_BOT_TOKEN and NARRATIVE_SLACK_SIGNING_SECRET")
	})
}
