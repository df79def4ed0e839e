package starter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/workflows"
)

// Times that a person waits.
const (
	acceptWithin = 15 * time.Second // for a worker to accept a signal
	carryWithin  = 3 * time.Second  // for it to be carried out, once accepted; after that it goes on by itself
)

// Signal sends a person's signal to the issue as an update and returns once it was accepted, and, where that is quick,
// carried out. Where the issue's workflow is gone, it is started.
func (s *Starter) Signal(ctx context.Context, i narrative.Issue, name narrative.SignalName, payload json.RawMessage) error {
	if _, err := narrative.DecodeSignal(name, payload); err != nil {
		return err
	}
	if i.Status.Closed() {
		return narrative.Errorf(narrative.Conflict, "issue %s is closed (%s); a signal can no longer change it", i.ID, i.Status)
	}
	ctx, cancel := context.WithTimeout(ctx, acceptWithin)
	defer cancel()
	handle, err := s.update(ctx, i, name, payload)
	if notFound(err) {
		if err := s.wake(ctx, i); err != nil {
			return err
		}
		handle, err = s.update(ctx, i, name, payload)
	}
	if err != nil {
		return s.refusal(i, err)
	}
	carried, cancelCarried := context.WithTimeout(ctx, carryWithin)
	defer cancelCarried()
	if err := handle.Get(carried, nil); err != nil && carried.Err() == nil {
		return s.refusal(i, err)
	}
	return nil
}

func (s *Starter) update(ctx context.Context, i narrative.Issue, name narrative.SignalName, payload json.RawMessage) (client.WorkflowUpdateHandle, error) {
	if len(payload) == 0 {
		payload = json.RawMessage("{}")
	}
	return s.o.Client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: i.WorkflowID, UpdateName: string(name), Args: []any{payload},
		WaitForStage: client.WorkflowUpdateStageAccepted,
	})
}

// refusal turns what an update answered into an error of the kind that the workflow meant.
func (s *Starter) refusal(i narrative.Issue, err error) error {
	var app *temporal.ApplicationError
	var late *client.WorkflowUpdateServiceTimeoutOrCanceledError
	switch {
	case errors.As(err, &app) && app.Type() != "":
		return &narrative.Error{Kind: narrative.ErrorKind(app.Type()), Message: app.Message()}
	case errors.As(err, &late), errors.Is(err, context.DeadlineExceeded):
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if _, err := s.o.Client.CheckHealth(ctx, nil); err != nil {
			return narrative.Errorf(narrative.Unavailable, "the signal to issue %s was not taken: Temporal does not answer", i.ID)
		}
		return narrative.Errorf(narrative.Unavailable, "no worker took the signal to issue %s within %s; is `narrative worker` running?", i.ID, acceptWithin)
	case notFound(err):
		return narrative.Errorf(narrative.Conflict, "issue %s was closed meanwhile", i.ID)
	}
	return fmt.Errorf("signal issue %s: %w", i.ID, unavailable(err))
}

// CheckNow makes an ordinary check of the assertion or event at once, or joins one under way, and returns when it was
// recorded.
func (s *Starter) CheckNow(ctx context.Context, kind narrative.MetaKind, name string) (narrative.CheckRun, error) {
	c, err := s.check(ctx, kind, name)
	if err != nil {
		return narrative.CheckRun{}, err
	}
	if !c.Meta.Enabled {
		return narrative.CheckRun{}, narrative.Errorf(narrative.Conflict, "%s %s is disabled", kind, name)
	}
	run, err := s.checkAtOnce(ctx, c)
	if err != nil {
		return narrative.CheckRun{}, err
	}
	err = run.Get(ctx, nil)
	if ctx.Err() != nil {
		return narrative.CheckRun{}, narrative.Errorf(narrative.Unavailable, "the check of %s goes on in workflow %s", name, run.GetID())
	}
	recorded, storeErr := s.o.Store.CheckRuns(ctx, name, narrative.Page{Limit: narrative.MaxPage})
	if storeErr != nil {
		return narrative.CheckRun{}, storeErr
	}
	for _, r := range recorded.Items {
		if r.RunID == run.GetRunID() {
			return r, nil
		}
	}
	if err == nil {
		err = errors.New("it was not recorded")
	}
	return narrative.CheckRun{}, narrative.Errorf(narrative.Unavailable, "check %s now: %w", workflows.CheckID(kind, name), err)
}

// StartCheck has the assertion or event checked at once, and does not wait for it. One that is gone or disabled is not.
func (s *Starter) StartCheck(ctx context.Context, kind narrative.MetaKind, name string) error {
	c, err := s.check(ctx, kind, name)
	if narrative.KindOf(err) == narrative.NotFound || err == nil && !c.Meta.Enabled {
		return nil
	}
	if err == nil {
		_, err = s.checkAtOnce(ctx, c)
	}
	return err
}

// Reopen lets checks open another issue where this one, which is closed, kept them away, and has its assertion checked
// at once.
func (s *Starter) Reopen(ctx context.Context, i narrative.Issue, by, reason string) error {
	now := s.o.Now().UTC().Truncate(time.Microsecond)
	_, err := s.o.Store.ChangeIssue(ctx, i.ID, -1, "", func(i *narrative.Issue) (narrative.Effects, error) {
		entry, err := i.Reopen(by, reason, now)
		return narrative.Effects{Entries: []narrative.Entry{entry}}, err
	})
	if err != nil {
		return err
	}
	return s.StartCheck(ctx, narrative.AssertionKind, i.Assertion)
}

// DryRun makes a check, of which nothing is kept, and returns what it would have recorded.
func (s *Starter) DryRun(ctx context.Context, kind narrative.MetaKind, name string) (narrative.CheckRun, error) {
	c, err := s.check(ctx, kind, name)
	if err != nil {
		return narrative.CheckRun{}, err
	}
	o := c.options(workflows.DryRunID(kind, name), false)
	o.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
	started := s.o.Now().UTC()
	run, err := s.o.Client.ExecuteWorkflow(ctx, o, c.workflow(), workflows.CheckInput{Name: name, DryRun: true})
	if err != nil {
		return narrative.CheckRun{}, fmt.Errorf("try %s: %w", workflows.CheckID(kind, name), unavailable(err))
	}
	var out workflows.CheckOutput
	err = run.Get(ctx, &out)
	tried := narrative.CheckRun{
		Assertion: name, Outcome: out.Outcome, Summary: out.Summary, ScheduledAt: started, StartedAt: started,
		FinishedAt: s.o.Now().UTC(), WorkflowID: run.GetID(), RunID: run.GetRunID(),
	}
	var app *temporal.ApplicationError
	switch {
	case err == nil:
		return tried, nil
	case errors.As(err, &app) && app.Type() == string(narrative.OutcomeErrored):
		tried.Outcome, tried.Summary = narrative.OutcomeErrored, app.Message()
		return tried, nil
	}
	return narrative.CheckRun{}, narrative.Errorf(narrative.Unavailable, "try %s: it goes on in workflow %s", workflows.CheckID(kind, name), run.GetID())
}

func (s *Starter) check(ctx context.Context, kind narrative.MetaKind, name string) (Check, error) {
	if kind == narrative.EventKind {
		m, err := s.o.Store.EventMeta(ctx, name)
		return Check{kind, m.Meta}, err
	}
	m, err := s.o.Store.AssertionMeta(ctx, name)
	return Check{narrative.AssertionKind, m.Meta}, err
}
