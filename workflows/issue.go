package workflows

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/activities"
)

// IssueInput starts the life of an issue, or carries it on after continue-as-new.
type IssueInput struct {
	IssueID      string                   `json:"issue_id"`
	LastSeq      int64                    `json:"last_seq,omitempty"` // of the newest observation heeded
	Observations []narrative.Observation  `json:"observations,omitempty"`
	Commands     []activities.SignalInput `json:"commands,omitempty"` // signals heard and not carried out yet
}

// ResolveIssue lives the life of an issue. The store owns that the issue exists and that it is closed; this workflow
// owns its progress: it waits for checks and people to speak, walks the diagnostic cases, carries out plans, and ends
// when the issue is closed. A newer issue of the same key is carried on by continue-as-new.
func ResolveIssue(ctx workflow.Context, in IssueInput) error {
	i := &issue{in: in, lastSeq: in.LastSeq, observed: in.Observations, state: activities.IssueState{ID: in.IssueID}}
	for _, heard := range in.Commands {
		i.commands = append(i.commands, &command{input: heard})
	}
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
	woken    bool                    // the issue, or what rules it, is to be looked at again
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
	i.work(ctx)
	for {
		i.listen(ctx)
		switch {
		case i.crowded(ctx):
			if over, err := i.carryOn(ctx); over {
				return err
			}
		case len(i.commands) > 0:
			i.obey(ctx)
			i.work(ctx)
		case i.woken && !i.state.Status.Closed():
			i.woken = false
			if err := i.load(ctx); err != nil {
				return err
			}
			if i.state.Removed && !i.state.Status.Closed() {
				i.resolve(ctx, activities.ResolveInput{Removed: true})
			}
			i.work(ctx)
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
			if err := i.wait(ctx); err != nil {
				return err
			}
		}
	}
}

// work goes on with what the issue says is under way: a plan, or a round.
func (i *issue) work(ctx workflow.Context) {
	if i.state.Running != nil {
		i.carryOut(ctx, *i.state.Running)
	} else if i.state.Working {
		i.round(ctx, i.lastSeq)
	}
}

// wait waits for a signal, or for the issue's next deadline, which is absolute: after continue-as-new, or a worker's
// long absence, the rest of it is waited for.
func (i *issue) wait(ctx workflow.Context) error {
	spoken := func() bool { return i.waiting() || len(i.commands) > 0 }
	d := i.state.Deadline
	if d == nil {
		return workflow.Await(ctx, spoken)
	}
	timed, cancel := workflow.WithCancel(ctx)
	// At least a second, in case the clock of the activities is behind.
	timer := workflow.NewTimerWithOptions(timed, max(d.At.Sub(workflow.Now(ctx)), time.Second), workflow.TimerOptions{
		Summary: fmt.Sprintf("%s at %s", d.Kind, d.At.UTC().Format(time.RFC3339)),
	})
	if err := workflow.Await(ctx, func() bool { return spoken() || timer.IsReady() }); err != nil {
		return err
	}
	if !timer.IsReady() {
		cancel() // else it would fire one day, for nothing
		return nil
	}
	if d.Kind == narrative.DeadlineVerify {
		return i.verify(ctx)
	}
	ctx = workflow.WithActivityOptions(ctx, quick("deadline: "+string(d.Kind), storeTimeout))
	return i.transition(ctx, func() (s activities.IssueState, err error) {
		err = workflow.ExecuteActivity(ctx, acts.MeetDeadlines, i.ref()).Get(ctx, &s)
		return s, err
	})
}

// verify checks whether the newest solution helped, without waiting for the tick. Where that cannot be checked, the
// tick will.
func (i *issue) verify(ctx workflow.Context) error {
	var v activities.Verification
	ctx = workflow.WithActivityOptions(ctx, bounded("verify the solution", 5*time.Minute, 3))
	err := i.transition(ctx, func() (activities.IssueState, error) {
		err := workflow.ExecuteActivity(ctx, acts.Verify, i.ref()).Get(ctx, &v)
		return v.State, err
	})
	if err != nil {
		return i.unverified(ctx, activities.Reason(err))
	}
	if v.Observed != nil {
		i.observed = append(i.observed, *v.Observed)
	}
	return nil
}

func (i *issue) unverified(ctx workflow.Context, why string) error {
	ctx = workflow.WithActivityOptions(ctx, quick("not verified", storeTimeout))
	return i.transition(ctx, func() (s activities.IssueState, err error) {
		in := activities.UnverifiedInput{IssueRef: i.ref(), Reason: why}
		err = workflow.ExecuteActivity(ctx, acts.Unverified, in).Get(ctx, &s)
		return s, err
	})
}

// maxCarried is how many bytes of signals are carried over to a new run.
const maxCarried = 512 << 10

// crowded tells whether the history has become long while signals still wait: they are carried over to a new run.
func (i *issue) crowded(ctx workflow.Context) bool {
	if len(i.commands) == 0 || i.state.Status.Closed() || !workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
		return false
	}
	size := 0
	for _, c := range i.commands {
		size += len(c.input.Payload) + len(c.input.Key)
	}
	return size <= maxCarried && workflow.GetVersion(ctx, "carry-signals", workflow.DefaultVersion, 1) == 1
}

