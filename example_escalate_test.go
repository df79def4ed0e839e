package narrative_test

import (
	"fmt"

	narrative "github.com/narrative-go/narrative"
)

// A case that tells the people on duty first, then their manager, and then waits.
func ExampleEscalate() {
	tell := func(who string) func([]narrative.ResolutionStep) *narrative.ResolutionStep {
		return func(tried []narrative.ResolutionStep) *narrative.ResolutionStep {
			return narrative.ExecStep(fmt.Sprintf("told %d before", len(tried)), narrative.Do("email", map[string]string{"to": who}))
		}
	}
	respond := func(i narrative.Issue) *narrative.ResolutionStep {
		if step := narrative.Escalate(i, tell("devops@example.com"), tell("manager@example.com")); step != nil {
			return step
		}
		return narrative.PassStep("everybody was told")
	}

	var issue narrative.Issue
	for range 4 {
		step := respond(issue)
		issue.Steps = append(issue.Steps, *step)
		fmt.Println(step.Action, step.Reason)
	}
	// Output:
	// exec told 0 before
	// exec told 1 before
	// pass everybody was told
	// pass everybody was told
}
