package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/activities"
)

// storeTimeout bounds one attempt of an activity that only works on the store.
const storeTimeout = 15 * time.Second

// quick are the options of activities that only work on the store: they are tried until it answers.
func quick(summary string, attempt time.Duration) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		StartToCloseTimeout: attempt,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 200 * time.Millisecond, MaximumInterval: 30 * time.Second},
		Summary:             summary,
	}
}

// bounded are the options of activities that run the user's code.
func bounded(summary string, attempt time.Duration, attempts int32) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		StartToCloseTimeout: attempt,
		HeartbeatTimeout:    activities.HeartbeatTimeout,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute, MaximumAttempts: attempts},
		Summary:             summary,
	}
}

// transition makes a change of the issue and takes in how it stands then. A change that lost a race, because the
// issue's version is another, is made again with what the store holds.
func (i *issue) transition(ctx workflow.Context, change func() (activities.IssueState, error)) error {
	for {
		state, err := change()
		if err == nil {
			i.take(ctx, state)
			return nil
		}
		if activities.Kind(err) != narrative.Conflict {
			workflow.GetLogger(ctx).Error("a change of the issue failed", "error", err)
			return err
		}
		if err := i.load(ctx); err != nil {
			return err
		}
	}
}

// take takes in how the issue stands now, and shows it.
func (i *issue) take(ctx workflow.Context, s activities.IssueState) {
	switch {
	case s.Status != i.state.Status:
		upsert(ctx, AttributeOutcome.ValueSet(string(s.Status)), AttributeSeverity.ValueSet(string(s.Severity)))
	case s.Severity != i.state.Severity && workflow.GetVersion(ctx, "severity-changes", workflow.DefaultVersion, 1) == 1:
		upsert(ctx, AttributeSeverity.ValueSet(string(s.Severity)))
	}
	i.state = s
	workflow.SetCurrentDetails(ctx, details(s))
}

// load takes in the issue as the store holds it.
func (i *issue) load(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, quick("load the issue", storeTimeout))
	var s activities.IssueState
	if err := workflow.ExecuteActivity(ctx, acts.LoadIssue, i.ref()).Get(ctx, &s); err != nil {
		return err
	}
	i.take(ctx, s)
	return nil
}

// round walks the diagnostic cases, if a round is due, and carries out what they agree on.
func (i *issue) round(ctx workflow.Context, seq int64) {
	number := i.state.Rounds + 1
	var round activities.Round
	store := workflow.WithActivityOptions(ctx, quick(fmt.Sprintf("round %d", number), storeTimeout))
	err := i.transition(store, func() (activities.IssueState, error) {
		in := activities.BeginRoundInput{IssueRef: i.ref(), CheckSeq: seq, Round: number}
		err := workflow.ExecuteActivity(store, acts.BeginRound, in).Get(store, &round)
		return round.State, err
	})
	if err != nil || round.Start != narrative.RoundStarted {
		return
	}
	end := activities.EndRoundInput{Round: number, Proposed: i.diagnose(ctx, number, round.Cases)}
	err = i.transition(store, func() (s activities.IssueState, err error) {
		end.IssueRef = i.ref()
		err = workflow.ExecuteActivity(store, acts.EndRound, end).Get(store, &s)
		return s, err
	})
	if err == nil && i.state.Running != nil {
		i.carryOut(ctx, *i.state.Running)
	}
}

// diagnose walks the cases in order, one activity each. One that cannot be walked proposes nothing; its failure is in
// the history and, where it is the case's own, on the timeline.
func (i *issue) diagnose(ctx workflow.Context, number int, cases []string) []narrative.Proposed {
	proposed := []narrative.Proposed{}
	for _, name := range cases {
		ctx := workflow.WithActivityOptions(ctx, bounded("case "+name, activities.CaseTimeout, 3))
		var d activities.Diagnosis
		in := activities.DiagnoseInput{IssueID: i.state.ID, Round: number, Case: name}
		if err := workflow.ExecuteActivity(ctx, acts.Diagnose, in).Get(ctx, &d); err != nil {
			workflow.GetLogger(ctx).Warn("a diagnostic case could not be walked", "case", name, "error", err)
			continue
		}
		if d.StepID != "" {
			proposed = append(proposed, d.Proposed)
		}
	}
	return proposed
}

