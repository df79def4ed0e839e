package activities

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/activity"

	narrative "github.com/narrative-go/narrative"
)

// DetectEvent makes one detection, claims what it noticed and hands the newly claimed occurrences over to be
// answered. A retry of one that was recorded answers as it did.
func (a *Activities) DetectEvent(ctx context.Context, in CheckInput) (CheckOutput, error) {
	defer beat(ctx)()
	if in.DryRun {
		return a.tryEvent(ctx, in.Name)
	}
	info := activity.GetInfo(ctx)
	state, err := a.o.Store.BeginDetection(ctx, in.Name, info.WorkflowExecution.RunID)
	if out, over, err := a.over(ctx, err, state.Recorded, state.Handoffs); over {
		return out, err
	}
	if !state.Meta.Enabled {
		return CheckOutput{Summary: "the event is disabled"}, nil
	}
	secrets := a.newSecrets()
	record := narrative.DetectionRecord{CheckRun: a.run(info, in.Name, state.Seq), Revision: state.Meta.Revision}
	checked := a.surround(ctx, secrets, nil)
	if err := guarded(func() error { return a.detect(checked, state.Meta, secrets, &record) }); err != nil {
		return CheckOutput{}, failed(secrets.redactError(err))
	}
	record.FinishedAt = a.now()
	return a.recordDetection(ctx, record)
}

// maxOccurrences bounds what one detection may notice.
const maxOccurrences = narrative.MaxViolations

func (a *Activities) detect(ctx context.Context, meta narrative.EventMeta, s *secrets, r *narrative.DetectionRecord) error {
	event, err := a.event(meta, s)
	if err != nil {
		return err
	}
	noticed, err := event.Detect(ctx)
	if err != nil {
		return err
	}
	if len(noticed) > maxOccurrences {
		return narrative.Errorf(narrative.Invalid, "%d occurrences at once are more than the %d that fit", len(noticed), maxOccurrences)
	}
	for i := range noticed {
		if _, noticed[i].Summary, err = s.tidy("", noticed[i].Summary); err != nil {
			return err
		}
		if _, noticed[i].Details, err = s.tidy("", noticed[i].Details); err != nil {
			return err
		}
	}
	r.Occurrences, r.Outcome, r.Summary = noticed, narrative.OutcomeNotDetected, "nothing detected"
	if len(noticed) > 0 {
		r.Outcome, r.Summary = narrative.OutcomeDetected, fmt.Sprintf("%d detected", len(noticed))
	}
	return nil
}

func (a *Activities) event(meta narrative.EventMeta, s *secrets) (narrative.Event, error) {
	args, err := narrative.ResolveReferences(meta.Args, s.resolve)
	if err != nil {
		return nil, err
	}
	event, err := a.o.Registry.Event(meta.Class, args)
	if err != nil {
		return nil, s.redactError(err)
	}
	return event, nil
}

func (a *Activities) recordDetection(ctx context.Context, r narrative.DetectionRecord) (CheckOutput, error) {
	ctx, cancel := lasting(ctx)
	defer cancel()
	result, err := a.o.Store.RecordDetection(ctx, r)
	if err != nil {
		return CheckOutput{}, failed(fmt.Errorf("record the detection of %s: %w", r.Assertion, err))
	}
	a.o.Observer.Checked(checked(narrative.EventKind, r.CheckRun))
	a.deliver(ctx, result.Handoffs)
	for _, o := range result.Claimed {
		a.o.Observer.Logged(true)
		a.told("%s detected: %s", r.Assertion, values(o.Summary))
	}
	return CheckOutput{Outcome: r.Outcome, Summary: result.Run.Summary, Opened: len(result.Claimed)}, nil
}

func (a *Activities) recordErroredDetection(ctx context.Context, info activity.Info, in ErroredInput) (CheckOutput, error) {
	state, err := a.o.Store.BeginDetection(ctx, in.Name, info.WorkflowExecution.RunID)
	if out, over, err := a.over(ctx, err, state.Recorded, state.Handoffs); over {
		return out, err
	}
	r := narrative.DetectionRecord{CheckRun: a.run(info, in.Name, state.Seq), Revision: state.Meta.Revision, Error: in.Reason}
	r.Outcome, r.Summary, r.FinishedAt = narrative.OutcomeErrored, in.Reason, r.StartedAt
	a.told("%s could not be checked: %s", in.Name, in.Reason)
	return a.recordDetection(ctx, r)
}

// RespondInput names the occurrence to be answered.
type RespondInput struct {
	OccurrenceID string `json:"occurrence_id"`
}

