package narrative_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/narrative-go/narrative"
)

// seeds are how many random histories each property is tried with.
const seeds = 50

// dawn is when the histories of these tests begin.
var dawn = time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)

// after is a time so many seconds after dawn.
func after(seconds float64) time.Time {
	return dawn.Add(time.Duration(seconds * float64(time.Second)).Round(time.Microsecond))
}

// beats are successes so many seconds after dawn.
func beats(seconds ...float64) []narrative.Mark {
	marks := make([]narrative.Mark, len(seconds))
	for i, s := range seconds {
		marks[i].At = after(s)
	}
	return marks
}

// failed adds failures to beats.
func failed(marks []narrative.Mark, seconds ...float64) []narrative.Mark {
	for _, s := range seconds {
		marks = append(marks, narrative.Mark{At: after(s), Fail: true})
	}
	slices.SortStableFunc(marks, func(a, b narrative.Mark) int { return a.At.Compare(b.At) })
	return marks
}

// story tells periods oldest first, such as: up 0-3, down 3-.
func story(u narrative.Uptime) (told []string) {
	for _, p := range slices.Backward(u.Items) {
		line := fmt.Sprintf("%s %v-", p.State, p.From.Sub(dawn).Seconds())
		if p.To != nil {
			line += fmt.Sprint(p.To.Sub(dawn).Seconds())
		}
		told = append(told, line)
	}
	return told
}

// toTheLast is the history as it was at the last beat.
func toTheLast(marks []narrative.Mark) narrative.Uptime {
	return narrative.UptimeOf(narrative.UptimeQuery{Now: marks[len(marks)-1].At}, slices.Values(marks))
}