// carryOut carries out the plan that the issue is Working on, and records how it ended. Between two actions people are
// heard: one who closes the issue stops the plan.
func (i *issue) carryOut(ctx workflow.Context, plan activities.PlanToRun) {
	at, err := runPlan(ctx, plan, func() (stop bool) {
		i.listen(ctx)
		for len(i.commands) > 0 && !i.state.Status.Closed() {
			if i.commands[0].input.Name == narrative.SignalSolution &&
				workflow.GetVersion(ctx, "answer-solutions", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
				break
			}
			i.obey(ctx)
		}
		return i.state.Status.Closed()
	})
	if i.state.Status.Closed() {
		return
	}
	finish := activities.FinishPlanInput{StepID: plan.StepID}
	if err != nil {
		finish.Failure, finish.Index = activities.Reason(err), at
		finish.Unknown = activities.Kind(err) == narrative.Uncertain
		finish.RolledBack, finish.RollbackFailure = rollBack(ctx, plan, at)
	}
	ctx = workflow.WithActivityOptions(ctx, quick("the plan ended", storeTimeout))
	_ = i.transition(ctx, func() (s activities.IssueState, err error) {
		finish.IssueRef = i.ref()
		err = workflow.ExecuteActivity(ctx, acts.FinishPlan, finish).Get(ctx, &s)
		return s, err
	})
}

// attemptSlack is how much longer than an action's own timeout Temporal waits for its answer, and crashAttempts how
// many attempts more than an action's own it may start: those that a dying worker took with it. The activity itself
// counts the action's own attempts, in the ledger.
const (
	attemptSlack  = 20 * time.Second
	crashAttempts = 5
)

// runPlan runs the actions in order, one activity each, until one fails, whose place it returns, or between says to
// stop.
func runPlan(ctx workflow.Context, plan activities.PlanToRun, between func() (stop bool)) (at int, err error) {
	for n, action := range plan.Actions {
		if between() {
			return n, nil
		}
		summary := fmt.Sprintf("%s (%d of %d)", action.Action, n+1, len(plan.Actions))
		if err := runAction(ctx, action, summary, activities.RunActionInput{PlanRef: plan.PlanRef, Index: n}); err != nil {
			return n, err
		}
	}
	return len(plan.Actions), nil
}

func runAction(ctx workflow.Context, action activities.ActionToRun, summary string, in activities.RunActionInput) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: action.Timeout + attemptSlack,
		HeartbeatTimeout:    activities.HeartbeatTimeout,
		Summary:             summary,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: action.Backoff, BackoffCoefficient: 2, MaximumInterval: 10 * time.Minute,
			MaximumAttempts: int32(action.Attempts) + crashAttempts,
		},
	})
	return workflow.ExecuteActivity(ctx, acts.RunAction, in).Get(ctx, nil)
}

// rollBack undoes, in reverse, the actions before the one that failed. An undoing that fails does not stop the others.
func rollBack(ctx workflow.Context, plan activities.PlanToRun, failed int) (done int, failure string) {
	for n := min(failed, len(plan.Rollback)) - 1; n >= 0; n-- {
		undo := plan.Rollback[n]
		if undo.Action == "" {
			continue
		}
		summary := fmt.Sprintf("roll back with %s (%d of %d)", undo.Action, n+1, len(plan.Actions))
		if err := runAction(ctx, undo, summary, activities.RunActionInput{PlanRef: plan.PlanRef, Index: n, Rollback: true}); err != nil {
			failure = fmt.Sprintf("%s, which undoes action %d: %s", undo.Action, n+1, activities.Reason(err))
			continue
		}
		done++
	}
	return done, failure
}
