package starter

import (
	"fmt"
	"testing"
	"time"

	"github.com/robfig/cron/v3"

	narrative "github.com/narrative-go/narrative"
)

func every(name string, d time.Duration) narrative.Meta {
	return narrative.Meta{Name: name, Every: narrative.Duration(d)}
}

func TestCronSpec(t *testing.T) {
	t.Parallel()
	parser := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)
	for _, c := range []struct {
		every    time.Duration
		calendar bool // else @every
	}{
		{time.Second, false},
		{time.Minute, false},
		{90 * time.Second, false},
		{5 * time.Minute, true},
		{7 * time.Minute, false},
		{30 * time.Minute, true},
		{time.Hour, true},
		{90 * time.Minute, false},
		{6 * time.Hour, true},
		{5 * time.Hour, false},
		{24 * time.Hour, true},
		{48 * time.Hour, false},
	} {
		t.Run(c.every.String(), func(t *testing.T) {
			t.Parallel()
			spec := CronSpec(every("invoices-balance", c.every))
			if got := spec[0] != '@'; got != c.calendar {
				t.Errorf("spec %q; want a calendar expression: %t", spec, c.calendar)
			}
			schedule, err := parser.Parse(spec)
			if err != nil {
				t.Fatalf("spec %q: %v", spec, err)
			}
			at := schedule.Next(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
			for range 50 {
				next := schedule.Next(at)
				if next.Sub(at) != c.every {
					t.Fatalf("spec %q ticks at %s and then at %s; want %s apart", spec, at, next, c.every)
				}
				at = next
			}
		})
	}
}

// TestCronKeepsItsTimeZone ticks at nine in Paris before and after the clocks change.
func TestCronKeepsItsTimeZone(t *testing.T) {
	t.Parallel()
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	schedule, err := cron.ParseStandard(CronSpec(narrative.Meta{Cron: "0 9 * * *", Timezone: "Europe/Paris"}))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC)
	offsets := map[int]bool{}
	for range 5 {
		at = schedule.Next(at)
		_, offset := at.In(paris).Zone()
		offsets[offset] = true
		if at.In(paris).Hour() != 9 {
			t.Errorf("it ticks at %s; want nine o'clock", at.In(paris))
		}
	}
	if len(offsets) != 2 {
		t.Errorf("offsets %v; want winter's and summer's", offsets)
	}
}

// TestPhasesAreSpread sets a thousand hourly metas going by each trigger: no minute has more than twice the mean.
func TestPhasesAreSpread(t *testing.T) {
	t.Parallel()
	const metas = 1000
	crons, schedules := map[string]int{}, map[time.Duration]int{}
	for n := range metas {
		m := every(fmt.Sprintf("check-%d", n), time.Hour)
		crons[CronSpec(m)]++
		o := (&scheduleTrigger{}).options(Check{narrative.AssertionKind, m})
		schedules[o.Spec.Intervals[0].Offset.Truncate(time.Minute)]++
	}
	for at, n := range crons {
		if n > 2*metas/60 {
			t.Errorf("cron: %d metas tick at %q; want at most %d", n, at, 2*metas/60)
		}
	}
	for at, n := range schedules {
		if n > 2*metas/60 {
			t.Errorf("schedule: %d metas tick in minute %s; want at most %d", n, at, 2*metas/60)
		}
	}
}

// TestFingerprint changes with everything that a trigger is made from, and with nothing else.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	base := narrative.Meta{Name: "a", Every: narrative.Duration(time.Minute), Severity: narrative.SeverityError}
	fingerprint := func(change func(*narrative.Meta)) string {
		m := base
		change(&m)
		return Check{narrative.AssertionKind, m}.Memo().Fingerprint
	}
	same := fingerprint(func(*narrative.Meta) {})
	for name, change := range map[string]func(*narrative.Meta){
		"interval": func(m *narrative.Meta) { m.Every *= 2 },
		"cron":     func(m *narrative.Meta) { m.Every, m.Cron = 0, "* * * * *" },
		"timezone": func(m *narrative.Meta) { m.Timezone = "Europe/Paris" },
		"queue":    func(m *narrative.Meta) { m.Queue = "other" },
		"timeout":  func(m *narrative.Meta) { m.Timeout = narrative.Duration(time.Second) },
		"severity": func(m *narrative.Meta) { m.Severity = narrative.SeverityCritical },
	} {
		if fingerprint(change) == same {
			t.Errorf("another %s has the same fingerprint", name)
		}
	}
	if got := fingerprint(func(m *narrative.Meta) { m.Args, m.Revision = []byte(`{"a":1}`), 7 }); got != same {
		t.Error("other arguments have another fingerprint; want the trigger left alone")
	}
}
