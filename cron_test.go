package narrative_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/robfig/cron/v3"
	"pgregory.net/rapid"

	"github.com/narrative-go/narrative"
)

func TestParseCron(t *testing.T) {
	t.Parallel()
	const (
		minutes = 1<<60 - 1
		hours   = 1<<24 - 1
		dom     = 1<<32 - 2
		months  = 1<<13 - 2
		dow     = 1<<7 - 1
	)
	for expr, want := range map[string][5]uint64{
		"* * * * *":             {minutes, hours, dom, months, dow},
		"*/1 * * * *":           {minutes, hours, dom, months, dow},
		"*/20 4 * * *":          {1 | 1<<20 | 1<<40, 1 << 4, dom, months, dow},
		"10-20/5 * * * *":       {1<<10 | 1<<15 | 1<<20, hours, dom, months, dow},
		"50/5 * * * *":          {1<<50 | 1<<55, hours, dom, months, dow},
		"0,30 8-10,12 * * *":    {1 | 1<<30, 1<<8 | 1<<9 | 1<<10 | 1<<12, dom, months, dow},
		"0 0 1 JAN,jul *":       {1, 1, 1 << 1, 1<<1 | 1<<7, dow},
		"0 0 * nov-dec Mon-Fri": {1, 1, dom, 1<<11 | 1<<12, 0b0111110},
		" 0  0 29 2 * ":         {1, 1, 1 << 29, 1 << 2, dow},
		"0 0 1-31 * 0-6":        {1, 1, dom, months, dow},
		"0 0 1-31 * *":          {1, 1, dom, months, dow},
		"0 0 5,* * mon":         {1, 1, dom, months, 1 << 1},
	} {
		t.Run("reads "+expr, func(t *testing.T) {
			t.Parallel()
			c, err := narrative.ParseCron(expr)
			if err != nil {
				t.Fatal(err)
			}
			same(t, want, c.Bits())
		})
	}
}

func TestParseCronRefuses(t *testing.T) {
	t.Parallel()
	const both = "restricts both day of month and day of week; use two metas, one for each"
	for expr, want := range map[string]string{
		"":               "must have five fields: minute, hour, day of month, month, day of week",
		"@hourly":        "must have five fields: minute, hour, day of month, month, day of week",
		"* * * * * *":    "must have five fields: minute, hour, day of month, month, day of week",
		"0 0 31 2 *":     "never fires: no such day in any year",
		"0 0 30,31 2 *":  "never fires: no such day in any year",
		"0 0 31 4,6 *":   "never fires: no such day in any year",
		"0 0 13 * fri":   both,
		"0 0 */2 * 1":    both,
		"0 0 1-31 * mon": both, // cron runs this daily: neither field is *
		"0 0 13 * 0-6":   both,
		"60 * * * *":     `"60" is not a value of the minute field (0 to 59)`,
		"* 24 * * *":     `"24" is not a value of the hour field (0 to 23)`,
		"* * 0 * *":      `"0" is not a value of the day of month field (1 to 31)`,
		"* * * 13 *":     `"13" is not a value of the month field (1 to 12)`,
		"* * * * 7":      `"7" is not a value of the day of week field (0 to 6)`,
		"* * * * funday": `"funday" is not a value of the day of week field (0 to 6)`,
		"jan * * * *":    `"jan" is not a value of the minute field (0 to 59)`,
		"30-10 * * * *":  `range "30-10" of the minute field runs backwards`,
		"*/0 * * * *":    `"*/0" is not a step of the minute field`,
		"*/-5 * * * *":   `"*/-5" is not a step of the minute field`,
		"*/90 * * * *":   `"*/90" is not a step of the minute field`,
		"1, * * * *":     `"" is not a value of the minute field (0 to 59)`,
		"-5 * * * *":     `"" is not a value of the minute field (0 to 59)`,
		"1-2-3 * * * *":  `"2-3" is not a value of the minute field (0 to 59)`,
		"? * * * *":      `"?" is not a value of the minute field (0 to 59)`,
	} {
		t.Run(fmt.Sprintf("%q", expr), func(t *testing.T) {
			t.Parallel()
			_, err := narrative.ParseCron(expr)
			glue := ": "
			if !strings.HasPrefix(want, `"`) && !strings.HasPrefix(want, "range") {
				glue = " "
			}
			same(t, &failure{narrative.Invalid, fmt.Sprintf("cron %q", expr) + glue + want}, failureOf(err))
		})
	}
}

