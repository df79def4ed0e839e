package activities

import (
	"context"
	"fmt"
	"time"

	narrative "github.com/narrative-go/narrative"
)

// IssueRef names an issue, and the version of it that the workflow knows.
type IssueRef struct {
	IssueID string `json:"issue_id"`
	Version int    `json:"version"`
}

// IssueState is what an issue's workflow knows of the issue: enough to go on, to answer queries and to show.
type IssueState struct {
	ID        string              `json:"id"`
	Name      string              `json:"name"`
	Assertion string              `json:"assertion"`
	Kind      narrative.IssueKind `json:"kind"`
	Record    narrative.Record    `json:"record"`
	Status    narrative.Status    `json:"status"`
	Severity  narrative.Severity  `json:"severity"`
	Summary   string              `json:"summary"`
	OpenedAt  time.Time           `json:"opened_at"`
	Closed    *time.Time          `json:"resolved_at"`
	Awaiting  *narrative.Awaiting `json:"awaiting"`
	Rounds    int                 `json:"rounds"`
	Version   int                 `json:"version"`
	Working   bool                `json:"working"`
	Steps     []StepLine          `json:"steps"`             // the newest few, oldest first
	Running   *PlanToRun          `json:"running,omitempty"` // the plan that is to be carried out

	Acknowledged *narrative.Acknowledgement `json:"acknowledged,omitempty"`
	SnoozedUntil *time.Time                 `json:"snoozed_until,omitempty"`
	NextRoundAt  *time.Time                 `json:"next_round_at,omitempty"` // failing checks before start no round
	Deadline     *narrative.Deadline        `json:"deadline,omitempty"`      // the first one
	Removed      bool                       `json:"removed,omitempty"`       // its assertion is
}

// StepLine is a step in a line.
type StepLine struct {
	ID     string               `json:"id"`
	Case   string               `json:"case"`
	Action narrative.StepAction `json:"action"`
	State  narrative.StepState  `json:"state"`
	Reason string               `json:"reason"`
	Digest string               `json:"digest"`
	Count  int                  `json:"count"`
}

// maxStepLines bounds the steps that travel with an issue's state.
const maxStepLines = 10

func (a *Activities) stateOf(i narrative.Issue, r rules) IssueState {
	s := IssueState{
		Acknowledged: i.Acknowledged, SnoozedUntil: i.SnoozedUntil, Deadline: i.NextDeadline(r.policy, a.now()), Removed: r.removed,
		ID: i.ID, Name: i.Name(), Assertion: i.Assertion, Kind: i.Kind, Record: i.Record, Status: i.Status,
		Severity: i.Severity, Summary: i.Summary, OpenedAt: i.OpenedAt, Closed: i.ResolvedAt, Awaiting: i.Awaiting,
		Rounds: i.Rounds, Version: i.Version, Working: i.Working, Steps: []StepLine{},
	}
	if !i.NextRoundAt.IsZero() {
		s.NextRoundAt = &i.NextRoundAt
	}
	for n, step := range i.Steps {
		if i.Working && step.State == narrative.StepRunning {
			plan := planToRun(PlanRef{IssueID: i.ID, StepID: step.ID, SolutionID: step.Solution.ID}, *step.Solution)
			s.Running = &plan
		}
		if n >= len(i.Steps)-maxStepLines {
			s.Steps = append(s.Steps, StepLine{step.ID, step.Case, step.Action, step.State, clip(step.Reason, 200), step.Digest, step.Count})
		}
	}
	return s
}

func clip(s string, runes int) string {
	if r := []rune(s); len(r) > runes {
		return string(r[:runes]) + "…"
	}
	return s
}

// LoadIssue returns the issue as the store holds it.
func (a *Activities) LoadIssue(ctx context.Context, in IssueRef) (IssueState, error) {
	issue, err := a.o.Store.Issue(ctx, in.IssueID)
	if err != nil {
		return IssueState{}, failed(err)
	}
	r, err := a.rulesOf(ctx, issue)
	if err != nil {
		return IssueState{}, failed(err)
	}
	return a.stateOf(issue, r), nil
}

// BeginRoundInput is a failing check that may start a round.
type BeginRoundInput struct {
	IssueRef
	CheckSeq int64 `json:"check_seq"`
	Round    int   `json:"round"` // its number, from 1
}

// Round is a round that begins, or does not.
type Round struct {
	State IssueState           `json:"state"`
	Start narrative.RoundStart `json:"start"`
	Cases []string             `json:"cases"` // to be walked, in order
}

