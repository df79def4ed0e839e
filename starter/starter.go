// Package starter is the half of Narrative that calls Temporal: it sets checks going, starts and signals workflows,
// and makes Temporal match the store. The other half, which Temporal calls, is worker.
package starter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/workflows"
)

var _ narrative.Operator = (*Starter)(nil)

// Options are what [New] needs.
type Options struct {
	Client client.Client   // required
	Store  narrative.Store // required
	// Trigger is what sets going the metas that do not choose; default narrative.TriggerCron. All processes of a
	// deployment must agree on it.
	Trigger narrative.Trigger
	// Attributes says that the search attributes exist; without, workflows are started without them.
	Attributes bool
	Now        func() time.Time // default time.Now
	Logger     *slog.Logger     // default discards
}

// Starter calls Temporal.
type Starter struct {
	o        Options
	triggers map[narrative.Trigger]Trigger
	identity string        // of the store; see Claim
	matching chan struct{} // holds one while triggers are made to match: two at once would start the same ones
}

// New returns a starter, or an error that names what is missing.
func New(o Options) (*Starter, error) {
	switch {
	case o.Client == nil:
		return nil, errors.New("starter: Options.Client is required")
	case o.Store == nil:
		return nil, errors.New("starter: Options.Store is required")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Trigger == "" {
		o.Trigger = narrative.TriggerCron
	}
	s := &Starter{o: o, matching: make(chan struct{}, 1), triggers: map[narrative.Trigger]Trigger{
		narrative.TriggerCron:     &cronTrigger{client: o.Client, attributes: o.Attributes},
		narrative.TriggerSchedule: &scheduleTrigger{client: o.Client, attributes: o.Attributes},
	}}
	if s.triggers[o.Trigger] == nil {
		return nil, fmt.Errorf("starter: Options.Trigger %q is neither cron nor schedule", o.Trigger)
	}
	return s, nil
}

// HandOver signals the issue's workflow, or starts the occurrence's; starting it where it does not run.
func (s *Starter) HandOver(ctx context.Context, h narrative.Handoff) error {
	if h.Observation == nil {
		return s.respond(ctx, h)
	}
	issue, err := s.o.Store.Issue(ctx, h.Observation.IssueID)
	if narrative.KindOf(err) == narrative.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	options := client.StartWorkflowOptions{
		ID: h.WorkflowID, TaskQueue: narrative.TaskQueue, StaticSummary: issue.Name(),
		Memo: map[string]any{"issue": issue.Name()},
	}
	if s.o.Attributes {
		options.TypedSearchAttributes = temporal.NewSearchAttributes(
			workflows.AttributeKind.ValueSet(workflows.KindIssue),
			workflows.AttributeName.ValueSet(issue.Assertion),
			workflows.AttributeOutcome.ValueSet(string(issue.Status)),
			workflows.AttributeSeverity.ValueSet(string(issue.Severity)),
			workflows.AttributeRecord.ValueSet(issue.Record.Type+"/"+issue.Record.ID),
		)
	}
	_, err = s.o.Client.SignalWithStartWorkflow(ctx, h.WorkflowID, narrative.SignalObserve, *h.Observation, options,
		workflows.ResolveIssue, workflows.IssueInput{IssueID: h.Observation.IssueID})
	if err != nil {
		return fmt.Errorf("hand over to issue %s: %w", h.Observation.IssueID, unavailable(err))
	}
	return nil
}

func (s *Starter) respond(ctx context.Context, h narrative.Handoff) error {
	options := client.StartWorkflowOptions{
		ID: h.WorkflowID, TaskQueue: narrative.TaskQueue,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}
	s.mark(&options, workflows.KindOccurrence, "")
	_, err := s.o.Client.ExecuteWorkflow(ctx, options, workflows.RespondEvent, workflows.RespondInput{OccurrenceID: h.OccurrenceID})
	if err != nil && !alreadyStarted(err) {
		return fmt.Errorf("answer occurrence %s: %w", h.OccurrenceID, unavailable(err))
	}
	return nil
}

// mark sets the search attributes of a workflow that is neither a check nor an issue.
func (s *Starter) mark(o *client.StartWorkflowOptions, kind, name string) {
	if !s.o.Attributes {
		return
	}
	updates := []temporal.SearchAttributeUpdate{workflows.AttributeKind.ValueSet(kind)}
	if name != "" {
		updates = append(updates, workflows.AttributeName.ValueSet(name))
	}
	o.TypedSearchAttributes = temporal.NewSearchAttributes(updates...)
}

func alreadyStarted(err error) bool {
	var already *serviceerror.WorkflowExecutionAlreadyStarted
	return errors.As(err, &already)
}

func notFound(err error) bool {
	var missing *serviceerror.NotFound
	return errors.As(err, &missing)
}

// unavailable gives an error of Temporal's the kind Unavailable.
func unavailable(err error) error {
	return &narrative.Error{Kind: narrative.Unavailable, Message: "Temporal: " + err.Error(), Err: err}
}
