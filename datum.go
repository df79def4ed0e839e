package narrative

import (
	"context"
	"encoding/json"
	"fmt"
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
		if strings.EqualFold(s, string(l)) || s == fmt.Sprint(i) {
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
	var p Problems
	for _, f := range []struct {
		path, value string
		required    bool
	}{{"origin", d.Origin, true}, {"name", d.Name, true}, {"thread_id", d.ThreadID, false}} {
		switch {
		case f.required && f.value == "":
			p = append(p, Problem{f.path, "is required"})
		case len(f.value) > MaxDatumName:
			p = append(p, Problem{f.path, fmt.Sprintf("is %d bytes long; at most %d fit", len(f.value), MaxDatumName)})
		default:
			p = append(p, ProblemsOf(f.path, CheckText(f.value))...)
		}
	}
	if len(d.Note) > MaxDatumNote {
		p = append(p, Problem{"note", fmt.Sprintf("is %d bytes of JSON; at most %d fit", len(d.Note), MaxDatumNote)})
	} else if len(d.Note) > 0 {
		p = append(p, ProblemsOf("note", CheckJSON(d.Note))...)
	}
	if _, err := ParseLevel(string(d.Level)); err != nil {
		p = append(p, Problem{"level", err.Error()})
	}
	return p
}

type checkContext struct {
	log  func(context.Context, Datum) error
	last *Verdict
}

type checkContextKey struct{}

// WithCheck returns a context in which [Log] writes through log and [LastVerdict] answers last (nil: none yet). It is
// for whoever runs checks.
func WithCheck(ctx context.Context, log func(context.Context, Datum) error, last *Verdict) context.Context {
	return context.WithValue(ctx, checkContextKey{}, checkContext{log: log, last: last})
}

// Log writes a datum from inside a check, a diagnostic case or an action, where its level reaches the configured
// minimum. Outside of one it answers [Unavailable].
func Log(ctx context.Context, d Datum) error {
	c, ok := ctx.Value(checkContextKey{}).(checkContext)
	if !ok || c.log == nil {
		return Errorf(Unavailable, "log datum %s: not inside a check", d.Name)
	}
	return c.log(ctx, d)
}

// LastVerdict returns the verdict of the last check that could be made before this one; false when there is none.
func LastVerdict(ctx context.Context) (Verdict, bool) {
	c, _ := ctx.Value(checkContextKey{}).(checkContext)
	if c.last == nil {
		return Verdict{}, false
	}
	return *c.last, true
}
