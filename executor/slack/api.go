package slack

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	api "github.com/slack-go/slack"

	"github.com/narrative-go/narrative"
)

// client is what a board needs of the place where its messages are. The errors of its methods are classified.
type client interface {
	// postMessage returns the channel's id, and the message's.
	postMessage(ctx context.Context, m message) (place, ts string, err error)
	// updateMessage replaces a message. Its metadata stays as it was.
	updateMessage(ctx context.Context, place, ts string, m message) error
	// history returns a page of a channel's messages, from oldest on, newest first.
	history(ctx context.Context, q query) (page, error)
	// replies returns a page of the thread of q.ts, from oldest on, oldest first; the message of the thread itself is
	// on each.
	replies(ctx context.Context, q query) (page, error)
	// channelID returns the id of a channel given by #name or id; NotFound where there is none.
	channelID(ctx context.Context, channel string) (string, error)
}

// query asks for messages.
type query struct {
	place  string
	ts     string // of a thread; or of the one message that is asked for
	since  time.Time
	cursor string
}

// page is a part of the messages that were asked for.
type page struct {
	found []posted
	next  string // the cursor of the next page; empty: this is the last
}

// posted is a message that is there already.
type posted struct {
	ts    string
	reply bool // it stands in a thread
	mark  payload
}

// identity is who the bot is.
type identity struct {
	team, bot string
	scopes    []string // empty where it is not known
}

// tombstone stands for a message that was deleted while it had replies.
const tombstone = "tombstone"

// pageSize is how many messages or channels are asked for at once.
const pageSize = 200

// web is the client that speaks to Slack.
type web struct {
	api   *api.Client
	http  *http.Client
	host  string // of the API
	token string
}

var _ client = (*web)(nil)

func newWeb(token, url, host string, c *http.Client) *web {
	return &web{
		api: api.New(token, api.OptionAPIURL(url), api.OptionHTTPClient(c)), http: c, host: host, token: token,
	}
}

func (w *web) postMessage(ctx context.Context, m message) (place, ts string, err error) {
	options, err := optionsOf(m)
	if err != nil {
		return "", "", err
	}
	place, ts, err = w.api.PostMessageContext(ctx, m.Channel, options...)
	return place, ts, w.classify("post to Slack's "+m.Channel, err)
}

func (w *web) updateMessage(ctx context.Context, place, ts string, m message) error {
	m.Metadata = nil
	options, err := optionsOf(m)
	if err != nil {
		return err
	}
	_, _, _, err = w.api.UpdateMessageContext(ctx, place, ts, options...)
	return w.classify("edit a message in Slack's "+place, err)
}

func optionsOf(m message) ([]api.MsgOption, error) {
	options := []api.MsgOption{api.MsgOptionText(m.Text, false), api.MsgOptionDisableLinkUnfurl(), api.MsgOptionDisableMediaUnfurl()}
	if len(m.Blocks) > 0 {
		blocks, err := blocksOf(m.Blocks)
		if err != nil {
			return nil, err
		}
		options = append(options, api.MsgOptionBlocks(blocks...))
	}
	attachments := []api.Attachment{}
	for _, one := range m.Attachments {
		blocks, err := blocksOf(one.Blocks)
		if err != nil {
			return nil, err
		}
		attachments = append(attachments, api.Attachment{Color: one.Color, Fallback: one.Fallback, Blocks: api.Blocks{BlockSet: blocks}})
	}
	options = append(options, api.MsgOptionAttachments(attachments...))
	if m.Thread != "" {
		options = append(options, api.MsgOptionTS(m.Thread))
	}
	if m.Broadcast {
		options = append(options, api.MsgOptionBroadcast())
	}
	if m.Metadata != nil {
		var payload map[string]any
		if err := recode(m.Metadata.Payload, &payload); err != nil {
			return nil, err
		}
		options = append(options, api.MsgOptionMetadata(api.SlackMetadata{EventType: m.Metadata.EventType, EventPayload: payload}))
	}
	return options, nil
}

