package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	narrative "github.com/narrative-go/narrative"
)

// metricsWithin bounds what a scrape asks of the store.
const metricsWithin = 5 * time.Second

// metricRoutes adds /metrics, in Prometheus' text format. Issues and notifications are read from the store, so that each
// process that answers tells the same; the rest is what this process did. While the store does not answer, what is read
// from it is left out.
func (a *api) metricRoutes() {
	a.counted.register(a.Metrics)
	a.Metrics.MustRegister(notificationMetrics{a}, issueMetrics{a})
	a.mux.Handle("GET /metrics", promhttp.HandlerFor(a.Metrics, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, Registry: a.Metrics, ErrorLog: scrapeLog{a},
	}))
}

// scrapeLog logs what could not be told.
type scrapeLog struct{ a *api }

var _ promhttp.Logger = scrapeLog{}

// Println implements [promhttp.Logger].
func (l scrapeLog) Println(v ...any) {
	l.a.Logger.Warn("metrics are incomplete", "error", fmt.Sprint(v...))
}

// scraping bounds what a scrape asks of the store.
func scraping() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), metricsWithin)
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
	ctx, cancel := scraping()
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

var (
	issuesDesc = prometheus.NewDesc("narrative_issues",
		"Issues that are not closed.", []string{"status", "severity"}, nil)
	issueAgeDesc = prometheus.NewDesc("narrative_issue_age_seconds",
		"Since when the oldest issue that is not closed is open; 0 where there is none.", []string{"severity"}, nil)
)

// issueMetrics counts the issues that are not closed, as the store has them.
type issueMetrics struct{ a *api }

var _ prometheus.Collector = issueMetrics{}

// Describe implements [prometheus.Collector].
func (issueMetrics) Describe(to chan<- *prometheus.Desc) {
	to <- issuesDesc
	to <- issueAgeDesc
}

// Collect implements [prometheus.Collector].
func (m issueMetrics) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := scraping()
	defer cancel()
	counts, err := m.a.Store.CountIssues(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(issuesDesc, err)
		return
	}
	found, oldest := map[[2]string]int{}, map[narrative.Severity]time.Duration{}
	for _, severity := range narrative.Severities {
		oldest[severity] = 0
		for _, status := range narrative.Statuses {
			if !status.Closed() {
				found[[2]string{string(status), string(severity)}] = 0
			}
		}
	}
	now := m.a.now()
	for _, c := range counts {
		found[[2]string{string(c.Status), string(c.Severity)}] = c.Count
		oldest[c.Severity] = max(oldest[c.Severity], now.Sub(c.Oldest))
	}
	for labels, n := range found {
		to <- prometheus.MustNewConstMetric(issuesDesc, prometheus.GaugeValue, float64(n), labels[:]...)
	}
	for severity, age := range oldest {
		to <- prometheus.MustNewConstMetric(issueAgeDesc, prometheus.GaugeValue, age.Seconds(), string(severity))
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
