package activities

import (
	"errors"

	"go.temporal.io/sdk/temporal"

	narrative "github.com/narrative-go/narrative"
)

// failed turns an error into the application error that leaves an activity: its type is the error's kind, and kinds
// that a retry cannot help are not retried. What is beneath stays inside: causes may hold what must not be kept.
func failed(err error) error {
	if err == nil {
		return nil
	}
	kind := narrative.KindOf(err)
	switch kind {
	case narrative.Invalid, narrative.NotFound, narrative.Conflict, narrative.Uncertain:
		return temporal.NewNonRetryableApplicationError(storable(err.Error()), string(kind), nil)
	default:
		var e *narrative.Error
		o := temporal.ApplicationErrorOptions{}
		if errors.As(err, &e) {
			o.NextRetryDelay = e.RetryAfter
		}
		return temporal.NewApplicationErrorWithOptions(storable(err.Error()), string(kind), o)
	}
}

// Kind returns the kind of an error that came out of an activity.
func Kind(err error) narrative.ErrorKind {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return narrative.ErrorKind(app.Type())
	}
	return narrative.Internal
}

// Reason returns what an error that came out of an activity says, without Temporal's wrapping.
func Reason(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message()
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		if last := errors.Unwrap(timeout); last != nil {
			return Reason(last)
		}
		return "it did not answer in time (" + timeout.TimeoutType().String() + " timeout)"
	}
	return err.Error()
}
