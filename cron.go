package narrative

import (
	"strconv"
	"strings"
	"time"
)

// Cron is a parsed cron expression of five fields: minute, hour, day of month, month, day of week. Fields take *, a
// number, a name (jan, mon), ranges a-b, steps /n and lists by comma. Day of week is 0 to 6, Sunday first.
type Cron struct {
	minute, hour, dom, month, dow uint64 // bit i: value i is allowed
}

// anyValue marks a field that has * in it. Cron takes the two day fields for "or" where neither has it, even if one
// allows every value, as 1-31 does.
const anyValue uint64 = 1 << 63

type cronField struct {
	name     string
	min, max int
	names    []string // of the values from min on
}

var cronFields = [5]cronField{
	{"minute", 0, 59, nil},
	{"hour", 0, 23, nil},
	{"day of month", 1, 31, nil},
	{"month", 1, 12, []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{"day of week", 0, 6, []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

// ParseCron reads an expression. Refused, as [Invalid]: one that restricts both day fields (cron then means "or",
// which nearly nobody intends), and one that never fires, such as 31 February.
func ParseCron(expr string) (Cron, error) {
	fields := strings.Fields(expr)
	if len(fields) != 5 {
		return Cron{}, Errorf(Invalid, "cron %q must have five fields: minute, hour, day of month, month, day of week", expr)
	}
	var bits [5]uint64
	for i, f := range cronFields {
		b, err := f.parse(fields[i])
		if err != nil {
			return Cron{}, Errorf(Invalid, "cron %q: %w", expr, err)
		}
		bits[i] = b
	}
	starred := (bits[2]|bits[4])&anyValue != 0
	for i := range bits {
		bits[i] &^= anyValue
	}
	c := Cron{bits[0], bits[1], bits[2], bits[3], bits[4]}
	if !starred && (c.dom != cronFields[2].all() || c.dow != cronFields[4].all()) {
		return Cron{}, Errorf(Invalid, "cron %q restricts both day of month and day of week; use two metas, one for each", expr)
	}
	if !c.fires() {
		return Cron{}, Errorf(Invalid, "cron %q never fires: no such day in any year", expr)
	}
	return c, nil
}

func (f cronField) all() uint64 { return f.span(f.min, f.max, 1) }

func (f cronField) span(from, to, step int) (bits uint64) {
	for v := from; v <= to; v += step {
		bits |= 1 << v
	}
	return bits
}

func (f cronField) parse(s string) (bits uint64, err error) {
	for _, part := range strings.Split(s, ",") {
		b, err := f.parsePart(part)
		if err != nil {
			return 0, err
		}
		bits |= b
	}
	return bits, nil
}

func (f cronField) parsePart(part string) (uint64, error) {
	body, stepText, stepped := strings.Cut(part, "/")
	step := 1
	if stepped {
		n, err := strconv.Atoi(stepText)
		if err != nil || n < 1 || n > f.max {
			return 0, Errorf(Invalid, "%q is not a step of the %s field", part, f.name)
		}
		step = n
	}
	if body == "*" && step == 1 {
		return f.all() | anyValue, nil
	}
	if body == "*" {
		return f.span(f.min, f.max, step), nil
	}
	low, high, ranged := strings.Cut(body, "-")
	from, err := f.value(low)
	if err != nil {
		return 0, err
	}
	to := from
	switch {
	case ranged:
		if to, err = f.value(high); err != nil {
			return 0, err
		}
		if to < from {
			return 0, Errorf(Invalid, "range %q of the %s field runs backwards", body, f.name)
		}
	case stepped:
		to = f.max
	}
	return f.span(from, to, step), nil
}

func (f cronField) value(s string) (int, error) {
	for i, name := range f.names {
		if strings.EqualFold(s, name) {
			return f.min + i, nil
		}
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < f.min || n > f.max {
		return 0, Errorf(Invalid, "%q is not a value of the %s field (%d to %d)", s, f.name, f.min, f.max)
	}
	return n, nil
}

// fires tells whether some day of some year is allowed.
func (c Cron) fires() bool {
	longest := [13]int{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	for m := 1; m <= 12; m++ {
		if c.month&(1<<m) == 0 {
			continue
		}
		for d := 1; d <= longest[m]; d++ {
			if c.dom&(1<<d) != 0 {
				return true
			}
		}
	}
	return false
}

// ShortestGap is the least time between two ticks within a day, a day when there is only one: what a check's timeout
// goes by.
func (c Cron) ShortestGap() time.Duration {
	shortest, first, last := 24*60, -1, -1
	for t := 0; t < 24*60; t++ {
		if c.hour&(1<<(t/60)) == 0 || c.minute&(1<<(t%60)) == 0 {
			continue
		}
		if last >= 0 {
			shortest = min(shortest, t-last)
		} else {
			first = t
		}
		last = t
	}
	if last > first {
		shortest = min(shortest, 24*60-last+first)
	}
	return time.Duration(shortest) * time.Minute
}
