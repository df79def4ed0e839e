package narrative

import (
	"encoding/json"
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
		days, rest = "", s
	}
	var total time.Duration
	if found {
		n, err := strconv.ParseFloat(days, 64)
		if err != nil || n != n || n > 106751 || n < -106751 {
			return 0, badDuration(s)
		}
		total = time.Duration(n * float64(day))
	}
	if rest != "" || !found {
		d, err := time.ParseDuration(rest)
		if err != nil {
			return 0, badDuration(s)
		}
		if total < 0 {
			d = -d
		}
		total += d
	}
	return Duration(total), nil
}

func badDuration(s string) error {
	return Errorf(Invalid, "%q is not a duration such as 90s, 5m, 1h or 30d", s)
}

// String writes the duration in the fewest units: 30d, 1h30m, 90s as 1m30s.
func (d Duration) String() string {
	t := time.Duration(d)
	if t < 0 {
		return "-" + Duration(-t).String()
	}
	if t == 0 {
		return "0s"
	}
	var b strings.Builder
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if n := t / u.unit; n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10) + u.name)
			t %= u.unit
		}
	}
	if t > 0 {
		b.WriteString(t.String())
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
