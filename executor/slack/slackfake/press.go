package slackfake

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Ephemeral is a message that only one person sees.
type Ephemeral struct {
	User    string
	Channel string
	Text    string
}

// response is where an interaction may be answered.
type response struct {
	user, channel string
	left          int // uses
}

// Heard is what the one that was sent an interaction answered.
type Heard struct {
	Status int
	Body   string
}

// Ephemerals are the messages that only one person sees, oldest first.
func (s *Server) Ephemerals() []Ephemeral {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return append([]Ephemeral(nil), s.ephemerals...)
}

// Press presses a button of a message, given by its text, as a person: what Slack would send is sent to a URL. Where
// several have the text, nth (from 0) tells which.
func (s *Server) Press(to, user string, m Message, text string, nth int) (Heard, error) {
	body, err := s.pressed(user, m, text, nth)
	if err != nil {
		return Heard{}, err
	}
	return s.send(to, body)
}

func (s *Server) pressed(user string, m Message, text string, nth int) ([]byte, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, b := range m.buttons() {
		if textOf(b["text"]) != text {
			continue
		}
		if nth--; nth >= 0 {
			continue
		}
		action := answer{
			"type": "button", "action_id": b["action_id"], "block_id": b["block_id"], "value": b["value"], "text": b["text"],
			"action_ts": s.nextTS(),
		}
		in := s.interaction("block_actions", user)
		in["actions"], in["message"], in["channel"] = []answer{action}, m.json(false), answer{"id": m.Channel}
		in["container"] = answer{"type": "message", "message_ts": m.TS, "channel_id": m.Channel}
		in["response_url"] = s.respond(user, m.Channel)
		return s.encode(in)
	}
	return nil, fmt.Errorf("slackfake: the message has no such button %q; it has %q", text, m.Buttons())
}

// Submit submits a modal as a person: values are what is put into its fields, by the id of their block.
func (s *Server) Submit(to, user string, v View, values map[string]string) (Heard, error) {
	body, err := s.submitted(user, v, values)
	if err != nil {
		return Heard{}, err
	}
	return s.send(to, body)
}

func (s *Server) submitted(user string, v View, values map[string]string) ([]byte, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	state := map[string]map[string]any{}
	for _, b := range v.Blocks {
		e, isInput := b["element"].(Block)
		if !isInput {
			continue
		}
		id, _ := b["block_id"].(string)
		action, _ := e["action_id"].(string)
		put, given := values[id]
		if optional, _ := b["optional"].(bool); !given && !optional && e["type"] == "static_select" {
			return nil, fmt.Errorf("slackfake: Slack lets nobody submit the form without %s", id)
		}
		field := answer{"type": e["type"]}
		switch {
		case e["type"] == "static_select" && given:
			field["selected_option"] = answer{"value": put}
		case e["type"] == "static_select":
			field["selected_option"] = nil
		case given:
			field["value"] = put
		default:
			field["value"] = nil
		}
		state[id] = map[string]any{action: field}
	}
	in := s.interaction("view_submission", user)
	in["view"] = answer{
		"id": v.ID, "type": v.Type, "callback_id": v.Callback, "private_metadata": v.Private, "state": answer{"values": state},
	}
	return s.encode(in)
}

func (s *Server) interaction(kind, user string) answer {
	trigger := s.id("trigger-")
	s.triggers[trigger] = s.now()
	return answer{
		"type": kind, "trigger_id": trigger, "team": answer{"id": "T1", "domain": "acme"}, "api_app_id": "A1",
		"user": answer{"id": user, "username": strings.ToLower(user), "team_id": "T1"},
	}
}

// respond makes a URL by which an interaction may be answered, five times.
func (s *Server) respond(user, channel string) string {
	id := s.id("R")
	s.responses[id] = &response{user: user, channel: channel, left: 5}
	return s.http.URL + "/respond/" + id
}

func (s *Server) encode(in answer) ([]byte, error) {
	text, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	s.last = []byte(url.Values{"payload": {string(text)}}.Encode())
	return s.last, nil
}

// Repeat sends the last interaction again, as Slack does where it was not answered in time.
func (s *Server) Repeat(to string) (Heard, error) {
	s.mutex.Lock()
	body := bytes.Clone(s.last)
	s.mutex.Unlock()
	return s.send(to, body)
}

func (s *Server) send(to string, body []byte) (Heard, error) {
	s.mutex.Lock()
	now := s.now()
	s.mutex.Unlock()
	r, err := http.NewRequest(http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return Heard{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	Sign(r.Header, SigningSecret, now, body)
	// Slack waits three seconds.
	out, err := (&http.Client{Timeout: 3 * time.Second}).Do(r)
	if err != nil {
		return Heard{}, err
	}
	defer out.Body.Close()
	said, err := io.ReadAll(out.Body)
	return Heard{Status: out.StatusCode, Body: string(said)}, err
}

// Sign signs a body as Slack does.
func Sign(h http.Header, secret string, at time.Time, body []byte) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "v0:%s:%s", stamp, body)
	h.Set("X-Slack-Request-Timestamp", stamp)
	h.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
}

func (s *Server) serveResponse(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Type string `json:"response_type"`
		Text string `json:"text"`
	}
	err := json.NewDecoder(r.Body).Decode(&in)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	to := s.responses[r.PathValue("id")]
	switch {
	case to == nil || to.left == 0:
		http.Error(w, `{"ok":false,"error":"used_url"}`, http.StatusNotFound)
	case err != nil || in.Text == "" || in.Type != "ephemeral":
		http.Error(w, `{"ok":false,"error":"invalid_payload"}`, http.StatusBadRequest)
	default:
		to.left--
		s.ephemerals = append(s.ephemerals, Ephemeral{User: to.user, Channel: to.channel, Text: in.Text})
		_, _ = io.WriteString(w, `{"ok":true}`)
	}
}