func TestShortestGap(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]time.Duration{
		"* * * * *":         time.Minute,
		"*/5 * * * *":       5 * time.Minute,
		"*/25 * * * *":      10 * time.Minute, // from minute 50 to the next hour
		"0 * * * *":         time.Hour,
		"0 8,20 * * *":      12 * time.Hour,
		"0 22,2 * * *":      4 * time.Hour, // over midnight
		"30 4 * * *":        24 * time.Hour,
		"30 4 1 * *":        24 * time.Hour,
		"59,0 0,23 * * *":   time.Minute,
		"0,20 9-17 * * mon": 20 * time.Minute,
	} {
		t.Run("of "+expr, func(t *testing.T) {
			t.Parallel()
			same(t, want, must(narrative.ParseCron(expr)).ShortestGap())
		})
	}
}

// cronFieldText draws one field of an expression; some are out of range.
func cronFieldText(low, high int, names ...string) *rapid.Generator[string] {
	value := rapid.Custom(func(t *rapid.T) string {
		if len(names) > 0 && rapid.Bool().Draw(t, "named") {
			return rapid.SampledFrom(names).Draw(t, "name")
		}
		return fmt.Sprint(rapid.IntRange(low-rapid.IntRange(0, 1).Draw(t, "below")*low, high+1).Draw(t, "value"))
	})
	part := rapid.Custom(func(t *rapid.T) string {
		text := "*"
		switch rapid.IntRange(0, 3).Draw(t, "form") {
		case 0, 1:
			text = value.Draw(t, "one")
		case 2:
			text = value.Draw(t, "from") + "-" + value.Draw(t, "to")
		}
		if rapid.IntRange(0, 3).Draw(t, "stepped") == 0 {
			text += fmt.Sprintf("/%d", rapid.IntRange(0, high).Draw(t, "step"))
		}
		return text
	})
	return rapid.Custom(func(t *rapid.T) string {
		if rapid.IntRange(0, 2).Draw(t, "any") == 0 {
			return "*"
		}
		return strings.Join(rapid.SliceOfN(part, 1, 3).Draw(t, "parts"), ",")
	})
}

// Temporal reads cron expressions by robfig/cron: what we accept it must accept, and take for the same.
func TestParseCronAgreesWithTheStandardParser(t *testing.T) {
	t.Parallel()
	months := []string{"jan", "Feb", "MAR", "dec"}
	days := []string{"sun", "Mon", "SAT"}
	expression := rapid.Custom(func(t *rapid.T) string {
		return strings.Join([]string{
			cronFieldText(0, 59).Draw(t, "minute"), cronFieldText(0, 23).Draw(t, "hour"), cronFieldText(1, 31).Draw(t, "dom"),
			cronFieldText(1, 12, months...).Draw(t, "month"), cronFieldText(0, 6, days...).Draw(t, "dow"),
		}, " ")
	})
	rapid.Check(t, func(t *rapid.T) {
		expr := expression.Draw(t, "expr")
		ours, err := narrative.ParseCron(expr)
		theirs, theirErr := cron.ParseStandard(expr)
		if theirErr != nil {
			if err == nil {
				t.Fatalf("%q is accepted here and refused there: %v", expr, theirErr)
			}
			return
		}
		const star = 1 << 63
		spec := theirs.(*cron.SpecSchedule)
		either := (spec.Dom|spec.Dow)&star == 0 && (spec.Dom != 1<<32-2 || spec.Dow != 1<<7-1)
		never := spec.Next(at(0)).IsZero()
		if refused := err != nil; refused != (either || never) {
			t.Fatalf("%q: refused %v (%v), though it restricts both days %v, never fires %v", expr, refused, err, either, never)
		}
		if err == nil {
			same(t, [5]uint64{spec.Minute &^ star, spec.Hour &^ star, spec.Dom &^ star, spec.Month &^ star, spec.Dow &^ star}, ours.Bits())
		}
	})
}
