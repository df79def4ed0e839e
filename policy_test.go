package narrative_test

import (
	"testing"
	"time"

	"github.com/narrative-go/narrative"
)

func TestPolicyOf(t *testing.T) {
	t.Parallel()
	meta := func(edits ...func(*narrative.AssertionMeta)) narrative.AssertionMeta {
		m := narrative.AssertionMeta{Meta: narrative.Meta{Name: "a", Every: duration("1m")}}.WithDefaults()
		for _, edit := range edits {
			edit(&m)
		}
		return m
	}
	config := narrative.Config{
		Actions: narrative.ActionsApprove, Renotify: durations("1h"), Escalate: levels(level("2h", "ops@example.com")),
	}
	for name, tt := range map[string]struct {
		meta   narrative.AssertionMeta
		config narrative.Config
		want   narrative.Policy
	}{
		"has defaults": {
			meta(),
			narrative.Config{},
			narrative.Policy{Interval: time.Minute, MaxAttempts: 3, MaxPlans: 10, Actions: narrative.ActionsRun},
		},
		"of a new store runs what is proposed": {
			meta(), narrative.DefaultConfig(),
			narrative.Policy{Interval: time.Minute, MaxAttempts: 3, MaxPlans: 10, Actions: narrative.ActionsRun},
		},
		"is the configuration's where the meta says nothing": {
			meta(), config,
			narrative.Policy{
				Interval: time.Minute, MaxAttempts: 3, MaxPlans: 10, Actions: narrative.ActionsApprove,
				Renotify: durations("1h"), Escalate: levels(level("2h", "ops@example.com")),
			},
		},
		"is the meta's where it says something": {
			meta(func(m *narrative.AssertionMeta) {
				m.Every, m.Cron = 0, "0,20 * * * *"
				m.MaxAttempts, m.MaxPlans = 1, 2
				m.Renotify, m.Escalate = durations("5m", "1h"), levels(level("3h", "ann@example.com"))
			}), config,
			narrative.Policy{
				Interval: 20 * time.Minute, MaxAttempts: 1, MaxPlans: 2, Actions: narrative.ActionsApprove,
				Renotify: durations("5m", "1h"), Escalate: levels(level("3h", "ann@example.com")),
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, narrative.PolicyOf(tt.meta, tt.config))
		})
	}
}
