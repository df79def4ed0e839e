package datums

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

// world is a context with a store that holds, up to noon, 5 refunds of which 3 are in the last ten minutes, and an
// error.
func world(t *testing.T) context.Context {
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
	var all []narrative.Datum
	for _, ago := range []time.Duration{0, time.Minute, 10 * time.Minute, 11 * time.Minute, time.Hour} {
		all = append(all, narrative.Datum{
			Origin: "payments", Name: "refund", At: noon.Add(-ago), Note: json.RawMessage(`{"why":"Broken cup"}`), ThreadID: "t1",
		})
	}
	expired := noon
	all = append(
		all,
		narrative.Datum{Origin: "payments", Name: "refund", At: noon, ExpiresAt: &expired},
		narrative.Datum{Origin: "payments", Name: "refund", At: noon.Add(time.Hour)},
		narrative.Datum{Origin: "shop", Name: "crash", Level: narrative.ErrorLevel, At: noon.Add(-time.Minute), ThreadID: "t2", Note: json.RawMessage(`{"order":{"customer":42}}`)},
	)
	if _, err := store.AddDatums(context.Background(), all); err != nil {
		t.Fatal(err)
	}
	return narrative.WithSurroundings(context.Background(), narrative.Surroundings{Datums: store})
}

func registry() *narrative.Registry {
	reg := narrative.NewRegistry()
	register(reg, func() time.Time { return noon })
	return reg
}

