package slack

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/narrative-go/narrative"
)

// Slack's limits, in characters unless said otherwise.
// See https://docs.slack.dev/reference/block-kit/blocks.
const (
	maxBlocks  = 50 // blocks
	maxHeader  = 150
	maxText    = 3000 // of a section, a context's element, and what we put beside blocks
	maxButton  = 75
	maxValue   = 2000
	maxConfirm = 300
	// maxMessage is what the texts of a message's blocks may come to. Slack documents none; beyond some 13,000 it answers
	// msg_blocks_too_long.
	maxMessage = 11_000
	maxPrivate = 3000 // of a modal's private_metadata
)

// eventType is the type of the metadata that our messages carry.
const eventType = "narrative_message"

// object is a piece of Block Kit.
type object = map[string]any

// message is what chat.postMessage takes.
type message struct {
	Channel     string       `json:"channel,omitempty"`
	Thread      string       `json:"thread_ts,omitempty"`
	Broadcast   bool         `json:"reply_broadcast,omitempty"`
	Text        string       `json:"text"`
	Blocks      []any        `json:"blocks,omitempty"`
	Attachments []attachment `json:"attachments,omitempty"`
	Metadata    *metadata    `json:"metadata,omitempty"`

	// What an outbox names the message's file after.
	at  time.Time
	key string
}

type attachment struct {
	Color    string `json:"color"`
	Fallback string `json:"fallback"`
	Blocks   []any  `json:"blocks"`
}

type metadata struct {
	EventType string  `json:"event_type"`
	Payload   payload `json:"event_payload"`
}

// payload is by what a message is found again.
type payload struct {
	Key    string   `json:"key,omitempty"`
	Issues []string `json:"issues,omitempty"` // at most [maxListed]
	Count  int      `json:"count,omitempty"`  // how many issues there are in all
	Issue  string   `json:"issue,omitempty"`
	Entry  int      `json:"entry,omitempty"` // the number of the last line of the timeline
}

// markOf marks a message as the one of that key.
func markOf(key string, stories []narrative.Story) *metadata {
	p := payload{Key: key, Count: len(stories)}
	for _, s := range stories[:min(len(stories), maxListed)] {
		p.Issues = append(p.Issues, s.Issue.ID)
	}
	return &metadata{EventType: eventType, Payload: p}
}

// clip escapes what Slack reads as markup, and cuts the text so that it fits.
// See https://docs.slack.dev/messaging/formatting-message-text#escaping.
func clip(s string, most int) string {
	var b strings.Builder
	end, length := 0, 0
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		part := string(r)
		switch r {
		case '&':
			part = "&amp;"
		case '<':
			part = "&lt;"
		case '>':
			part = "&gt;"
		}
		width := len(part)
		if width > 1 && part[0] != '&' {
			width = utf16.RuneLen(r)
		}
		if length+width > most {
			return b.String()[:end] + "…"
		}
		b.WriteString(part)
		if length += width; length < most {
			end = b.Len()
		}
	}
	return b.String()
}

// line is clip for text that is to stay on one line.
func line(s string, most int) string { return clip(strings.Join(strings.Fields(s), " "), most) }

func plain(s string) object { return object{"type": "plain_text", "text": s} }

func mrkdwn(s string) object { return object{"type": "mrkdwn", "text": s} }

func header(s string) object {
	return object{"type": "header", "text": plain(line(s, maxHeader))}
}

// section takes text that is escaped already.
func section(s string) object { return object{"type": "section", "text": mrkdwn(s)} }

// small takes text that is escaped already.
func small(s string) object { return object{"type": "context", "elements": []any{mrkdwn(s)}} }

// date is a time that each reader sees in their own zone.
func date(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty} at {time}|%s>", t.Unix(), t.UTC().Format("2006-01-02 15:04 UTC"))
}

// tsOf is a time as Slack's ts; empty for the zero time.
func tsOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/1000)
}

// length is a text's length as Slack counts it, in UTF-16 code units.
func length(s string) int { return len(utf16.Encode([]rune(s))) }

// weight is how long the texts of blocks are together.
func weight(v any) (n int) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			n += weight(e)
		}
	case object:
		for name, e := range v {
			if text, ok := e.(string); ok && name == "text" {
				n += length(text)
				continue
			}
			n += weight(e)
		}
	}
	return n
}
