package httpapi

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"time"

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
	a.signalRoutes()
}

// IssuesQuery is the query of the list of issues.
type IssuesQuery struct {
	Status    narrative.Status   `query:"status" enum:"open,solution_applied,impasse,resolved,wont_fix"`
	Assertion string             `query:"assertion"`
	Record    string             `query:"record" doc:"TYPE/ID or ID, such as invoice/42"`
	Severity  narrative.Severity `query:"severity" enum:"info,warning,error,critical"`
	Since     time.Time          `query:"since" doc:"Opened at this time or later"`
	Until     time.Time          `query:"until" doc:"Opened before this time"`
	PageQuery
}

func (a *api) listIssues(ctx context.Context, in *IssuesQuery) (*answer[narrative.Listed[narrative.Issue]], error) {
	if err := textProblems(map[string]string{"assertion": in.Assertion, "record": in.Record}).Err(); err != nil {
		return nil, err
	}
	q := narrative.IssueQuery{Status: in.Status, Assertion: in.Assertion, Severity: in.Severity, Since: in.Since.UTC(), Until: in.Until.UTC()}
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