// carryOn answers the updates, which cannot be carried over, and goes on in a new run with the signals that still wait;
// not over where another update came meanwhile.
func (i *issue) carryOn(ctx workflow.Context) (over bool, err error) {
	for n := i.update(); n >= 0; n = i.update() {
		asked := i.commands[n]
		i.commands = slices.Insert(slices.Delete(i.commands, n, n+1), 0, asked) // the signals keep their order
		i.obey(ctx)
		i.work(ctx)
	}
	if err := workflow.Await(ctx, func() bool { return i.update() >= 0 || workflow.AllHandlersFinished(ctx) }); err != nil {
		return true, err
	}
	i.listen(ctx)
	if i.update() >= 0 || i.state.Status.Closed() {
		return false, nil
	}
	return true, i.anew(ctx)
}

// update is the place of the first command that somebody waits for; -1 where there is none.
func (i *issue) update() int {
	return slices.IndexFunc(i.commands, func(c *command) bool { return !c.input.BySignal })
}

// anew carries the issue on in a new run.
func (i *issue) anew(ctx workflow.Context) error {
	in := IssueInput{IssueID: i.state.ID, LastSeq: i.lastSeq, Observations: i.observed}
	for _, c := range i.commands {
		in.Commands = append(in.Commands, c.input)
	}
	return workflow.NewContinueAsNewError(ctx, ResolveIssue, in)
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
		case o.Wake:
			i.woken = true
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
		return true, i.anew(ctx)
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
	if c.input.Name == narrative.SignalApprove {
		c.input.Stale = i.stale(ctx, c.input.Payload)
	}
	ctx = workflow.WithActivityOptions(ctx, quick(string(c.input.Name), storeTimeout))
	c.err = i.transition(ctx, func() (activities.IssueState, error) {
		c.input.IssueRef = i.ref()
		err := workflow.ExecuteActivity(ctx, acts.Signal, c.input).Get(ctx, &c.answer)
		return c.answer.State, err
	})
	c.done = true
}

// stale tells whether what is about to be approved would no longer be proposed.
func (i *issue) stale(ctx workflow.Context, payload []byte) bool {
	ctx = workflow.WithActivityOptions(ctx, bounded("look at the plan again", 5*time.Minute, 3))
	var r activities.Reconsidered
	in := activities.ReconsiderInput{IssueID: i.state.ID, Payload: payload}
	if err := workflow.ExecuteActivity(ctx, acts.Reconsider, in).Get(ctx, &r); err != nil {
		workflow.GetLogger(ctx).Warn("the plan could not be looked at again before it was approved", "error", err)
	}
	return r.Stale
}

// heed takes in the newest observation: an older one says nothing any more.
func (i *issue) heed(ctx workflow.Context) {
	bySeq := func(a, b narrative.Observation) int { return cmp.Compare(a.CheckSeq, b.CheckSeq) }
	o := slices.MinFunc(i.observed, bySeq)
	if len(i.observed) > 1 && workflow.GetVersion(ctx, "heed-newest", workflow.DefaultVersion, 1) == 1 {
		o = slices.MaxFunc(i.observed, bySeq)
	}
	i.observed = slices.DeleteFunc(i.observed, func(other narrative.Observation) bool { return other.CheckSeq <= o.CheckSeq })
	i.lastSeq = o.CheckSeq
	if o.Passed {
		i.recover(ctx, o)
	} else {
		i.round(ctx, o.CheckSeq)
	}
}

// recover lets the assertion clean up after itself, unless the record is gone, then closes the issue and tells.
func (i *issue) recover(ctx workflow.Context, o narrative.Observation) {
	in := activities.ResolveInput{CheckSeq: o.CheckSeq, Gone: o.Gone}
	if !o.Gone {
		cleanup := workflow.WithActivityOptions(ctx, bounded("recovered", 10*time.Minute, 5))
		if err := workflow.ExecuteActivity(cleanup, acts.Recover, activities.RecoverInput{IssueRef: i.ref(), CheckSeq: o.CheckSeq}).Get(ctx, nil); err != nil {
			in.Failure = activities.Reason(err)
		}
	}
	i.resolve(ctx, in)
}

func (i *issue) resolve(ctx workflow.Context, in activities.ResolveInput) {
	ctx = workflow.WithActivityOptions(ctx, quick("resolve", storeTimeout))
	_ = i.transition(ctx, func() (s activities.IssueState, err error) {
		in.IssueRef = i.ref()
		err = workflow.ExecuteActivity(ctx, acts.Resolve, in).Get(ctx, &s)
		return s, err
	})
}

func (i *issue) ref() activities.IssueRef {
	return activities.IssueRef{IssueID: i.state.ID, Version: i.state.Version}
}

func statusText(s activities.IssueState) string {
	return fmt.Sprintf("%s: %s\n%s\nopen since %s, %d rounds of diagnosis\n%s\n", s.Name, s.Status, s.Summary,
		s.OpenedAt.Format(time.RFC3339), s.Rounds, waitsFor(s))
}
