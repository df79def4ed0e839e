package activities

import (
	"context"
	"encoding/json"
	"fmt"

	narrative "github.com/narrative-go/narrative"
)

// SignalInput is a person's signal, as it came.
type SignalInput struct {
	IssueRef
	Name     narrative.SignalName `json:"name"`
	Payload  json.RawMessage      `json:"payload"`
	Key      string               `json:"key"`       // unique for each signal that arrived
	BySignal bool                 `json:"by_signal"` // nobody waits for the answer: a refusal goes to the timeline
}

// SignalOutput says what became of a signal.
type SignalOutput struct {
	State   IssueState          `json:"state"`
	Refused string              `json:"refused,omitempty"` // why nothing was changed
	Kind    narrative.ErrorKind `json:"kind,omitempty"`    // of the refusal
}

// Signal carries out what a person asks of an issue, or refuses it, which is a result.
func (a *Activities) Signal(ctx context.Context, in SignalInput) (SignalOutput, error) {
	signal, refusal := narrative.DecodeSignal(in.Name, in.Payload)
	if refusal == nil && signal.Name == narrative.SignalSolution {
		var err error
		if refusal, err = a.invalidPlan(ctx, in.IssueID, signal); err != nil {
			return SignalOutput{}, failed(err)
		}
	}
	meta, _, err := a.metaAndConfig(ctx, in.IssueID)
	if err != nil {
		return SignalOutput{}, failed(err)
	}
	told, err := a.o.Store.Told(ctx, in.IssueID)
	if err != nil {
		return SignalOutput{}, failed(err)
	}
	if refusal == nil && signal.Name == narrative.SignalComment {
		if state, repeated, err := a.repeatedComment(ctx, in, signal); err != nil || repeated {
			return SignalOutput{State: state}, failed(err)
		}
	}
	var out SignalOutput
	said := string(signal.Name)
	if refusal == nil {
		out.State, err = a.change(ctx, in.IssueRef, in.Key, func(i *narrative.Issue) (narrative.Effects, error) {
			if refusal = signal.Check(*i, a.now()); refusal != nil {
				return narrative.Effects{}, errUnchanged
			}
			e, err := a.obey(i, signal, meta.DisplayName, told)
			if err == nil {
				said = e.Entries[0].Text
			}
			return e, err
		})
		if err != nil {
			return SignalOutput{}, failed(err)
		}
	}
	if refusal != nil {
		return a.refuse(ctx, in, refusal)
	}
	a.told("%s: %s%s", out.State.Name, said, byWhom(signal.By))
	return out, nil
}

// invalidPlan tells what is wrong with the plan that the signal chooses or brings along.
func (a *Activities) invalidPlan(ctx context.Context, issueID string, s narrative.Signal) (refusal, err error) {
	field, plan := "plan", s.Plan
	if s.StepID != "" {
		issue, err := a.o.Store.Issue(ctx, issueID)
		if err != nil {
			return nil, err
		}
		if refusal := s.Check(issue, a.now()); refusal != nil {
			return refusal, nil
		}
		step, _ := issue.Step(s.StepID)
		field, plan = "step_id", step.Solution.Plan
	}
	return narrative.ProblemsOf(field, a.validate(plan).Err()).Err(), nil
}

// repeatedComment tells whether the issue's newest entry is the same comment: a client that did not hear the answer
// says it again.
func (a *Activities) repeatedComment(ctx context.Context, in SignalInput, s narrative.Signal) (IssueState, bool, error) {
	story, err := a.o.Store.Story(ctx, in.IssueID)
	if err != nil || len(story.Entries) == 0 {
		return IssueState{}, false, err
	}
	last := story.Entries[len(story.Entries)-1]
	return stateOf(story.Issue), last.Kind == narrative.EntryComment && last.By == s.By && last.Text == s.Text, nil
}

func byWhom(by string) string {
	if by == "" {
		return ""
	}
	return " by " + by
}

// obey alters the issue as the signal says.
func (a *Activities) obey(i *narrative.Issue, s narrative.Signal, display string, told []narrative.Notification) (narrative.Effects, error) {
	now := a.now()
	switch s.Name {
	case narrative.SignalSolution:
		_, entry := i.Choose(s, now)
		return effects(entry), nil
	case narrative.SignalResolve:
		entry := i.CloseFor(s, now)
		return effects(entry, resolved(*i, display, closedBy(s), told, now)...), nil
	case narrative.SignalWontFix:
		return effects(i.CloseFor(s, now)), nil
	case narrative.SignalComment:
		return effects(narrative.Entry{At: now, Kind: narrative.EntryComment, By: s.By, Text: s.Text}), nil
	}
	return narrative.Effects{}, narrative.Errorf(narrative.Invalid, "signal %q cannot be carried out", s.Name)
}

// refuse answers a signal that changes nothing, and notes it on the timeline where nobody waits for the answer.
func (a *Activities) refuse(ctx context.Context, in SignalInput, refusal error) (SignalOutput, error) {
	out := SignalOutput{Refused: refusal.Error(), Kind: narrative.KindOf(refusal)}
	var err error
	if !in.BySignal {
		out.State, err = a.LoadIssue(ctx, in.IssueRef)
		return out, err
	}
	ref := IssueRef{IssueID: in.IssueID, Version: -1}
	out.State, err = a.change(ctx, ref, in.Key, func(*narrative.Issue) (narrative.Effects, error) {
		return effects(narrative.Entry{
			At: a.now(), Kind: narrative.EntryRefused,
			Text: fmt.Sprintf("the signal %s was refused: %s", in.Name, out.Refused),
		}), nil
	})
	return out, failed(err)
}
