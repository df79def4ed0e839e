package workflows

import (
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/activities"
)

// acts only names activities; it is never called.
var acts *activities.Activities

// CheckAssertion makes one check of an assertion. It completes whether the assertion holds or not; only a check that
// could not be made closes it as failed.
func CheckAssertion(ctx workflow.Context, in activities.CheckInput) (activities.CheckOutput, error) {
	return check(ctx, narrative.AssertionKind, acts.CheckAssertion, in)
}

// DetectEvent makes one detection of an event.
func DetectEvent(ctx workflow.Context, in activities.CheckInput) (activities.CheckOutput, error) {
	return check(ctx, narrative.EventKind, acts.DetectEvent, in)
}

func check(ctx workflow.Context, kind narrative.MetaKind, activity any, in activities.CheckInput) (activities.CheckOutput, error) {
	var out activities.CheckOutput
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, checkOptions(ctx, in.Name)), activity, in).Get(ctx, &out)
	if temporal.IsCanceledError(err) {
		return out, err
	}
	if err != nil && in.DryRun {
		return out, temporal.NewNonRetryableApplicationError(activities.Reason(err), string(narrative.OutcomeErrored), nil)
	}
	if err != nil {
		return out, errored(ctx, activities.ErroredInput{Kind: kind, Name: in.Name, Reason: activities.Reason(err)})
	}
	if was, _ := workflow.GetTypedSearchAttributes(ctx).GetKeyword(AttributeOutcome); out.Outcome != "" && string(out.Outcome) != was {
		upsert(ctx, AttributeOutcome.ValueSet(string(out.Outcome)))
	}
	return out, nil
}

// checkOptions bound the check with its retries by the timeout of the memo.
func checkOptions(ctx workflow.Context, name string) workflow.ActivityOptions {
	memo := CheckMemo{}
	if m := workflow.GetInfo(ctx).Memo; m != nil && m.Fields[CheckMemoKey] != nil {
		if err := converter.GetDefaultDataConverter().FromPayload(m.Fields[CheckMemoKey], &memo); err != nil {
			workflow.GetLogger(ctx).Warn("the memo cannot be read; defaults are used", "error", err)
		}
	}
	if memo.Timeout <= 0 {
		memo.Timeout = time.Minute
	}
	return workflow.ActivityOptions{
		TaskQueue:              memo.Queue,
		ScheduleToCloseTimeout: memo.Timeout,
		HeartbeatTimeout:       activities.HeartbeatTimeout,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumAttempts: 3},
		Summary:                name,
	}
}

// errored records that the check could not be made and returns the error that closes the workflow as failed.
func errored(ctx workflow.Context, in activities.ErroredInput) error {
	upsert(ctx, AttributeOutcome.ValueSet(string(narrative.OutcomeErrored)))
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ScheduleToCloseTimeout: time.Minute,
		StartToCloseTimeout:    20 * time.Second,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 10 * time.Second},
		Summary:                "could not be checked",
	})
	var out activities.CheckOutput
	if err := workflow.ExecuteActivity(ctx, acts.RecordErrored, in).Get(ctx, &out); err != nil {
		workflow.GetLogger(ctx).Error("that the check could not be made was not recorded", "error", err)
	}
	if out.Outcome != "" && out.Outcome != narrative.OutcomeErrored {
		return nil // it was recorded, and only the answer was lost
	}
	return temporal.NewApplicationError(in.Reason, string(narrative.OutcomeErrored))
}

// upsert sets search attributes where the workflow was started with them; elsewhere they do not exist, and setting
// them would block the workflow.
func upsert(ctx workflow.Context, updates ...temporal.SearchAttributeUpdate) {
	if _, ok := workflow.GetTypedSearchAttributes(ctx).GetKeyword(AttributeKind); !ok {
		return
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, updates...); err != nil {
		workflow.GetLogger(ctx).Warn("search attributes could not be set", "error", err)
	}
}
