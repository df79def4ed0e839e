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

// change is [narrative.IssueStore.ChangeIssue], with the key put on the first entry, and the telling started once it is
// committed.
func (a *Activities) change(ctx context.Context, ref IssueRef, key string, decide func(*narrative.Issue) (narrative.Effects, error)) (IssueState, error) {
	var tell []narrative.Notification
	issue, err := a.o.Store.ChangeIssue(ctx, ref.IssueID, ref.Version, key, func(i *narrative.Issue) (narrative.Effects, error) {
		e, err := decide(i)
		if err != nil {
			return e, err
		}
		e.Entries[0].Key = key
		tell = e.Notifications
		return e, nil
	})
	if errors.Is(err, errUnchanged) {
		issue, err = a.o.Store.Issue(ctx, ref.IssueID)
	}
	if err != nil {
		return IssueState{}, err
	}
	a.notify(ctx, tell)
	return stateOf(issue), nil
}
