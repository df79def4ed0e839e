package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	narrative "github.com/narrative-go/narrative"
)

// checkRoutes adds "check now" and the history of checks, which assertions and events have in common. exists answers
// NotFound for a name that is not there.
func (a *api) checkRoutes(path string, kind narrative.MetaKind, exists func(context.Context, string) error) {
	tag := string(kind) + "s"
	add(a, route{
		method: http.MethodPost, path: path + "/{name}/check", id: "check-" + string(kind), tag: tag,
		summary: "Make an ordinary check now: 200 with the run, or 202 when it takes longer than 30 s",
		query:   true,
		errors:  []int{http.StatusNotFound, http.StatusServiceUnavailable}, timeout: -1,
	}, func(ctx context.Context, in *CheckQuery) (*checkAnswer, error) {
		if err := exists(ctx, in.Name); err != nil {
			return nil, err
		}
		if in.dry {
			return a.checkNow(ctx, a.Operator.DryRun, kind, in.Name, "/dry-run")
		}
		return a.checkNow(ctx, a.Operator.CheckNow, kind, in.Name, "/now")
	})
	a.describeUnderWay(path + "/{name}/check")
	add(a, route{
		method: http.MethodGet, path: path + "/{name}/runs", id: "list-" + string(kind) + "-runs", tag: tag,
		summary: "List checks, newest first", query: true, errors: []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, func(ctx context.Context, in *RunsInput) (*answer[narrative.Listed[narrative.CheckRun]], error) {
		if err := exists(ctx, in.Name); err != nil {
			return nil, err
		}
		listed, err := a.Store.CheckRuns(ctx, in.Name, in.page())
		return answered(neverNull(listed)), err
	})
}

// RunsInput is the query of the list of checks.
type RunsInput struct {
	MetaInput
	PageQuery
}

// CheckQuery is the query of a check made now.
type CheckQuery struct {
	MetaInput
	DryRun string `query:"dry_run" doc:"Keep nothing of the check: no run, no issue, no datum; the run has no id. Its mere presence means true"`

	dry bool
}

// Resolve reads dry_run, which may stand alone.
func (q *CheckQuery) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	values, given := u.Query()["dry_run"]
	if !given || values[0] == "" {
		q.dry = given
		return nil
	}
	var err error
	if q.dry, err = strconv.ParseBool(values[0]); err != nil {
		return []error{&huma.ErrorDetail{Location: "query.dry_run", Message: "must be true or false", Value: values[0]}}
	}
	return nil
}

// checkAnswer is the run, or with 202 where the check can be watched.
type checkAnswer struct {
	Status int
	Body   any
}

// UnderWay says where to watch a check that is still under way.
type UnderWay struct {
	WorkflowID string `json:"workflow_id"`
}

func (a *api) checkNow(ctx context.Context, check func(context.Context, narrative.MetaKind, string) (narrative.CheckRun, error),
	kind narrative.MetaKind, name, suffix string,
) (*checkAnswer, error) {
	waiting, cancel := context.WithTimeout(ctx, a.CheckWait)
	defer cancel()
	run, err := check(waiting, kind, name)
	switch {
	case err == nil:
		return &checkAnswer{Status: http.StatusOK, Body: run}, nil
	case waiting.Err() != nil && ctx.Err() == nil:
		return &checkAnswer{Status: http.StatusAccepted, Body: UnderWay{WorkflowID: string(kind) + "/" + name + suffix}}, nil
	}
	return nil, err
}

// describeUnderWay completes the description of the two answers, whose types differ.
func (a *api) describeUnderWay(path string) {
	responses := a.operation(http.MethodPost, path).Responses
	responses["200"].Content = jsonContent(schemaOf[narrative.CheckRun](a))
	responses["202"] = &huma.Response{Description: "Still under way", Content: jsonContent(schemaOf[UnderWay](a))}
}
