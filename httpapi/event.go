package httpapi

import (
	"context"
	"net/http"

	narrative "github.com/narrative-go/narrative"
)

func (a *api) eventRoutes() {
	const path = "/api/v1/events"
	add(a, route{
		method: http.MethodGet, path: path, id: "list-events", tag: "events",
		summary: "List events, by name", query: true, errors: []int{http.StatusServiceUnavailable},
	}, a.listEvents)
	add(a, route{
		method: http.MethodGet, path: path + "/{name}", id: "get-event", tag: "events",
		summary: "Get an event", errors: []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, a.getEvent)
	f := face[narrative.EventMeta]{
		kind: narrative.EventKind, load: a.event, now: func(applied narrative.Applied) []narrative.EventMeta { return applied.Events },
		meta: func(m narrative.EventMeta) narrative.Meta { return m.Meta },
		etag: func(m narrative.EventMeta) string { return etagOf(m.Revision, m) },
	}
	putRoute(a, path, f, eventExample, func(m narrative.EventMeta) narrative.EventMeta { return m })
	removeRoute(a, path, f)
	exists := func(ctx context.Context, name string) error {
		_, err := a.event(ctx, name)
		return err
	}
	a.checkRoutes(path, narrative.EventKind, exists)
}

func (a *api) listEvents(ctx context.Context, in *PageQuery) (*answer[narrative.Listed[narrative.EventMeta]], error) {
	all, err := a.Store.EventMetas(ctx)
	if err != nil {
		return nil, err
	}
	listed, err := pageOfNames(all, func(m narrative.EventMeta) string { return m.Name }, *in)
	return answered(listed), err
}

func (a *api) getEvent(ctx context.Context, in *MetaInput) (*metaAnswer[narrative.EventMeta], error) {
	m, err := a.event(ctx, in.Name)
	return &metaAnswer[narrative.EventMeta]{Status: http.StatusOK, ETag: etagOf(m.Revision, m), Body: m}, err
}

// event returns the meta that the path names; a malformed name names none.
func (a *api) event(ctx context.Context, name string) (narrative.EventMeta, error) {
	if narrative.ValidName(name) != nil {
		return narrative.EventMeta{}, narrative.Errorf(narrative.NotFound, "there is no event %q", name)
	}
	return a.Store.EventMeta(ctx, name)
}
