package devserver

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

// quietHandler passes on the errors of a server. Its warnings, of sizes, retries and services that come up in turn, are
// for those who run a cluster. It is the handler of the server's whole log.
type quietHandler struct {
	next     slog.Handler
	stopping *atomic.Bool
}

var _ slog.Handler = (*quietHandler)(nil)

// newQuietHandler returns a handler for a server that is starting.
func newQuietHandler(next slog.Handler) *quietHandler {
	return &quietHandler{next: next, stopping: new(atomic.Bool)}
}

// stop says that the server is being stopped: from now on calls fail because somebody wanted it.
func (h *quietHandler) stop() { h.stopping.Store(true) }

// Enabled reports whether a level is passed on.
func (h *quietHandler) Enabled(ctx context.Context, level slog.Level) bool {
	least := slog.LevelError
	if h.stopping.Load() {
		least = levelFatal
	}
	return level >= least && h.next.Enabled(ctx, level)
}

// Handle passes a record on.
func (h *quietHandler) Handle(ctx context.Context, r slog.Record) error {
	return h.next.Handle(ctx, r)
}

// WithAttrs returns a handler that adds attributes.
func (h *quietHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &quietHandler{next: h.next.WithAttrs(attrs), stopping: h.stopping}
}

// WithGroup returns a handler that puts what follows into a group.
func (h *quietHandler) WithGroup(name string) slog.Handler {
	return &quietHandler{next: h.next.WithGroup(name), stopping: h.stopping}
}

// levelFatal is above slog's levels: the server says that it cannot go on.
const levelFatal = slog.LevelError + 4

// serverLogger is a slog.Logger in the form the server takes.
type serverLogger struct {
	log      *slog.Logger
	stopping *atomic.Bool
}

var (
	_ log.Logger      = serverLogger{}
	_ log.WithLogger  = serverLogger{}
	_ log.SLogWrapper = serverLogger{}
)

// newServerLogger returns the log of a server.
func newServerLogger(h *quietHandler) serverLogger {
	return serverLogger{log: slog.New(h).With("component", "temporal"), stopping: h.stopping}
}

// Debug logs at debug, which is dropped.
func (l serverLogger) Debug(msg string, tags ...tag.Tag) { l.write(slog.LevelDebug, msg, tags) }

// Info logs at info, which is dropped.
func (l serverLogger) Info(msg string, tags ...tag.Tag) { l.write(slog.LevelInfo, msg, tags) }

// Warn logs at warn, which is dropped.
func (l serverLogger) Warn(msg string, tags ...tag.Tag) { l.write(slog.LevelWarn, msg, tags) }

// Error logs at error.
func (l serverLogger) Error(msg string, tags ...tag.Tag) { l.write(slog.LevelError, msg, tags) }

// DPanic logs at error: it is meant to panic in the server's own development only.
func (l serverLogger) DPanic(msg string, tags ...tag.Tag) { l.write(slog.LevelError, msg, tags) }

// Panic logs and panics, as its callers rely on.
func (l serverLogger) Panic(msg string, tags ...tag.Tag) { l.die(msg, tags) }

// Fatal logs and panics: an embedded server does not end the process by itself, so that Start can return an error.
func (l serverLogger) Fatal(msg string, tags ...tag.Tag) { l.die(msg, tags) }

// With returns a logger that adds tags.
func (l serverLogger) With(tags ...tag.Tag) log.Logger {
	attrs := attrsOf(tags)
	args := make([]any, len(attrs))
	for i, a := range attrs {
		args[i] = a
	}
	return serverLogger{log: l.log.With(args...), stopping: l.stopping}
}

// SLog returns the logger underneath.
func (l serverLogger) SLog() *slog.Logger { return l.log }

func (l serverLogger) write(level slog.Level, msg string, tags []tag.Tag) {
	ctx := context.Background()
	if l.log.Enabled(ctx, level) {
		l.log.LogAttrs(ctx, level, msg, attrsOf(tags)...)
	}
}

// die ends the goroutine at least. What a server that is being stopped dies of is no news.
func (l serverLogger) die(msg string, tags []tag.Tag) {
	if l.stopping.Load() {
		runtime.Goexit()
	}
	l.write(levelFatal, msg, tags)
	panic(fatalError(fmt.Sprint(msg, " ", attrsOf(tags))))
}

// fatalError is what the server died of, as a panic's value.
type fatalError string

// Error returns what the server said.
func (e fatalError) Error() string { return string(e) }

// recoverFatal turns the server's death into an error. Any other panic goes on.
func recoverFatal(err *error) {
	switch r := recover().(type) {
	case nil:
	case fatalError:
		*err = fmt.Errorf("devserver: start the server: %w", r)
	default:
		panic(r)
	}
}

// attrsOf returns the server's tags as attributes.
func attrsOf(tags []tag.Tag) []slog.Attr {
	attrs := make([]slog.Attr, len(tags))
	for i, t := range tags {
		attrs[i] = slog.Any(t.Key(), t.Value())
	}
	return attrs
}
