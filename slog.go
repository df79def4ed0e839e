package narrative

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
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
// attributes, with groups as objects in it, as slog's own JSON handler writes them, and null where there are none; its
// thread that of the context, see [WithThread]. A message beyond [MaxDatumName] bytes is cut in the name and stands
// whole in the note, as message. What cannot be kept as text becomes U+FFFD; attributes beyond
// [MaxDatumNote] are left out, and the note says so.
type SlogHandler struct {
	to     *Datums
	origin string
	o      SlogOptions
	shared *encoding
	json   slog.Handler // writes to shared
}

var _ slog.Handler = (*SlogHandler)(nil)

// encoding is where a handler, and those made of it, write one note at a time.
type encoding struct {
	mu   sync.Mutex
	note bytes.Buffer
}

// NewSlogHandler returns a handler that writes datums of that origin. A call of the logger waits while the queue is
// full, and at times for the configuration to be read.
func NewSlogHandler(to *Datums, origin string, o SlogOptions) *SlogHandler {
	shared := &encoding{}
	return &SlogHandler{to: to, origin: origin, o: o, shared: shared, json: slog.NewJSONHandler(&shared.note, &slog.HandlerOptions{
		Level: slog.Level(-1 << 31), AddSource: o.AddSource, ReplaceAttr: withoutBuiltIn,
	})}
}

// noMessage is the message in what the JSON handler is given, by which its own attribute is told from another msg.
const noMessage = "\x00"

// withoutBuiltIn takes out what the JSON handler adds of its own.
func withoutBuiltIn(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	if _, isLevel := a.Value.Any().(slog.Level); isLevel && a.Key == slog.LevelKey {
		return slog.Attr{}
	}
	if a.Key == slog.MessageKey && a.Value.Kind() == slog.KindString && a.Value.String() == noMessage {
		return slog.Attr{}
	}
	return a
}

// Enabled tells whether the level reaches the configured minimum.
func (h *SlogHandler) Enabled(ctx context.Context, level slog.Level) bool {
	if h.o.Level != nil && level < h.o.Level.Level() {
		return false
	}
	config, err := h.to.o.Config.Config(ctx)
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
	name, whole := named(r.Message)
	attributes := slog.NewRecord(time.Time{}, r.Level, noMessage, r.PC)
	if !whole {
		attributes.AddAttrs(slog.String("message", r.Message))
	}
	r.Attrs(func(a slog.Attr) bool { attributes.AddAttrs(a); return true })
	note, err := h.note(ctx, attributes)
	if err == nil {
		err = h.to.Log(ctx, Datum{Origin: h.origin, Name: name, Note: note, Level: levelOf(r.Level), ThreadID: ThreadOf(ctx), At: r.Time})
	}
	if err != nil {
		h.to.lose(1, fmt.Errorf("log %q: %w", name, err))
	}
	return err
}

// note is the JSON of the attributes.
func (h *SlogHandler) note(ctx context.Context, r slog.Record) (json.RawMessage, error) {
	h.shared.mu.Lock()
	defer h.shared.mu.Unlock()
	h.shared.note.Reset()
	if err := h.json.Handle(ctx, r); err != nil {
		return nil, err
	}
	note := bytes.TrimSpace(h.shared.note.Bytes())
	switch {
	case bytes.Equal(note, []byte("{}")):
		return json.RawMessage("null"), nil
	case len(note) > MaxDatumNote:
		return json.Marshal(map[string]string{"omitted": fmt.Sprintf("the attributes are %d bytes of JSON; at most %d fit", len(note), MaxDatumNote)})
	case !bytes.Contains(note, []byte(`\u0000`)):
		return bytes.Clone(note), nil
	}
	return withoutNUL(note)
}

// withoutNUL puts U+FFFD for \u0000, which cannot be stored.
func withoutNUL(note []byte) (json.RawMessage, error) {
	plain, err := decodeNumbers(note)
	if err != nil {
		return nil, err
	}
	return json.Marshal(clean(plain))
}

func clean(v any) any {
	switch v := v.(type) {
	case string:
		return printable(v)
	case []any:
		for i := range v {
			v[i] = clean(v[i])
		}
	case map[string]any:
		cleaned := make(map[string]any, len(v))
		for name, member := range v {
			cleaned[printable(name)] = clean(member)
		}
		return cleaned
	}
	return v
}

func printable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
}

// named is a message as a datum's name, and whether that says all of it.
func named(message string) (name string, whole bool) {
	name = printable(message)
	switch {
	case name == "":
		return "(no message)", true
	case len(name) <= MaxDatumName:
		return name, true
	}
	const dots = "…"
	end := MaxDatumName - len(dots)
	for end > 0 && !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end] + dots, false
}

// WithAttrs returns a handler that adds the attributes to every note.
func (h *SlogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.with(h.json.WithAttrs(attrs))
}

// WithGroup returns a handler that puts what follows into a group.
func (h *SlogHandler) WithGroup(name string) slog.Handler { return h.with(h.json.WithGroup(name)) }

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
