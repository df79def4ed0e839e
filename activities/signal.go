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
	Key      string               `json:"key"`             // unique for each signal that arrived
	BySignal bool                 `json:"by_signal"`       // nobody waits for the answer: a refusal goes to the timeline
	Stale    bool                 `json:"stale,omitempty"` // what is approved would no longer be proposed
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
	if refusal == nil && (signal.Name == narrative.SignalSolution || signal.Name == narrative.SignalApprove) {
		var err error
		if refusal, err = a.invalidPlan(ctx, in.IssueID, signal); err != nil {
			return SignalOutput{}, failed(err)
		}
	}
	r, err := a.rules(ctx, in.IssueID)
	if err != nil {
		return SignalOutput{}, failed(err)
	}
	var out SignalOutput
	said := ""
	if refusal == nil {
		out.State, err = a.change(ctx, r, in.IssueRef, in.Key, func(i *narrative.Issue) (narrative.Effects, error) {
			if refusal = signal.Check(*i, a.now()); refusal != nil {
				return narrative.Effects{}, errUnchanged
			}
			e, err := a.obey(i, signal, in.Stale, r)
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
		return a.refuse(ctx, r, in, refusal)
	}
	if said != "" {
		a.told("%s: %s%s", out.State.Name, said, byWhom(signal.By))
	}
	if in.Stale && signal.Name == narrative.SignalApprove {
		out.Refused, out.Kind = "the approval is stale: another plan would be proposed now, and so the issue is diagnosed again", narrative.Conflict
	}
	return out, nil
}

// invalidPlan tells what is wrong with the plan that the signal chooses, approves or brings along. Whether the issue
// takes it as it stands is asked under the store's lock.
func (a *Activities) invalidPlan(ctx context.Context, issueID string, s narrative.Signal) (refusal, err error) {
	if s.StepID != "" {
		issue, err := a.o.Store.Issue(ctx, issueID)
		if err != nil {
			return nil, err
		}
		step, ok := issue.Step(s.StepID)
		if !ok || step.Solution == nil {
			return nil, nil
		}
		return narrative.ProblemsOf("step_id", a.invalid(*step.Solution).Err()).Err(), nil
	}
	return narrative.ProblemsOf("plan", a.validate(s.Plan).Err()).Err(), nil
}

func byWhom(by string) string {
	if by == "" {
		return ""
	}
	return " by " + by
}

// obey alters the issue as the signal says. One that asks for what is so already changes nothing.
func (a *Activities) obey(i *narrative.Issue, s narrative.Signal, stale bool, r rules) (narrative.Effects, error) {
	now := a.now()
	var entry narrative.Entry
	var tell []narrative.Notification
	changed := true
	switch s.Name {
	case narrative.SignalSolution:
		_, entry = i.Choose(s, now)
	case narrative.SignalApprove:
		if step, _ := i.Step(s.StepID); stale && step.State == narrative.StepAwaitingApproval {
			entry = i.Stale(s, now)
		} else {
			entry, changed = i.Approve(s, now)
		}
	case narrative.SignalReject:
		if entry, changed = i.Reject(s, now); changed {
			tell = impasseReached(*i, r, entry.Text+byWhom(s.By), now)
		}
	case narrative.SignalAcknowledge:
		entry, changed = i.Acknowledge(s, now)
	case narrative.SignalSnooze:
		entry, changed = i.Snooze(s, now)
	case narrative.SignalDiagnose:
		entry, changed = i.Diagnose(s, now)
	case narrative.SignalResolve:
		entry = i.CloseFor(s, now)
		tell = resolved(*i, r, closedBy(s), now)
	case narrative.SignalWontFix:
		entry = i.CloseFor(s, now)
	case narrative.SignalComment:
		entry, changed = i.Comment(s, now)
	default:
		return narrative.Effects{}, narrative.Errorf(narrative.Invalid, "signal %q cannot be carried out", s.Name)
	}
	if !changed {
		return narrative.Effects{}, errUnchanged
	}
	return effects(entry, tell...), nil
}

// refuse answers a signal that changes nothing, and notes it on the timeline where nobody waits for the answer.
func (a *Activities) refuse(ctx context.Context, r rules, in SignalInput, refusal error) (SignalOutput, error) {
	out := SignalOutput{Refused: refusal.Error(), Kind: narrative.KindOf(refusal)}
	var err error
	if !in.BySignal {
		out.State, err = a.LoadIssue(ctx, in.IssueRef)
		return out, err
	}
	ref := IssueRef{IssueID: in.IssueID, Version: -1}
	out.State, err = a.change(ctx, r, ref, in.Key, func(*narrative.Issue) (narrative.Effects, error) {
		return effects(narrative.Entry{
			At: a.now(), Kind: narrative.EntryRefused,
			Text: fmt.Sprintf("the signal %s was refused: %s", in.Name, out.Refused),
		}), nil
	})
	return out, failed(err)
}
