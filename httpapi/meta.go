package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	narrative "github.com/narrative-go/narrative"
)

// MetaInput names an assertion or an event.
type MetaInput struct {
	Name string `path:"name"`
}

// RemoveInput names a meta that is to be removed.
type RemoveInput struct {
	MetaInput
	IfMatch string `header:"If-Match" doc:"Only remove what still has this ETag"`
}

// removeRoute adds the removal of assertions or of events.
func removeRoute[T any](a *api, path string, f face[T]) {
	kind := string(f.kind)
	summary := map[narrative.MetaKind]string{
		narrative.AssertionKind: "Remove an assertion and close its issues",
		narrative.EventKind:     "Remove an event",
	}
	add(a, route{
		method: http.MethodDelete, path: path + "/{name}", id: "remove-" + kind, tag: kind + "s",
		summary: summary[f.kind], status: http.StatusNoContent,
		timeout: 2 * time.Minute, // Temporal is made to match the store
		errors:  []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed, http.StatusServiceUnavailable},
	}, func(ctx context.Context, in *RemoveInput) (*struct{}, error) {
		return &struct{}{}, removeMeta(ctx, a, f, in)
	})
}

func removeMeta[T any](ctx context.Context, a *api, f face[T], in *RemoveInput) error {
	for range maxRaces {
		held, err := f.load(ctx, in.Name)
		if err != nil {
			return err
		}
		if in.IfMatch == "" {
			return a.remove(ctx, in.Name, func() error { return a.Store.RemoveMeta(ctx, in.Name, a.now()) })
		}
		if err := (Condition{IfMatch: in.IfMatch}).holds(f.etag(held)); err != nil {
			return err
		}
		err = a.remove(ctx, in.Name, func() error { return a.Store.RemoveRevision(ctx, in.Name, f.meta(held).Revision, a.now()) })
		if narrative.KindOf(err) != narrative.Conflict {
			return err
		}
	}
	return outrun(fmt.Sprintf("%q", in.Name))
}

// remove takes the meta out of the store. What follows in Temporal is tried again by itself where it cannot be done now.
func (a *api) remove(ctx context.Context, name string, fromStore func() error) error {
	if err := fromStore(); err != nil {
		return err
	}
	if _, err := a.Operator.Reconcile(ctx); err != nil {
		a.Logger.WarnContext(ctx, "removed, but Temporal could not be made to match yet; it will be tried again", "name", name, "error", err)
	}
	return nil
}
