package activities

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	narrative "github.com/narrative-go/narrative"
)

// MeetDeadlines does what is due by time: tells people again, or more of them, and ends what was to last until now. A
// verification that is due first is left to Verify.
func (a *Activities) MeetDeadlines(ctx context.Context, in IssueRef) (IssueState, error) {
	r, err := a.rules(ctx, in.IssueID)
	if err != nil {
		return IssueState{}, failed(err)
	}
	now := a.now()
	key := fmt.Sprintf("deadline/%d", in.Version)
	state, err := a.change(ctx, r, in, key, func(i *narrative.Issue) (narrative.Effects, error) {
		var e narrative.Effects
		for d := i.NextDeadline(r.policy, now); d != nil && d.Kind != narrative.DeadlineVerify; d = i.NextDeadline(r.policy, now) {
			met, entry := i.Meet(r.policy, now)
			if met == nil {
				break
			}
			e.Entries = append(e.Entries, entry)
			e.Notifications = append(e.Notifications, deadlineTold(*i, met.Kind, entry, r, now)...)
		}
		if len(e.Entries) == 0 {
			return e, errUnchanged
		}
		return e, nil
	})
	return state, failed(err)
}

// deadlineTold is who is told what at a deadline that was just met.
func deadlineTold(i narrative.Issue, kind narrative.DeadlineKind, e narrative.Entry, r rules, now time.Time) []narrative.Notification {
	switch kind {
	case narrative.DeadlineApproval:
		return escalated(i, r, "approval/"+i.Awaiting.StepID, e.Text, nil, now)
	case narrative.DeadlineRenotify:
		return renotified(i, r, now)
	case narrative.DeadlineEscalate:
		return escalated(i, r, fmt.Sprint(i.Escalated), e.Text, r.policy.Escalate[i.Escalated-1].Notify.List(), now)
	}
	return nil
}

// Verification is what verifying a solution found.
type Verification struct {
	State IssueState `json:"state"`
	// Observed is set where the record was checked by itself; else an ordinary check is under way, which observes.
	Observed *narrative.Observation `json:"observed,omitempty"`
}

// Verify checks whether the newest solution helped: the issue's record by itself, where its class can do that; else the
// assertion, by an ordinary check at once.
func (a *Activities) Verify(ctx context.Context, in IssueRef) (Verification, error) {
	defer beat(ctx)()
	issue, err := a.o.Store.Issue(ctx, in.IssueID)
	if err != nil {
		return Verification{}, failed(err)
	}
	r, err := a.rulesOf(ctx, issue)
	if err != nil {
		return Verification{}, failed(err)
	}
	observed, found, err := a.verifyRecord(ctx, issue, r)
	if err != nil {
		return Verification{}, failed(err)
	}
	if observed == nil && !r.removed {
		found = "a check is under way"
		if err := a.o.Deliverer.StartCheck(ctx, narrative.AssertionKind, issue.Assertion); err != nil {
			return Verification{}, failed(err)
		}
	}
	state, err := a.verified(ctx, r, in, "verification of the solution: "+found)
	return Verification{State: state, Observed: observed}, failed(err)
}

// verified takes down what became of a verification: it is not due any more.
func (a *Activities) verified(ctx context.Context, r rules, in IssueRef, text string) (IssueState, error) {
	now := a.now()
	return a.change(ctx, r, in, fmt.Sprintf("verify/%d", in.Version), func(i *narrative.Issue) (narrative.Effects, error) {
		if i.VerifyAt == nil || now.Before(*i.VerifyAt) {
			return narrative.Effects{}, errUnchanged
		}
		i.VerifyAt = nil
		return effects(narrative.Entry{At: now, Kind: narrative.EntryDeadline, Text: text}), nil
	})
}

// UnverifiedInput is a verification that could not be made.
type UnverifiedInput struct {
	IssueRef
	Reason string `json:"reason"`
}

// Unverified gives a verification up: the next tick verifies.
func (a *Activities) Unverified(ctx context.Context, in UnverifiedInput) (IssueState, error) {
	r, err := a.rules(ctx, in.IssueID)
	if err != nil {
		return IssueState{}, failed(err)
	}
	state, err := a.verified(ctx, r, in.IssueRef, "the solution could not be verified, which is left to the next check: "+in.Reason)
	return state, failed(err)
}

// verifyRecord checks the issue's record by itself; nil where that is not possible.
func (a *Activities) verifyRecord(ctx context.Context, issue narrative.Issue, r rules) (*narrative.Observation, string, error) {
	if issue.Kind != narrative.KindRecord || r.removed {
		return nil, "", nil
	}
	s := a.newSecrets()
	made, err := a.assertion(r.meta, s)
	if err != nil {
		return nil, "", err
	}
	checker, ok := made.(narrative.RecordChecker)
	if !ok {
		return nil, "", nil
	}
	info := activity.GetInfo(ctx)
	state, err := a.o.Store.BeginCheck(ctx, issue.Assertion, fmt.Sprintf("verify/%s/%s", info.WorkflowExecution.RunID, info.ActivityID))
	if err != nil {
		return nil, "", err
	}
	var violation *narrative.Violation
	checked := a.surround(ctx, s, &issue.Verdict)
	err = guarded(func() (err error) {
		violation, err = checker.CheckRecord(checked, issue.Record)
		return err
	})
	if err != nil {
		return nil, "", s.redactError(err)
	}
	if violation == nil {
		return &narrative.Observation{IssueID: issue.ID, CheckSeq: state.Seq, Passed: true}, "the record no longer violates the assertion", nil
	}
	return &narrative.Observation{IssueID: issue.ID, CheckSeq: state.Seq}, "it did not help: " + s.redact(violation.Summary), nil
}
