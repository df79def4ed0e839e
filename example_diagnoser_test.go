package narrative_test

import (
	"context"
	"fmt"

	"github.com/narrative-go/narrative"
)

// agentRuns is an assertion that knows how to repair what it finds. Its Check is left out here.
type agentRuns struct{}

func (agentRuns) DiagnosticCases() []narrative.DiagnosticCase {
	return []narrative.DiagnosticCase{{Name: "not-running", Diagnose: func(_ context.Context, i narrative.Issue) (*narrative.ResolutionStep, error) {
		if i.Verdict.Reason != "not running" {
			return nil, nil // nothing to propose
		}
		for _, step := range i.Steps {
			if step.Case == "not-running" && step.Action == narrative.Exec {
				return narrative.PassStep("it was restarted once; waiting for people"), nil
			}
		}
		return narrative.ExecStep("the agent is not running",
			narrative.Do("restart_agent", map[string]string{"host": i.Record.ID}),
			narrative.Do("email", map[string]string{"to": "ops@example.com", "subject": "Restarted the agent of " + i.Record.ID}),
		), nil
	}}}
}

func ExampleDiagnoser() {
	var assertion narrative.Diagnoser = agentRuns{}
	issue := narrative.Issue{
		Record:  narrative.Record{Type: "host", ID: "web-1"},
		Verdict: narrative.Verdict{Summary: "no agent on web-1", Reason: "not running"},
	}

	for range 2 { // two rounds
		for _, c := range assertion.DiagnosticCases() {
			step, err := c.Diagnose(context.Background(), issue)
			if err != nil || step == nil {
				continue
			}
			fmt.Printf("%s: %s\n", step.Action, step.Reason)
			if step.Solution != nil {
				for _, a := range step.Solution.Plan {
					fmt.Println("   ", a.Action, string(a.Args))
				}
			}
			step.Case = c.Name
			issue.Steps = append(issue.Steps, *step)
		}
	}
	// Output:
	// exec: the agent is not running
	//     restart_agent {"host":"web-1"}
	//     email {"subject":"Restarted the agent of web-1","to":"ops@example.com"}
	// pass: it was restarted once; waiting for people
}
