package httpapi

import (
	"context"
	"net/http"
	"time"

	narrative "github.com/narrative-go/narrative"
)

// MetaInput names an assertion or an event.
type MetaInput struct {
	Name string `path:"name"`
}

// removeRoute adds the removal of assertions or of events. exists answers NotFound for a name that is not there, or is
// of the other kind.
func (a *api) removeRoute(path string, kind narrative.MetaKind, exists func(context.Context, string) error) {
	summary := map[narrative.MetaKind]string{
		narrative.AssertionKind: "Remove an assertion and close its issues",
		narrative.EventKind:     "Remove an event",
	}
	add(a, route{
		method: http.MethodDelete, path: path + "/{name}", id: "remove-" + string(kind), tag: string(kind) + "s",
		summary: summary[kind], status: http.StatusNoContent,
		timeout: 2 * time.Minute, // Temporal is made to match the store
		errors:  []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, func(ctx context.Context, in *MetaInput) (*struct{}, error) {
		if err := exists(ctx, in.Name); err != nil {
			return nil, err
		}
		return &struct{}{}, a.remove(ctx, in.Name)
	})
}

// remove takes the meta out of the store. What follows in Temporal is tried again by itself where it cannot be done now.
func (a *api) remove(ctx context.Context, name string) error {
	if err := a.Store.RemoveMeta(ctx, name, a.now()); err != nil {
		return err
	}
	if _, err := a.Operator.Reconcile(ctx); err != nil {
		a.Logger.WarnContext(ctx, "removed, but Temporal could not be made to match yet; it will be tried again", "name", name, "error", err)
	}
	return nil
}
