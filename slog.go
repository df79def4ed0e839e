package narrative

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"
)

// SlogOptions are the optional parts of a [SlogHandler].
type SlogOptions struct {
	// Level is the least that is handled, besides the configured minimum level of datums; nil: everything.
	Level slog.Leveler
	// AddSource adds the file and line of the call to the note, as source.
	AddSource bool
}

// SlogHandler makes datums of what a program logs. The datum's name is the message; its note an object of the
// attributes, with groups as objects in it, as slog's own JSON handler writes them, and null where there are none; of
// attributes of one name the last is kept. Its thread is that of the context, see [WithThread]; that a context is over
// changes nothing. A message beyond [MaxDatumName] bytes is cut in the name and stands whole in the note, as message; a
// thread id is cut likewise. What cannot be kept as text becomes U+FFFD; attributes that do not fit, beyond
// [MaxDatumNote] or [MaxDepth], are left out, and the note says so.
type SlogHandler struct {
	to      *Datums
	origin  string
	o       SlogOptions
	json    slog.Handler // writes to written
	written written
}

var _ slog.Handler = (*SlogHandler)(nil)

// written hands over what slog's JSON handler writes, which that does at the end of each call, and for one call at a
// time: the next waits until this one's is taken, and no lock is held while attributes are encoded, which may log, too.
type written chan []byte

// Write hands over a copy of p.
func (w written) Write(p []byte) (int, error) {
	w <- bytes.Clone(p)
	return len(p), nil
}

// NewSlogHandler returns a handler that writes datums of that origin; it panics where the origin is none or too long. A
// call of the logger waits while the queue is full, and at times for the configuration to be read.
func NewSlogHandler(to *Datums, origin string, o SlogOptions) *SlogHandler {
	if p := checkDatumText(nil, "origin", origin, true); len(p) > 0 {
		panic("narrative: make a slog handler: " + p.Error())
	}
	w := make(written, 1)
	return &SlogHandler{to: to, origin: origin, o: o, written: w, json: slog.NewJSONHandler(w, &slog.HandlerOptions{
		AddSource: o.AddSource, ReplaceAttr: withoutBuiltIn,
	})}
}

// The message and level that the JSON handler is given, by which its own attributes are told from others of those names.
const (
	noMessage            = "\x00"
	noLevel   slog.Level = -1 << 31
)

// withoutBuiltIn takes out what the JSON handler adds of its own.
func withoutBuiltIn(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Equal(slog.Any(slog.LevelKey, noLevel)) || a.Equal(slog.String(slog.MessageKey, noMessage))) {
		return slog.Attr{}
	}
	return a
}

// Enabled tells whether the level reaches the configured minimum.
func (h *SlogHandler) Enabled(ctx context.Context, level slog.Level) bool {
	if h.o.Level != nil && level < h.o.Level.Level() {
		return false
	}
	config, err := h.to.o.Config.Config(context.WithoutCancel(ctx))
	return err != nil || levelOf(level).Rank() >= config.MinimumDatumLogLevel.Rank()
}

// levelOf maps levels: what is below debug is trace, and what lies between two is the lower one.
func levelOf(level slog.Level) Level {
	switch {
	case level < slog.LevelDebug:
		return Trace
	case level < slog.LevelInfo:
		return Debug
	case level < slog.LevelWarn:
		return Info
	case level < slog.LevelError:
		return Warn
	}
	return ErrorLevel
}

// Handle queues the datum. One that cannot be is counted as lost.
func (h *SlogHandler) Handle(ctx context.Context, r slog.Record) error {
	ctx = context.WithoutCancel(ctx)
	name, whole := fitting(r.Message)
	attributes := slog.NewRecord(time.Time{}, noLevel, noMessage, r.PC)
	r.Attrs(func(a slog.Attr) bool { attributes.AddAttrs(a); return true })
	if !whole {
		attributes.AddAttrs(slog.String("message", r.Message))
	}
	thread, _ := fitting(ThreadOf(ctx))
	note, err := h.note(ctx, attributes)
	if err == nil {
		err = h.to.log(ctx, Datum{Origin: h.origin, Name: cmp.Or(name, "(no message)"), Note: note, Level: levelOf(r.Level), ThreadID: thread, At: r.Time})
	}
	if err != nil {
		h.to.lose(1, fmt.Errorf("log %q: %w", name, err))
	}
	return err
}

// note is the JSON of the attributes.
func (h *SlogHandler) note(ctx context.Context, r slog.Record) (json.RawMessage, error) {
	if err := h.json.Handle(ctx, r); err != nil {
		return nil, err
	}
	encoded := bytes.TrimSpace(<-h.written)
	if string(encoded) == "{}" {
		return json.RawMessage("null"), nil
	}
	note, err := plainNote(withoutNUL(bytes.ToValidUTF8(encoded, []byte("\ufffd"))))
	if err != nil {
		return json.Marshal(map[string]string{"omitted": "the note " + err.Error()})
	}
	return note, nil
}

// withoutNUL puts U+FFFD for \u0000, which cannot be stored.
func withoutNUL(encoded []byte) []byte {
	for at := 0; at < len(encoded); at++ {
		if encoded[at] != '\\' {
			continue
		}
		if bytes.HasPrefix(encoded[at:], []byte(`\u0000`)) {
			copy(encoded[at:], `\ufffd`)
		}
		at++ // what is escaped is no escape itself
	}
	return encoded
}

func printable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
}

// fitting is a text as the name of a datum, or its thread id, and whether that is all of it.
func fitting(text string) (fits string, whole bool) {
	fits = printable(text)
	if len(fits) <= MaxDatumName {
		return fits, true
	}
	const dots = "…"
	end := MaxDatumName - len(dots)
	for end > 0 && !utf8.RuneStart(fits[end]) {
		end--
	}
	return fits[:end] + dots, false
}

// WithAttrs returns a handler that adds the attributes to every note.
func (h *SlogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.with(h.json.WithAttrs(attrs))
}

// WithGroup returns a handler that puts what follows into a group; that of no name is h itself.
func (h *SlogHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.with(h.json.WithGroup(name))
}

func (h *SlogHandler) with(json slog.Handler) *SlogHandler {
	other := *h
	other.json = json
	return &other
}

type threadKey struct{}

// WithThread returns a context in which what a [SlogHandler] writes belongs to that thread.
func WithThread(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, threadKey{}, id)
}

// ThreadOf returns the thread that a context belongs to; empty where it belongs to none.
func ThreadOf(ctx context.Context) string {
	id, _ := ctx.Value(threadKey{}).(string)
	return id
}
