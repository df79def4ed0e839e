package activities

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"

	narrative "github.com/narrative-go/narrative"
)

// PlanRef names a plan that is kept in the store: that of an issue's step, or of an occurrence.
type PlanRef struct {
	IssueID      string `json:"issue_id,omitempty"`
	StepID       string `json:"step_id,omitempty"`
	OccurrenceID string `json:"occurrence_id,omitempty"`
	SolutionID   string `json:"solution_id"`
}

// PlanToRun is a plan about to be carried out. The actions' arguments stay in the store.
type PlanToRun struct {
	PlanRef
	Actions []ActionToRun `json:"actions"`
	// Rollback undoes the plan: entry i undoes action i; one without a name undoes nothing.
	Rollback []ActionToRun `json:"rollback,omitempty"`
	// Held says why the plan is not to be carried out; empty: it is.
	Held string `json:"held,omitempty"`
}

// ActionToRun is what the workflow needs to know of an action.
type ActionToRun struct {
	Action   string        `json:"action"`
	Timeout  time.Duration `json:"timeout"` // of one attempt
	Attempts int           `json:"attempts"`
	Backoff  time.Duration `json:"backoff"`
}

func planToRun(ref PlanRef, s narrative.Solution) PlanToRun {
	return PlanToRun{PlanRef: ref, Actions: actionsToRun(s.Plan), Rollback: actionsToRun(s.Rollback)}
}

func actionsToRun(plan narrative.Plan) []ActionToRun {
	actions := make([]ActionToRun, len(plan))
	for i, a := range plan {
		actions[i] = ActionToRun{a.Action, timeoutOf(a), retryOf(a).Attempts, time.Duration(retryOf(a).Backoff)}
	}
	return actions
}

func timeoutOf(a narrative.Action) time.Duration {
	if a.Timeout > 0 {
		return time.Duration(a.Timeout)
	}
	return time.Duration(narrative.DefaultActionTimeout)
}

func retryOf(a narrative.Action) narrative.Retry {
	r := narrative.DefaultRetry
	if a.Retry == nil {
		return r
	}
	if a.Retry.Attempts > 0 {
		r.Attempts = a.Retry.Attempts
	}
	if a.Retry.Backoff > 0 {
		r.Backoff = a.Retry.Backoff
	}
	return r
}

// validate returns all that is wrong with a plan.
func (a *Activities) validate(p narrative.Plan) narrative.Problems {
	return append(p.Validate(), a.o.Executor.Validate(p)...)
}

// invalid returns all that is wrong with a solution: with its plan, and with what would undo it.
func (a *Activities) invalid(s narrative.Solution) narrative.Problems {
	p := a.validate(s.Plan)
	for i, undo := range s.Rollback {
		if undo.Action == "" {
			continue
		}
		for _, problem := range a.validate(narrative.Plan{undo}) {
			p = append(p, narrative.Problem{
				Path: fmt.Sprintf("rollback[%d]", i) + strings.TrimPrefix(problem.Path, "[0]"), Message: problem.Message,
			})
		}
	}
	return p
}

func actionNames(actions []ActionToRun) string {
	names := make([]string, len(actions))
	for i, a := range actions {
		names[i] = a.Action
	}
	return strings.Join(names, ", ")
}

// RunActionInput names one action of a plan.
type RunActionInput struct {
	PlanRef
	Index    int  `json:"index"`
	Rollback bool `json:"rollback,omitempty"` // what undoes the action of that index
}

func (in RunActionInput) ref() narrative.ActionRef {
	return narrative.ActionRef{SolutionID: in.SolutionID, Index: in.Index, Rollback: in.Rollback}
}

// RunActionOutput is the receipt of an action that was carried out.
type RunActionOutput struct {
	Receipt string `json:"receipt"`
}

