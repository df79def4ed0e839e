package activities

import (
	"context"
	"fmt"
	"strings"

	narrative "github.com/narrative-go/narrative"
)

// maxTried is how many of the records or occurrences found a dry run shows.
const maxTried = 10

// tryAssertion makes a check and keeps nothing of it: no run, no issue, no datum. It looks at the meta also where it
// is disabled.
func (a *Activities) tryAssertion(ctx context.Context, name string) (CheckOutput, error) {
	meta, err := a.o.Store.AssertionMeta(ctx, name)
	if err != nil {
		return CheckOutput{}, failed(err)
	}
	s := a.newSecrets()
	var r narrative.CheckRecord
	err = guarded(func() error { return a.check(a.surroundDry(ctx), narrative.CheckState{Meta: meta}, s, &r) })
	if err != nil {
		return CheckOutput{}, failed(s.redactError(err))
	}
	var found []string
	for _, v := range r.Violations {
		found = append(found, v.Summary)
	}
	return CheckOutput{Outcome: r.Outcome, Summary: r.Summary + listed(found)}, nil
}

// tryEvent is the same for an event: nothing is claimed or answered.
func (a *Activities) tryEvent(ctx context.Context, name string) (CheckOutput, error) {
	meta, err := a.o.Store.EventMeta(ctx, name)
	if err != nil {
		return CheckOutput{}, failed(err)
	}
	s := a.newSecrets()
	var r narrative.DetectionRecord
	if err := guarded(func() error { return a.detect(a.surroundDry(ctx), meta, s, &r) }); err != nil {
		return CheckOutput{}, failed(s.redactError(err))
	}
	var found []string
	for _, o := range r.Occurrences {
		found = append(found, fmt.Sprint(o.Summary))
	}
	return CheckOutput{Outcome: r.Outcome, Summary: r.Summary + listed(found)}, nil
}

// surroundDry lets a check read datums, and drops those that it writes.
func (a *Activities) surroundDry(ctx context.Context) context.Context {
	drop := func(context.Context, narrative.Datum) error { return nil }
	return narrative.WithSurroundings(ctx, narrative.Surroundings{Log: drop, Datums: a.o.Store})
}

func listed(found []string) string {
	switch n := len(found); {
	case n == 0:
		return ""
	case n > maxTried:
		found = append(found[:maxTried:maxTried], fmt.Sprintf("and %d more", n-maxTried))
	}
	return ": " + strings.Join(found, "; ")
}
