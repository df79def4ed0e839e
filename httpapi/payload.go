package httpapi

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// Limits of what is read.
const (
	maxBody      = 1 << 20 // of a request's body
	maxApplyBody = 4 << 20 // of a narrative.yaml
	readTimeout  = 30 * time.Second
)

// byteOrderMark is what some programs begin UTF-8 with.
var byteOrderMark = []byte("\ufeff")

// payload is a request's body, not read yet.
type payload struct {
	reader      io.Reader
	contentType string
	deadline    func(time.Time) error
}

var _ huma.Resolver = (*payload)(nil)

// Resolve takes hold of the body. It is called by huma before the handler.
func (p *payload) Resolve(ctx huma.Context) []error {
	p.reader, p.deadline = ctx.BodyReader(), ctx.SetReadDeadline
	p.contentType, _, _ = mime.ParseMediaType(ctx.Header("Content-Type"))
	return nil
}

// read returns the whole body, or refuses one of more than limit bytes or that does not arrive in time.
func (p *payload) read(limit int64) ([]byte, error) {
	body, err := p.begin(limit + 1)
	if err != nil { // the deadline stays: for so long the server waits for the rest before it answers
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, &refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", limit)}
	}
	_ = p.deadline(time.Time{})
	return body, nil
}

// begin returns the first bytes of the body.
func (p *payload) begin(bytes int64) ([]byte, error) {
	_ = p.deadline(time.Now().Add(readTimeout)) // not every transport has deadlines
	body, err := io.ReadAll(io.LimitReader(p.reader, bytes))
	if err != nil {
		return nil, unreadable(err)
	}
	return body, nil
}

// drained is how much of a body is read that is not looked at, so that who sends it hears the answer.
const drained = 64 << 20

// readSome returns the body, or the first limit bytes of one that is larger and one more.
func (p *payload) readSome(limit int64) ([]byte, error) {
	body, err := p.begin(limit + 1)
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		if _, err := io.Copy(io.Discard, io.LimitReader(p.reader, drained)); err != nil {
			return nil, unreadable(err)
		}
	}
	_ = p.deadline(time.Time{})
	return body, nil
}

// readJSON is read for a body that must be well-formed JSON, or empty.
func (p *payload) readJSON(limit int64) ([]byte, error) {
	if !isJSON(p.contentType) {
		return nil, &refusal{http.StatusUnsupportedMediaType, fmt.Sprintf("the body must be application/json, not %s", p.contentType)}
	}
	body, err := p.read(limit)
	if err != nil {
		return nil, err
	}
	body = bytes.TrimPrefix(body, byteOrderMark)
	if !utf8.Valid(body) { // the decoder would put U+FFFD in its place
		return nil, &refusal{http.StatusBadRequest, "the body is not valid UTF-8"}
	}
	if len(body) > 0 && !json.Valid(body) {
		var v any
		return nil, &refusal{http.StatusBadRequest, fmt.Sprintf("the body is not valid JSON: %v", json.Unmarshal(body, &v))}
	}
	return body, nil
}

// isJSON tells whether a type is one of JSON, or says nothing.
func isJSON(contentType string) bool {
	switch contentType {
	case "", "application/json", "text/json", "application/x-www-form-urlencoded": // the last is what curl -d says
		return true
	}
	return strings.HasPrefix(contentType, "application/") && strings.HasSuffix(contentType, "+json")
}

func unreadable(err error) error {
	var refused *refusal
	if errors.As(err, &refused) {
		return refused
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &refusal{http.StatusRequestTimeout, "the body did not arrive in time"}
	}
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, new(flate.CorruptInputError)) {
		return &refusal{http.StatusBadRequest, "the body is not what its Content-Encoding says: gzip"}
	}
	return &refusal{http.StatusBadRequest, "the body ended early"}
}