// RunAction carries out one action. The ledger is written before and after: an action that is done is not run again,
// and one that may have happened only where it is repeatable; otherwise the error's kind is [narrative.Uncertain].
func (a *Activities) RunAction(ctx context.Context, in RunActionInput) (RunActionOutput, error) {
	defer beat(ctx)()
	s := a.newSecrets()
	call, err := a.call(ctx, in, s)
	if err != nil {
		return RunActionOutput{}, failed(s.redactError(err))
	}
	name := call.Action.Action
	repeatable := a.o.Executor.Repeatable(name)
	before, err := a.o.Store.StartAction(ctx, in.ref(), name, repeatable, a.now())
	switch {
	case err != nil:
		return RunActionOutput{}, failed(err)
	case before.State == narrative.ActionDone:
		return RunActionOutput{Receipt: before.Receipt}, nil
	case before.State == narrative.ActionStarted && !repeatable:
		return RunActionOutput{}, failed(uncertain(name, "its process ended while it ran"))
	}
	receipt, chain, err := a.runAction(ctx, call, s)
	return RunActionOutput{Receipt: receipt}, a.finishAction(ctx, in, call.Action, before.Attempts+1, receipt, chain, err)
}

func uncertain(name, why string) error {
	return narrative.Errorf(narrative.Uncertain, "action %s may or may not have happened: %s", name, why)
}

// runAction makes one attempt. chain is what its error is made of, a line each.
func (a *Activities) runAction(ctx context.Context, call narrative.ActionCall, s *secrets) (receipt, chain string, err error) {
	bounded, cancel := context.WithTimeout(a.surround(ctx, s, nil), timeoutOf(call.Action))
	defer cancel()
	err = guarded(func() (err error) {
		receipt, err = a.o.Executor.Run(bounded, call)
		return err
	})
	if err != nil && bounded.Err() != nil && !a.o.Executor.Repeatable(call.Action.Action) {
		err = uncertain(call.Action.Action, "it was cut off after "+narrative.Duration(timeoutOf(call.Action)).String())
	}
	return s.redact(receipt), s.redact(strings.Join(narrative.ErrorChain(err), "\n")), s.redactError(err)
}

// finishAction writes down how an attempt ended. An action that may have happened stays started.
func (a *Activities) finishAction(ctx context.Context, in RunActionInput, action narrative.Action, attempt int, receipt, chain string, err error) error {
	if narrative.KindOf(err) == narrative.Uncertain {
		return failed(err)
	}
	ctx, cancel := lasting(ctx)
	defer cancel()
	failure := ""
	if err != nil {
		failure = err.Error()
		if strings.Contains(chain, "\n") {
			failure += "\n" + chain
		}
	}
	if storeErr := a.o.Store.FinishAction(ctx, in.ref(), receipt, failure, a.now()); storeErr != nil {
		return failed(fmt.Errorf("write down that action %s ended: %w", action.Action, storeErr))
	}
	if err != nil && attempt >= retryOf(action).Attempts {
		return temporal.NewNonRetryableApplicationError(err.Error(), string(narrative.KindOf(err)), nil)
	}
	return failed(err)
}

// call loads the action and fills it in: with references resolved as it is run, without as it may be kept.
func (a *Activities) call(ctx context.Context, in RunActionInput, s *secrets) (narrative.ActionCall, error) {
	call := narrative.ActionCall{Key: fmt.Sprintf("%s/%d", in.SolutionID, in.Index)}
	if in.Rollback {
		call.Key = fmt.Sprintf("%s/rollback/%d", in.SolutionID, in.Index)
	}
	solution, err := a.solution(ctx, in.PlanRef, &call)
	if err != nil {
		return call, err
	}
	plan, template := solution.Plan, solution.Template
	if in.Rollback {
		plan, template = solution.Rollback, solution.RollbackTemplate
	}
	if in.Index >= len(plan) {
		return call, narrative.Errorf(narrative.Invalid, "the plan has no action %d", in.Index)
	}
	call.Template = plan[in.Index]
	call.Action = call.Template
	if len(template) == len(plan) {
		call.Action, err = narrative.FillAction(template[in.Index], solution.Data, s.resolve)
	}
	return call, err
}

