package activities

import (
	"context"

	narrative "github.com/narrative-go/narrative"
)

// ReconsiderInput is an approval, as it came.
type ReconsiderInput struct {
	IssueID string `json:"issue_id"`
	Payload []byte `json:"payload"`
}

// Reconsidered says whether what is approved would still be proposed.
type Reconsidered struct {
	Stale bool `json:"stale"`
}

// Reconsider walks the case of a step that is about to be approved once more, as if in the round that proposed it, and
// tells whether its proposal is another one now. An approval that will be refused anyway, a case that fails, and a plan
// that a person brought along are not stale.
func (a *Activities) Reconsider(ctx context.Context, in ReconsiderInput) (Reconsidered, error) {
	defer beat(ctx)()
	signal, err := narrative.DecodeSignal(narrative.SignalApprove, in.Payload)
	if err != nil {
		return Reconsidered{}, nil
	}
	issue, err := a.o.Store.Issue(ctx, in.IssueID)
	if err != nil {
		return Reconsidered{}, failed(err)
	}
	step, ok := issue.Step(signal.StepID)
	if !ok || step.Case == "" || step.State != narrative.StepAwaitingApproval || step.Digest != signal.Digest {
		return Reconsidered{}, nil
	}
	r, err := a.rulesOf(ctx, issue)
	if err != nil {
		return Reconsidered{}, failed(err)
	}
	s := a.newSecrets()
	again, err := a.walk(a.surround(ctx, s, &issue.Verdict), r.meta, before(issue, step), step.Case, s)
	if err != nil {
		a.o.Logger.Warn("a case could not be walked again for its approval", "case", step.Case, "error", s.redactError(err))
		return Reconsidered{}, nil
	}
	stale, err := another(step, again)
	return Reconsidered{Stale: stale}, failed(err)
}

// before is the issue as the round saw it that proposed the step.
func before(i narrative.Issue, step narrative.ResolutionStep) narrative.Issue {
	var steps []narrative.ResolutionStep
	for _, s := range i.Steps {
		if s.Round < step.Round && s.At.Before(step.At) {
			steps = append(steps, s)
		}
	}
	i.Steps, i.Rounds = steps, max(step.Round-1, 0)
	return i
}

// another tells whether a case proposes something else than it did. Of a declared plan, what was written counts, and
// not what the newest verdict makes of its templates: the approver has seen the plan that is carried out.
func another(was narrative.ResolutionStep, now *narrative.ResolutionStep) (bool, error) {
	if now == nil || now.Action != narrative.Exec || now.Solution == nil {
		return true, nil
	}
	if len(was.Solution.Template) == 0 || len(now.Solution.Template) == 0 {
		return was.Digest != now.Digest, nil
	}
	written, err := was.Solution.Template.Digest()
	if err != nil {
		return false, err
	}
	proposed, err := now.Solution.Template.Digest()
	return written != proposed, err
}