// blocksOf hands blocks over as they are.
func blocksOf(all []any) ([]api.Block, error) {
	blocks := make([]api.Block, len(all))
	for n, one := range all {
		encoded, err := json.Marshal(one)
		if err != nil {
			return nil, narrative.Errorf(narrative.Invalid, "encode block %d: %w", n, err)
		}
		blocks[n], err = api.BlockFromJSON(string(encoded))
		if err != nil {
			return nil, narrative.Errorf(narrative.Invalid, "block %d is none of Slack's Block Kit: %w", n, err)
		}
	}
	return blocks, nil
}

// recode turns a value into another of the same JSON.
func recode(from, to any) error {
	encoded, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(encoded, to)
}

func (w *web) history(ctx context.Context, q query) (page, error) {
	p := &api.GetConversationHistoryParameters{
		ChannelID: q.place, Cursor: q.cursor, Limit: pageSize, Inclusive: true, IncludeAllMetadata: true, Oldest: tsOf(q.since),
	}
	if q.ts != "" {
		p.Latest, p.Oldest, p.Limit = q.ts, q.ts, 1
	}
	r, err := w.api.GetConversationHistoryContext(ctx, p)
	if err != nil {
		return page{}, w.classify("look for a message in Slack's "+q.place, err)
	}
	return pageOf(r.Messages, r.HasMore, r.ResponseMetaData.NextCursor), nil
}

func (w *web) replies(ctx context.Context, q query) (page, error) {
	messages, more, next, err := w.api.GetConversationRepliesContext(ctx, &api.GetConversationRepliesParameters{
		ChannelID: q.place, Timestamp: q.ts, Cursor: q.cursor, Limit: pageSize, Inclusive: true, IncludeAllMetadata: true, Oldest: tsOf(q.since),
	})
	if err != nil {
		return page{}, w.classify("look for a reply in Slack's "+q.place, err)
	}
	return pageOf(messages, more, next), nil
}

func pageOf(messages []api.Message, more bool, next string) (p page) {
	for _, m := range messages {
		if m.SubType == tombstone {
			continue
		}
		one := posted{ts: m.Timestamp, reply: m.ThreadTimestamp != "" && m.ThreadTimestamp != m.Timestamp}
		if m.Metadata.EventType == eventType {
			// What does not decode is not ours.
			_ = recode(m.Metadata.EventPayload, &one.mark)
		}
		p.found = append(p.found, one)
	}
	if more {
		p.next = next
	}
	return p
}

// channelID asks for the list of channels where it is given a name.
func (w *web) channelID(ctx context.Context, channel string) (string, error) {
	name, named := strings.CutPrefix(channel, "#")
	if !named {
		return channel, nil
	}
	for cursor := ""; ; {
		channels, next, err := w.api.GetConversationsContext(ctx, &api.GetConversationsParameters{
			Cursor: cursor, ExcludeArchived: true, Limit: pageSize, Types: []string{"public_channel", "private_channel"},
		})
		if err != nil {
			return "", w.classify("look for Slack's "+channel, err)
		}
		for _, c := range channels {
			if c.Name == name {
				return c.ID, nil
			}
		}
		if cursor = next; cursor == "" {
			return "", narrative.Errorf(narrative.NotFound, "look for Slack's %s: there is none, or the bot cannot see it", channel)
		}
	}
}

func (w *web) authTest(ctx context.Context) (identity, error) {
	r, err := w.api.AuthTestContext(ctx)
	if err != nil {
		return identity{}, w.classify("check Slack", err)
	}
	who := identity{team: r.Team, bot: r.User}
	for _, s := range strings.Split(r.Header.Get("X-OAuth-Scopes"), ",") {
		if s = strings.TrimSpace(s); s != "" {
			who.scopes = append(who.scopes, s)
		}
	}
	return who, nil
}

// openView opens a modal for whom the trigger came from.
func (w *web) openView(ctx context.Context, trigger string, v view) error {
	blocks, err := blocksOf(v.blocks)
	if err != nil {
		return err
	}
	text := func(s string) *api.TextBlockObject { return api.NewTextBlockObject(api.PlainTextType, s, false, false) }
	_, err = w.api.OpenViewContext(ctx, trigger, api.ModalViewRequest{
		Type: api.VTModal, Title: text(v.title), Submit: text(v.submit), Close: text("Cancel"),
		Blocks: api.Blocks{BlockSet: blocks}, CallbackID: v.callback, PrivateMetadata: v.private,
	})
	return w.classify("open a form in Slack", err)
}