func (a *Activities) solution(ctx context.Context, ref PlanRef, call *narrative.ActionCall) (narrative.Solution, error) {
	if ref.OccurrenceID != "" {
		o, err := a.o.Store.Occurrence(ctx, ref.OccurrenceID)
		if err != nil {
			return narrative.Solution{}, err
		}
		if o.Solution == nil {
			return narrative.Solution{}, narrative.Errorf(narrative.NotFound, "occurrence %s has no solution", o.ID)
		}
		call.Event = &o
		return *o.Solution, nil
	}
	issue, err := a.o.Store.Issue(ctx, ref.IssueID)
	if err != nil {
		return narrative.Solution{}, err
	}
	step, ok := issue.Step(ref.StepID)
	if !ok || step.Solution == nil {
		return narrative.Solution{}, narrative.Errorf(narrative.NotFound, "issue %s has no step %s with a solution", issue.ID, ref.StepID)
	}
	call.Issue = &issue
	return *step.Solution, nil
}

// FinishPlanInput says how a step's plan ended.
type FinishPlanInput struct {
	IssueRef
	StepID  string `json:"step_id"`
	Failure string `json:"failure"`         // empty: it was carried out
	Unknown bool   `json:"unknown"`         // an action may or may not have happened
	Index   int    `json:"index,omitempty"` // of the action that failed
	// RolledBack counts the actions that were undone; RollbackFailure is why the undoing of one failed.
	RolledBack      int    `json:"rolled_back,omitempty"`
	RollbackFailure string `json:"rollback_failure,omitempty"`
}

// FinishPlan records how a step's plan ended, and tells the admins where it failed.
func (a *Activities) FinishPlan(ctx context.Context, in FinishPlanInput) (IssueState, error) {
	r, err := a.rules(ctx, in.IssueID)
	if err != nil {
		return IssueState{}, failed(err)
	}
	ended, err := a.ending(ctx, in)
	if err != nil {
		return IssueState{}, failed(err)
	}
	now := a.now()
	key := fmt.Sprintf("step/%s/finish/%d", in.StepID, in.Version)
	state, err := a.change(ctx, r, in.IssueRef, key, func(i *narrative.Issue) (narrative.Effects, error) {
		entry := i.FinishPlan(in.StepID, ended, now)
		if i.Status != narrative.StatusImpasse {
			return effects(entry), nil
		}
		return effects(entry, impasseReached(*i, r, entry.Text, now)...), nil
	})
	if err == nil && in.Failure != "" {
		a.told("%s: the plan stopped: %s", state.Name, in.Failure)
	}
	return state, failed(err)
}

// ending adds to a failure which action it was, and what its error was made of, as the ledger has it.
func (a *Activities) ending(ctx context.Context, in FinishPlanInput) (narrative.Ending, error) {
	ended := narrative.Ending{Failure: in.Failure, Unknown: in.Unknown, RolledBack: in.RolledBack, Rollback: in.RollbackFailure}
	if in.Failure == "" {
		return ended, nil
	}
	issue, err := a.o.Store.Issue(ctx, in.IssueID)
	if err != nil {
		return ended, err
	}
	step, ok := issue.Step(in.StepID)
	if !ok || step.Solution == nil || in.Index >= len(step.Solution.Plan) {
		return ended, nil
	}
	ended.Failure = fmt.Sprintf("action %s (%d of %d): %s", step.Solution.Plan[in.Index].Action, in.Index+1, len(step.Solution.Plan), in.Failure)
	runs, err := a.o.Store.Actions(ctx, step.Solution.ID)
	for _, run := range runs {
		if _, chain, long := strings.Cut(run.Error, "\n"); long && run.Index == in.Index && !run.Rollback {
			ended.Failure += "\n" + chain
		}
	}
	return ended, err
}
