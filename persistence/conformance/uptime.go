package conformance

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/narrative-go/narrative"
)

// addBeats stores marks as datums of a heartbeat.
func (b *bench) addBeats(name string, marks []narrative.Mark, expires *time.Time) {
	b.Helper()
	datums := make([]narrative.Datum, len(marks))
	for i, m := range marks {
		kind := narrative.BeatSuccess
		if m.Fail {
			kind = narrative.BeatFail
		}
		datums[i] = narrative.Beat{Name: name, Kind: kind, At: m.At, ExpiresAt: expires}.Datum()
	}
	must(b.store.AddDatums(b.ctx, datums))(b)
}

var uptimeTests = map[string]func(*bench){
	"the history is that of the beats, in any window": func(b *bench) {
		r := rand.New(rand.NewPCG(1, 2))
		var marks []narrative.Mark
		for at := kept(0); len(marks) < 2000; at = at.Add(30*time.Second + time.Duration(r.IntN(2e6))*time.Microsecond) {
			if r.IntN(100) == 0 {
				at = at.Add(time.Hour)
			}
			marks = append(marks, narrative.Mark{At: at, Fail: r.IntN(20) == 0})
		}
		shuffled := slices.Clone(marks)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		b.addBeats("a", shuffled, nil)
		b.addBeats("other", []narrative.Mark{{At: kept(-time.Hour)}}, nil)
		last := marks[len(marks)-1].At
		total := last.Sub(marks[0].At)
		for range 30 {
			q := narrative.UptimeQuery{Name: "a", Now: last.Add(time.Duration(r.Int64N(int64(time.Hour)))), Limit: 1 + r.IntN(100)}
			if r.IntN(3) > 0 {
				q.Since = marks[0].At.Add(time.Duration(r.Int64N(int64(total))))
				if r.IntN(2) == 0 {
					q.Until = q.Since.Add(time.Duration(1 + r.Int64N(int64(total))))
				}
			}
			if r.IntN(3) == 0 {
				q.Threshold = narrative.Duration(10 * time.Minute)
			}
			b.same("history", narrative.UptimeOf(q, around(q, marks)), must(b.store.Uptime(b.ctx, q))(b))
		}
	},
	"expired beats are left out of the history": func(b *bench) {
		b.addBeats("a", []narrative.Mark{{At: at(0)}, {At: at(time.Minute)}}, ptr(time.Hour))
		b.addBeats("a", []narrative.Mark{{At: at(2 * time.Minute)}, {At: at(3 * time.Minute)}}, nil)
		q := narrative.UptimeQuery{Name: "a", Now: at(time.Hour - time.Second)}
		b.same("before", 4, must(b.store.Uptime(b.ctx, q))(b).Beats)
		q.Now = at(time.Hour)
		u := must(b.store.Uptime(b.ctx, q))(b)
		b.same("after", 2, u.Beats)
		b.same("begins", kept(2*time.Minute), u.Items[len(u.Items)-1].From)
	},
	"what Beat keeps makes the history": func(b *bench) {
		for i := range 60 {
			b.beat(beatOf("a", success, time.Duration(i)*10*time.Second, ""), 30*time.Second)
		}
		b.beat(beatOf("a", begin, 601*time.Second, ""), 30*time.Second)
		b.beat(beatOf("a", fail, 602*time.Second, ""), 30*time.Second)
		b.beat(beatOf("a", success, 610*time.Second, ""), 30*time.Second)
		u := must(b.store.Uptime(b.ctx, narrative.UptimeQuery{Name: "a", Now: at(620 * time.Second)}))(b)
		want := []narrative.Period{
			{State: narrative.StateUp, From: kept(610 * time.Second)},
			{State: narrative.StateDown, From: kept(602 * time.Second), To: keptPtr(610 * time.Second)},
			{State: narrative.StateUp, From: kept(0), To: keptPtr(602 * time.Second)},
		}
		b.same("periods", want, u.Items)
		b.same("threshold", narrative.Duration(30*time.Second), u.Threshold)
	},
	"what was not kept is known all the same": func(b *bench) {
		r := rand.New(rand.NewPCG(3, 4))
		const most = 30 * time.Minute // between two that are kept, while the interval is at its longest
		interval := time.Second
		var marks []narrative.Mark
		for after := time.Duration(0); len(marks) < 600; after += 30*time.Second + time.Duration(r.IntN(2e6))*time.Microsecond {
			switch r.IntN(60) {
			case 0:
				after += most + time.Duration(r.Int64N(int64(most)))
			case 1:
				interval = []time.Duration{0, time.Second, 10 * time.Minute, most}[r.IntN(4)]
			}
			m := narrative.Mark{At: kept(after), Fail: r.IntN(100) == 0}
			kind := success
			if m.Fail {
				kind = fail
			}
			b.beat(beatOf("a", kind, after, ""), interval)
			marks = append(marks, m)
		}
		first, last := marks[0].At, marks[len(marks)-1].At
		total := last.Sub(first)
		for n := range 100 {
			q := narrative.UptimeQuery{Name: "a", Now: last.Add(time.Duration(r.Int64N(int64(time.Hour)))), Threshold: narrative.Duration(2 * time.Minute)}
			if n%3 > 0 {
				q.Since = first.Add(time.Duration(r.Int64N(int64(total))))
				if n%3 > 1 {
					q.Until = q.Since.Add(time.Duration(1 + r.Int64N(int64(total))))
				}
			}
			want, got := narrative.UptimeOf(q, slices.Values(marks)), must(b.store.Uptime(b.ctx, q))(b)
			b.same("periods", want.Items, got.Items)
			b.same("percentage", want.Uptime, got.Uptime)
		}
		u := must(b.store.Uptime(b.ctx, narrative.UptimeQuery{Name: "a", Now: last}))(b)
		if d := time.Duration(u.Threshold); d < 90*time.Second || d > 96*time.Second {
			b.Errorf("beats that come every 30 to 32 seconds may be %v apart; want three times that", d)
		}
	},
	"a silence begins with the last beat, kept or not": func(b *bench) {
		for i := range 109 {
			b.beat(beatOf("a", success, time.Duration(i)*5*time.Minute, ""), 30*time.Minute)
		}
		u := must(b.store.Uptime(b.ctx, narrative.UptimeQuery{Name: "a", Now: at(10*time.Hour + time.Minute)}))(b)
		want := []narrative.Period{
			{State: narrative.StateDown, From: kept(9 * time.Hour)},
			{State: narrative.StateUp, From: kept(0), To: keptPtr(9 * time.Hour)},
		}
		b.same("periods", want, u.Items)
		b.same("threshold", narrative.Duration(15*time.Minute), u.Threshold)
	},
	"of a heartbeat without beats nothing is known": func(b *bench) {
		b.same("history", narrative.Uptime{Items: []narrative.Period{}}, must(b.store.Uptime(b.ctx, narrative.UptimeQuery{Name: "none", Now: at(0)}))(b))
	},
	"a bad query of the history is refused": func(b *bench) {
		for what, q := range map[string]narrative.UptimeQuery{
			"a limit too high":      {Now: at(0), Limit: narrative.MaxPage + 1},
			"a negative threshold":  {Now: at(0), Threshold: -1},
			"no time":               {},
			"a window that is none": {Now: at(0), Since: at(0), Until: at(0)},
			"a name with \\u0000":   {Name: "a\x00", Now: at(0)},
		} {
			_, err := b.store.Uptime(b.ctx, q)
			b.refused(what, narrative.Invalid, err)
		}
	},
}

// around are the marks that count for a query: those in the window, a hundred successes and a failure before it, and
// one of either after it.
func around(q narrative.UptimeQuery, marks []narrative.Mark) func(func(narrative.Mark) bool) {
	before := map[bool]int{false: narrative.UptimeBefore, true: 1}
	after := map[bool]int{false: 1, true: 1}
	var taken []narrative.Mark
	for _, m := range slices.Backward(marks) {
		if m.At.Before(q.Since) {
			if before[m.Fail]--; before[m.Fail] < 0 {
				continue
			}
		}
		taken = append(taken, m)
	}
	slices.Reverse(taken)
	taken = slices.DeleteFunc(taken, func(m narrative.Mark) bool {
		if !m.At.After(q.End()) {
			return false
		}
		after[m.Fail]--
		return after[m.Fail] < 0
	})
	return slices.Values(taken)
}