func TestUptimeOf(t *testing.T) {
	t.Parallel()
	every := func(step float64, from, to float64) (seconds []float64) {
		for s := from; s <= to; s += step {
			seconds = append(seconds, s)
		}
		return seconds
	}
	minutely := every(60, 0, 600)
	for name, tt := range map[string]struct {
		query narrative.UptimeQuery
		marks []narrative.Mark
		want  []string
		up    float64
	}{
		"the original's three clusters": {
			narrative.UptimeQuery{Now: after(50)},
			beats(1, 2, 3, 14, 15, 16, 17, 18, 45, 46, 47, 48, 49, 50),
			[]string{"up 1-3", "down 3-14", "up 14-18", "down 18-45", "up 45-"},
			100 * 11.0 / 49,
		},
		"two gaps of ten minutes in beats of 20 s": {
			narrative.UptimeQuery{Now: after(1500)},
			beats(slices.Concat(every(20, 0, 100), every(20, 700, 800), every(20, 1400, 1500))...),
			[]string{"up 0-100", "down 100-700", "up 700-800", "down 800-1400", "up 1400-"},
			20,
		},
		"the middle distance is the outage": {
			narrative.UptimeQuery{Now: after(106)},
			beats(0, 1, 2, 3, 103, 104, 105, 106),
			[]string{"up 0-3", "down 3-103", "up 103-"},
			100 * 6.0 / 106,
		},
		"a beat 5 s ago is up":                 {narrative.UptimeQuery{Now: after(605)}, beats(minutely...), []string{"up 0-"}, 100},
		"silent for 5000 s is down":            {narrative.UptimeQuery{Now: after(5600)}, beats(minutely...), []string{"up 0-600", "down 600-"}, 100 * 600.0 / 5600},
		"silent for the threshold is up":       {narrative.UptimeQuery{Now: after(780)}, beats(minutely...), []string{"up 0-"}, 100},
		"a threshold that is given":            {narrative.UptimeQuery{Now: after(700), Threshold: duration("90s")}, beats(minutely...), []string{"up 0-600", "down 600-"}, 100 * 600.0 / 700},
		"one beat has no measure":              {narrative.UptimeQuery{Now: after(1e6)}, beats(0), []string{"up 0-"}, 100},
		"one beat this moment":                 {narrative.UptimeQuery{Now: after(0)}, beats(0), []string{"up 0-"}, 100},
		"one failure this moment":              {narrative.UptimeQuery{Now: after(0)}, failed(nil, 0), []string{"down 0-"}, 0},
		"beats of one moment are one":          {narrative.UptimeQuery{Now: after(3)}, beats(0, 0, 0, 0, 1, 1, 1, 2, 2, 3), []string{"up 0-"}, 100},
		"of an even number the two in between": {narrative.UptimeQuery{Now: after(19)}, beats(0, 1, 4, 13), []string{"up 0-"}, 100}, // 1, 3, 9
		"a failure is down until a success": {
			narrative.UptimeQuery{Now: after(600)},
			failed(beats(minutely...), 90, 110, 130),
			[]string{"up 0-90", "down 90-120", "up 120-130", "down 130-180", "up 180-"},
			100 * 520.0 / 600,
		},
		"a failure that lasts": {narrative.UptimeQuery{Now: after(1200)}, failed(beats(minutely...), 630, 690), []string{"up 0-630", "down 630-"}, 52.5},
		"a failure is a sign of life": {
			narrative.UptimeQuery{Now: after(1200)},
			failed(beats(0, 60, 120, 180, 1200), 240),
			[]string{"up 0-240", "down 240-1200", "up 1200-"},
			20,
		},
		"a failure after a silence": {
			narrative.UptimeQuery{Now: after(1200)},
			failed(beats(0, 60, 120, 180, 1200), 1000),
			[]string{"up 0-180", "down 180-1200", "up 1200-"},
			15,
		},
		"failures alone":             {narrative.UptimeQuery{Now: after(100)}, failed(nil, 0, 50), []string{"down 0-"}, 0},
		"a window within a period":   {narrative.UptimeQuery{Since: after(100), Until: after(200), Now: after(1e6)}, beats(minutely...), []string{"up 100-"}, 100},
		"a window that begins down":  {narrative.UptimeQuery{Since: after(500), Now: after(1000)}, beats(0, 60, 120, 900, 960), []string{"down 500-900", "up 900-"}, 20},
		"a window after all":         {narrative.UptimeQuery{Since: after(1000), Now: after(2000)}, beats(minutely...), []string{"down 1000-"}, 0},
		"a window before all":        {narrative.UptimeQuery{Until: after(-5), Now: after(2000)}, beats(minutely...), nil, math.NaN()},
		"a window that ends down":    {narrative.UptimeQuery{Until: after(200), Now: after(2000)}, beats(0, 60, 120, 900, 960), []string{"up 0-120", "down 120-"}, 60},
		"a window begins at a beat":  {narrative.UptimeQuery{Since: after(60), Now: after(600)}, beats(minutely...), []string{"up 60-"}, 100},
		"a window that is in future": {narrative.UptimeQuery{Until: after(9e9), Now: after(600)}, beats(minutely...), []string{"up 0-"}, 100},
		"no beats":                   {narrative.UptimeQuery{Now: after(0)}, nil, nil, math.NaN()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := narrative.UptimeOf(tt.query, slices.Values(tt.marks))
			same(t, tt.want, story(got))
			up := math.NaN()
			if got.Uptime != nil {
				up = *got.Uptime
			}
			if math.Abs(up-tt.up) > 1e-9 || math.IsNaN(up) != math.IsNaN(tt.up) {
				t.Errorf("it was up for %v %% of the time, want %v", up, tt.up)
			}
		})
	}
}

func TestUptimeOfSaysWhatItMeasuredBy(t *testing.T) {
	t.Parallel()
	got := narrative.UptimeOf(narrative.UptimeQuery{Since: after(15), Now: after(40), Limit: 2}, slices.Values(failed(beats(0, 10, 20, 30, 40), 22, 32)))
	percent, until := 100*(25.0-16)/25, after(40)
	same(t, narrative.Uptime{
		Uptime: &percent, Threshold: duration("30s"), Beats: 3, Omitted: 3,
		Items: []narrative.Period{{State: narrative.StateUp, From: after(40)}, {State: narrative.StateDown, From: after(32), To: &until}},
	}, got)
}

