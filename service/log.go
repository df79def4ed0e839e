package service

import (
	"context"
	"log/slog"
)

// expected keeps quiet about what the SDK calls an error and Narrative expects: a check that could not be made, an
// action that failed. Those are recorded, told and shown where they belong.
type expected struct{ slog.Handler }

// Handle drops the records that say no more than that.
func (h expected) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "Activity error." {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs keeps doing so.
func (h expected) WithAttrs(attrs []slog.Attr) slog.Handler {
	return expected{h.Handler.WithAttrs(attrs)}
}

// WithGroup keeps doing so.
func (h expected) WithGroup(name string) slog.Handler { return expected{h.Handler.WithGroup(name)} }
