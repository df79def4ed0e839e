package narrative_test

import (
	"fmt"

	"github.com/narrative-go/narrative"
)

// A case that restarts a host only where that was not tried before, whatever the host and whoever was told beside.
func ExampleIssue_StepsMatchingPlan() {
	issue := narrative.Issue{}
	for range 2 { // two rounds
		restart := narrative.Plan{
			narrative.Do("restart", map[string]string{"host": "web-1"}),
			narrative.Do("email", map[string]string{"to": "ops@example.com"}),
		}
		step := narrative.ExecStep("the host does not answer", restart...)
		if tried := issue.StepsMatchingPlan(restart); len(tried) > 0 {
			step = narrative.PassStep(fmt.Sprintf("restarted %d time before; waiting for people", len(tried)))
		}
		issue.Steps = append(issue.Steps, *step)
		fmt.Println(step.Action, "-", step.Reason)
	}

	// What is compared are the sets of actions: neither order, nor repetition, nor arguments.
	fmt.Println(len(issue.StepsMatchingPlan(narrative.Plan{narrative.Do("email", nil), narrative.Do("restart", nil), narrative.Do("email", nil)})))
	fmt.Println(len(issue.StepsMatchingPlan(narrative.Plan{narrative.Do("restart", nil)})))
	// Output:
	// exec - the host does not answer
	// pass - restarted 1 time before; waiting for people
	// 1
	// 0
}
