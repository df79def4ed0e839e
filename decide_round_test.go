package narrative_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/narrative-go/narrative"
)

func TestRoundDue(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		edit func(*narrative.Issue)
		want bool
	}{
		"for an open issue":                   {func(*narrative.Issue) {}, true},
		"for one whose solution did not help": {func(i *narrative.Issue) { i.Status, i.EnactedSeq = narrative.StatusSolutionApplied, 9 }, true},
		"at the very moment":                  {func(i *narrative.Issue) { i.NextRoundAt = at(60) }, true},
		"not before":                          {func(i *narrative.Issue) { i.NextRoundAt = at(61) }, false},
		"not during a round":                  {func(i *narrative.Issue) { i.Working = true }, false},
		"not while a person is awaited":       {impasse, false},
		"not by a check as old as the fix":    {func(i *narrative.Issue) { i.EnactedSeq = 10 }, false},
		"not while it is acknowledged":        {acknowledged(nil), false},
		"not until it is no longer":           {acknowledged(until(61)), false},
		"once it is no longer":                {acknowledged(until(60)), true},
		"not while it is snoozed":             {snoozed(61), false},
		"once it is not":                      {snoozed(60), true},
		"not while either holds":              {func(i *narrative.Issue) { acknowledged(until(60))(i); snoozed(61)(i) }, false},
		"not before the fix is verified":      {verifiedAt(61), false},
		"at that time":                        {verifiedAt(60), true},
		"not while approval is awaited":       {approvalSince(50, nil), false},
		"not for a resolved issue":            {func(i *narrative.Issue) { i.Status = narrative.StatusResolved }, false},
		"not for one that won't be fixed":     {func(i *narrative.Issue) { i.Status = narrative.StatusWontFix }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, narrative.RoundDue(unresolved("i", failureKey, tt.edit), 10, at(60)))
		})
	}
}

func TestRoundWait(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		interval time.Duration
		idle     int
		want     time.Duration
	}{
		"the next tick after something new":  {5 * time.Minute, 0, 0},
		"the next tick after one idle round": {5 * time.Minute, 1, 5*time.Minute - 150*time.Second},
		"the second tick after two":          {5 * time.Minute, 2, 10*time.Minute - 150*time.Second},
		"the fourth tick after three":        {5 * time.Minute, 3, 20*time.Minute - 150*time.Second},
		"an hour at most":                    {5 * time.Minute, 9, time.Hour - 150*time.Second},
		"an hour at most for seconds":        {time.Second, 1_000_000, time.Hour - 500*time.Millisecond},
		"the next tick of an hourly check":   {time.Hour, 7, 0},
		"the next tick of a daily check":     {24 * time.Hour, 7, 0},
	} {
		t.Run("is "+name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, narrative.RoundWait(tt.interval, tt.idle))
		})
	}
}

func TestArbitrate(t *testing.T) {
	t.Parallel()
	const exec, pass = narrative.Exec, narrative.Pass
	for want, proposals := range map[narrative.Ruling][][]narrative.StepAction{
		narrative.RuleNone: {nil, {}}, narrative.RulePass: {{pass}}, narrative.RuleExec: {{exec}},
		narrative.RuleSeveral: {{exec, exec}, {pass, pass}, {exec, pass}, {pass, exec, pass}},
	} {
		for _, proposed := range proposals {
			t.Run(fmt.Sprintf("%s of %v", want, proposed), func(t *testing.T) {
				t.Parallel()
				same(t, want, narrative.Arbitrate(proposed))
			})
		}
	}
}

func TestExhausted(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status   narrative.Status
		attempts int
		want     bool
	}{
		"after the last solution":  {narrative.StatusSolutionApplied, 3, true},
		"not after the one before": {narrative.StatusSolutionApplied, 2, false},
		"not while it is open":     {narrative.StatusOpen, 3, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, narrative.Exhausted(tt.status, tt.attempts, 3))
		})
	}
}
