package slackfake

import (
	"encoding/json"
	"io"
	"net/http"
)

// hookSecret is the part of the webhook's URL that is the secret.
const hookSecret = "fAkEhOoKsEcReT"

// Hook is the method by which faults of the webhook are named; see [Server.Fail].
const Hook = "hook"

// HookURL is the URL of an incoming webhook that posts to #general.
func (s *Server) HookURL() string { return s.http.URL + "/services/T1/B1/" + hookSecret }

func (s *Server) serveHook(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.calls[Hook]++
	f := s.fault(Hook)
	if f != nil && f.word != "" {
		http.Error(w, f.word, hookStatus(f.word))
		return
	}
	if f != nil && f.serve(w) {
		return
	}
	c := s.mustChannel("general")
	var in struct {
		Text   string  `json:"text"`
		Blocks []Block `json:"blocks"`
	}
	err := json.NewDecoder(r.Body).Decode(&in)
	m := Message{Channel: c.id, User: botUser, Text: in.Text, Blocks: in.Blocks}
	refused := m.validate()
	switch {
	case r.PathValue("secret") != hookSecret:
		http.Error(w, "invalid_token", http.StatusForbidden)
	case err != nil:
		http.Error(w, "invalid_payload", http.StatusBadRequest)
	case refused != nil:
		http.Error(w, refused.word, http.StatusBadRequest)
	case c.archived:
		http.Error(w, "channel_is_archived", http.StatusGone)
	default:
		m.TS = s.nextTS()
		c.messages = append(c.messages, &m)
		if f != nil && f.drop {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, "ok")
	}
}

// hookStatus is the status that a webhook's word comes with.
func hookStatus(word string) int {
	switch word {
	case "invalid_token", "action_prohibited":
		return http.StatusForbidden
	case "no_service", "channel_not_found", "no_team":
		return http.StatusNotFound
	case "channel_is_archived":
		return http.StatusGone
	case "rollup_error":
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}