// Respond finds the plan that answers an occurrence, validates it and keeps it. An occurrence that was answered, or
// needs no answer, gives a plan without actions.
func (a *Activities) Respond(ctx context.Context, in RespondInput) (PlanToRun, error) {
	defer beat(ctx)()
	o, err := a.o.Store.Occurrence(ctx, in.OccurrenceID)
	if err != nil {
		return PlanToRun{}, failed(err)
	}
	if o.Solution != nil {
		if o.Solution.EnactedAt != nil {
			return PlanToRun{}, nil
		}
		return a.responseToRun(ctx, o, *o.Solution)
	}
	meta, err := a.o.Store.EventMeta(ctx, o.Event)
	if err != nil {
		return PlanToRun{}, failed(err)
	}
	if err := a.tellOccurred(ctx, o, meta); err != nil {
		return PlanToRun{}, failed(err)
	}
	solution, err := a.response(ctx, meta, o)
	if err != nil {
		return PlanToRun{}, failed(fmt.Errorf("find the response to %s: %w", o.Event, err))
	}
	if len(solution.Plan) == 0 {
		return PlanToRun{}, nil
	}
	kept, err := a.o.Store.AnswerOccurrence(ctx, o.ID, solution)
	if err != nil {
		return PlanToRun{}, failed(err)
	}
	return a.responseToRun(ctx, o, kept)
}

// tellOccurred tells those who follow the event of an occurrence.
func (a *Activities) tellOccurred(ctx context.Context, o narrative.Occurrence, meta narrative.EventMeta) error {
	if len(meta.Notify) == 0 {
		return nil
	}
	config, err := a.o.Store.Config(ctx)
	if err != nil {
		return err
	}
	return a.tell(ctx, occurred(o, meta, config, a.now()))
}

// tell writes down who is told of what is no issue's, and starts the telling.
func (a *Activities) tell(ctx context.Context, all []narrative.Notification) error {
	if err := a.o.Store.AddNotifications(ctx, all); err != nil {
		return err
	}
	a.notify(ctx, all)
	return nil
}

// responseToRun holds a response back where nothing is carried out unasked: nobody can be asked about an occurrence.
func (a *Activities) responseToRun(ctx context.Context, o narrative.Occurrence, s narrative.Solution) (PlanToRun, error) {
	plan := planToRun(PlanRef{OccurrenceID: o.ID, SolutionID: s.ID}, s)
	config, err := a.o.Store.Config(ctx)
	if err != nil {
		return plan, failed(err)
	}
	if mode := narrative.PolicyOf(narrative.AssertionMeta{}, config).Actions; mode != narrative.ActionsRun {
		plan.Held = fmt.Sprintf("the configuration says actions: %s, and the response (%s) was not carried out", mode, actionNames(plan.Actions))
	}
	return plan, nil
}

func (a *Activities) response(ctx context.Context, meta narrative.EventMeta, o narrative.Occurrence) (narrative.Solution, error) {
	s := a.newSecrets()
	event, err := a.event(meta, s)
	if err != nil {
		return narrative.Solution{}, err
	}
	solution := narrative.Solution{ID: narrative.NewID(a.now()), Problem: meta.DisplayName + " was detected"}
	if responder, ok := event.(narrative.Responder); ok {
		err = guarded(func() error {
			solution.Plan, err = responder.Respond(ctx, o)
			return err
		})
		if err != nil {
			return narrative.Solution{}, s.redactError(err)
		}
	} else {
		if solution.Data, err = narrative.OccurrenceData(o); err != nil {
			return narrative.Solution{}, err
		}
		solution.Template = meta.Respond
		if solution.Plan, err = narrative.FillPlan(meta.Respond, solution.Data, nil); err != nil {
			return narrative.Solution{}, err
		}
	}
	return solution, a.validate(solution.Plan).Err()
}

// FinishResponseInput says how the plan that answers an occurrence ended.
type FinishResponseInput struct {
	OccurrenceID string `json:"occurrence_id"`
	SolutionID   string `json:"solution_id"` // empty where no plan could be found
	Failure      string `json:"failure"`     // empty: it was carried out
}

// FinishResponse stamps the solution and tells the admins where it failed.
func (a *Activities) FinishResponse(ctx context.Context, in FinishResponseInput) error {
	if in.SolutionID != "" {
		if err := a.o.Store.FinishSolution(ctx, in.SolutionID, a.now(), in.Failure); err != nil {
			return failed(err)
		}
	}
	if in.Failure == "" {
		return nil
	}
	o, err := a.o.Store.Occurrence(ctx, in.OccurrenceID)
	if err != nil {
		return failed(err)
	}
	config, err := a.o.Store.Config(ctx)
	if err != nil {
		return failed(err)
	}
	meta, err := a.o.Store.EventMeta(ctx, o.Event)
	if narrative.KindOf(err) == narrative.NotFound { // removed meanwhile: the admins are left
		meta, err = narrative.EventMeta{Meta: narrative.Meta{Name: o.Event}}.WithDefaults(), nil
	}
	if err != nil {
		return failed(err)
	}
	return failed(a.tell(ctx, responseFailed(o, meta, config, in.Failure, a.now())))
}
