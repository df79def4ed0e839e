package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	narrative "github.com/narrative-go/narrative"
)

// statuses maps the kinds of errors to HTTP statuses. A kind that is not in it is 500, with a sentence that gives
// nothing away; the log has the cause.
var statuses = map[narrative.ErrorKind]int{
	narrative.Invalid:     http.StatusUnprocessableEntity,
	narrative.NotFound:    http.StatusNotFound,
	narrative.Conflict:    http.StatusConflict,
	narrative.Unavailable: http.StatusServiceUnavailable,
}

// refusal is an error that knows its status, for what no kind tells: 400, 413, 415.
type refusal struct {
	status  int
	message string
}

func (r *refusal) Error() string { return r.message }

// problem turns a handler's error into a problem document.
func (a *api) problem(ctx context.Context, r route, err error) error {
	var document huma.StatusError
	if errors.As(err, &document) {
		return document
	}
	var refused *refusal
	if errors.As(err, &refused) {
		return huma.NewError(refused.status, refused.message)
	}
	status, known := statuses[narrative.KindOf(err)]
	switch {
	case known && r.query && status == http.StatusUnprocessableEntity:
		status = http.StatusBadRequest
	case !known && errors.Is(err, context.DeadlineExceeded):
		a.Logger.WarnContext(ctx, "request timed out", "operation", r.id, "error", err)
		return huma.NewError(http.StatusServiceUnavailable, "this took too long; try again")
	case !known:
		if ctx.Err() == nil {
			a.Logger.ErrorContext(ctx, "request failed", "operation", r.id, "error", err)
		}
		return huma.NewError(http.StatusInternalServerError, unexpected)
	}
	where := "body"
	if r.query {
		where = "query"
	}
	detail, details := explainProblems(where, err)
	return huma.NewError(status, detail, details...)
}

const unexpected = "something went wrong inside Narrative; its log has the cause"

// explainProblems returns an error's sentence, and its problems, where it has any, with their places.
func explainProblems(where string, err error) (string, []error) {
	var problems narrative.Problems
	if !errors.As(err, &problems) {
		return err.Error(), nil
	}
	details := make([]error, len(problems))
	for i, p := range problems {
		details[i] = &huma.ErrorDetail{Location: joinLocation(where, p.Path), Message: p.Message}
	}
	return strings.ReplaceAll(problems.Error(), "\n", "; "), details
}

func joinLocation(where, path string) string {
	switch {
	case where == "":
		return path
	case path == "" || strings.HasPrefix(path, "["):
		return where + path
	default:
		return where + "." + path
	}
}

// writeProblem answers with a problem document from outside an operation.
func writeProblem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(huma.ErrorModel{
		Title: http.StatusText(status), Status: status, Detail: detail, Instance: instanceOf(w.Header().Get(requestIDHeader)),
	})
}

// requestContext gives the embedded interface below a name that its method Context does not collide with.
type requestContext huma.Context

// statusContext lets a transformer settle the status that huma is about to send.
type statusContext struct {
	requestContext
	status int
}

func (c *statusContext) SetStatus(status int) {
	if c.status != 0 {
		status = c.status
	}
	c.requestContext.SetStatus(status)
}

// Unwrap lets huma's adapter find the context that it made.
func (c *statusContext) Unwrap() huma.Context { return c.requestContext }

func ownStatus(ctx huma.Context, next func(huma.Context)) { next(&statusContext{requestContext: ctx}) }

// malformedQuery makes 400 of huma's 422 where all that is wrong stands in the query, as the API has it.
func malformedQuery(ctx huma.Context, _ string, body any) (any, error) {
	document, ok := body.(*huma.ErrorModel)
	if !ok || document.Status != http.StatusUnprocessableEntity || len(document.Errors) == 0 {
		return body, nil
	}
	messages := make([]string, len(document.Errors))
	for i, e := range document.Errors {
		if !strings.HasPrefix(e.Location, "query.") {
			return body, nil
		}
		if strings.HasPrefix(e.Message, "invalid date/time") { // and a layout of Go's
			e.Message = fmt.Sprintf(noInstant, e.Value)
		}
		messages[i] = strings.TrimPrefix(e.Location, "query.") + ": " + e.Message
	}
	if own, ok := ctx.(*statusContext); ok {
		own.status = http.StatusBadRequest
		document.Status, document.Title = own.status, http.StatusText(own.status)
		document.Detail = strings.Join(messages, "; ")
	}
	return document, nil
}
