package diagnosis_test

import (
	"context"
	"fmt"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/diagnosis"
)

func ExampleCompile() {
	c, err := diagnosis.Compile(narrative.DeclaredCase{
		Case:   "stuck",
		When:   `issue.rounds == 0 and record.total > record.lines_total`,
		Reason: "the nightly recalculation may not have run",
		Plan:   narrative.Plan{narrative.Do("email", map[string]string{"to": "ops@example.com", "subject": "{{.Record.ID}} is off"})},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	step, err := c.Diagnose(context.Background(), narrative.Issue{
		Record:  narrative.Record{Type: "invoice", ID: "7"},
		Verdict: narrative.Verdict{Details: map[string]any{"total": 120, "lines_total": 100}},
	})
	fmt.Println(step.Action, step.Reason, err)
	fmt.Println(string(step.Solution.Plan[0].Args))
	_, err = diagnosis.Compile(narrative.DeclaredCase{Case: "typo", When: "issue.round == 0", Pass: true})
	fmt.Println(err)
	// Output:
	// exec the nightly recalculation may not have run <nil>
	// {"subject":"7 is off","to":"ops@example.com"}
	// when: issue has no field round; did you mean "rounds"? (1:7)
	//  | issue.round == 0
	//  | ......^
}
