package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"

	narrative "github.com/narrative-go/narrative"
)

// maxRequestID is the longest id that is taken over from the caller.
const maxRequestID = 128

type requestIDKey struct{}

// requestID is the id of the request that ctx belongs to; empty outside of one.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// identified gives each request an id, the caller's own where it is a sane one. The answer, the log lines and a problem
// document carry it.
func (a *api) identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(requestIDHeader)
		if !printable(id, maxRequestID) {
			id = narrative.NewID(a.now())
		}
		w.Header().Set(requestIDHeader, id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id)))
	})
}

// printable tells whether s is 1 to most printable ASCII characters.
func printable(s string, most int) bool {
	if s == "" || len(s) > most {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// instanceOf is what a problem document says of the request it belongs to; empty where that has no id.
func instanceOf(id string) string {
	if id == "" {
		return ""
	}
	return "urn:narrative:request:" + url.PathEscape(id)
}

// withInstance puts the request's id into problem documents.
func withInstance(ctx huma.Context, _ string, body any) (any, error) {
	instance := instanceOf(requestID(ctx.Context()))
	switch document := body.(type) {
	case *huma.ErrorModel:
		document.Instance = instance
	case *intakeProblem:
		document.Instance = instance
	}
	return body, nil
}

// identifying is a log handler that adds the id of the request that a line belongs to.
type identifying struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h identifying) Handle(ctx context.Context, r slog.Record) error {
	if id := requestID(ctx); id != "" {
		r = r.Clone()
		r.AddAttrs(slog.String("request_id", id))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h identifying) WithAttrs(attrs []slog.Attr) slog.Handler {
	return identifying{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h identifying) WithGroup(name string) slog.Handler {
	return identifying{h.Handler.WithGroup(name)}
}
