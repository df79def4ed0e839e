package slackfake

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// call calls a method.
func (s *Server) call(method, token string, in request) (answer, *refusal) {
	switch {
	case token == "":
		return nil, refuse("not_authed")
	case s.refused != "":
		return nil, refuse(s.refused)
	case token != Token:
		return nil, refuse("invalid_auth")
	}
	methods := map[string]struct {
		scope string
		do    func(request) (answer, *refusal)
	}{
		"auth.test":             {"", s.authTest},
		"chat.postMessage":      {"chat:write", s.postMessage},
		"chat.update":           {"chat:write", s.update},
		"conversations.history": {"channels:history", s.history},
		"conversations.replies": {"channels:history", s.replies},
		"conversations.list":    {"channels:read", s.list},
		"views.open":            {"", s.openView},
	}
	m, known := methods[method]
	switch {
	case !known:
		return nil, refuse("unknown_method")
	case m.scope != "" && !slices.Contains(s.scopes, m.scope):
		return nil, &refusal{"missing_scope", answer{"needed": m.scope, "provided": strings.Join(s.scopes, ",")}}
	}
	return m.do(in)
}

func (s *Server) authTest(request) (answer, *refusal) {
	return answer{"url": "https://acme.slack.com/", "team": Team, "user": Bot, "team_id": "T1", "user_id": botUser, "bot_id": "B1"}, nil
}

// place returns the channel that a call names.
func (s *Server) place(in url.Values) (*channel, *refusal) {
	c := s.channel(in.Get("channel"))
	switch {
	case c == nil:
		return nil, refuse("channel_not_found")
	case c.outside:
		return nil, refuse("not_in_channel")
	}
	return c, nil
}

func (s *Server) postMessage(in request) (answer, *refusal) {
	c, refused := s.place(in.values)
	if refused != nil {
		return nil, refused
	}
	if c.archived {
		return nil, refuse("is_archived")
	}
	m, refused := messageOf(in.values)
	if refused != nil {
		return nil, refused
	}
	m.Channel, m.User = c.id, botUser
	if m.ThreadTS != "" && c.message(m.ThreadTS) == nil {
		m.ThreadTS, m.Broadcast = "", false // Slack says nothing of it
	}
	m.TS = s.nextTS()
	c.messages = append(c.messages, &m)
	return answer{"channel": c.id, "ts": m.TS, "message": m.json(true)}, nil
}

// messageOf reads and validates what is to be posted.
func messageOf(in url.Values) (Message, *refusal) {
	m := Message{Text: in.Get("text"), ThreadTS: in.Get("thread_ts"), Broadcast: in.Get("reply_broadcast") == "true"}
	if refused := decode(in, "blocks", "invalid_blocks_format", &m.Blocks); refused != nil {
		return m, refused
	}
	if refused := decode(in, "attachments", "invalid_attachments", &m.Attachments); refused != nil {
		return m, refused
	}
	if refused := decode(in, "metadata", "invalid_metadata_format", &m.Metadata); refused != nil {
		return m, refused
	}
	if in.Get("metadata") != "" && (m.Metadata.EventType == "" || m.Metadata.Payload == nil) {
		return m, refuse("invalid_metadata_schema")
	}
	return m, m.validate()
}

func decode(in url.Values, field, word string, to any) *refusal {
	text := in.Get(field)
	if text == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), to); err != nil {
		return invalid(word, "%s: %v", field, err)
	}
	return nil
}

// update edits a message: attachments and metadata that are left out stay as they were, blocks only without a text.
func (s *Server) update(in request) (answer, *refusal) {
	c, refused := s.place(in.values)
	if refused != nil {
		return nil, refused
	}
	if c.archived {
		return nil, refuse("is_archived")
	}
	was := c.message(in.values.Get("ts"))
	switch {
	case was == nil:
		return nil, refuse("message_not_found")
	case was.User != botUser:
		return nil, refuse("cant_update_message")
	}
	m, refused := messageOf(in.values)
	if refused != nil {
		return nil, refused
	}
	was.Text = m.Text
	if in.values.Has("blocks") || m.Text != "" {
		was.Blocks = m.Blocks
	}
	if in.values.Has("attachments") {
		was.Attachments = m.Attachments
	}
	if in.values.Has("metadata") {
		was.Metadata = m.Metadata
	}
	was.Edits++
	return answer{"channel": c.id, "ts": was.TS, "text": was.Text, "message": was.json(true)}, nil
}

func (s *Server) history(in request) (answer, *refusal) {
	c, refused := s.place(in.values)
	if refused != nil {
		return nil, refused
	}
	var all []*Message
	for _, m := range slices.Backward(c.messages) {
		if (m.ThreadTS == "" || m.Broadcast) && within(in.values, m.TS) {
			all = append(all, m)
		}
	}
	return s.page(in.values, nil, all), nil
}

func (s *Server) replies(in request) (answer, *refusal) {
	c, refused := s.place(in.values)
	if refused != nil {
		return nil, refused
	}
	parent := c.message(in.values.Get("ts"))
	if parent == nil {
		return nil, refuse("thread_not_found")
	}
	var all []*Message
	for _, m := range c.messages {
		if m.ThreadTS == parent.TS && within(in.values, m.TS) {
			all = append(all, m)
		}
	}
	return s.page(in.values, []*Message{parent}, all), nil
}

// within tells whether a message is in the time that a call asks for. Times of the same length compare as text.
func within(in url.Values, ts string) bool {
	oldest, latest, inclusive := in.Get("oldest"), in.Get("latest"), in.Get("inclusive") == "1"
	if oldest != "" && (ts < oldest || ts == oldest && !inclusive) {
		return false
	}
	return latest == "" || ts < latest || ts == latest && inclusive
}

// page answers with as many messages as fit, after those that are on each page.
func (s *Server) page(in url.Values, each, all []*Message) answer {
	from, to, next := s.cut(in, len(all))
	messages := []answer{}
	for _, m := range append(each, all[from:to]...) {
		messages = append(messages, m.json(in.Get("include_all_metadata") == "1"))
	}
	return answer{"messages": messages, "has_more": next != "", "response_metadata": answer{"next_cursor": next}}
}

// cut returns the bounds of a page of a list, and the cursor of the next.
func (s *Server) cut(in url.Values, length int) (from, to int, next string) {
	limit, _ := strconv.Atoi(in.Get("limit"))
	if limit <= 0 {
		limit = 100
	}
	if s.pageSize > 0 {
		limit = min(limit, s.pageSize)
	}
	from, _ = strconv.Atoi(strings.TrimPrefix(in.Get("cursor"), "next:"))
	from = min(from, length)
	if to = min(from+limit, length); to < length {
		next = "next:" + strconv.Itoa(to)
	}
	return from, to, next
}

func (s *Server) list(in request) (answer, *refusal) {
	var seen []answer
	for _, c := range s.channels {
		if !c.archived || in.values.Get("exclude_archived") != "true" {
			seen = append(seen, answer{"id": c.id, "name": c.name, "is_channel": true, "is_archived": c.archived, "is_member": !c.outside})
		}
	}
	from, to, next := s.cut(in.values, len(seen))
	return answer{"channels": seen[from:to], "response_metadata": answer{"next_cursor": next}}, nil
}
