package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	narrative "github.com/narrative-go/narrative"
)

// Idempotent requests: the header that names one, the one that tells of an answer from before, and bounds.
const (
	idempotencyHeader = "Idempotency-Key"
	replayedHeader    = "Idempotent-Replayed"
	maxIdempotencyKey = 255
	maxKeptAnswer     = 64 << 10 // a larger answer is not kept
	keepWithin        = 5 * time.Second
)

// idempotencyParameter describes the header.
func idempotencyParameter() *huma.Param {
	least, most := 1, maxIdempotencyKey
	return &huma.Param{
		Name: idempotencyHeader, In: "header", Schema: &huma.Schema{Type: huma.TypeString, MinLength: &least, MaxLength: &most},
		Description: "Any name for this request: sent again with it within a day, it is not carried out again, and gets the same answer",
	}
}

// keptHeaders are those of an answer that are kept with it.
var keptHeaders = []string{"Content-Type", "Etag", "Location"}

// neverKept are the paths whose answers are not kept: the answer to a request for a key has the key in it, which the
// store must not have, and a key's name can be taken only once; Slack asks in a way of its own.
var neverKept = map[string]bool{"/api/v1/keys": true, "/slack/interactions": true}

// once answers POSTs that have an Idempotency-Key once: the same request again gets the same answer, and is not carried
// out. Answers of status 500 and above are not kept, nor those of more than 64 KiB: the request may be sent again, and
// is carried out.
func (a *api) once(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keys := r.Header.Values(idempotencyHeader)
		if r.Method != http.MethodPost || len(keys) == 0 || neverKept[r.URL.Path] {
			next.ServeHTTP(w, r)
			return
		}
		if len(keys) > 1 || !printable(keys[0], maxIdempotencyKey) {
			writeProblem(w, http.StatusBadRequest, fmt.Sprintf("%s must be 1 to %d printable ASCII characters", idempotencyHeader, maxIdempotencyKey))
			return
		}
		contentType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if isNDJSON(contentType) {
			writeProblem(w, http.StatusBadRequest, "an "+idempotencyHeader+" does not go with NDJSON, which is taken in line by line; send an array")
			return
		}
		a.answerOnce(w, r, keys[0], next)
	})
}

func (a *api) answerOnce(w http.ResponseWriter, r *http.Request, key string, next http.Handler) {
	body, err := (&payload{reader: r.Body, deadline: http.NewResponseController(w).SetReadDeadline}).read(bodyLimit(r))
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	caller := CallerOf(r.Context()).KeyID
	claimed := a.now()
	answer, err := a.Store.BeginRequest(r.Context(), caller, key, fingerprint(r, body), claimed)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	if answer != nil {
		replay(w, *answer)
		return
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	held := &holding{ResponseWriter: w}
	var kept *narrative.RequestAnswer
	defer func() { // after a panic, too, which goes on
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), keepWithin)
		defer cancel()
		if err := a.Store.AnswerRequest(ctx, caller, key, claimed, kept); err != nil {
			a.Logger.WarnContext(ctx, "the answer to a request could not be kept", "error", err)
		}
		if kept != nil {
			held.send()
		}
	}()
	next.ServeHTTP(held, r)
	if kept = held.answer(); kept == nil {
		held.send()
	}
}

// bodyLimit is what a body may come to; a handler may allow less.
func bodyLimit(r *http.Request) int64 {
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, "/api/v1/apply"):
		return maxFilesBody
	case bringsDatums(path):
		return maxDatum
	}
	return maxBody
}

// refuse answers with the problem document of an error, from outside an operation.
func (a *api) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var refused *refusal
	status, known := statuses[narrative.KindOf(err)]
	switch {
	case errors.As(err, &refused):
		writeProblem(w, refused.status, refused.message)
	case known:
		if wait := retryAfter(err); wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(max(1, int(wait.Seconds()))))
		}
		writeProblem(w, status, err.Error())
	default:
		a.Logger.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
		writeProblem(w, http.StatusInternalServerError, unexpected)
	}
}

// retryAfter is how long the error asks to wait; zero where it does not say.
func retryAfter(err error) time.Duration {
	for err != nil {
		var e *narrative.Error
		if !errors.As(err, &e) {
			return 0
		}
		if e.RetryAfter > 0 {
			return e.RetryAfter
		}
		err = e.Err
	}
	return 0
}

// fingerprint is the same for the same request.
func fingerprint(r *http.Request, body []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%s\n", r.Method, r.URL.EscapedPath(), r.URL.RawQuery)
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

func replay(w http.ResponseWriter, answer narrative.RequestAnswer) {
	for name, value := range answer.Header {
		w.Header().Set(name, value)
	}
	w.Header().Set(replayedHeader, "true")
	w.WriteHeader(answer.Status)
	_, _ = io.WriteString(w, answer.Body) // a reader that went away is not our failure
}

// holding holds an answer back until it is kept, unless it is too large for that.
type holding struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
	passed bool
}

// WriteHeader keeps the status.
func (h *holding) WriteHeader(status int) {
	switch {
	case h.passed || status < http.StatusOK:
		h.ResponseWriter.WriteHeader(status)
	case h.status == 0:
		h.status = status
	}
}

func (h *holding) Write(p []byte) (int, error) {
	if !h.passed && h.body.Len()+len(p) > maxKeptAnswer {
		h.send()
	}
	if h.passed {
		return h.ResponseWriter.Write(p)
	}
	return h.body.Write(p)
}

// Unwrap lets http.ResponseController reach the connection's deadlines.
func (h *holding) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// send sends what is held.
func (h *holding) send() {
	if h.passed {
		return
	}
	h.passed = true
	if h.status != 0 {
		h.ResponseWriter.WriteHeader(h.status)
	}
	_, _ = h.ResponseWriter.Write(h.body.Bytes())
}

// passing are refusals that may be none the next time: nothing was carried out, and the same request may be sent again.
var passing = []int{
	http.StatusNotFound, http.StatusRequestTimeout, http.StatusConflict, http.StatusPreconditionFailed, http.StatusTooManyRequests,
}

// answer returns what is to be kept; nil where nothing is.
func (h *holding) answer() *narrative.RequestAnswer {
	status := h.status
	if status == 0 {
		status = http.StatusOK
	}
	if h.passed || status >= http.StatusInternalServerError || slices.Contains(passing, status) {
		return nil
	}
	kept := &narrative.RequestAnswer{Status: status, Header: map[string]string{}, Body: h.body.String()}
	for _, name := range keptHeaders {
		if value := h.Header().Get(name); value != "" {
			kept.Header[name] = value
		}
	}
	return kept
}

func isNDJSON(contentType string) bool {
	switch strings.ToLower(contentType) {
	case ndjsonType, "application/ndjson", "application/jsonl":
		return true
	}
	return false
}
