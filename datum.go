package narrative

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Level is how much a datum matters.
type Level string

// The levels, least first.
const (
	Trace      Level = "trace"
	Debug      Level = "debug"
	Info       Level = "info" // the default
	Warn       Level = "warn"
	ErrorLevel Level = "error"
)

// Levels are all levels, least first: the original's 0 to 4.
var Levels = []Level{Trace, Debug, Info, Warn, ErrorLevel}

// ParseLevel reads a level by name in any case, or by the original's number; empty is [Info].
func ParseLevel(s string) (Level, error) {
	if s == "" {
		return Info, nil
	}
	for i, l := range Levels {
		if strings.EqualFold(s, string(l)) || s == strconv.Itoa(i) {
			return l, nil
		}
	}
	return "", Errorf(Invalid, "level must be one of trace, debug, info, warn, error; not %q", s)
}

// Rank orders levels: 0 for trace to 4 for error; an unknown level, the zero value too, ranks as info.
func (l Level) Rank() int {
	for i, known := range Levels {
		if l == known {
			return i
		}
	}
	return 2
}

// Limits of a datum's fields, in bytes.
const (
	MaxDatumName = 255     // origin, name and thread id each
	MaxDatumNote = 1 << 20 // the note's JSON
)

// Datum is a fact: what tells the narrative.
type Datum struct {
	ID        string          `json:"id"`
	Origin    string          `json:"origin"`
	Name      string          `json:"name"`
	Note      json.RawMessage `json:"note"` // any JSON; null when there is none
	Level     Level           `json:"level"`
	ThreadID  string          `json:"thread_id"` // ties datums together; the store gives one where it is empty
	At        time.Time       `json:"at"`
	ExpiresAt *time.Time      `json:"expires_at"` // nil: never
}

// Validate returns what is wrong with the datum.
func (d Datum) Validate() Problems {
	_, p := d.Plain()
	return p
}

// Plain returns the datum in the form in which it is stored, with the note of [PlainJSON], the level by its name, and
// times in UTC to the microsecond; or what is wrong with it.
func (d Datum) Plain() (Datum, Problems) {
	var p Problems
	p = checkDatumText(p, "origin", d.Origin, true)
	p = checkDatumText(p, "name", d.Name, true)
	p = checkDatumText(p, "thread_id", d.ThreadID, false)
	note, err := plainNote(d.Note)
	p = append(p, ProblemsOf("note", err)...)
	level, err := ParseLevel(string(d.Level))
	p = append(p, ProblemsOf("level", err)...)
	p = append(p, ProblemsOf("at", CheckTime(d.At))...)
	if d.ExpiresAt != nil {
		p = append(p, ProblemsOf("expires_at", CheckTime(*d.ExpiresAt))...)
	}
	if len(p) > 0 {
		return d, p
	}
	d.Note, d.Level, d.At = note, level, d.At.UTC().Truncate(time.Microsecond)
	if d.ExpiresAt != nil {
		expires := d.ExpiresAt.UTC().Truncate(time.Microsecond)
		d.ExpiresAt = &expires
	}
	return d, nil
}

// CheckTime returns an [Invalid] error for a time that RFC 3339 has no form for: of a year before 1 or after 9999, in UTC.
func CheckTime(t time.Time) error {
	if year := t.UTC().Year(); year < 1 || year > 9999 {
		return Errorf(Invalid, "is in the year %d; it must be one from 1 to 9999", year)
	}
	return nil
}

func checkDatumText(p Problems, path, text string, required bool) Problems {
	switch {
	case required && text == "":
		return append(p, Problem{path, "is required"})
	case len(text) > MaxDatumName:
		return append(p, Problem{path, fmt.Sprintf("is %d bytes long; at most %d fit", len(text), MaxDatumName)})
	}
	return append(p, ProblemsOf(path, CheckText(text))...)
}

// plainNote is the note as it is stored; none is null.
func plainNote(note json.RawMessage) (json.RawMessage, error) {
	switch {
	case len(note) > MaxDatumNote:
		return nil, Errorf(Invalid, "is %d bytes of JSON; at most %d fit", len(note), MaxDatumNote)
	case len(note) == 0:
		return json.RawMessage("null"), nil
	}
	return PlainJSON(note)
}

// DatumReader reads datums; a [Store] is one.
type DatumReader interface {
	// Datums lists datums, newest first.
	Datums(ctx context.Context, q DatumQuery, p Page) (Listed[Datum], error)
	// CountDatums counts them.
	CountDatums(ctx context.Context, q DatumQuery) (int, error)
	// Heartbeat returns what is known last of a heartbeat at now: what [Store]'s Beat was told, and datums of the origin
	// [HeartbeatOrigin] that were written otherwise. What is dated more than [MaxSkew] ahead of now does not count.
	Heartbeat(ctx context.Context, name string, now time.Time) (Heartbeat, error)
}

// Surroundings are what code that runs inside a check, a diagnostic case or an action can reach.
type Surroundings struct {
	Log    func(context.Context, Datum) error // nil: [Log] is refused
	Datums DatumReader                        // nil: [ReadDatums] is refused
	Last   *Verdict                           // for [LastVerdict]; nil: none yet
}

type surroundingsKey struct{}

// WithSurroundings returns a context in which [Log], [ReadDatums] and [LastVerdict] work. It is for whoever runs checks.
func WithSurroundings(ctx context.Context, s Surroundings) context.Context {
	return context.WithValue(ctx, surroundingsKey{}, s)
}

func surroundings(ctx context.Context) Surroundings {
	s, _ := ctx.Value(surroundingsKey{}).(Surroundings)
	return s
}

// Log writes a datum from inside a check, a diagnostic case or an action, where its level reaches the configured
// minimum. What At leaves out is now, and what ExpiresAt does is the configured time from now. Outside of one it answers
// [Unavailable].
func Log(ctx context.Context, d Datum) error {
	if log := surroundings(ctx).Log; log != nil {
		return log(ctx, d)
	}
	return Errorf(Unavailable, "log datum %s: not inside a check", d.Name)
}

// ReadDatums reads what was written down, from inside a check, a diagnostic case or an action. Outside of one it answers
// [Unavailable].
func ReadDatums(ctx context.Context) (DatumReader, error) {
	if reader := surroundings(ctx).Datums; reader != nil {
		return reader, nil
	}
	return nil, Errorf(Unavailable, "read datums: not inside a check")
}

// LastVerdict returns the verdict of the last check that could be made before this one; false when there is none.
func LastVerdict(ctx context.Context) (Verdict, bool) {
	last := surroundings(ctx).Last
	if last == nil {
		return Verdict{}, false
	}
	return *last, true
}