// BeginRound starts a round of diagnosis where one is due. Where enough was tried, it makes the issue an impasse and
// tells the admins.
func (a *Activities) BeginRound(ctx context.Context, in BeginRoundInput) (Round, error) {
	r, err := a.rules(ctx, in.IssueID)
	if err != nil {
		return Round{}, failed(err)
	}
	round := Round{Start: narrative.RoundNotDue, Cases: []string{}}
	now := a.now()
	key := fmt.Sprintf("round/%d/begin/%d", in.Round, in.Version)
	round.State, err = a.change(ctx, r, in.IssueRef, key, func(i *narrative.Issue) (narrative.Effects, error) {
		start, entry := i.BeginRound(in.CheckSeq, r.policy.MaxAttempts, now)
		round.Start = start
		switch start {
		case narrative.RoundNotDue:
			return narrative.Effects{}, errUnchanged
		case narrative.RoundExhausted:
			return effects(entry, impasseReached(*i, r, "no solution helped", now)...), nil
		}
		return effects(entry), nil
	})
	if err != nil || round.Start != narrative.RoundStarted && !round.State.Working {
		return round, failed(err)
	}
	round.Start = narrative.RoundStarted // also where an earlier attempt committed it
	for _, c := range a.cases(r.meta, round.State.Kind, a.newSecrets()) {
		round.Cases = append(round.Cases, c.Name)
	}
	return round, nil
}

// cases are the diagnostic cases of the assertion, its own before the declared ones. An issue about a check that
// cannot be made, or about many records, has none: nothing about it is known to a case.
// What cannot be made is a case that errs, so that it stands on the timeline. The secrets of the arguments stay in s.
func (a *Activities) cases(meta narrative.AssertionMeta, kind narrative.IssueKind, s *secrets) []narrative.DiagnosticCase {
	if kind != narrative.KindFailure && kind != narrative.KindRecord {
		return nil
	}
	var cases []narrative.DiagnosticCase
	made, err := a.assertion(meta, s)
	if d, ok := made.(narrative.Diagnoser); ok && err == nil {
		cases = d.DiagnosticCases()
	}
	if err != nil && meta.Class != "" {
		cases = append(cases, erring("assertion", fmt.Errorf("its own diagnostic cases are left out: %w", err)))
	}
	for _, declared := range meta.Diagnostics {
		compiled, err := a.o.CompileCase(declared)
		if err != nil {
			compiled = erring(declared.Case, err)
		}
		cases = append(cases, compiled)
	}
	return cases
}

func erring(name string, err error) narrative.DiagnosticCase {
	return narrative.DiagnosticCase{Name: name, Diagnose: func(context.Context, narrative.Issue) (*narrative.ResolutionStep, error) {
		return nil, err
	}}
}

// CaseTimeout bounds the walking of a diagnostic case.
const CaseTimeout = 5 * time.Minute

// DiagnoseInput names a case to be walked.
type DiagnoseInput struct {
	IssueID string `json:"issue_id"`
	Round   int    `json:"round"`
	Case    string `json:"case"`
}

// Diagnosis is what a case proposed; StepID is empty for nothing.
type Diagnosis struct {
	narrative.Proposed
	Error string `json:"error,omitempty"` // the case failed; it is on the timeline
}

// Diagnose walks one diagnostic case. A case that fails is recorded, and its failure is a result.
func (a *Activities) Diagnose(ctx context.Context, in DiagnoseInput) (Diagnosis, error) {
	defer beat(ctx)()
	issue, err := a.o.Store.Issue(ctx, in.IssueID)
	if err != nil {
		return Diagnosis{}, failed(err)
	}
	if d, done := walked(issue, in); done {
		return d, nil
	}
	r, err := a.rulesOf(ctx, issue)
	if err != nil {
		return Diagnosis{}, failed(err)
	}
	s := a.newSecrets()
	bounded, cancel := context.WithTimeout(a.surround(ctx, s, &issue.Verdict), CaseTimeout-20*time.Second)
	defer cancel()
	step, err := a.walk(bounded, r.meta, issue, in.Case, s)
	if err == nil && step == nil {
		return Diagnosis{}, nil
	}
	ctx, end := lasting(ctx)
	defer end()
	return a.recordProposal(ctx, r, in, step, s.redactError(err))
}

// walked finds the proposal of an earlier attempt, by the round and case that stand in its step.
func walked(i narrative.Issue, in DiagnoseInput) (Diagnosis, bool) {
	for _, s := range i.Steps {
		if s.Round == in.Round && s.Case == in.Case {
			return Diagnosis{Proposed: narrative.Proposed{StepID: s.ID, Action: s.Action, Fresh: true}}, true
		}
	}
	return Diagnosis{}, false
}

func (a *Activities) walk(ctx context.Context, meta narrative.AssertionMeta, issue narrative.Issue, name string, s *secrets) (*narrative.ResolutionStep, error) {
	for _, c := range a.cases(meta, issue.Kind, s) {
		if c.Name != name {
			continue
		}
		var step *narrative.ResolutionStep
		err := guarded(func() (err error) {
			step, err = c.Diagnose(ctx, issue)
			return err
		})
		if err != nil || step == nil {
			return nil, err
		}
		return checkStep(step, name, s)
	}
	return nil, nil // the case went away since the round began
}

