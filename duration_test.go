package narrative_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/narrative-go/narrative"
)

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"90s":        90 * time.Second,
		"5m":         5 * time.Minute,
		"1h":         time.Hour,
		"30d":        30 * 24 * time.Hour,
		"1d12h":      36 * time.Hour,
		"-1d12h":     -36 * time.Hour,
		"-0d12h":     -12 * time.Hour,
		"0.5d":       12 * time.Hour,
		"1d0":        24 * time.Hour,
		"0":          0,
		"-90s":       -90 * time.Second,
		"1.5s250us":  1500*time.Millisecond + 250*time.Microsecond,
		"106751d23h": 106751*24*time.Hour + 23*time.Hour,
	} {
		t.Run("reads "+text, func(t *testing.T) {
			t.Parallel()
			got, err := narrative.ParseDuration(text)
			if err != nil {
				t.Fatal(err)
			}
			same(t, want, time.Duration(got))
		})
	}
	for _, text := range []string{
		"", "d", "5", "five minutes", "1d2d", "h1", "1d-2h", "1d+2h", "NaNd", "infd", "1e3d", "0x1p2d", "-d",
		"106752d", "106751d24h", "-106751d24h", "999999999999h", "1d h", "1 d",
	} {
		t.Run(fmt.Sprintf("refuses %q", text), func(t *testing.T) {
			t.Parallel()
			_, err := narrative.ParseDuration(text)
			same(t, &failure{narrative.Invalid, fmt.Sprintf("%q is not a duration such as 90s, 5m, 1h or 30d", text)}, failureOf(err))
		})
	}
}

func TestDurationString(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]time.Duration{
		"0s":                          0,
		"1m30s":                       90 * time.Second,
		"5m":                          5 * time.Minute,
		"30d":                         30 * 24 * time.Hour,
		"1d500ms":                     24*time.Hour + 500*time.Millisecond,
		"-1d12h":                      -36 * time.Hour,
		"1ns":                         1,
		"106751d23h47m16.854775807s":  math.MaxInt64,
		"-106751d23h47m16.854775808s": math.MinInt64,
	} {
		t.Run("is "+want, func(t *testing.T) {
			t.Parallel()
			same(t, want, narrative.Duration(d).String())
		})
	}
}

func TestDurationReadsBackAsWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := narrative.Duration(rapid.Int64().Draw(t, "d"))
		same(t, d, must(narrative.ParseDuration(d.String())))
	})
}

func TestDurationJSON(t *testing.T) {
	t.Parallel()
	t.Run("is a string", func(t *testing.T) {
		t.Parallel()
		same(t, `"1d12h"`, string(mustJSON(duration("36h"))))
	})
	for name, text := range map[string]string{"a number": `90`, "a bad string": `"soon"`, "a list": `["5m"]`} {
		t.Run("refuses "+name, func(t *testing.T) {
			t.Parallel()
			var d narrative.Duration
			same(t, narrative.Invalid, narrative.KindOf(json.Unmarshal([]byte(text), &d)))
			same(t, 0, d)
		})
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"90s", "5m", "1d12h", "-1d12h", "-0d1ns", "106751d23h47m16.854775807s", "1d-2h", "0.1d", "d", "NaNd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := narrative.ParseDuration(s)
		if err != nil {
			same(t, narrative.Invalid, narrative.KindOf(err))
			return
		}
		same(t, d, must(narrative.ParseDuration(d.String())))
	})
}
