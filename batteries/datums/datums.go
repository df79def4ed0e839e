// Package datums is the battery that counts what was written down: the class "datums", as an assertion and as an
// event.
//
// Both count the datums that match (origin, name, level or min_level, thread_id, note, text) in the window up to now and
// hold the count, or the rate a minute, against one condition: at_least, at_most, absent, rate_at_least or
// rate_at_most. The assertion passes while the condition holds: it says what should be. The event is detected while
// the condition holds: it says what is to be noticed.
package datums

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
)

// Class is the name that the battery is registered under.
const Class = "datums"

// skew is how far ahead of this machine's clock a datum may be dated and still count.
const skew = time.Minute

// Register adds the class "datums" to the registry, as an assertion and as an event.
func Register(reg *narrative.Registry) { register(reg, time.Now) }

func register(reg *narrative.Registry, now func() time.Time) {
	narrative.AddAssertion(reg, Class, func(a Args) (narrative.Assertion, error) {
		return watch{a, now}, a.ValidateArgs().Err()
	})
	narrative.AddEvent(reg, Class, func(a Args) (narrative.Event, error) {
		return watch{a, now}, a.ValidateArgs().Err()
	})
}

// watch counts the datums of a window.
type watch struct {
	Args
	now func() time.Time
}

var (
	_ narrative.Assertion = watch{}
	_ narrative.Event     = watch{}
)

// Check passes while the condition holds.
func (w watch) Check(ctx context.Context) (narrative.Verdict, error) {
	got, err := w.count(ctx)
	if err != nil {
		return narrative.Verdict{}, err
	}
	c := w.condition()
	v := narrative.Passed("%s", w.sentence(got))
	if !c.holds(got.count, got.rate) {
		v = narrative.Failed("%s; expected is %s", w.sentence(got), c.says)
		v.Reason = c.reason
	}
	v.Details = got.details()
	return v, nil
}

// Detect notices the condition while it holds: one occurrence, which the filters and the condition identify.
func (w watch) Detect(ctx context.Context) ([]narrative.Occurrence, error) {
	got, err := w.count(ctx)
	if err != nil || !w.condition().holds(got.count, got.rate) {
		return nil, err
	}
	return []narrative.Occurrence{{Summary: w.identity(), Details: got.details()}}, nil
}

// counted is what a window holds.
type counted struct {
	count  int
	rate   float64 // a minute
	window narrative.Duration
	since  time.Time
}

func (c counted) details() map[string]any {
	return map[string]any{
		"count": c.count, "rate": short(c.rate), "window": c.window.String(), "since": c.since.Format(time.RFC3339Nano),
	}
}

func (w watch) count(ctx context.Context) (counted, error) {
	reader, err := narrative.ReadDatums(ctx)
	if err != nil {
		return counted{}, err
	}
	now := w.now().UTC().Truncate(time.Microsecond)
	since := now.Add(-time.Duration(w.Window))
	note := make([]narrative.NoteFilter, len(w.Note))
	for n, member := range w.Note {
		if note[n], err = narrative.ParseNoteFilter(member); err != nil {
			return counted{}, err
		}
	}
	n, err := reader.CountDatums(ctx, narrative.DatumQuery{
		Origin: w.Origin, Name: w.Name, ThreadID: w.ThreadID, Text: w.Text,
		Level: level(w.Level), MinLevel: level(w.MinLevel), Note: note,
		Since: since, Until: now.Add(skew), Now: now,
	})
	return counted{count: n, rate: w.rate(n), window: w.Window, since: since}, err
}

// level is a level as the store knows it; empty stays empty. It was validated.
func level(s string) narrative.Level {
	if s == "" {
		return ""
	}
	l, _ := narrative.ParseLevel(s)
	return l
}

// sentence says what was counted, such as: 3 datums payments refund in 10m.
func (w watch) sentence(got counted) string {
	noun := "datums"
	if got.count == 1 {
		noun = "datum"
	}
	words := []string{fmt.Sprint(got.count), noun}
	for _, f := range w.filters() {
		words = append(words, f.says)
	}
	said := strings.Join(words, " ") + " in " + w.Window.String()
	if w.ofRate() {
		said += ", " + perMinute(got.rate)
	}
	return said
}

// filter is one that is given.
type filter struct{ name, value, says string }

func (w watch) filters() (given []filter) {
	for _, f := range []filter{
		{"origin", w.Origin, "of " + w.Origin},
		{"name", w.Name, "named " + w.Name},
		{"level", string(level(w.Level)), "at " + string(level(w.Level))},
		{"min_level", string(level(w.MinLevel)), "at " + string(level(w.MinLevel)) + " or above"},
		{"thread_id", w.ThreadID, "in thread " + w.ThreadID},
		{"note", strings.Join(w.Note, ", "), "where " + strings.Join(w.Note, " and ")},
		{"text", w.Text, fmt.Sprintf("with %q", w.Text)},
	} {
		if f.value != "" {
			given = append(given, f)
		}
	}
	return given
}

// identity is what an occurrence is known by, so that it is handled once within the event's ttl.
func (w watch) identity() map[string]any {
	known := map[string]any{"condition": w.condition().says + " in " + w.Window.String()}
	for _, f := range w.filters() {
		known[f.name] = f.value
	}
	return known
}