// checkStep completes what a case proposed. Its words are kept without secrets; a plan with one in it is refused, since
// plans are kept as they are.
func checkStep(step *narrative.ResolutionStep, name string, s *secrets) (*narrative.ResolutionStep, error) {
	step.Case, step.State, step.Reason = name, narrative.StepProposed, s.redact(step.Reason)
	switch {
	case step.Action == narrative.Pass:
		step.Solution = nil
		return step, nil
	case step.Action != narrative.Exec:
		return nil, fmt.Errorf("proposed the action %q; it must be exec or pass", step.Action)
	case step.Solution == nil:
		return nil, fmt.Errorf("proposed exec without a solution")
	}
	if p := step.Policy.Validate(); len(p) > 0 {
		return nil, fmt.Errorf("proposed a step whose policy is not valid: %w", p.Err())
	}
	step.Solution.Problem = s.redact(step.Solution.Problem)
	for _, plan := range []narrative.Plan{step.Solution.Plan, step.Solution.Rollback} {
		for _, action := range plan {
			if args := string(action.Args); s.redact(args) != storable(args) {
				return nil, fmt.Errorf("proposed the action %s with a secret among its arguments; the action must find it out by itself", action.Action)
			}
		}
	}
	digest, err := step.Solution.Plan.Digest()
	step.Digest = digest
	return step, err
}

func (a *Activities) recordProposal(ctx context.Context, r rules, in DiagnoseInput, step *narrative.ResolutionStep, failure error) (Diagnosis, error) {
	var d Diagnosis
	now := a.now()
	key := fmt.Sprintf("round/%d/case/%s", in.Round, in.Case)
	_, err := a.change(ctx, r, IssueRef{IssueID: in.IssueID, Version: -1}, key, func(i *narrative.Issue) (narrative.Effects, error) {
		if failure != nil {
			d = Diagnosis{Error: failure.Error()}
			return effects(narrative.Entry{At: now, Kind: narrative.EntryCaseError, Text: fmt.Sprintf("case %s failed: %s", in.Case, failure)}), nil
		}
		proposal := *step
		proposal.Round = in.Round
		id, fresh := i.AddProposal(proposal, now)
		if id == "" { // the issue was closed meanwhile
			return narrative.Effects{}, errUnchanged
		}
		d = Diagnosis{Proposed: narrative.Proposed{StepID: id, Action: step.Action, Fresh: fresh}}
		return effects(narrative.Entry{At: now, Kind: narrative.EntryProposal, Text: fmt.Sprintf("case %s proposes %s: %s", in.Case, step.Action, step.Reason)}), nil
	})
	if err == nil && d == (Diagnosis{}) { // an earlier attempt committed it: a pass that was counted up, or an error
		return a.proposedBefore(ctx, in, step, failure)
	}
	return d, failed(err)
}

func (a *Activities) proposedBefore(ctx context.Context, in DiagnoseInput, step *narrative.ResolutionStep, failure error) (Diagnosis, error) {
	issue, err := a.o.Store.Issue(ctx, in.IssueID)
	if err != nil {
		return Diagnosis{}, failed(err)
	}
	for n := len(issue.Steps) - 1; n >= 0 && failure == nil; n-- {
		if s := issue.Steps[n]; s.Case == in.Case && s.Action == step.Action {
			return Diagnosis{Proposed: narrative.Proposed{StepID: s.ID, Action: s.Action, Fresh: s.Round == in.Round}}, nil
		}
	}
	return Diagnosis{}, nil
}

// EndRoundInput is all that a round's cases proposed.
type EndRoundInput struct {
	IssueRef
	Round    int                  `json:"round"`
	Proposed []narrative.Proposed `json:"proposed"`
}

// EndRound rules on the round and tells the admins what is for them to know. State.Running is the plan to carry out.
func (a *Activities) EndRound(ctx context.Context, in EndRoundInput) (IssueState, error) {
	r, err := a.rules(ctx, in.IssueID)
	if err != nil {
		return IssueState{}, failed(err)
	}
	now := a.now()
	state, err := a.change(ctx, r, in.IssueRef, fmt.Sprintf("round/%d/end", in.Round), func(i *narrative.Issue) (narrative.Effects, error) {
		if i.Status.Closed() {
			return narrative.Effects{}, errUnchanged
		}
		ruling, entry := i.EndRound(in.Proposed, r.policy, a.invalid, now)
		return effects(entry, a.roundTold(*i, ruling, entry, r, now)...), nil
	})
	if err == nil && state.Running != nil {
		a.told("%s: a plan is carried out: %s", state.Name, actionNames(state.Running.Actions))
	}
	if err == nil && state.Awaiting != nil && state.Awaiting.For == narrative.AwaitingApproval {
		a.told("%s: a plan waits for approval: narrative issue approve %s", state.Name, state.ID)
	}
	return state, failed(err)
}

// roundTold is what the admins are told of a round.
func (a *Activities) roundTold(i narrative.Issue, ruling narrative.Ruling, e narrative.Entry, r rules, now time.Time) []narrative.Notification {
	switch {
	case ruling == narrative.RuleNone:
		return noSolution(i, r, now)
	case i.Awaiting == nil:
		return nil
	case i.Awaiting.For == narrative.AwaitingApproval:
		return approvalAsked(i, r, now)
	}
	return impasseReached(i, r, e.Text, now)
}
