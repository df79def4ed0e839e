package service

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/activities"
)

func TestChecksAreCounted(t *testing.T) {
	t.Parallel()
	m := newMetrics("1.2.3")
	m.begin()
	m.Checked(activities.Checked{Name: "balance", Outcome: narrative.OutcomePassed, Lag: 20 * time.Millisecond, Took: 2 * time.Second})
	m.Checked(activities.Checked{Name: "balance", Outcome: narrative.OutcomeFailed, Lag: -time.Second, Took: 40 * time.Millisecond})
	m.Checked(activities.Checked{Name: "spike", Outcome: narrative.OutcomeErrored})
	m.Told(narrative.ChannelEmail, narrative.NotificationSent)
	m.Logged(true)
	m.Logged(false)
	want := `
# HELP narrative_build_info 1, with the version of this process.
# TYPE narrative_build_info gauge
narrative_build_info{version="1.2.3"} 1
# HELP narrative_check_lag_seconds From when a check or detection was due until a worker began it.
# TYPE narrative_check_lag_seconds histogram
narrative_check_lag_seconds_bucket{le="0.005"} 1
narrative_check_lag_seconds_bucket{le="0.01"} 1
narrative_check_lag_seconds_bucket{le="0.025"} 2
narrative_check_lag_seconds_bucket{le="0.05"} 2
narrative_check_lag_seconds_bucket{le="0.1"} 2
narrative_check_lag_seconds_bucket{le="0.25"} 2
narrative_check_lag_seconds_bucket{le="0.5"} 2
narrative_check_lag_seconds_bucket{le="1"} 2
narrative_check_lag_seconds_bucket{le="2.5"} 2
narrative_check_lag_seconds_bucket{le="5"} 2
narrative_check_lag_seconds_bucket{le="10"} 2
narrative_check_lag_seconds_bucket{le="30"} 2
narrative_check_lag_seconds_bucket{le="60"} 2
narrative_check_lag_seconds_bucket{le="300"} 2
narrative_check_lag_seconds_bucket{le="+Inf"} 2
narrative_check_lag_seconds_sum 0.02
narrative_check_lag_seconds_count 2
# HELP narrative_check_runs_total Checks and detections recorded by this process.
# TYPE narrative_check_runs_total counter
narrative_check_runs_total{assertion="balance",outcome="failed"} 1
narrative_check_runs_total{assertion="balance",outcome="passed"} 1
narrative_check_runs_total{assertion="spike",outcome="errored"} 1
# HELP narrative_datums_total Datums that were stored, filtered by their level, or refused.
# TYPE narrative_datums_total counter
narrative_datums_total{by="worker",result="filtered"} 1
narrative_datums_total{by="worker",result="stored"} 1
# HELP narrative_messages_total Messages that this process sent, or gave up as undelivered; each stands for one notification or more.
# TYPE narrative_messages_total counter
narrative_messages_total{channel="email",state="sent"} 1
narrative_messages_total{channel="email",state="undelivered"} 0
narrative_messages_total{channel="slack",state="sent"} 0
narrative_messages_total{channel="slack",state="undelivered"} 0
narrative_messages_total{channel="webhook",state="sent"} 0
narrative_messages_total{channel="webhook",state="undelivered"} 0
`
	err := testutil.GatherAndCompare(m.registry, strings.NewReader(want), "narrative_build_info", "narrative_check_lag_seconds",
		"narrative_check_runs_total", "narrative_datums_total", "narrative_messages_total")
	if err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(m.registry, "narrative_check_duration_seconds"); n != 2 || err != nil {
		t.Errorf("%d series of the duration, by outcome; %v", n, err)
	}
}

func TestNamesBeyondTheBoundAreCountedTogether(t *testing.T) {
	t.Parallel()
	m := newMetrics("dev")
	for n := range maxNames + 50 {
		m.Checked(activities.Checked{Name: fmt.Sprintf("a%d", n), Outcome: narrative.OutcomePassed})
	}
	m.Checked(activities.Checked{Name: "a0", Outcome: narrative.OutcomePassed})
	if n := testutil.CollectAndCount(m.checks); n != maxNames+1 {
		t.Errorf("%d series; want %d", n, maxNames+1)
	}
	if n := testutil.ToFloat64(m.checks.WithLabelValues(otherName, "passed")); n != 50 {
		t.Errorf("%v are counted as other; want 50", n)
	}
	if n := testutil.ToFloat64(m.checks.WithLabelValues("a0", "passed")); n != 2 {
		t.Errorf("a0 is counted %v times; want 2", n)
	}
}

func TestTheSDKsMetricsAreKept(t *testing.T) {
	t.Parallel()
	m := newMetrics("dev")
	plain := temporalHandler{all: m.temporal}
	tagged := plain.WithTags(map[string]string{"namespace": "default", "operation": "Poll-It"})
	again := plain.WithTags(map[string]string{"operation": "Poll-It"}).WithTags(map[string]string{"namespace": "default"})
	tagged.Counter("temporal_request").Inc(2)
	again.Counter("temporal_request").Inc(3)
	again.Counter("temporal_request").Inc(-1) // nothing that a counter could do
	plain.Counter("temporal_request").Inc(7)
	plain.Gauge("temporal_worker_task_slots_available").Update(5)
	plain.Gauge("temporal_worker_task_slots_available").Update(4)
	plain.WithTags(map[string]string{"bad-tag": "\xff"}).Gauge("odd.name").Update(1)
	want := `
# HELP narrative_temporal_odd_name Of the Temporal SDK.
# TYPE narrative_temporal_odd_name gauge
narrative_temporal_odd_name{bad_tag="�"} 1
# HELP narrative_temporal_request_total Of the Temporal SDK.
# TYPE narrative_temporal_request_total counter
narrative_temporal_request_total 7
narrative_temporal_request_total{namespace="default",operation="Poll-It"} 5
# HELP narrative_temporal_worker_task_slots_available Of the Temporal SDK.
# TYPE narrative_temporal_worker_task_slots_available gauge
narrative_temporal_worker_task_slots_available 4
`
	err := testutil.GatherAndCompare(m.registry, strings.NewReader(want), "narrative_temporal_odd_name",
		"narrative_temporal_request_total", "narrative_temporal_worker_task_slots_available")
	if err != nil {
		t.Error(err)
	}
	tagged.Timer("temporal_request_latency").Record(30 * time.Millisecond)
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "narrative_temporal_request_latency_seconds" {
			if h := f.GetMetric()[0].GetHistogram(); h.GetSampleCount() != 1 || h.GetSampleSum() != 0.03 {
				t.Errorf("the timer has %v", h)
			}
			return
		}
	}
	t.Error("the timer is not told")
}

func TestTheSDKsSeriesAreBounded(t *testing.T) {
	t.Parallel()
	all := newTemporalMetrics()
	for n := range maxTemporalSeries + 10 {
		temporalHandler{all: all}.WithTags(map[string]string{"n": fmt.Sprint(n)}).Counter("temporal_x").Inc(1)
	}
	if n := testutil.CollectAndCount(all); n != maxTemporalSeries+1 {
		t.Errorf("%d series; want %d", n, maxTemporalSeries+1)
	}
	if n := testutil.ToFloat64(all.dropped); n != 10 {
		t.Errorf("%v dropped; want 10", n)
	}
}
