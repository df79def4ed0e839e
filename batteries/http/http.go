package http

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"time"

	"github.com/narrative-go/narrative"
)

// Class is the name that the battery is registered under.
const Class = "http"

// Register adds the class "http" to the registry.
func Register(reg *narrative.Registry) { register(reg, world{now: time.Now}) }

// world is what the battery stands in.
type world struct {
	now   func() time.Time
	roots *x509.CertPool // nil: the machine's
}

func register(reg *narrative.Registry, w world) {
	open, guarded := newTransport(w.roots, true), newTransport(w.roots, false)
	narrative.AddAssertion(reg, Class, func(a Args) (narrative.Assertion, error) {
		transport := guarded
		if a.Private == nil || *a.Private {
			transport = open
		}
		return newEndpoint(a, transport, w.now)
	})
}

// endpoint is an assertion about what a target answers.
type endpoint struct {
	Args
	target
	client    *http.Client
	condition *condition // nil: none
	now       func() time.Time
}

var _ narrative.Assertion = (*endpoint)(nil)

func newEndpoint(a Args, transport http.RoundTripper, now func() time.Time) (*endpoint, error) {
	if err := a.ValidateArgs().Err(); err != nil {
		return nil, err
	}
	if a.MaxBody == 0 {
		a.MaxBody = defaultMaxBody
	}
	t, err := newTarget(a)
	if err != nil {
		return nil, err
	}
	e := &endpoint{Args: a, target: t, now: now}
	if a.JSON != "" {
		if e.condition, err = compile(a.JSON); err != nil {
			return nil, narrative.ProblemsOf("json", err)
		}
	}
	e.client = &http.Client{Transport: transport, CheckRedirect: e.redirect}
	return e, nil
}

// Check makes the request and judges the answer.
func (e *endpoint) Check(ctx context.Context) (narrative.Verdict, error) {
	timeout := e.timeout()
	if deadline, ok := ctx.Deadline(); ok {
		// A tenth of what the check has is left for saying what happened.
		timeout = min(timeout, time.Until(deadline)/10*9)
	}
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	got, err := e.ask(bounded)
	if invalid := untrusted(err); invalid != nil {
		return e.verdict(answer{}, e.distrust(invalid, e.elsewhere(err))), nil
	}
	var failures []failure
	if err == nil {
		failures, err = e.judge(bounded, got)
	}
	var told *narrative.Error
	switch {
	case err == nil:
		return e.verdict(got, failures...), nil
	case errors.As(err, &told):
		return narrative.Verdict{}, err
	case ctx.Err() != nil:
		return narrative.Verdict{}, ctx.Err()
	case bounded.Err() != nil:
		// Not worth a retry within the same check: it has had its time.
		return narrative.Verdict{}, narrative.Errorf(narrative.Uncertain, "%s: no answer within %s%s", e.name,
			narrative.Duration(timeout.Round(time.Millisecond)), e.elsewhere(err))
	default:
		return narrative.Verdict{}, e.explain(err)
	}
}
