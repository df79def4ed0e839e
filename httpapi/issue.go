package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	narrative "github.com/narrative-go/narrative"
)

func (a *api) issueRoutes() {
	const path = "/api/v1/issues"
	add(a, route{
		method: http.MethodGet, path: path, id: "list-issues", tag: "issues",
		summary: "List issues, newest first", query: true, errors: []int{http.StatusServiceUnavailable},
	}, a.listIssues)
	add(a, route{
		method: http.MethodGet, path: path + "/{id}", id: "get-issue", tag: "issues",
		summary: "Get an issue with its steps", errors: []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, a.getIssue)
	add(a, route{
		method: http.MethodGet, path: path + "/{id}/explain", id: "explain-issue", tag: "issues",
		summary: "Tell an issue's whole story, as JSON or as text", errors: []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, a.explainIssue)
	a.describeStory(path + "/{id}/explain")
	add(a, route{
		method: http.MethodPost, path: path + "/{id}/{signal}", id: "signal-issue", tag: "issues",
		summary: "Send a person's signal to an issue; answered once it was accepted",
		errors:  []int{http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
		body:    a.signalBody(),
	}, a.signalIssue)
}

// IssuesQuery is the query of the list of issues.
type IssuesQuery struct {
	Status    narrative.Status   `query:"status" enum:"open,solution_applied,impasse,resolved,wont_fix"`
	Assertion string             `query:"assertion"`
	Record    string             `query:"record" doc:"TYPE/ID or ID, such as invoice/42"`
	Severity  narrative.Severity `query:"severity" enum:"info,warning,error,critical"`
	Since     time.Time          `query:"since" doc:"Opened at this time or later"`
	PageQuery
}

func (a *api) listIssues(ctx context.Context, in *IssuesQuery) (*answer[narrative.Listed[narrative.Issue]], error) {
	if err := textProblems(map[string]string{"assertion": in.Assertion, "record": in.Record}).Err(); err != nil {
		return nil, err
	}
	q := narrative.IssueQuery{Status: in.Status, Assertion: in.Assertion, Severity: in.Severity, Since: in.Since.UTC()}
	recordType, id, typed := strings.Cut(in.Record, "/")
	if typed {
		q.RecordType, q.RecordID = recordType, id
	} else {
		q.RecordID = in.Record
	}
	listed, err := a.Store.Issues(ctx, q, in.page())
	if err != nil {
		return nil, err
	}
	listed = neverNull(listed)
	for i := range listed.Items {
		listed.Items[i] = wholeIssue(listed.Items[i])
	}
	return answered(listed), nil
}

// IssueInput names an issue.
type IssueInput struct {
	ID string `path:"id"`
}

var issueID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// issue returns the issue that the path names; a malformed id names none.
func (a *api) issue(ctx context.Context, id string) (narrative.Issue, error) {
	if !issueID.MatchString(id) {
		return narrative.Issue{}, narrative.Errorf(narrative.NotFound, "there is no issue %q", id)
	}
	return a.Store.Issue(ctx, id)
}

func (a *api) getIssue(ctx context.Context, in *IssueInput) (*answer[narrative.Issue], error) {
	i, err := a.issue(ctx, in.ID)
	return answered(wholeIssue(i)), err
}

// SignalInput is a signal to an issue.
type SignalInput struct {
	ID      string `path:"id"`
	Signal  string `path:"signal" doc:"solution, resolve, wont_fix or comment"`
	Payload payload
}

func (a *api) signalIssue(ctx context.Context, in *SignalInput) (*answer[narrative.Issue], error) {
	body, err := in.Payload.readJSON(maxBody)
	if err != nil {
		return nil, err
	}
	name := narrative.SignalName(in.Signal)
	signal, err := narrative.DecodeSignal(name, body)
	if err != nil {
		return nil, err
	}
	i, err := a.issue(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := signal.Check(i, a.now()); err != nil {
		return nil, err
	}
	if len(body) == 0 {
		body = []byte("{}")
	}
	if err := a.Operator.Signal(ctx, i, name, json.RawMessage(body)); err != nil {
		return nil, err
	}
	i, err = a.Store.Issue(ctx, i.ID)
	return answered(wholeIssue(i)), err
}

// signalBody describes the payloads of the signals together; which takes what, the refusals say.
func (a *api) signalBody() *huma.RequestBody {
	return &huma.RequestBody{
		Description: "solution takes exactly one of step_id and plan, and reason; wont_fix reason (required) and until; " +
			"resolve reason; comment text (required); each takes by",
		Content: map[string]*huma.MediaType{"application/json": {Schema: schemaOf[narrative.Signal](a)}},
	}
}

// wholeIssue is the issue with no list left null.
func wholeIssue(i narrative.Issue) narrative.Issue {
	steps := make([]narrative.ResolutionStep, len(i.Steps))
	for n, s := range i.Steps {
		if s.Solution != nil {
			solution := *s.Solution
			solution.Plan = orEmpty(solution.Plan)
			s.Solution = &solution
		}
		steps[n] = s
	}
	i.Steps = steps
	return i
}
