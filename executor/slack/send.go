package slack

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/narrative-go/narrative"
)

// delivery is a telling on its way.
type delivery struct {
	*board
	t     narrative.Telling
	sent  narrative.Sent
	fresh []narrative.Story // that have no card
}

// send is what [narrative.Channel] says of Send.
func (b *board) send(ctx context.Context, t narrative.Telling) (narrative.Sent, error) {
	d := delivery{board: b, t: t}
	if len(t.Stories) == 0 {
		w := wordsOf(t.Message, t.Kind, true)
		place, ts, err := d.once(ctx, message{Text: w.text, Blocks: w.blocks, Metadata: markOf(t.Key, nil)})
		d.receive(place, ts)
		return d.sent, err
	}
	for _, c := range d.cards() {
		if c.told(t.Key) {
			d.receive(c.place, c.ts)
			continue
		}
		if err := d.follow(ctx, c); err != nil {
			return d.sent, err
		}
	}
	if len(d.fresh) > 0 {
		if err := d.open(ctx); err != nil {
			return d.sent, err
		}
	}
	return d.sent, nil
}

// receive keeps the first receipt.
func (d *delivery) receive(place, ts string) {
	if d.sent.Receipt == "" && ts != "" {
		d.sent.Receipt = place + "/" + ts
	}
}

// card is a message that stands for issues of the telling already.
type card struct {
	place, ts string
	stories   []narrative.Story
	posts     []narrative.Post // of the stories, in their order
}

// told tells whether the thread of the card shows the telling of a key, since an earlier attempt came so far.
func (c card) told(key string) bool {
	return !slices.ContainsFunc(c.posts, func(p narrative.Post) bool { return p.Told != key })
}

// cards puts the stories under their cards; those without one are fresh.
func (d *delivery) cards() (all []card) {
	for _, s := range d.t.Stories {
		n := slices.IndexFunc(d.t.Posts, func(p narrative.Post) bool { return p.IssueID == s.Issue.ID })
		if n < 0 {
			d.fresh = append(d.fresh, s)
			continue
		}
		p := d.t.Posts[n]
		at := slices.IndexFunc(all, func(c card) bool { return c.place == p.Place && c.ts == p.Message })
		if at < 0 {
			at, all = len(all), append(all, card{place: p.Place, ts: p.Message})
		}
		all[at].stories, all[at].posts = append(all[at].stories, s), append(all[at].posts, p)
	}
	return all
}

// keep takes down how far posts have come.
func (d *delivery) keep(posts []narrative.Post) {
	for _, p := range posts {
		at := slices.IndexFunc(d.sent.Posts, func(was narrative.Post) bool { return was.IssueID == p.IssueID })
		if at < 0 {
			d.sent.Posts = append(d.sent.Posts, p)
			continue
		}
		d.sent.Posts[at] = p
	}
}

// once posts a message to the recipient, unless an earlier attempt did.
func (d *delivery) once(ctx context.Context, m message) (place, ts string, err error) {
	m.Channel, m.at, m.key = d.t.Recipient, d.t.CreatedAt, d.t.Key
	if d.t.Again {
		place, ts, err = d.found(ctx, d.t.Recipient, d.t.Key, d.t.CreatedAt)
		if err != nil || ts != "" {
			return place, ts, err
		}
	}
	return d.post(ctx, m)
}

// needsPerson tells whether the telling asks a person to decide.
func (d *delivery) needsPerson() bool {
	return d.t.Kind == narrative.NotifyApproval || d.t.Kind == narrative.NotifyImpasse
}

// open posts a card for the issues that have none. The thread of one issue's card begins with the story so far; a
// group's, with the buttons of those that need a person.
func (d *delivery) open(ctx context.Context) error {
	m := cardOf(d.fresh, wordsOf(d.t.Message, d.t.Kind, false), d.now())
	m.Metadata = markOf(d.t.Key, d.fresh)
	place, ts, err := d.once(ctx, m)
	if err != nil {
		return err
	}
	d.receive(place, ts)
	c := card{place: place, ts: ts, stories: d.fresh}
	for _, s := range c.stories {
		c.posts = append(c.posts, narrative.Post{
			IssueID: s.Issue.ID, Channel: narrative.ChannelSlack, Recipient: d.t.Recipient, Place: place, Message: ts, Told: d.t.Key,
		})
	}
	d.keep(c.posts)
	known, err := d.known(ctx, c)
	if err != nil {
		return err
	}
	if len(c.stories) == 1 {
		return d.lines(ctx, c, known, false)
	}
	for n, s := range c.stories {
		c.posts[n].Shown = newest(s)
	}
	d.keep(c.posts)
	if !d.needsPerson() {
		return nil
	}
	_, _, err = d.reply(ctx, c, known, "need", words{text: "*" + groupTitle(c.stories) + "*"}, true)
	return d.beside(ctx, err)
}

