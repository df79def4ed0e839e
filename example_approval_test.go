package narrative_test

import (
	"fmt"
	"time"

	"github.com/narrative-go/narrative"
)

// A plan that is only carried out once a person has approved exactly it.
func ExampleStepPolicy() {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	policy := narrative.Policy{Interval: 5 * time.Minute, MaxAttempts: 3, MaxPlans: 10}
	issue := narrative.Issue{ID: "0195", Status: narrative.StatusOpen, Working: true} // a round is under way

	step := narrative.ExecStep("the ledger does not balance", narrative.Do("rewrite_ledger", map[string]int{"invoice": 7}))
	step.Case = "rewrite"
	step.Policy = narrative.StepPolicy{
		Approval: narrative.ApprovalRequired, ApprovalTimeout: narrative.Duration(30 * time.Minute),
		VerifyAfter: narrative.Duration(2 * time.Minute),
	}
	step.Digest, _ = step.Solution.Plan.Digest()
	id, _ := issue.AddProposal(*step, now)
	_, entry := issue.EndRound([]narrative.Proposed{{StepID: id, Action: step.Action}}, policy, func(narrative.Solution) narrative.Problems { return nil }, now)
	fmt.Println(entry.Text)
	fmt.Println("awaited:", issue.Awaiting.For, "until", issue.Awaiting.Until.Format("15:04"))

	foreign := narrative.Signal{Name: narrative.SignalApprove, By: "ann", StepID: id, Digest: "0000"}
	fmt.Println("refused:", narrative.KindOf(foreign.Check(issue, now)))

	approve := narrative.Signal{Name: narrative.SignalApprove, By: "ann", StepID: id, Digest: step.Digest}
	if err := approve.Check(issue, now); err != nil {
		fmt.Println(err)
	}
	entry, _ = issue.Approve(approve, now)
	fmt.Println(entry.By+":", entry.Text)
	_, again := issue.Approve(approve, now)
	fmt.Println("approved twice, it changes:", again)
	fmt.Println(issue.FinishPlan(id, narrative.Ending{}, now).Text)
	// Output:
	// round 1: rewrite proposes a plan of 1 action, which waits for approval: the ledger does not balance
	// awaited: approval until 12:30
	// refused: conflict
	// ann: approved: the plan of rewrite is carried out
	// approved twice, it changes: false
	// the plan was carried out; in 2m it is checked whether it helped
}