func checked(ctx context.Context, t *testing.T, args string) narrative.Verdict {
	t.Helper()
	made, err := registry().Assertion(Class, json.RawMessage(args))
	if err != nil {
		t.Fatal(err)
	}
	v, err := made.(narrative.Assertion).Check(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func detected(ctx context.Context, t *testing.T, args string) []narrative.Occurrence {
	t.Helper()
	event, err := registry().Event(Class, json.RawMessage(args))
	if err != nil {
		t.Fatal(err)
	}
	found, err := event.Detect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestFiltersAndWindow(t *testing.T) {
	t.Parallel()
	ctx := world(t)
	for args, want := range map[string]int{
		`"window":"10m"`:                     4,
		`"window":"9m59s"`:                   3,
		`"window":"30d"`:                     6,
		`"window":"10m","origin":"payments"`: 3,
		`"window":"10m","level":"Error"`:     1,
		`"window":"10m","level":"warn"`:      0,
		`"window":"10m","min_level":"warn"`:  1,
		`"window":"10m","thread_id":"t2"`:    1,
		`"window":"10m","text":"broken CUP"`: 3,

		`"window":"10m","origin":"payments","name":"refund"`:       3,
		`"window":"10m","origin":"payments","name":"chargeback"`:   0,
		`"window":"10m","note":["order.customer=42"]`:              1,
		`"window":"10m","note":["order.customer=4"]`:               0,
		`"window":"10m","note":["why=Broken cup"],"name":"refund"`: 3,
	} {
		if got := checked(ctx, t, `{"at_least":1,`+args+`}`).Details["count"]; got != want {
			t.Errorf("%s: %v, want %d", args, got, want)
		}
	}
}

// TestConditions looks at each on either side of its bound; as an assertion it passes where as an event it is
// detected.
func TestConditions(t *testing.T) {
	t.Parallel()
	ctx := world(t)
	const failed = "3 datums of payments named refund in 10m"
	for condition, tt := range map[string]struct {
		holds           bool
		summary, reason string
	}{
		`"at_least":3`:        {true, failed, ""},
		`"at_least":4`:        {false, failed + "; expected is at least 4", "too_few"},
		`"at_most":3`:         {true, failed, ""},
		`"at_most":2`:         {false, failed + "; expected is at most 2", "too_many"},
		`"absent":true`:       {false, failed + "; expected is none", "present"},
		`"rate_at_least":0.3`: {true, failed + ", 0.3 a minute", ""},
		`"rate_at_least":0.4`: {false, failed + ", 0.3 a minute; expected is at least 0.4 a minute", "rate_too_low"},
		`"rate_at_most":0.3`:  {true, failed + ", 0.3 a minute", ""},
		`"rate_at_most":0.2`:  {false, failed + ", 0.3 a minute; expected is at most 0.2 a minute", "rate_too_high"},
	} {
		args := `{"origin":"payments","name":"refund","window":"10m",` + condition + `}`
		details := map[string]any{"count": 3, "rate": 0.3, "window": "10m", "since": "2026-03-04T11:50:00Z"}
		want := narrative.Verdict{Passed: tt.holds, Summary: tt.summary, Reason: tt.reason, Details: details}
		if diff := cmp.Diff(want, checked(ctx, t, args)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", condition, diff)
		}
		if got := detected(ctx, t, args); len(got) == 1 != tt.holds {
			t.Errorf("%s: detected %+v", condition, got)
		}
	}
	absent := `{"origin":"nobody","level":"warn","window":"1h","absent":true}`
	if v := checked(ctx, t, absent); !v.Passed || v.Summary != "0 datums of nobody at warn in 1h" {
		t.Errorf("none: %+v", v)
	}
	if len(detected(ctx, t, absent)) != 1 {
		t.Error("an absence was not detected")
	}
}

func TestAnOccurrenceIsKnownByWhatWasAsked(t *testing.T) {
	t.Parallel()
	got := detected(world(t), t, `{"origin":"payments","name":"refund","min_level":"INFO","note":["why=Broken cup"],"window":"10m","at_least":2}`)
	want := []narrative.Occurrence{{
		Summary: map[string]any{"origin": "payments", "name": "refund", "min_level": "info", "note": "why=Broken cup", "condition": "at least 2 in 10m"},
		Details: map[string]any{"count": 3, "rate": 0.3, "window": "10m", "since": "2026-03-04T11:50:00Z"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestArgumentsAreValidated(t *testing.T) {
	t.Parallel()
	const one = "give exactly one of at_least, at_most, absent: true, rate_at_least and rate_at_most"
	for args, want := range map[string]narrative.Problem{
		`{"at_least":1}`:                                                             {Path: "args.window", Message: "is required: how far back to look, such as 10m"},
		`{"window":"-1m","at_least":1}`:                                              {Path: "args.window", Message: "must not be negative"},
		`{"window":"1m"}`:                                                            {Path: "args.at_least", Message: one},
		`{"window":"1m","absent":false}`:                                             {Path: "args.at_least", Message: one},
		`{"window":"1m","at_least":1,"at_most":2}`:                                   {Path: "args.at_most", Message: one + "; not at_least and at_most"},
		`{"window":"1m","at_least":0}`:                                               {Path: "args.at_least", Message: "must be 1 or more; for none, write absent: true"},
		`{"window":"1m","at_most":-1}`:                                               {Path: "args.at_most", Message: "must not be negative"},
		`{"window":"1m","rate_at_least":0}`:                                          {Path: "args.rate_at_least", Message: "must be more than 0"},
		`{"window":"1m","rate_at_most":-1}`:                                          {Path: "args.rate_at_most", Message: "must not be negative"},
		`{"window":"1m","at_most":1,"level":"loud"}`:                                 {Path: "args.level", Message: `level must be one of trace, debug, info, warn, error; not "loud"`},
		`{"window":"1m","at_most":1.5}`:                                              {Path: "args.at_most", Message: "must be a whole number, not number 1.5"},
		`{"window":"1m","at_most":1,"name":"a\u0000"}`:                               {Path: "args.name", Message: `contains the character \u0000, which cannot be stored`},
		`{"window":"1m","at_most":1,"thread_id":"` + strings.Repeat("x", 256) + `"}`: {Path: "args.thread_id", Message: "must be at most 255 bytes long"},
		`{"window":"1m","at_most":1,"level":"info","min_level":"info"}`:              {Path: "args.min_level", Message: "give either level or min_level, not both"},
		`{"window":"1m","at_most":1,"note":["customer=42","=1"]}`:                    {Path: "args.note[1]", Message: `"=1" must be PATH=VALUE, such as customer=42`},
		`{"window":"1m","at_most":1,"note":["a..b=1"]}`:                              {Path: "args.note[0]", Message: "is no path into a note; write one such as customer, order.customer or items[0].sku"},
		`{"window":"1m","at_lest":1,"at_most":1}`: {
			Path:    "args.at_lest",
			Message: `is not a known field; did you mean "at_least"? (known: origin, name, level, min_level, thread_id, note, text, window, at_least, at_most, absent, rate_at_least, rate_at_most)`,
		},
	} {
		for _, kind := range []narrative.MetaKind{narrative.AssertionKind, narrative.EventKind} {
			got := registry().CheckArgs(kind, Class, json.RawMessage(args))
			if diff := cmp.Diff(narrative.Problems{want}, got); diff != "" {
				t.Errorf("%s %s (-want +got)\n%s", kind, args, diff)
			}
		}
	}
	if p := registry().CheckArgs(narrative.EventKind, Class, json.RawMessage(`{"level":"${env:L}","window":"1m","at_most":0}`)); p != nil {
		t.Error(p)
	}
}

func TestOutsideOfACheckThereAreNoDatums(t *testing.T) {
	t.Parallel()
	n := 1
	if _, err := (watch{Args{Window: 1, AtLeast: &n}, time.Now}).Detect(context.Background()); narrative.KindOf(err) != narrative.Unavailable {
		t.Errorf("got %v", err)
	}
}
