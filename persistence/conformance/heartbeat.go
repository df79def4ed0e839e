package conformance

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/narrative-go/narrative"
)

func beatOf(name string, kind narrative.BeatKind, after time.Duration, note string) narrative.Beat {
	return narrative.Beat{Name: name, Kind: kind, At: at(after), Note: json.RawMessage(note)}
}

// beat keeps a beat and tells whether it was stored.
func (b *bench) beat(beat narrative.Beat, minInterval time.Duration) bool {
	b.Helper()
	d, stored, err := b.store.Beat(b.ctx, beat, minInterval)
	b.do(err)
	listed := must(b.store.Datums(b.ctx, narrative.DatumQuery{IDs: []string{d.ID}}, narrative.Page{}))(b).Items
	if stored != (len(listed) == 1) {
		b.Errorf("of %+v it was said that it was stored: %v; there are %d", beat, stored, len(listed))
	}
	if stored {
		b.same("stored", d, listed[0])
	}
	return stored
}

// known is what is known of a heartbeat a while after the start.
func (b *bench) known(name string, after time.Duration) narrative.Heartbeat {
	b.Helper()
	return must(b.store.Heartbeat(b.ctx, name, at(after)))(b)
}

const success, begin, fail = narrative.BeatSuccess, narrative.BeatStart, narrative.BeatFail

var null = json.RawMessage("null")

