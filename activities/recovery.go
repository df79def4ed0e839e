package activities

import (
	"context"
	"fmt"

	narrative "github.com/narrative-go/narrative"
)

// Recover runs the assertion's Recovered for an issue whose assertion passes again, where it has one.
func (a *Activities) Recover(ctx context.Context, in IssueRef) error {
	defer beat(ctx)()
	meta, config, err := a.metaAndConfig(ctx, in.IssueID)
	if err != nil {
		return failed(err)
	}
	if meta.Class == "" {
		return nil
	}
	s := a.newSecrets()
	made, err := a.assertion(meta, s)
	if err != nil {
		return failed(err)
	}
	recoverer, ok := made.(narrative.Recoverer)
	if !ok {
		return nil
	}
	issue, err := a.o.Store.Issue(ctx, in.IssueID)
	if err != nil {
		return failed(err)
	}
	ctx = a.surround(ctx, config, s, nil)
	return failed(s.redactError(guarded(func() error { return recoverer.Recovered(ctx, issue) })))
}

// ResolveInput is a passing check that resolves an issue.
type ResolveInput struct {
	IssueRef
	CheckSeq int64  `json:"check_seq"`
	Failure  string `json:"failure"` // of Recovered; empty where it went well
}

// Resolve closes an issue whose assertion passes again and tells everybody who was told of it.
func (a *Activities) Resolve(ctx context.Context, in ResolveInput) (IssueState, error) {
	meta, _, err := a.metaAndConfig(ctx, in.IssueID)
	if err != nil {
		return IssueState{}, failed(err)
	}
	told, err := a.o.Store.Told(ctx, in.IssueID)
	if err != nil {
		return IssueState{}, failed(err)
	}
	now := a.now()
	closed := false
	state, err := a.change(ctx, in.IssueRef, fmt.Sprintf("resolve/%d", in.CheckSeq), func(i *narrative.Issue) (narrative.Effects, error) {
		var entry narrative.Entry
		if entry, closed = i.Recover(in.CheckSeq, now); !closed {
			return narrative.Effects{}, errUnchanged
		}
		if in.Failure != "" {
			entry.Text += "; its Recovered failed: " + in.Failure
		}
		return effects(entry, resolved(*i, meta.DisplayName, passesAgain(*i), told, now)...), nil
	})
	if err == nil && closed {
		a.told("%s passes again: resolved after %s", state.Name, narrative.Age(state.OpenedAt, now))
	}
	return state, failed(err)
}
