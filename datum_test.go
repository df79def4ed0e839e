package narrative_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/narrative-go/narrative"
)

func TestParseLevel(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]narrative.Level{
		"": narrative.Info, "trace": narrative.Trace, "WARN": narrative.Warn, "0": narrative.Trace, "4": narrative.ErrorLevel,
	} {
		t.Run("reads "+text, func(t *testing.T) {
			t.Parallel()
			same(t, want, must(narrative.ParseLevel(text)))
		})
	}
	t.Run("refuses others", func(t *testing.T) {
		t.Parallel()
		_, err := narrative.ParseLevel("5")
		same(t, &failure{narrative.Invalid, `level must be one of trace, debug, info, warn, error; not "5"`}, failureOf(err))
	})
}

func TestLevelRank(t *testing.T) {
	t.Parallel()
	ranks := []int{}
	for _, l := range append([]narrative.Level{"", "odd"}, narrative.Levels...) {
		ranks = append(ranks, l.Rank())
	}
	same(t, []int{2, 2, 0, 1, 2, 3, 4}, ranks)
}

func TestDatumValidate(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 256)
	for name, tt := range map[string]struct {
		datum narrative.Datum
		want  narrative.Problems
	}{
		"a bare datum is fine": {narrative.Datum{Origin: "shop", Name: "refund"}, nil},
		"a full one is fine":   {narrative.Datum{Origin: long[:255], Name: "refund", Note: json.RawMessage(`{"n":1}`), Level: narrative.Warn, ThreadID: "t"}, nil},
		"everything wrong is said at once": {
			narrative.Datum{Name: long, ThreadID: "a\x00", Note: json.RawMessage(`{}}`), Level: "loud"},
			narrative.Problems{
				{Path: "origin", Message: "is required"},
				{Path: "name", Message: "is 256 bytes long; at most 255 fit"},
				{Path: "thread_id", Message: `contains the character \u0000, which cannot be stored`},
				{Path: "note", Message: "is more than one JSON value"},
				{Path: "level", Message: `level must be one of trace, debug, info, warn, error; not "loud"`},
			},
		},
		"the years of RFC 3339 are fine": {
			narrative.Datum{Origin: "o", Name: "n", At: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), ExpiresAt: ptr(time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC))}, nil,
		},
		"others are refused, in UTC": {
			narrative.Datum{Origin: "o", Name: "n", At: time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC), ExpiresAt: ptr(time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -3600)))},
			narrative.Problems{
				{Path: "at", Message: "is in the year 300000; it must be one from 1 to 9999"},
				{Path: "expires_at", Message: "is in the year 10000; it must be one from 1 to 9999"},
			},
		},
		"a note too long is refused": {
			narrative.Datum{Origin: "o", Name: "n", Note: json.RawMessage(`"` + strings.Repeat("x", 1<<20) + `"`)},
			narrative.Problems{{Path: "note", Message: "is 1048578 bytes of JSON; at most 1048576 fit"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, tt.datum.Validate())
		})
	}
}

func TestLogAndLastVerdict(t *testing.T) {
	t.Parallel()
	t.Run("outside of a check there is neither", func(t *testing.T) {
		t.Parallel()
		same(t, &failure{narrative.Unavailable, "log datum refund: not inside a check"}, failureOf(narrative.Log(t.Context(), narrative.Datum{Name: "refund"})))
		if _, ok := narrative.LastVerdict(t.Context()); ok {
			t.Error("there is a verdict")
		}
	})
	t.Run("inside of one there are both", func(t *testing.T) {
		t.Parallel()
		var logged []narrative.Datum
		last := narrative.Failed("off by %d", 5).With("by", 5)
		ctx := narrative.WithSurroundings(t.Context(), narrative.Surroundings{Log: func(_ context.Context, d narrative.Datum) error {
			logged = append(logged, d)
			return nil
		}, Last: &last})
		if err := narrative.Log(ctx, narrative.Datum{Name: "refund"}); err != nil {
			t.Fatal(err)
		}
		same(t, []narrative.Datum{{Name: "refund"}}, logged)
		got, _ := narrative.LastVerdict(ctx)
		same(t, narrative.Verdict{Summary: "off by 5", Details: map[string]any{"by": 5}}, got)
	})
}

func TestVerdictWithLeavesTheOther(t *testing.T) {
	t.Parallel()
	one := narrative.Passed("fine").With("a", 1)
	two := one.With("b", 2)
	same(t, narrative.Verdict{Passed: true, Summary: "fine", Details: map[string]any{"a": 1}}, one)
	same(t, narrative.Verdict{Passed: true, Summary: "fine", Details: map[string]any{"a": 1, "b": 2}}, two)
}
