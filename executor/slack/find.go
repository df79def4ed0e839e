package slack

import (
	"context"
	"slices"
	"time"

	"github.com/narrative-go/narrative"
)

const (
	// clockSkew is how far Slack's clock may be from ours.
	clockSkew = time.Minute
	// maxPages bounds how far a channel or thread is searched.
	maxPages = 20
)

// search goes through messages until match says so, or there are no more.
func search(ctx context.Context, next func(context.Context, query) (page, error), q query, match func(posted) bool) error {
	for range maxPages {
		p, err := next(ctx, q)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(p.found, match) || p.next == "" {
			return nil
		}
		q.cursor = p.next
	}
	return nil
}

// found looks for the message of that key in a channel. Where it cannot be looked for, it is taken not to be there:
// better told twice than not at all.
func (b *board) found(ctx context.Context, channel, key string, since time.Time) (place, ts string, err error) {
	place, err = b.idOf(ctx, channel)
	if err == nil {
		err = search(ctx, b.client.history, query{place: place, since: since.Add(-clockSkew)}, func(p posted) bool {
			if p.mark.Key == key && !p.reply { // a reply is shown in the channel, too, where it is broadcast
				ts = p.ts
			}
			return ts != ""
		})
	}
	return place, ts, b.unlookable(ctx, "channel", channel, err)
}

// thread is what a thread holds of ours.
type thread struct {
	keys  map[string]string // the ts of what is told, by its key
	shown map[string]int    // the number of the last line of each issue's timeline
}

// threadOf reads a thread.
func (b *board) threadOf(ctx context.Context, place, ts string, since time.Time) (thread, error) {
	t := thread{keys: map[string]string{}, shown: map[string]int{}}
	err := search(ctx, b.client.replies, query{place: place, ts: ts, since: since}, func(p posted) bool {
		if p.mark.Key != "" && p.ts != ts {
			t.keys[p.mark.Key] = p.ts
		}
		if p.mark.Issue != "" {
			t.shown[p.mark.Issue] = max(t.shown[p.mark.Issue], p.mark.Entry)
		}
		return false
	})
	if gone(err) {
		return t, nil // the reply will find out
	}
	return t, b.unlookable(ctx, "place", place, err)
}

// unlookable lets what is wrong for good with looking pass, with a line in the log.
func (b *board) unlookable(ctx context.Context, what, where string, err error) error {
	if kind := narrative.KindOf(err); err == nil || kind == narrative.Unavailable {
		return err
	}
	b.logger.WarnContext(ctx, "earlier messages cannot be looked for; one may be posted twice", what, where, "error", err)
	return nil
}

// membership tells how many issues a card stands for.
type membership int

const (
	unknown membership = iota
	missing            // there is no card any more
	wholly             // for those given, and no others
	partly             // for others, too
)

// members reads from a card whether it stands for other issues than those of the stories.
func (b *board) members(ctx context.Context, place, ts string, stories []narrative.Story) (membership, error) {
	p, err := b.client.history(ctx, query{place: place, ts: ts})
	if err != nil {
		return unknown, b.unlookable(ctx, "place", place, err)
	}
	n := slices.IndexFunc(p.found, func(one posted) bool { return one.ts == ts })
	if n < 0 {
		return missing, nil
	}
	card := p.found[n]
	switch {
	case card.mark.Count == 0:
		return unknown, nil
	case card.mark.Count > len(stories):
		return partly, nil
	}
	for _, id := range card.mark.Issues {
		if !slices.ContainsFunc(stories, func(s narrative.Story) bool { return s.Issue.ID == id }) {
			return partly, nil
		}
	}
	return wholly, nil
}
