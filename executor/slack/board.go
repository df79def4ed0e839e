package slack

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/narrative-go/narrative"
)

// board posts cards and threads by a client.
type board struct {
	client client
	now    func() time.Time
	logger *slog.Logger
	ids    *ids
}

func newBoard(c client, now func() time.Time, logger *slog.Logger) board {
	if now == nil {
		now = time.Now
	}
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return board{client: c, now: now, logger: logger, ids: &ids{of: map[string]string{}}}
}

// ids remembers the ids of channels that are given by name.
type ids struct {
	mutex sync.Mutex
	of    map[string]string
}

// maxIDs bounds what is remembered.
const maxIDs = 1000

func (i *ids) get(channel string) string {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return i.of[channel]
}

func (i *ids) put(channel, id string) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if len(i.of) >= maxIDs {
		clear(i.of)
	}
	i.of[channel] = id
}

func (b *board) idOf(ctx context.Context, channel string) (string, error) {
	if id := b.ids.get(channel); id != "" {
		return id, nil
	}
	id, err := b.client.channelID(ctx, channel)
	if err == nil {
		b.ids.put(channel, id)
	}
	return id, err
}

func (b *board) post(ctx context.Context, m message) (place, ts string, err error) {
	place, ts, err = b.client.postMessage(ctx, m)
	if err == nil && place != "" {
		b.ids.put(m.Channel, place)
	}
	return place, ts, err
}

// edit brings a card up to date. One that is gone, or not ours to edit, is left be; there says whether it can be
// replied to.
func (b *board) edit(ctx context.Context, place, ts string, m message) (there bool, err error) {
	err = b.client.updateMessage(ctx, place, ts, m)
	if gone(err) || uneditable(err) {
		b.logger.InfoContext(ctx, "a card is gone, or cannot be edited any more", "place", place, "ts", ts, "error", err)
		return !gone(err), nil
	}
	return err == nil, err
}

// showLines posts the lines of a timeline after the given one in a thread, and returns the number of the last that it
// shows.
func (b *board) showLines(ctx context.Context, place, ts string, s narrative.Story, shown int, group bool) (int, error) {
	for _, r := range repliesOf(s.Issue, unshown(s, shown), group) {
		_, _, err := b.post(ctx, message{
			Channel: place, Thread: ts, Text: r.text,
			Metadata: &metadata{EventType: eventType, Payload: payload{Issue: s.Issue.ID, Entry: r.last.Number}},
			at:       r.last.At, key: replyKey(s.Issue.ID, place, ts, r.last.Number),
		})
		if err != nil {
			return shown, err
		}
		shown = r.last.Number
	}
	return max(shown, newest(s)), nil
}

// refresh is what [narrative.Board] says of Refresh.
func (b *board) refresh(ctx context.Context, posts []narrative.Post, stories []narrative.Story, again bool) (changed []narrative.Post, err error) {
	if len(posts) == 0 || len(stories) == 0 {
		return nil, nil
	}
	byID := make(map[string]narrative.Story, len(stories))
	for _, s := range stories {
		byID[s.Issue.ID] = s
	}
	place, ts, known := posts[0].Place, posts[0].Message, thread{}
	there, err := b.edit(ctx, place, ts, cardOf(stories, cardWords(stories, posts[0].Recipient), b.now()))
	if err != nil || !there {
		return nil, err // a reply to what is gone would stand in the channel
	}
	if again {
		if known, err = b.threadOf(ctx, place, ts, time.Time{}); err != nil {
			return nil, err
		}
	}
	for _, p := range posts {
		s, ok := byID[p.IssueID]
		if !ok {
			continue
		}
		was := p.Shown
		p.Shown, err = b.showLines(ctx, place, ts, s, max(p.Shown, known.shown[p.IssueID]), len(stories) > 1)
		if p.Shown != was {
			changed = append(changed, p)
		}
		if err != nil {
			return changed, err
		}
	}
	return changed, nil
}

// cardWords are what stands above a card when it is edited.
func cardWords(stories []narrative.Story, recipient string) words {
	if len(stories) != 1 {
		return words{}
	}
	return firstWords(stories[0], recipient)
}
