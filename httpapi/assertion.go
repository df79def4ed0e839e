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
	a.checkRoutes(path, narrative.AssertionKind, func(ctx context.Context, name string) error {
		_, err := a.assertion(ctx, name)
		return err
	})
}

// MetaInput names an assertion or an event.
type MetaInput struct {
	Name string `path:"name"`
}

func (a *api) listAssertions(ctx context.Context, in *PageQuery) (*answer[narrative.Listed[narrative.AssertionMeta]], error) {
	all, err := a.Store.AssertionMetas(ctx)
	if err != nil {
		return nil, err
	}
	listed, err := pageOfNames(all, func(m narrative.AssertionMeta) string { return m.Name }, *in)
	return answered(listed), err
}

func (a *api) getAssertion(ctx context.Context, in *MetaInput) (*answer[narrative.AssertionMeta], error) {
	m, err := a.assertion(ctx, in.Name)
	return answered(m), err
}

// assertion returns the meta that the path names; a malformed name names none.
func (a *api) assertion(ctx context.Context, name string) (narrative.AssertionMeta, error) {
	if narrative.ValidName(name) != nil {
		return narrative.AssertionMeta{}, narrative.Errorf(narrative.NotFound, "there is no assertion %q", name)
	}
	return a.Store.AssertionMeta(ctx, name)
}
