package workflows

import (
	"encoding/json"
	"fmt"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/activities"
)

// IssueInput starts the life of an issue, or carries it on after continue-as-new.
type IssueInput struct {
	IssueID      string                  `json:"issue_id"`
	LastSeq      int64                   `json:"last_seq,omitempty"` // of the newest observation heeded
	Observations []narrative.Observation `json:"observations,omitempty"`
}

// ResolveIssue lives the life of an issue. The store owns that the issue exists and that it is closed; this workflow
// owns its progress: it waits for checks and people to speak, walks the diagnostic cases, carries out plans, and ends
// when the issue is closed. A newer issue of the same key is carried on by continue-as-new.
func ResolveIssue(ctx workflow.Context, in IssueInput) error {
	i := &issue{in: in, lastSeq: in.LastSeq, observed: in.Observations, state: activities.IssueState{ID: in.IssueID}}
	i.observe = workflow.GetSignalChannel(ctx, narrative.SignalObserve)
	if err := i.setup(ctx); err != nil {
		return err
	}
	return i.live(ctx)
}

// issue is the running workflow's memory.
type issue struct {
	in       IssueInput
	state    activities.IssueState
	lastSeq  int64
	observed []narrative.Observation // heard of and not heeded yet
	newer    *narrative.Observation  // of a newer issue of the same key
	commands []*command              // of people, not carried out yet
	arrived  int                     // commands heard of in this run

	observe workflow.ReceiveChannel
	signals []workflow.ReceiveChannel // in the order of narrative.SignalNames
}

// command is a person's signal, or update, which waits for the answer.
type command struct {
	input  activities.SignalInput
	done   bool
	answer activities.SignalOutput
	err    error
}

func (i *issue) setup(ctx workflow.Context) error {
	for _, name := range narrative.SignalNames {
		i.signals = append(i.signals, workflow.GetSignalChannel(ctx, string(name)))
		if err := i.handleUpdate(ctx, name); err != nil {
			return err
		}
	}
	if err := workflow.SetQueryHandler(ctx, QueryIssue, func() (activities.IssueState, error) { return i.state, nil }); err != nil {
		return err
	}
	return workflow.SetQueryHandler(ctx, QueryStatus, func() (string, error) { return statusText(i.state), nil })
}

// handleUpdate answers the update of a signal's name: its payload is validated at no cost to the history, and the
// answer is given once the signal was carried out or, for solution, once the plan is about to be.
func (i *issue) handleUpdate(ctx workflow.Context, name narrative.SignalName) error {
	handle := func(ctx workflow.Context, payload converter.RawValue) (activities.IssueState, error) {
		c := i.hear(ctx, name, payload, false)
		if err := workflow.Await(ctx, func() bool { return c.done }); err != nil {
			return i.state, err
		}
		if c.err == nil && c.answer.Refused != "" {
			return i.state, temporal.NewApplicationError(c.answer.Refused, string(c.answer.Kind))
		}
		return i.state, c.err
	}
	validate := func(_ workflow.Context, payload converter.RawValue) error {
		//workflowcheck:ignore decoding JSON is deterministic, and validators are not replayed
		if _, err := narrative.DecodeSignal(name, payload.Payload().GetData()); err != nil {
			return temporal.NewApplicationError(err.Error(), string(narrative.KindOf(err)))
		}
		return nil
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, string(name), handle, workflow.UpdateHandlerOptions{Validator: validate})
}

// hear takes down a person's signal.
func (i *issue) hear(ctx workflow.Context, name narrative.SignalName, payload converter.RawValue, bySignal bool) *command {
	i.arrived++
	data := payload.Payload().GetData()
	if len(data) > 0 && !json.Valid(data) {
		data = []byte(`"a payload that is not JSON"`) // which is no object, and so refused
	}
	c := &command{input: activities.SignalInput{
		Name: name, Payload: data, BySignal: bySignal,
		Key: fmt.Sprintf("signal/%s/%d", workflow.GetInfo(ctx).WorkflowExecution.RunID, i.arrived),
	}}
	i.commands = append(i.commands, c)
	return c
}

// live is the story.
func (i *issue) live(ctx workflow.Context) error {
	if err := i.load(ctx); err != nil {
		return err
	}
	if i.state.Running != nil {
		i.carryOut(ctx, *i.state.Running)
	} else if i.state.Working {
		i.round(ctx, i.lastSeq)
	}
	for {
		i.listen(ctx)
		switch {
		case len(i.commands) > 0:
			i.obey(ctx)
			if i.state.Running != nil {
				i.carryOut(ctx, *i.state.Running)
			}
		case len(i.observed) > 0 && !i.state.Status.Closed():
			i.heed(ctx)
		case i.newer != nil && !i.state.Status.Closed():
			if err := i.load(ctx); err != nil {
				return err
			}
			if !i.state.Status.Closed() {
				i.newer = nil // there is no newer issue while this one is unresolved
			}
		case i.state.Status.Closed() || workflow.GetInfo(ctx).GetContinueAsNewSuggested():
			if over, err := i.end(ctx); over {
				return err
			}
		default:
			if err := workflow.Await(ctx, func() bool { return i.waiting() || len(i.commands) > 0 }); err != nil {
				return err
			}
		}
	}
}

