package slackfake

import (
	"encoding/json"
	"fmt"
	"slices"
)

// botUser is the account of the bot.
const botUser = "U0BOT00001"

// Block is a piece of Block Kit.
type Block = map[string]any

// Message is what stands in a channel or a thread.
type Message struct {
	Channel     string // its id
	TS          string
	ThreadTS    string // of the message in whose thread it stands; empty: it stands in the channel
	Broadcast   bool   // it stands in a thread, and is shown in the channel, too
	User        string
	Text        string
	Blocks      []Block
	Attachments []Attachment
	Metadata    Metadata
	Edits       int // how often it was edited
}

// Attachment is a part of a message with a colour.
type Attachment struct {
	Color    string  `json:"color,omitempty"`
	Fallback string  `json:"fallback,omitempty"`
	Text     string  `json:"text,omitempty"`
	Blocks   []Block `json:"blocks,omitempty"`
}

// Metadata is what a message carries for programs.
type Metadata struct {
	EventType string         `json:"event_type"`
	Payload   map[string]any `json:"event_payload"`
}

// All are the blocks of a message, those of its attachments included.
func (m Message) All() []Block {
	all := slices.Clone(m.Blocks)
	for _, a := range m.Attachments {
		all = append(all, a.Blocks...)
	}
	return all
}

// Said is all that a message shows, as JSON in which nothing is escaped: for tests that look for words.
func (m Message) Said() string {
	text, err := marshal(map[string]any{"text": m.Text, "blocks": m.All()})
	if err != nil {
		panic(err) // it came from JSON
	}
	return text
}

// Buttons are the texts of a message's buttons, in order.
func (m Message) Buttons() []string {
	texts := []string{}
	for _, b := range m.buttons() {
		texts = append(texts, textOf(b["text"]))
	}
	return texts
}

func (m Message) buttons() (all []Block) {
	for _, block := range m.All() {
		for _, e := range listOf(block["elements"]) {
			if e["type"] == "button" {
				e["block_id"] = block["block_id"]
				all = append(all, e)
			}
		}
	}
	return all
}

func (m Message) json(withMetadata bool) answer {
	out := answer{"type": "message", "ts": m.TS, "user": m.User, "text": m.Text}
	if m.ThreadTS != "" {
		out["thread_ts"] = m.ThreadTS
	}
	if m.Broadcast {
		out["subtype"] = "thread_broadcast"
	}
	if m.User == botUser {
		out["bot_id"] = "B1"
	}
	if len(m.Blocks) > 0 {
		out["blocks"] = m.Blocks
	}
	if len(m.Attachments) > 0 {
		out["attachments"] = m.Attachments
	}
	if withMetadata && m.Metadata.EventType != "" {
		out["metadata"] = m.Metadata
	}
	return out
}

func (c *channel) message(ts string) *Message {
	for _, m := range c.messages {
		if m.TS == ts {
			return m
		}
	}
	return nil
}

// nextTS is a ts later than all others.
func (s *Server) nextTS() string {
	s.lastTS = max(s.lastTS+1, s.now().UnixMicro())
	return fmt.Sprintf("%d.%06d", s.lastTS/1e6, s.lastTS%1e6)
}

// Messages are those that stand in a channel, oldest first; those in threads are left out.
func (s *Server) Messages(channel string) []Message { return s.copies(channel, "") }

// Thread are the replies to a message, oldest first.
func (s *Server) Thread(channel, ts string) []Message { return s.copies(channel, ts) }

func (s *Server) copies(channel, thread string) (all []Message) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, m := range s.mustChannel(channel).messages {
		if m.ThreadTS == thread {
			all = append(all, m.clone())
		}
	}
	return all
}

// clone copies a message through JSON, so that a test reads what is not written any more.
func (m Message) clone() Message {
	text, err := json.Marshal(m)
	if err == nil {
		m = Message{}
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		panic(err) // it came from JSON
	}
	return m
}

// Say posts a message of a person, and returns its ts.
func (s *Server) Say(channel, user, text string) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	c := s.mustChannel(channel)
	m := &Message{Channel: c.id, TS: s.nextTS(), User: user, Text: text}
	c.messages = append(c.messages, m)
	return m.TS
}

// Delete deletes a message, and its thread.
func (s *Server) Delete(channel, ts string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	c := s.mustChannel(channel)
	c.messages = slices.DeleteFunc(c.messages, func(m *Message) bool { return m.TS == ts || m.ThreadTS == ts })
}
