package datums

import (
	"fmt"
	"strconv"
	"time"
)

// The reasons of failed verdicts.
const (
	reasonTooFew      = "too_few"
	reasonTooMany     = "too_many"
	reasonPresent     = "present"
	reasonRateTooLow  = "rate_too_low"
	reasonRateTooHigh = "rate_too_high"
)

// condition is what the count of a window is held against.
type condition struct {
	says   string // such as at least 20
	reason string // why it does not hold
	holds  func(count int, rate float64) bool
}

// condition returns the one that is given.
func (a Args) condition() condition {
	switch {
	case a.AtLeast != nil:
		return condition{fmt.Sprintf("at least %d", *a.AtLeast), reasonTooFew, func(n int, _ float64) bool { return n >= *a.AtLeast }}
	case a.AtMost != nil:
		return condition{fmt.Sprintf("at most %d", *a.AtMost), reasonTooMany, func(n int, _ float64) bool { return n <= *a.AtMost }}
	case a.RateAtLeast != nil:
		return condition{"at least " + perMinute(*a.RateAtLeast), reasonRateTooLow, func(_ int, r float64) bool { return r >= *a.RateAtLeast }}
	case a.RateAtMost != nil:
		return condition{"at most " + perMinute(*a.RateAtMost), reasonRateTooHigh, func(_ int, r float64) bool { return r <= *a.RateAtMost }}
	default:
		return condition{"none", reasonPresent, func(n int, _ float64) bool { return n == 0 }}
	}
}

// ofRate tells whether the condition looks at the rate.
func (a Args) ofRate() bool { return a.RateAtLeast != nil || a.RateAtMost != nil }

// rate is a count a minute.
func (a Args) rate(count int) float64 { return float64(count) / time.Duration(a.Window).Minutes() }

func perMinute(rate float64) string {
	return strconv.FormatFloat(short(rate), 'f', -1, 64) + " a minute"
}

// short is a rate with no more than the four digits that matter.
func short(rate float64) float64 {
	r, _ := strconv.ParseFloat(strconv.FormatFloat(rate, 'g', 4, 64), 64) // its own output parses
	return r
}
