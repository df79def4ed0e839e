package narrative

import (
	"iter"
	"slices"
	"time"
)

// Mark is a beat as it counts for the history.
type Mark struct {
	At       time.Time
	Fail     bool // else a success
	Unbroken bool // it had beaten all the while since the mark before, too often for all of it to be kept
}

// UptimeBefore is how many beats before a window tell how far apart those in it should be: it may hold none.
const UptimeBefore = 100

// UptimeOf returns the history that beats tell, which come oldest first and are asked for twice. Some from before the
// window, and one from after it, say how things stood at its ends.
//
// While it is up, each beat is a sign of life, a failed one too. Where the next one is farther away than the threshold,
// it was down from the one before; and from a failure on. Down ends with the next success alone. Before the first beat
// nothing is known, nor in a window that has not begun.
func UptimeOf(q UptimeQuery, marks iter.Seq[Mark]) Uptime {
	h := history{since: q.Since, end: q.End(), limit: q.Limit}
	if h.limit == 0 {
		h.limit = MaxPage
	}
	h.threshold = time.Duration(q.Threshold)
	if h.threshold == 0 {
		h.threshold = UptimeFactor * medianDistance(marks, h.end)
	}
	if !h.since.Before(h.end) {
		return h.uptime()
	}
	for m := range marks {
		if m.At.After(h.end) {
			h.after(m)
			break
		}
		h.add(m)
	}
	return h.uptime()
}

// End is where the window ends.
func (q UptimeQuery) End() time.Time {
	if q.Until.IsZero() || q.Until.After(q.Now) {
		return q.Now
	}
	return q.Until
}

// medianDistance is the median of the known distances between successes up to end, of an even number the mean of the two in
// the middle; 0 where there is none. Successes of the same moment are one.
func medianDistance(marks iter.Seq[Mark], end time.Time) time.Duration {
	var distances []time.Duration
	var last time.Time
	for m := range marks {
		if m.At.After(end) {
			break
		}
		if m.Fail || m.At.Equal(last) {
			continue
		}
		if !last.IsZero() && !m.Unbroken {
			distances = append(distances, m.At.Sub(last))
		}
		last = m.At
	}
	if len(distances) == 0 {
		return 0
	}
	slices.Sort(distances)
	middle := len(distances) / 2
	if len(distances)%2 == 1 {
		return distances[middle]
	}
	return distances[middle-1] + (distances[middle]-distances[middle-1])/2
}

// history grows beat by beat.
type history struct {
	since, end time.Time
	threshold  time.Duration
	limit      int

	state       standing
	known, last time.Time // the first beat; the newest sign of life
	beats       int
	up          time.Duration // of the periods that ended
	ended       []Period      // the newest of them, oldest first
	omitted     int
}

// standing is a state and when it began.
type standing struct {
	state UpState
	from  time.Time
}

func (h *history) add(m Mark) {
	if !m.Fail && !m.Unbroken && !m.At.Before(h.since) {
		h.beats++
	}
	if h.state.state == "" {
		h.known = m.At
	}
	if !m.Unbroken {
		h.silentUntil(m.At)
	}
	switch {
	case m.Fail && h.state.state != StateDown:
		h.turn(StateDown, m.At)
	case !m.Fail && h.state.state != StateUp:
		h.turn(StateUp, m.At)
	}
	h.last = m.At
}

// after hears of the first mark after the window.
func (h *history) after(m Mark) {
	if m.Unbroken {
		h.last = h.end
	}
	h.silentUntil(m.At)
}

// silentUntil notes that there was nothing since the last beat.
func (h *history) silentUntil(at time.Time) {
	if h.state.state == StateUp && h.threshold > 0 && at.Sub(h.last) > h.threshold {
		h.turn(StateDown, h.last)
	}
}

// turn ends the period that lasts and begins another.
func (h *history) turn(to UpState, at time.Time) {
	begun := h.state
	h.state = standing{to, at}
	if begun.state == "" || !at.After(h.since) {
		return
	}
	p := Period{State: begun.state, From: later(begun.from, h.since), To: &at}
	if p.State == StateUp {
		h.up += at.Sub(p.From)
	}
	h.ended = append(h.ended, p)
	if len(h.ended) >= 2*h.limit { // the one that lasts comes besides
		h.forget(len(h.ended) - h.limit)
	}
}

// forget drops the oldest periods.
func (h *history) forget(n int) {
	if n > 0 {
		h.omitted += n
		h.ended = append(h.ended[:0], h.ended[n:]...)
	}
}

func (h *history) uptime() Uptime {
	u := Uptime{Threshold: Duration(h.threshold), Beats: h.beats, Items: []Period{}}
	if h.state.state == "" {
		return u
	}
	h.silentUntil(h.end)
	h.forget(len(h.ended) - (h.limit - 1))
	lasts := Period{State: h.state.state, From: later(h.state.from, h.since)}
	u.Items, u.Omitted = append(u.Items, lasts), h.omitted
	for _, p := range slices.Backward(h.ended) {
		u.Items = append(u.Items, p)
	}
	percent := h.percent(lasts)
	u.Uptime = &percent
	return u
}

// percent is the part of the time that is known during which it was up.
func (h *history) percent(lasts Period) float64 {
	up, known := h.up, h.end.Sub(later(h.known, h.since))
	if lasts.State == StateUp {
		up += h.end.Sub(lasts.From)
	}
	switch {
	case known > 0:
		return 100 * float64(up) / float64(known)
	case lasts.State == StateUp:
		return 100
	}
	return 0
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
