package httpapi

import (
	"context"
	"net/http"

	narrative "github.com/narrative-go/narrative"
)

func (a *api) assertionRoutes() {
	const path = "/api/v1/assertions"
	add(a, route{
		method: http.MethodGet, path: path, id: "list-assertions", tag: "assertions",
		summary: "List assertions, by name", query: true, errors: []int{http.StatusServiceUnavailable},
	}, a.listAssertions)
	add(a, route{
		method: http.MethodGet, path: path + "/{name}", id: "get-assertion", tag: "assertions",
		summary: "Get an assertion", errors: []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, a.getAssertion)
	f := face[narrative.AssertionMeta]{
		kind: narrative.AssertionKind, load: a.assertion, now: func(applied narrative.Applied) []narrative.AssertionMeta { return applied.Assertions },
		meta: func(m narrative.AssertionMeta) narrative.Meta { return m.Meta },
		etag: func(m narrative.AssertionMeta) string { return etagOf(m.Revision, m) },
	}
	putRoute(a, path, f, assertionExample, standing)
	removeRoute(a, path, f)
	exists := func(ctx context.Context, name string) error {
		_, err := a.assertion(ctx, name)
		return err
	}
	a.checkRoutes(path, narrative.AssertionKind, exists)
}

// Assertion is an assertion as the API answers it: what was applied, and how it stands.
type Assertion struct {
	narrative.AssertionMeta
	Soft   string `json:"soft" doc:"What checks found and is not acted upon yet, since it must be found several times in a row; empty where there is no such thing"`
	Streak Streak `json:"streak"`
}

// Streak counts the outcomes in a row of an assertion's checks. An errored one neither counts among the other two nor
// resets them.
type Streak struct {
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Errored int `json:"errored"`
}

func standing(m narrative.AssertionMeta) Assertion {
	return Assertion{m, m.Soft, Streak{m.Streak.Passed, m.Streak.Failed, m.Streak.Errored}}
}

func (a *api) listAssertions(ctx context.Context, in *PageQuery) (*answer[narrative.Listed[Assertion]], error) {
	all, err := a.Store.AssertionMetas(ctx)
	if err != nil {
		return nil, err
	}
	page, err := pageOfNames(all, func(m narrative.AssertionMeta) string { return m.Name }, *in)
	if err != nil {
		return nil, err
	}
	listed := narrative.Listed[Assertion]{Items: make([]Assertion, len(page.Items)), NextCursor: page.NextCursor}
	for n, m := range page.Items {
		listed.Items[n] = standing(m)
	}
	return answered(listed), nil
}

// getAssertion answers an assertion. Its ETag is of what was applied: how it stands does not count.
func (a *api) getAssertion(ctx context.Context, in *MetaInput) (*metaAnswer[Assertion], error) {
	m, err := a.assertion(ctx, in.Name)
	return &metaAnswer[Assertion]{Status: http.StatusOK, ETag: etagOf(m.Revision, m), Body: standing(m)}, err
}

// assertion returns the meta that the path names; a malformed name names none.
func (a *api) assertion(ctx context.Context, name string) (narrative.AssertionMeta, error) {
	if narrative.ValidName(name) != nil {
		return narrative.AssertionMeta{}, narrative.Errorf(narrative.NotFound, "there is no assertion %q", name)
	}
	return a.Store.AssertionMeta(ctx, name)
}
