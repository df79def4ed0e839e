//go:build record

package tests

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"

	narrative "github.com/narrative-go/narrative"
)

// The cases of assertions, as the file declares them.
const (
	passing   = "    diagnostics: [{case: patience, reason: it may mend itself, pass: true}]\n"
	mending   = "    diagnostics: [{case: repair, reason: it broke, plan: [{repair: {}, retry: {attempts: 2, backoff: 10ms}}, {note: {text: done}}]}]\n"
	undecided = "    diagnostics: [{case: one, reason: perhaps, plan: [{note: {text: one}}]}, {case: two, reason: perhaps not, pass: true}]\n"
	lasting   = "    diagnostics: [{case: slow, reason: it takes long, plan: [{wait: {}}, {note: {text: done}}]}]\n"
)

// register adds the recorder's classes and actions.
func (r *recorder) register(reg *narrative.Registry) {
	narrative.AddAssertion(reg, "patient", func(struct{}) (narrative.Assertion, error) { return patient{&r.gate}, nil })
	narrative.AddRecordAssertion(reg, "table", func(struct{}) (narrative.RecordAssertion, error) { return table{&r.gate}, nil })
	narrative.AddAction(reg, "note", func(context.Context, noteArgs) error { return nil })
	narrative.AddAction(reg, "repair", func(context.Context, struct{}) error {
		if r.clumsy.Load() {
			return errors.New("the tool is broken")
		}
		return nil
	})
	narrative.AddAction(reg, "wait", func(ctx context.Context, _ struct{}) error {
		r.begun <- struct{}{}
		select {
		case <-r.release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// patient is a gate with cases of its own, which fails to clean up.
type patient struct{ *gate }

// DiagnosticCases are one that errs and one whose plan is not valid.
func (patient) DiagnosticCases() []narrative.DiagnosticCase {
	return []narrative.DiagnosticCase{
		{Name: "broken", Diagnose: func(context.Context, narrative.Issue) (*narrative.ResolutionStep, error) {
			return nil, errors.New("the case is broken")
		}},
		{Name: "unknown", Diagnose: func(context.Context, narrative.Issue) (*narrative.ResolutionStep, error) {
			return narrative.ExecStep("nobody knows how", narrative.Do("note", noteArgs{"never"}), narrative.Do("unknown", nil)), nil
		}},
	}
}

// Recovered fails.
func (patient) Recovered(context.Context, narrative.Issue) error {
	return narrative.Errorf(narrative.Invalid, "there is nothing to clean up")
}

// table is an assertion over records: while its gate is shut, two violate it.
type table struct{ *gate }

// Violations are the rows 1 and 2.
func (a table) Violations(context.Context) iter.Seq2[narrative.Violation, error] {
	return func(yield func(narrative.Violation, error) bool) {
		for n := 1; n <= 2 && a.shut.Load(); n++ {
			if !yield(narrative.Violation{Record: narrative.Record{Type: "row", ID: fmt.Sprint(n)}, Summary: fmt.Sprintf("row %d is wrong", n)}, nil) {
				return
			}
		}
	}
}

// bell is an event that happens each time it is rung anew.
type bell struct{ rung, broken atomic.Int64 }

// Detect notices the newest ring.
func (b *bell) Detect(context.Context) ([]narrative.Occurrence, error) {
	if b.broken.Load() > 0 {
		return nil, errors.New("the bell is broken")
	}
	if n := b.rung.Load(); n > 0 {
		return []narrative.Occurrence{{Summary: map[string]any{"ring": n}}}, nil
	}
	return nil, nil
}

// gong is a bell that answers with a plan which is not valid.
type gong struct{ *bell }

// Respond answers with an action that nobody knows.
func (gong) Respond(context.Context, narrative.Occurrence) (narrative.Plan, error) {
	return narrative.Plan{narrative.Do("unknown", nil)}, nil
}
