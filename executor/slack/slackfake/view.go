package slackfake

import (
	"encoding/json"
	"time"
)

// triggerTime is how long a trigger may be used.
const triggerTime = 3 * time.Second

// View is a modal that was opened.
type View struct {
	ID       string  `json:"id"`
	Type     string  `json:"type"`
	Title    Block   `json:"title"`
	Submit   Block   `json:"submit"`
	Close    Block   `json:"close"`
	Callback string  `json:"callback_id"`
	Private  string  `json:"private_metadata"`
	Blocks   []Block `json:"blocks"`
}

// Views are the modals that were opened, oldest first.
func (s *Server) Views() []View {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return append([]View(nil), s.views...)
}

func (s *Server) openView(in request) (answer, *refusal) {
	trigger := in.values.Get("trigger_id")
	made, known := s.triggers[trigger]
	switch {
	case !known:
		return nil, refuse("invalid_trigger_id")
	case made.IsZero():
		return nil, refuse("exchanged_trigger_id")
	case s.now().Sub(made) > triggerTime:
		return nil, refuse("expired_trigger_id")
	}
	var v View
	if err := json.Unmarshal(in.view, &v); err != nil {
		return nil, invalid("invalid_arguments", "view: %v", err)
	}
	if wrong := v.wrong(); wrong != "" {
		return nil, invalid("invalid_arguments", "%s", wrong)
	}
	s.triggers[trigger] = time.Time{}
	v.ID = s.id("V")
	s.views = append(s.views, v)
	return answer{"view": v}, nil
}

func (v View) wrong() string {
	for _, part := range []struct {
		name string
		text Block
	}{{"title", v.Title}, {"submit", v.Submit}, {"close", v.Close}} {
		if wrong := checkText(part.text, part.name, 24, "plain_text"); wrong != "" {
			return wrong
		}
	}
	switch {
	case v.Type != "modal":
		return "a view's type is modal"
	case length(v.Private) > 3000:
		return "private_metadata is longer than 3000 characters"
	case length(v.Callback) > 255:
		return "callback_id is longer than 255 characters"
	}
	return checkBlocks(v.Blocks, mostInView, map[string]bool{}, true)
}
