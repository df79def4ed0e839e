package httpapi

import (
	"context"
	"net/http"

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
		errors:  []int{http.StatusNotFound, http.StatusServiceUnavailable}, timeout: -1,
	}, func(ctx context.Context, in *MetaInput) (*checkAnswer, error) {
		if err := exists(ctx, in.Name); err != nil {
			return nil, err
		}
		return a.checkNow(ctx, kind, in.Name)
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

// checkAnswer is the run, or with 202 where the check can be watched.
type checkAnswer struct {
	Status int
	Body   any
}

// UnderWay says where to watch a check that is still under way.
type UnderWay struct {
	WorkflowID string `json:"workflow_id"`
}

func (a *api) checkNow(ctx context.Context, kind narrative.MetaKind, name string) (*checkAnswer, error) {
	waiting, cancel := context.WithTimeout(ctx, a.CheckWait)
	defer cancel()
	run, err := a.Operator.CheckNow(waiting, kind, name)
	switch {
	case err == nil:
		return &checkAnswer{Status: http.StatusOK, Body: run}, nil
	case waiting.Err() != nil && ctx.Err() == nil:
		return &checkAnswer{Status: http.StatusAccepted, Body: UnderWay{WorkflowID: string(kind) + "/" + name + "/now"}}, nil
	}
	return nil, err
}

// describeUnderWay completes the description of the two answers, whose types differ.
func (a *api) describeUnderWay(path string) {
	responses := a.operation(http.MethodPost, path).Responses
	responses["200"].Content = jsonContent(schemaOf[narrative.CheckRun](a))
	responses["202"] = &huma.Response{Description: "Still under way", Content: jsonContent(schemaOf[UnderWay](a))}
}
