package activities

import (
	"context"
	"fmt"
	"time"

	narrative "github.com/narrative-go/narrative"
)

// RecoverInput is a passing check that is about to resolve an issue.
type RecoverInput struct {
	IssueRef
	CheckSeq int64 `json:"check_seq,omitempty"`
}

// Recover runs the assertion's Recovered for an issue whose assertion passes again, where it has one. It does not where
// that check cannot resolve the issue, nor where the issue was that no check could be made.
func (a *Activities) Recover(ctx context.Context, in RecoverInput) error {
	defer beat(ctx)()
	issue, err := a.o.Store.Issue(ctx, in.IssueID)
	if err != nil {
		return failed(err)
	}
	r, err := a.rulesOf(ctx, issue)
	if err != nil {
		return failed(err)
	}
	if r.removed || issue.Kind == narrative.KindCheckError || in.CheckSeq > 0 && !issue.Recovers(in.CheckSeq) {
		return nil
	}
	s := a.newSecrets()
	made, err := a.assertion(r.meta, s)
	if err != nil {
		return failed(err)
	}
	recoverer, ok := made.(narrative.Recoverer)
	if !ok {
		return nil
	}
	ctx = a.surround(ctx, s, nil)
	return failed(s.redactError(guarded(func() error { return recoverer.Recovered(ctx, issue) })))
}

// ResolveInput is what resolves an issue: a passing check, or that there is nothing left to be checked.
type ResolveInput struct {
	IssueRef
	CheckSeq int64  `json:"check_seq"`
	Gone     bool   `json:"gone,omitempty"`    // the record is gone
	Removed  bool   `json:"removed,omitempty"` // the assertion was removed
	Failure  string `json:"failure"`           // of Recovered; empty where it went well
}

// Resolve closes an issue that is over by itself and tells everybody who was told of it.
func (a *Activities) Resolve(ctx context.Context, in ResolveInput) (IssueState, error) {
	r, err := a.rules(ctx, in.IssueID)
	if err != nil {
		return IssueState{}, failed(err)
	}
	now := a.now()
	how := ""
	key := fmt.Sprintf("resolve/%d", in.CheckSeq)
	if in.Removed {
		key = "removed"
	}
	state, err := a.change(ctx, r, in.IssueRef, key, func(i *narrative.Issue) (narrative.Effects, error) {
		entry, closed := over(i, in, now)
		if !closed {
			return narrative.Effects{}, errUnchanged
		}
		if in.Failure != "" {
			entry.Text += "; its Recovered failed: " + in.Failure
		}
		how = endedBy(*i, in)
		return effects(entry, resolved(*i, r, how, now)...), nil
	})
	if err == nil && how != "" {
		a.told("%s %s: resolved after %s", state.Name, how, narrative.Age(state.OpenedAt, now))
	}
	return state, failed(err)
}

func over(i *narrative.Issue, in ResolveInput, now time.Time) (narrative.Entry, bool) {
	if in.Removed {
		return i.Remove(now)
	}
	return i.Recover(in.CheckSeq, in.Gone, now)
}
