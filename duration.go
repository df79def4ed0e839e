package narrative

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration that is written as 90s, 5m, 1h or 30d, in JSON and YAML.
type Duration time.Duration

const day = 24 * time.Hour

// ParseDuration reads a duration of [time.ParseDuration]'s form, with d (of 24 hours) for a unit besides: 30d, 1d12h.
func ParseDuration(s string) (Duration, error) {
	days, rest, found := strings.Cut(s, "d")
	if !found {
		d, err := time.ParseDuration(s)
		if err != nil {
			return 0, badDuration(s)
		}
		return Duration(d), nil
	}
	n, err := strconv.ParseFloat(days, 64)
	if err != nil || strings.Trim(days, "+-.0123456789") != "" || math.Abs(n) > maxDays {
		return 0, badDuration(s)
	}
	total := time.Duration(n * float64(day))
	if rest == "" {
		return Duration(total), nil
	}
	more, err := time.ParseDuration(rest)
	if err != nil || strings.ContainsAny(rest[:1], "+-") {
		return 0, badDuration(s)
	}
	if strings.HasPrefix(days, "-") {
		more = -more
	}
	if sum := total + more; (sum < total) == (more < 0) {
		return Duration(sum), nil
	}
	return 0, badDuration(s) // more than fits
}

// maxDays is the greatest number of whole days that fit.
const maxDays = 106751

func badDuration(s string) error {
	return Errorf(Invalid, "%q is not a duration such as 90s, 5m, 1h or 30d", s)
}

// String writes the duration in the fewest units: 30d, 1h30m, 90s as 1m30s.
func (d Duration) String() string {
	if d == 0 {
		return "0s"
	}
	var b strings.Builder
	t := uint64(d)
	if d < 0 {
		b.WriteByte('-')
		t = -t // unsigned, so that the least duration has one, too
	}
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if n := t / uint64(u.unit); n > 0 {
			b.WriteString(strconv.FormatUint(n, 10) + u.name)
			t %= uint64(u.unit)
		}
	}
	if t > 0 {
		b.WriteString(time.Duration(t).String())
	}
	return b.String()
}

// MarshalJSON writes the duration as a string.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads a string of [ParseDuration]'s form.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return Errorf(Invalid, "%s is not a duration such as \"90s\", \"5m\", \"1h\" or \"30d\"", b)
	}
	parsed, err := ParseDuration(s)
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