// jittered are beats a step apart, give or take, with outages of a length at random places.
func jittered(r *rand.Rand, n, outages int, step, jitter, outage float64) []narrative.Mark {
	silent := map[int]bool{}
	for len(silent) < outages {
		silent[1+r.IntN(n-2)] = true
	}
	at, marks := 0.0, make([]narrative.Mark, n)
	for i := range marks {
		marks[i].At = after(at)
		at += step + jitter*(2*r.Float64()-1)
		if silent[i] {
			at += outage
		}
	}
	return marks
}

func TestOutagesAreCountedExactly(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		n, outages           int
		step, jitter, outage float64
	}{
		"ten of an hour in 100,000 beats every 30 s": {100_000, 10, 30, 2, 3600},
		"none in 100,000 beats every 30 s":           {100_000, 0, 30, 2, 0},
		"three of four hours in beats every 30 min":  {672, 3, 1800, 300, 4 * 3600},
		"none in beats every 30 min":                 {672, 0, 1800, 300, 0},
		"three in regular beats":                     {672, 3, 1800, 5, 4 * 3600},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(seeds) {
				u := toTheLast(jittered(rand.New(rand.NewPCG(seed, 0)), tt.n, tt.outages, tt.step, tt.jitter, tt.outage))
				down := 0
				for _, p := range u.Items {
					if p.State == narrative.StateDown {
						down++
					}
				}
				if down != tt.outages || u.Beats != tt.n {
					t.Errorf("seed %d: %d outages in %d beats, want %d in %d", seed, down, u.Beats, tt.outages, tt.n)
				}
			}
		})
	}
}

// TestPeriodsFollowOneAnother tries random histories and windows.
func TestPeriodsFollowOneAnother(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		marks := jittered(r, 3+r.IntN(60), r.IntN(2), 60, 50, 900)
		for i := range marks {
			marks[i].Fail = r.IntN(5) == 0
		}
		q := narrative.UptimeQuery{Now: after(float64(r.IntN(6000))), Threshold: narrative.Duration(r.IntN(2) * 100 * int(time.Second))}
		if r.IntN(2) == 0 {
			q.Since = after(float64(r.IntN(3000)))
			q.Until = q.Since.Add(time.Duration(1+r.IntN(2000)) * time.Second)
		}
		u := narrative.UptimeOf(q, slices.Values(marks))
		wantConsistent(t, seed, q, u)
		q.Limit = 3
		few := narrative.UptimeOf(q, slices.Values(marks))
		same(t, u.Items[:min(3, len(u.Items))], few.Items)
		same(t, []any{u.Uptime, len(u.Items)}, []any{few.Uptime, few.Omitted + len(few.Items)})
	}
}

func wantConsistent(t *testing.T, seed uint64, q narrative.UptimeQuery, u narrative.Uptime) {
	t.Helper()
	up, total := time.Duration(0), time.Duration(0)
	for i, p := range u.Items {
		to := q.End()
		if p.To != nil {
			to = *p.To
		}
		total += to.Sub(p.From)
		if p.State == narrative.StateUp {
			up += to.Sub(p.From)
		}
		switch {
		case (p.To == nil) != (i == 0), to.Before(p.From), p.From.Before(q.Since),
			i > 0 && (!to.Equal(u.Items[i-1].From) || p.State == u.Items[i-1].State):
			t.Fatalf("seed %d: period %d does not fit: %v", seed, i, story(u))
		}
	}
	if u.Uptime != nil && total > 0 && math.Abs(*u.Uptime-100*float64(up)/float64(total)) > 1e-9 {
		t.Fatalf("seed %d: it was up for %v %% of the time, and the periods say %v of %v", seed, *u.Uptime, up, total)
	}
}
