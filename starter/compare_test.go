package starter

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	narrative "github.com/narrative-go/narrative"
)

func TestTriggersAreComparedWithTheMetas(t *testing.T) {
	t.Parallel()
	check := func(name string, enabled bool, trigger narrative.Trigger) Check {
		m := every(name, time.Minute)
		m.Enabled, m.Trigger = enabled, trigger
		return Check{narrative.AssertionKind, m}
	}
	well, stale, moved := check("well", true, ""), check("stale", true, ""), check("moved", true, narrative.TriggerSchedule)
	checks := []Check{well, stale, moved, check("b-missing", true, ""), check("a-missing", true, ""), check("disabled", false, ""), check("off", false, "")}
	held := map[narrative.Trigger]map[string]string{
		narrative.TriggerCron: {
			well.ID(): well.Memo().Fingerprint, stale.ID(): "another", moved.ID(): moved.Memo().Fingerprint,
			"assertion/disabled": "x", "event/gone": "x",
		},
		narrative.TriggerSchedule: {moved.ID(): moved.Memo().Fingerprint},
	}
	got := compared(checks, held, func(c Check) narrative.Trigger {
		if c.Meta.Trigger != "" {
			return c.Meta.Trigger
		}
		return narrative.TriggerCron
	})
	want := Compared{
		Held: 2, Missing: []string{"assertion/a-missing", "assertion/b-missing"}, Stale: []string{"assertion/stale"},
		Surplus: []string{"assertion/disabled", "assertion/moved", "event/gone"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
