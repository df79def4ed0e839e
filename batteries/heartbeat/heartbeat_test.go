package heartbeat

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// opened is a store in a file of the test's own.
func opened(t *testing.T) *persistence.Store {
	t.Helper()
	url := "sqlite:" + filepath.Join(t.TempDir(), "narrative.db")
	if _, _, err := persistence.Migrate(context.Background(), url); err != nil {
		t.Fatal(err)
	}
	store, err := persistence.Open(context.Background(), url, persistence.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// checked is the verdict at noon.
func checked(t *testing.T, store *persistence.Store, args string) narrative.Verdict {
	t.Helper()
	reg := narrative.NewRegistry()
	register(reg, func() time.Time { return noon })
	if p := reg.CheckArgs(narrative.AssertionKind, Class, json.RawMessage(args)); len(p) > 0 {
		t.Fatal(p)
	}
	made, err := reg.Assertion(Class, json.RawMessage(args))
	if err != nil {
		t.Fatal(err)
	}
	ctx := narrative.WithSurroundings(context.Background(), narrative.Surroundings{Datums: store})
	v, err := made.(narrative.Assertion).Check(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTheNewestBeatDecides(t *testing.T) {
	t.Parallel()
	quiet := func(v narrative.Verdict) narrative.Verdict { v.Reason = reasonQuiet; return v }
	for name, tt := range map[string]struct {
		beats []time.Duration // ago
		want  narrative.Verdict
	}{
		"just now": {
			[]time.Duration{0, time.Hour},
			narrative.Passed("backup beat 0s ago").With("last_beat", "2026-03-04T12:00:00Z").With("silent_for", "0s"),
		},
		"in time": {
			[]time.Duration{90 * time.Minute, 3 * time.Minute},
			narrative.Passed("backup beat 3m ago").With("last_beat", "2026-03-04T11:57:00Z").With("silent_for", "3m"),
		},
		"within the grace": {
			[]time.Duration{6 * time.Minute},
			narrative.Passed("backup beat 6m ago").With("last_beat", "2026-03-04T11:54:00Z").With("silent_for", "6m"),
		},
		"a moment too late": {
			[]time.Duration{6*time.Minute + time.Millisecond},
			quiet(narrative.Failed("backup has been silent for 6m; a beat is expected every 5m, give or take 1m").
				With("last_beat", "2026-03-04T11:53:59.999Z").With("silent_for", "6m")),
		},
		"long ago": {
			[]time.Duration{50*time.Hour + 20*time.Second},
			quiet(narrative.Failed("backup has been silent for 2d2h; a beat is expected every 5m, give or take 1m").
				With("last_beat", "2026-03-02T09:59:40Z").With("silent_for", "2d2h")),
		},
		"never": {nil, narrative.Verdict{Summary: "no success of backup has ever arrived; one is expected every 5m", Reason: reasonNever}},
		"a clock a little ahead": {
			[]time.Duration{-2 * time.Second},
			narrative.Passed("backup beat 0s ago").With("last_beat", "2026-03-04T12:00:02Z").With("silent_for", "0s"),
		},
		"a beat from the future hides no silence": {
			[]time.Duration{-24 * time.Hour, time.Hour},
			quiet(narrative.Failed("backup has been silent for 1h; a beat is expected every 5m, give or take 1m").
				With("last_beat", "2026-03-04T11:00:00Z").With("silent_for", "1h")),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := opened(t)
			beats := []narrative.Datum{ // which are none of this heartbeat
				{Origin: narrative.HeartbeatOrigin, Name: "another", At: noon},
				{Origin: "elsewhere", Name: "backup", At: noon},
			}
			for _, ago := range tt.beats {
				beats = append(beats, narrative.Datum{Origin: narrative.HeartbeatOrigin, Name: "backup", At: noon.Add(-ago)})
			}
			if _, err := store.AddDatums(context.Background(), beats); err != nil {
				t.Fatal(err)
			}
			got := checked(t, store, `{"name":"backup","expect_every":"5m","grace":"1m"}`)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestAFailureCountsUntilTheNextSuccess(t *testing.T) {
	t.Parallel()
	type told struct {
		kind narrative.BeatKind
		ago  time.Duration
		note string
	}
	const success, start, fail = narrative.BeatSuccess, narrative.BeatStart, narrative.BeatFail
	failed := func(text string, details ...string) narrative.Verdict {
		v := narrative.Verdict{Summary: text, Reason: reasonFailed}
		for i := 0; i < len(details); i += 2 {
			v = v.With(details[i], details[i+1])
		}
		return v
	}
	for name, tt := range map[string]struct {
		told []told
		want narrative.Verdict
	}{
		"after a success": {
			[]told{{success, time.Hour, ""}, {fail, 10 * time.Minute, ""}, {fail, 3 * time.Minute, `"disk full\n"`}},
			failed("backup failed 3m ago: disk full; its last success was 1h ago",
				"failed_at", "2026-03-04T11:57:00Z", "last_beat", "2026-03-04T11:00:00Z", "note", "disk full\n"),
		},
		"while another run is under way": {
			[]told{{success, time.Hour, ""}, {fail, 3 * time.Minute, `"disk full"`}, {start, time.Minute, `"again"`}},
			failed("backup failed 3m ago: disk full; its last success was 1h ago",
				"failed_at", "2026-03-04T11:57:00Z", "last_beat", "2026-03-04T11:00:00Z", "note", "disk full"),
		},
		"without a success": {
			[]told{{start, time.Hour, ""}, {fail, time.Minute, ""}},
			failed("backup failed 1m ago; it has never succeeded", "failed_at", "2026-03-04T11:59:00Z"),
		},
		"with a long note": {
			[]told{{fail, time.Minute, `"` + strings.Repeat("ü", 300) + `"`}},
			failed("backup failed 1m ago: "+strings.Repeat("ü", 100)+"…; it has never succeeded",
				"failed_at", "2026-03-04T11:59:00Z", "note", strings.Repeat("ü", 300)),
		},
		"and not after it": {
			[]told{{fail, 3 * time.Minute, ""}, {success, 2 * time.Minute, ""}},
			narrative.Passed("backup beat 2m ago").With("last_beat", "2026-03-04T11:58:00Z").With("silent_for", "2m"),
		},
		"and a start is none": {
			[]told{{start, time.Minute, ""}},
			narrative.Verdict{Summary: "no success of backup has ever arrived; one is expected every 5m", Reason: reasonNever},
		},
		"and a run under way is as silent as before": {
			[]told{{success, time.Hour, ""}, {start, time.Minute, ""}},
			narrative.Verdict{Summary: "backup has been silent for 1h; a beat is expected every 5m", Reason: reasonQuiet}.
				With("last_beat", "2026-03-04T11:00:00Z").With("silent_for", "1h"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := opened(t)
			for _, b := range tt.told {
				if _, _, err := store.Beat(context.Background(), narrative.Beat{
					Name: "backup", Kind: b.kind, At: noon.Add(-b.ago), Note: json.RawMessage(b.note),
				}, time.Hour); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(tt.want, checked(t, store, `{"name":"backup","expect_every":"5m"}`)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestARunHangs(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		told   map[narrative.BeatKind]time.Duration // ago
		reason string
	}{
		"while it may still go on":          {map[narrative.BeatKind]time.Duration{narrative.BeatSuccess: time.Hour, narrative.BeatStart: 10 * time.Minute}, ""},
		"a moment later":                    {map[narrative.BeatKind]time.Duration{narrative.BeatSuccess: time.Hour, narrative.BeatStart: 10*time.Minute + time.Millisecond}, reasonHung},
		"also the first one":                {map[narrative.BeatKind]time.Duration{narrative.BeatStart: time.Hour}, reasonHung},
		"not when it has ended":             {map[narrative.BeatKind]time.Duration{narrative.BeatStart: time.Hour, narrative.BeatSuccess: 40 * time.Minute}, ""},
		"and a failure is told before that": {map[narrative.BeatKind]time.Duration{narrative.BeatStart: time.Hour, narrative.BeatFail: 50 * time.Minute}, reasonFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := opened(t)
			for kind, ago := range tt.told {
				if _, _, err := store.Beat(context.Background(), narrative.Beat{Name: "backup", Kind: kind, At: noon.Add(-ago)}, 0); err != nil {
					t.Fatal(err)
				}
			}
			v := checked(t, store, `{"name":"backup","expect_every":"1d","max_runtime":"10m"}`)
			if v.Reason != tt.reason || v.Passed != (tt.reason == "") {
				t.Errorf("%+v; want the reason %q", v, tt.reason)
			}
			if tt.reason == reasonHung && !strings.HasSuffix(v.Summary, "and has not ended; it may take 10m") {
				t.Errorf("it is said that %s", v.Summary)
			}
		})
	}
}

func TestArgumentsAreValidated(t *testing.T) {
	t.Parallel()
	reg := narrative.NewRegistry()
	Register(reg)
	for args, want := range map[string]narrative.Problem{
		`{"expect_every":"1m"}`:                                {Path: "args.name", Message: "is required: the heartbeat's, such as nightly-backup"},
		`{"name":"A b","expect_every":"1m"}`:                   {Path: "args.name", Message: `name "A b" must be 1 to 63 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit`},
		`{"name":"a"}`:                                         {Path: "args.expect_every", Message: "is required: how far apart beats are, such as 5m"},
		`{"name":"a","expect_every":"-1m"}`:                    {Path: "args.expect_every", Message: "must not be negative"},
		`{"name":"a","expect_every":60}`:                       {Path: "args.expect_every", Message: `60 is not a duration such as "90s", "5m", "1h" or "30d"`},
		`{"name":"a","expect_every":"1m","grace":"-1s"}`:       {Path: "args.grace", Message: "must not be negative"},
		`{"name":"a","expect_every":"1m","max_runtime":"-1s"}`: {Path: "args.max_runtime", Message: "must not be negative"},
		`{"name":"a","expect_every":"1m","every":"1s"}`:        {Path: "args.every", Message: `is not a known field (known: name, expect_every, grace, max_runtime)`},
	} {
		got := reg.CheckArgs(narrative.AssertionKind, Class, json.RawMessage(args))
		if diff := cmp.Diff(narrative.Problems{want}, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", args, diff)
		}
	}
	if p := reg.CheckArgs(narrative.AssertionKind, Class, json.RawMessage(`{"name":"${env:N}","expect_every":"1m"}`)); p != nil {
		t.Error(p)
	}
}

func TestOutsideOfACheckThereAreNoBeats(t *testing.T) {
	t.Parallel()
	if _, err := (pulse{Args{Name: "a", ExpectEvery: 1}, time.Now}).Check(context.Background()); narrative.KindOf(err) != narrative.Unavailable {
		t.Errorf("got %v", err)
	}
}
