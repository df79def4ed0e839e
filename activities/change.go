package activities

import (
	"context"
	"errors"

	narrative "github.com/narrative-go/narrative"
)

// errUnchanged is how a change says that there is nothing to change.
var errUnchanged = errors.New("nothing to change")

func effects(e narrative.Entry, tell ...narrative.Notification) narrative.Effects {
	return narrative.Effects{Entries: []narrative.Entry{e}, Notifications: tell}
}

// rules are what rules an issue: its assertion's meta and the configuration.
type rules struct {
	meta    narrative.AssertionMeta
	config  narrative.Config
	policy  narrative.Policy
	removed bool // the meta is gone: defaults stand in its place
}

// rules loads what rules the issue.
func (a *Activities) rules(ctx context.Context, issueID string) (rules, error) {
	issue, err := a.o.Store.Issue(ctx, issueID)
	if err != nil {
		return rules{}, err
	}
	return a.rulesOf(ctx, issue)
}

func (a *Activities) rulesOf(ctx context.Context, issue narrative.Issue) (r rules, err error) {
	r.meta, err = a.o.Store.AssertionMeta(ctx, issue.Assertion)
	if narrative.KindOf(err) == narrative.NotFound {
		r.removed = true
		r.meta, err = narrative.AssertionMeta{Meta: narrative.Meta{Name: issue.Assertion}}.WithDefaults(), nil
	}
	if err != nil {
		return r, err
	}
	r.config, err = a.o.Store.Config(ctx)
	r.policy = narrative.PolicyOf(r.meta, r.config)
	return r, err
}

// change is [narrative.IssueStore.ChangeIssue], with the key put on the first entry, and the telling started once it is
// committed.
func (a *Activities) change(ctx context.Context, r rules, ref IssueRef, key string, decide func(*narrative.Issue) (narrative.Effects, error)) (IssueState, error) {
	var tell []narrative.Notification
	changed := false
	issue, err := a.o.Store.ChangeIssue(ctx, ref.IssueID, ref.Version, key, func(i *narrative.Issue) (narrative.Effects, error) {
		e, err := decide(i)
		if err != nil {
			return e, err
		}
		e.Entries[0].Key = key
		tell, changed = e.Notifications, true
		return e, nil
	})
	if errors.Is(err, errUnchanged) {
		issue, err = a.o.Store.Issue(ctx, ref.IssueID)
	}
	if err != nil {
		return IssueState{}, err
	}
	a.notify(ctx, tell)
	if changed {
		a.refresh(ctx, issue.ID)
	}
	return a.stateOf(issue, r), nil
}