var heartbeatTests = map[string]func(*bench){
	"the last beat of each kind is known": func(b *bench) {
		b.beat(beatOf("backup", begin, 0, ""), time.Second)
		b.beat(beatOf("backup", "", time.Minute, `{ "files" : 1.50 }`), time.Second)
		want := narrative.Heartbeat{Name: "backup", LastStart: keptPtr(0), LastSuccess: keptPtr(time.Minute), Kind: success, Note: json.RawMessage(`{"files":1.50}`), FailNote: null}
		b.same("after a success", want, b.known("backup", time.Hour))
		b.beat(beatOf("backup", fail, 2*time.Minute, `"disk full"`), time.Second)
		b.beat(beatOf("backup", begin, 3*time.Minute, ``), time.Second)
		want.LastStart, want.LastFail, want.Kind, want.Note, want.FailNote = keptPtr(3*time.Minute), keptPtr(2*time.Minute), begin, null, json.RawMessage(`"disk full"`)
		b.same("after a failure and another start", want, b.known("backup", time.Hour))
		b.same("listed", []narrative.Heartbeat{want}, must(b.store.Heartbeats(b.ctx, narrative.Page{}))(b).Items)
	},
	"a beat is a datum": func(b *bench) {
		for _, test := range []struct {
			kind  narrative.BeatKind
			name  string
			level narrative.Level
		}{{"", "a.b-c_1", narrative.Info}, {success, "a.b-c_1", narrative.Info}, {begin, "a.b-c_1/start", narrative.Info}, {fail, "a.b-c_1/fail", narrative.ErrorLevel}} {
			beat := beatOf("a.b-c_1", test.kind, 0, `{"n":1}`)
			beat.ExpiresAt = ptr(time.Hour)
			got, stored, err := b.store.Beat(b.ctx, beat, 0)
			b.do(err)
			want := narrative.Datum{Origin: narrative.HeartbeatOrigin, Name: test.name, Note: json.RawMessage(`{"n":1}`), Level: test.level, At: kept(0), ExpiresAt: keptPtr(time.Hour)}
			b.same("stored", true, stored)
			b.same("datum", want, got, cmpopts.IgnoreFields(narrative.Datum{}, "ID", "ThreadID"))
			b.same("found", 1, must(b.store.CountDatums(b.ctx, narrative.DatumQuery{Text: "a.b-c_1", IDs: []string{got.ID}}))(b))
		}
	},
	"an older beat does not take a newer one's place": func(b *bench) {
		for _, kind := range []narrative.BeatKind{success, begin, fail} {
			name := "late-" + string(kind)
			b.beat(beatOf(name, kind, time.Hour, `"newer"`), 0)
			before := b.known(name, 2*time.Hour)
			b.beat(beatOf(name, kind, 0, `"older"`), 0)
			b.same(name, before, b.known(name, 2*time.Hour))
		}
		b.beat(beatOf("late-fail", success, 30*time.Minute, `"between"`), 0)
		h := b.known("late-fail", 2*time.Hour)
		b.same("a success in between", []any{fail, `"newer"`, keptPtr(30 * time.Minute)}, []any{h.Kind, string(h.Note), h.LastSuccess})
	},
	"successes are stored no oftener than the interval, and always known": func(b *bench) {
		var stored []int
		for i := range 13 {
			if b.beat(beatOf("often", success, time.Duration(i)*10*time.Second, fmt.Sprint(i)), 30*time.Second) {
				stored = append(stored, 10*i)
			}
		}
		b.same("stored", []int{0, 30, 60, 90, 120}, stored)
		b.same("another", true, b.beat(beatOf("another", success, 0, ""), 30*time.Second))
		h := b.known("often", time.Hour)
		b.same("last", []any{keptPtr(2 * time.Minute), "12"}, []any{h.LastSuccess, string(h.Note)})
		b.same("an interval later to the digit", false, b.beat(beatOf("often", success, 2*time.Minute+30*time.Second-time.Microsecond, ""), 30*time.Second))
		b.same("without an interval", true, b.beat(beatOf("often", success, 2*time.Minute+30*time.Second, ""), 0))
		b.same("after which it counts anew", false, b.beat(beatOf("often", success, 2*time.Minute+31*time.Second, ""), 30*time.Second))
	},
	"starts and failures are stored always, and the success that ends a failure": func(b *bench) {
		const never = 1000 * time.Hour
		b.same("first", true, b.beat(beatOf("a", success, 0, ""), never))
		for i := range 3 {
			b.same("start", true, b.beat(beatOf("a", begin, time.Duration(i)*time.Second, ""), never))
			b.same("fail", true, b.beat(beatOf("a", fail, time.Duration(i)*time.Second, ""), never))
		}
		b.same("success after", true, b.beat(beatOf("a", success, 3*time.Second, ""), never))
		b.same("success after that", false, b.beat(beatOf("a", success, 4*time.Second, ""), never))
	},
	"a beat from the future does not silence those after it": func(b *bench) {
		b.beat(beatOf("a", success, 0, `"true"`), time.Second)
		b.beat(beatOf("a", success, 24*time.Hour, `"from the future"`), time.Second)
		b.same("stored", true, b.beat(beatOf("a", success, time.Minute, `"next"`), time.Second))
		h := b.known("a", 2*time.Minute)
		b.same("known", []any{keptPtr(time.Minute), `"next"`, success}, []any{h.LastSuccess, string(h.Note), h.Kind})
		b.same("a little ahead", keptPtr(time.Minute), b.known("a", 30*time.Second).LastSuccess)
	},
	"beats that are not kept follow one from the future as well": func(b *bench) {
		for _, kind := range []narrative.BeatKind{success, begin, fail} {
			b.beat(beatOf("a", kind, 2*time.Hour, `"from the future"`), time.Hour)
			for i := range 26 {
				b.beat(beatOf("a", kind, time.Duration(i)*time.Minute, fmt.Sprint(i)), time.Hour)
			}
			h := b.known("a", 25*time.Minute)
			last := map[narrative.BeatKind]*time.Time{success: h.LastSuccess, begin: h.LastStart, fail: h.LastFail}
			b.same(string(kind), []any{keptPtr(25 * time.Minute), "25", kind}, []any{last[kind], string(h.Note), h.Kind})
		}
		b.same("listed", keptPtr(25*time.Minute), must(b.store.Heartbeats(b.ctx, narrative.Page{}))(b).Items[0].LastSuccess)
	},
	"of a hundred beats at once one is stored": func(b *bench) {
		for round := range 2 {
			var stored atomic.Int64
			errs := together(100, func(i int) error {
				_, kept, err := b.store.Beat(b.ctx, beatOf("busy", success, time.Duration(round)*time.Hour+time.Duration(i)*time.Millisecond, ""), time.Minute)
				if kept {
					stored.Add(1)
				}
				return err
			})
			b.same("errors", make([]error, 100), errs)
			b.same("said to be stored", int64(1), stored.Load())
			b.same("stored", round+1, must(b.store.CountDatums(b.ctx, narrative.DatumQuery{Origin: narrative.HeartbeatOrigin}))(b))
			b.same("last", keptPtr(time.Duration(round)*time.Hour+99*time.Millisecond), b.known("busy", 2*time.Hour).LastSuccess)
		}
	},
	"beats that were written as datums count, too": func(b *bench) {
		add := func(name, note string, after time.Duration, expires *time.Time) {
			must(b.store.AddDatums(b.ctx, []narrative.Datum{{Origin: narrative.HeartbeatOrigin, Name: name, Note: json.RawMessage(note), At: at(after), ExpiresAt: expires}}))(b)
		}
		add("a", `"written"`, 0, nil)
		add("a", `"expired"`, time.Minute, ptr(2*time.Minute))
		add("a", `"from the future"`, 24*time.Hour, nil)
		add("a/other", `1`, time.Minute, nil)
		must(b.store.AddDatums(b.ctx, []narrative.Datum{{Origin: "elsewhere", Name: "a", At: at(time.Hour)}}))(b)
		want := narrative.Heartbeat{Name: "a", LastSuccess: keptPtr(0), Kind: success, Note: json.RawMessage(`"written"`), FailNote: null}
		b.same("written", want, b.known("a", time.Hour))
		b.same("before it expires", keptPtr(time.Minute), b.known("a", 90*time.Second).LastSuccess)
		b.beat(beatOf("a", fail, 10*time.Minute, `"told"`), 0)
		add("a/fail", `"written"`, 9*time.Minute, nil)
		add("a", `"again"`, 11*time.Minute, nil)
		want.LastSuccess, want.LastFail, want.Note, want.FailNote = keptPtr(11*time.Minute), keptPtr(10*time.Minute), json.RawMessage(`"again"`), json.RawMessage(`"told"`)
		b.same("both", want, b.known("a", time.Hour))
	},
	"the last beat outlives its datum": func(b *bench) {
		beat := beatOf("a", success, 0, `1`)
		beat.ExpiresAt = ptr(time.Minute)
		b.beat(beat, 0)
		must(b.store.SweepDatums(b.ctx, at(time.Hour), 10))(b)
		b.same("known", keptPtr(0), b.known("a", time.Hour).LastSuccess)
	},
	"a heartbeat that never beat is not found": func(b *bench) {
		for _, name := range []string{"none", "No Name", ""} {
			_, err := b.store.Heartbeat(b.ctx, name, at(0))
			b.refused(name, narrative.NotFound, err)
		}
		b.same("listed", 0, len(must(b.store.Heartbeats(b.ctx, narrative.Page{}))(b).Items))
	},
	"one that is removed is known no more, and another still is": func(b *bench) {
		for i := range 5 {
			for _, kind := range []narrative.BeatKind{success, begin, fail} {
				b.beat(beatOf("a", kind, time.Duration(i)*time.Minute, ""), 0)
				b.beat(beatOf("a.b", kind, time.Duration(i)*time.Minute, ""), 0)
			}
		}
		var removed []int
		for n := 4; n == 4; {
			n = must(b.store.RemoveHeartbeat(b.ctx, "a", 4))(b)
			removed = append(removed, n)
		}
		b.same("removed at a time", []int{4, 4, 4, 3}, removed)
		_, err := b.store.Heartbeat(b.ctx, "a", at(time.Hour))
		b.refused("known", narrative.NotFound, err)
		_, err = b.store.RemoveHeartbeat(b.ctx, "a", 4)
		b.refused("removed again", narrative.NotFound, err)
		_, err = b.store.RemoveHeartbeat(b.ctx, "a.b", 0)
		b.refused("a limit of none", narrative.Invalid, err)
		b.same("listed", 1, len(must(b.store.Heartbeats(b.ctx, narrative.Page{}))(b).Items))
		b.same("the other's datums", 15, must(b.store.CountDatums(b.ctx, narrative.DatumQuery{}))(b))
		b.same("it may beat again", true, b.beat(beatOf("a", success, time.Hour, ""), time.Hour))
	},
	"heartbeats are listed by name, in pages": func(b *bench) {
		var want, got []string
		for i := range 7 {
			name := fmt.Sprintf("h-%d", (i*3)%7)
			want = append(want, fmt.Sprintf("h-%d", i))
			b.beat(beatOf(name, success, 0, ""), 0)
		}
		for page := (narrative.Page{Limit: 3}); ; {
			list := must(b.store.Heartbeats(b.ctx, page))(b)
			for _, h := range list.Items {
				got = append(got, h.Name)
			}
			if page.Cursor = list.NextCursor; page.Cursor == "" {
				break
			}
		}
		b.same("names", want, got)
	},
	"a bad beat is refused by its field and changes nothing": func(b *bench) {
		good := beatOf("a", success, 0, "1")
		for field, edit := range map[string]func(*narrative.Beat){
			"name": func(x *narrative.Beat) { x.Name = "A b" },
			"kind": func(x *narrative.Beat) { x.Kind = "stop" },
			"note": func(x *narrative.Beat) { x.Note = json.RawMessage(`"\u0000"`) },
			"at":   func(x *narrative.Beat) { x.At = time.Time{} },
		} {
			bad := good
			edit(&bad)
			_, _, err := b.store.Beat(b.ctx, bad, 0)
			b.refused(field, narrative.Invalid, err)
			if err != nil && !strings.Contains(err.Error(), field+":") {
				b.Errorf("%v does not name %s", err, field)
			}
		}
		_, _, err := b.store.Beat(b.ctx, good, -1)
		b.refused("a negative interval", narrative.Invalid, err)
		b.same("stored", 0, must(b.store.CountDatums(b.ctx, narrative.DatumQuery{}))(b))
		b.same("known", 0, len(must(b.store.Heartbeats(b.ctx, narrative.Page{}))(b).Items))
	},
	"the interval between beats is configured": func(b *bench) {
		b.same("at first", narrative.Duration(time.Second), must(b.store.Config(b.ctx))(b).HeartbeatMinInterval)
		for _, interval := range []time.Duration{0, 30 * time.Minute} {
			c := narrative.DefaultConfig()
			c.HeartbeatMinInterval = narrative.Duration(interval)
			must(b.store.Apply(b.ctx, narrative.Manifest{Config: &c}, at(0)))(b)
			b.same("kept", c, must(b.store.Config(b.ctx))(b))
		}
	},
}