// follow tells of issues in the thread of their card, and brings both up to date. Where the card is gone, its issues
// are given another.
func (d *delivery) follow(ctx context.Context, c card) error {
	// Slack takes a reply to a message that is gone, and shows it in the channel: so look first.
	who, err := d.members(ctx, c.place, c.ts, c.stories)
	if err != nil {
		return err
	}
	if who == missing {
		d.logger.InfoContext(ctx, "a card is gone; another is made", "place", c.place, "ts", c.ts)
		d.fresh = append(d.fresh, c.stories...)
		return nil
	}
	known, err := d.known(ctx, c)
	if err != nil {
		return err
	}
	group := len(c.stories) > 1 || who == partly
	place, ts, err := d.reply(ctx, c, known, "", d.words(c), d.needsPerson() && (group || who == unknown))
	if err != nil {
		return err
	}
	d.receive(place, ts)
	for n := range c.posts {
		c.posts[n].Told = d.t.Key
	}
	d.keep(c.posts)
	if err := d.lines(ctx, c, known, group); err != nil {
		return err
	}
	if who != wholly {
		return nil // it is redrawn by Refresh, which is given all that it stands for
	}
	_, err = d.edit(ctx, c.place, c.ts, cardOf(c.stories, cardWords(c.stories, d.t.Recipient), d.now()))
	return d.beside(ctx, err)
}

// words are what the telling says of the issues of a card: where it tells of others, too, what it says of the one.
func (d *delivery) words(c card) words {
	if len(c.stories) == 1 && len(d.t.Stories) > 1 {
		for _, n := range c.stories[0].Notifications {
			if n.Key == d.t.Key || n.Batch == d.t.Key && n.Recipient == d.t.Recipient {
				return wordsOf(n.Message, n.Kind, true)
			}
		}
	}
	return wordsOf(d.t.Message, d.t.Kind, true)
}

// reply posts in the thread of a card, unless an earlier attempt did; part tells replies of one telling apart.
func (d *delivery) reply(ctx context.Context, c card, known thread, part string, w words, buttons bool) (place, ts string, err error) {
	key := strings.TrimSuffix(d.t.Key+"/"+part, "/")
	if ts := known.keys[key]; ts != "" {
		return c.place, ts, nil
	}
	if w.text == "" {
		w.text = fallback(c.stories)
	}
	m := message{
		Channel: c.place, Thread: c.ts, Text: w.text, Blocks: w.blocks, Metadata: markOf(key, c.stories),
		Broadcast: d.t.Kind == narrative.NotifyEscalated || d.t.Kind == narrative.NotifyRenotified,
		at:        d.t.CreatedAt, key: replyKey(d.t.Key, c.place, c.ts, len(part)),
	}
	if buttons {
		if len(m.Blocks) == 0 {
			m.Blocks = []any{section(w.text)}
		}
		m.Blocks = append(slices.Clone(m.Blocks), needBlocks(c.stories, len(m.Blocks))...)
	}
	return d.post(ctx, m)
}

// replyKey names a reply for ever.
func replyKey(about, place, ts string, n int) string {
	return narrative.HashText(strings.Join([]string{about, place, ts, strconv.Itoa(n)}, "\x1f"))[:32]
}

// known reads the thread of a card, where an earlier attempt may have posted there.
func (d *delivery) known(ctx context.Context, c card) (thread, error) {
	if !d.t.Again {
		return thread{}, nil
	}
	since := d.t.CreatedAt.Add(-clockSkew)
	for n, s := range c.stories {
		if lines := sinceOf(unshown(s, c.posts[n].Shown)); !lines.IsZero() && lines.Before(since) {
			since = lines
		}
	}
	return d.threadOf(ctx, c.place, c.ts, since)
}

// lines posts the new lines of the timelines in the thread, and adds the posts to what was sent.
func (d *delivery) lines(ctx context.Context, c card, known thread, group bool) error {
	for n, s := range c.stories {
		p := c.posts[n]
		shown, err := d.showLines(ctx, c.place, c.ts, s, max(p.Shown, known.shown[s.Issue.ID]), group)
		p.Shown = shown
		d.keep([]narrative.Post{p})
		if err := d.beside(ctx, err); err != nil {
			return err
		}
	}
	return nil
}

// beside is what becomes of a failure of what goes along with a telling that was posted: one that stays is not worth
// losing the receipt; [narrative.Board].Refresh meets it again.
func (d *delivery) beside(ctx context.Context, err error) error {
	if narrative.KindOf(err) != narrative.Invalid {
		return err
	}
	d.logger.WarnContext(ctx, "the telling was posted, but not all that goes along with it", "key", d.t.Key, "error", err)
	return nil
}