// waiting tells whether a signal was delivered and not read.
func (i *issue) waiting() bool {
	for _, ch := range i.signals {
		if ch.Len() > 0 {
			return true
		}
	}
	return i.observe.Len() > 0
}

// listen reads every signal that was delivered.
func (i *issue) listen(ctx workflow.Context) {
	var o narrative.Observation
	for i.observe.ReceiveAsync(&o) {
		switch {
		case o.IssueID != i.state.ID:
			newer := o
			i.newer = &newer
		case o.CheckSeq > i.lastSeq:
			i.observed = append(i.observed, o)
		}
		o = narrative.Observation{}
	}
	for n, ch := range i.signals {
		var payload converter.RawValue
		for ch.ReceiveAsync(&payload) {
			i.hear(ctx, narrative.SignalNames[n], payload, true)
		}
	}
}

// end finishes the workflow, or lets it carry on anew; not over where something is still to be answered. Nothing
// blocks between the last look at the signals and the end, so that none is lost.
func (i *issue) end(ctx workflow.Context) (over bool, err error) {
	if err := workflow.Await(ctx, func() bool { return len(i.commands) > 0 || workflow.AllHandlersFinished(ctx) }); err != nil {
		return true, err
	}
	i.listen(ctx)
	if len(i.commands) > 0 {
		return false, nil
	}
	switch {
	case !i.state.Status.Closed():
		return true, workflow.NewContinueAsNewError(ctx, ResolveIssue, IssueInput{IssueID: i.state.ID, LastSeq: i.lastSeq, Observations: i.observed})
	case i.newer != nil:
		return true, workflow.NewContinueAsNewError(ctx, ResolveIssue,
			IssueInput{IssueID: i.newer.IssueID, Observations: []narrative.Observation{*i.newer}})
	}
	return true, nil
}

// obey carries out the first command.
func (i *issue) obey(ctx workflow.Context) {
	c := i.commands[0]
	i.commands = i.commands[1:]
	ctx = workflow.WithActivityOptions(ctx, quick(string(c.input.Name), storeTimeout))
	c.err = i.transition(ctx, func() (activities.IssueState, error) {
		c.input.IssueRef = i.ref()
		err := workflow.ExecuteActivity(ctx, acts.Signal, c.input).Get(ctx, &c.answer)
		return c.answer.State, err
	})
	c.done = true
}

// heed takes in the oldest observation.
func (i *issue) heed(ctx workflow.Context) {
	o := i.observed[0]
	for _, other := range i.observed {
		if other.CheckSeq < o.CheckSeq {
			o = other
		}
	}
	rest := i.observed[:0]
	for _, other := range i.observed {
		if other.CheckSeq > o.CheckSeq {
			rest = append(rest, other)
		}
	}
	i.observed, i.lastSeq = rest, o.CheckSeq
	if o.Passed {
		i.recover(ctx, o.CheckSeq)
	} else {
		i.round(ctx, o.CheckSeq)
	}
}

// recover lets the assertion clean up after itself, then closes the issue and tells.
func (i *issue) recover(ctx workflow.Context, seq int64) {
	failure := ""
	cleanup := workflow.WithActivityOptions(ctx, bounded("recovered", 10*time.Minute, 5))
	if err := workflow.ExecuteActivity(cleanup, acts.Recover, i.ref()).Get(ctx, nil); err != nil {
		failure = activities.Reason(err)
	}
	ctx = workflow.WithActivityOptions(ctx, quick("resolve", storeTimeout))
	_ = i.transition(ctx, func() (s activities.IssueState, err error) {
		err = workflow.ExecuteActivity(ctx, acts.Resolve, activities.ResolveInput{IssueRef: i.ref(), CheckSeq: seq, Failure: failure}).Get(ctx, &s)
		return s, err
	})
}

func (i *issue) ref() activities.IssueRef {
	return activities.IssueRef{IssueID: i.state.ID, Version: i.state.Version}
}

func statusText(s activities.IssueState) string {
	text := fmt.Sprintf("%s: %s\n%s\nopen since %s, %d rounds of diagnosis\n", s.Name, s.Status, s.Summary,
		s.OpenedAt.Format(time.RFC3339), s.Rounds)
	switch {
	case s.Status.Closed():
		return text
	case s.Awaiting != nil:
		return text + "waits for a person's " + s.Awaiting.For + "\n"
	case s.Running != nil:
		return text + "a plan is being carried out\n"
	}
	return text + "waits for the next check\n"
}
