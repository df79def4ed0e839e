package narrative_test

import (
	"context"
	"fmt"
	"time"

	"github.com/narrative-go/narrative"
)

// shopOpen is an assertion that tells one after the other, and then waits. Its Check is left out here.
type shopOpen struct{}

func (shopOpen) DiagnosticCases() []narrative.DiagnosticCase {
	tell := func(who string) func([]narrative.ResolutionStep) *narrative.ResolutionStep {
		return func(tried []narrative.ResolutionStep) *narrative.ResolutionStep {
			return narrative.ExecStep(fmt.Sprintf("the shop is closed; %d were told before", len(tried)),
				narrative.Do("email", map[string]string{"to": who, "subject": "The shop is closed"}))
		}
	}
	return []narrative.DiagnosticCase{{Name: "tell", Diagnose: func(_ context.Context, i narrative.Issue) (*narrative.ResolutionStep, error) {
		if step := narrative.Escalate(i, tell("ops@example.com"), tell("manager@example.com"), tell("cto@example.com")); step != nil {
			return step, nil
		}
		return narrative.PassStep("everybody was told"), nil
	}}}
}

// An issue of five failing checks. Its max_attempts is 4: with the default of 3 it would be an impasse once the check
// after the third mail still fails.
func ExampleEscalate() {
	policy := narrative.Policy{Interval: 5 * time.Minute, MaxAttempts: 4, MaxPlans: 10}
	valid := func(narrative.Solution) narrative.Problems { return nil }
	issue := narrative.Issue{Status: narrative.StatusOpen}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

	for check := int64(1); check <= 5; check++ {
		issue.CurrentSeq = check
		issue.BeginRound(check, policy.MaxAttempts, now)
		step, _ := shopOpen{}.DiagnosticCases()[0].Diagnose(context.Background(), issue)
		id, fresh := issue.AddProposal(*step, now)
		issue.EndRound([]narrative.Proposed{{StepID: id, Action: step.Action, Fresh: fresh}}, policy, valid, now)
		if issue.Working {
			issue.FinishPlan(id, narrative.Ending{}, now)
		}
		fmt.Println(step.Action, "-", step.Reason)
		now = now.Add(policy.Interval)
	}
	last := issue.Steps[len(issue.Steps)-1]
	fmt.Printf("%s, %d steps, the last of them %d times\n", issue.Status, len(issue.Steps), last.Count)
	// Output:
	// exec - the shop is closed; 0 were told before
	// exec - the shop is closed; 1 were told before
	// exec - the shop is closed; 2 were told before
	// pass - everybody was told
	// pass - everybody was told
	// solution_applied, 4 steps, the last of them 2 times
}
