package narrative_test

import (
	"fmt"
	"testing"

	"github.com/narrative-go/narrative"
)

var causes = []narrative.Cause{
	narrative.CauseSeveral, narrative.CauseInvalid, narrative.CauseHeldBack, narrative.CauseExhausted, narrative.CauseApplied,
	narrative.CauseStopped, narrative.CauseRejected, narrative.CauseDiagnose, narrative.CauseRecovered, narrative.CauseGone,
	narrative.CauseRemoved, narrative.CauseResolve, narrative.CauseWontFix, "unknown", "",
}

func TestNext(t *testing.T) {
	t.Parallel()
	const (
		open, applied, impasse = narrative.StatusOpen, narrative.StatusSolutionApplied, narrative.StatusImpasse
		resolved, wontFix      = narrative.StatusResolved, narrative.StatusWontFix
	)
	// A row for each cause: where it leads an issue that is open, whose solution was applied, and that is at an impasse.
	// Empty: there is no such transition. No cause leads a closed issue anywhere.
	want := map[narrative.Cause][3]narrative.Status{
		narrative.CauseSeveral:   {impasse, impasse, ""},
		narrative.CauseInvalid:   {impasse, impasse, ""},
		narrative.CauseHeldBack:  {impasse, impasse, ""},
		narrative.CauseExhausted: {"", impasse, ""},
		narrative.CauseApplied:   {applied, applied, applied},
		narrative.CauseStopped:   {impasse, impasse, impasse},
		narrative.CauseRejected:  {impasse, impasse, ""},
		narrative.CauseDiagnose:  {open, applied, open},
		narrative.CauseRecovered: {resolved, resolved, resolved},
		narrative.CauseGone:      {resolved, resolved, resolved},
		narrative.CauseRemoved:   {resolved, resolved, resolved},
		narrative.CauseResolve:   {resolved, resolved, resolved},
		narrative.CauseWontFix:   {wontFix, wontFix, wontFix},
	}
	for _, cause := range causes {
		for n, from := range append(narrative.Statuses, "unknown", "") {
			t.Run(fmt.Sprintf("%q because of %q", from, cause), func(t *testing.T) {
				t.Parallel()
				to := narrative.Status("")
				if n < 3 {
					to = want[cause][n]
				}
				known := to != ""
				if !known {
					to = from // it stays
				}
				got, ok := narrative.Next(from, cause)
				same(t, to, got)
				same(t, known, ok)
			})
		}
	}
}

func TestTransitions(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, tr := range narrative.Transitions {
		pair := fmt.Sprintf("%s because of %s", tr.From, tr.Cause)
		if seen[pair] {
			t.Errorf("%s stands twice", pair)
		}
		seen[pair] = true
		if tr.From.Closed() {
			t.Errorf("%s leads a closed issue to %s", pair, tr.To)
		}
	}
}
