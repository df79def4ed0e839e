package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/narrative-go/narrative/activities"
)

// RespondEvent answers one occurrence: it finds the plan, carries it out and records how it ended.
func RespondEvent(ctx workflow.Context, in activities.RespondInput) error {
	finish := activities.FinishResponseInput{OccurrenceID: in.OccurrenceID}
	var plan activities.PlanToRun
	find := workflow.WithActivityOptions(ctx, bounded("find the response", 5*time.Minute, 5))
	err := workflow.ExecuteActivity(find, acts.Respond, in).Get(ctx, &plan)
	if err == nil && len(plan.Actions) == 0 {
		return nil
	}
	if err == nil {
		finish.SolutionID, finish.Failure = plan.SolutionID, plan.Held
	}
	if err == nil && plan.Held == "" {
		_, err = runPlan(ctx, plan, func() bool { return false })
	}
	if err != nil {
		finish.Failure = activities.Reason(err)
	}
	ctx = workflow.WithActivityOptions(ctx, quick("the response ended", storeTimeout))
	return workflow.ExecuteActivity(ctx, acts.FinishResponse, finish).Get(ctx, nil)
}
