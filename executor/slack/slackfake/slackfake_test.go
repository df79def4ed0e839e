package slackfake_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative/executor/slack/slackfake"
)

// call calls a method with the token and returns what it answers.
func call(t *testing.T, s *slackfake.Server, method string, pairs ...string) map[string]any {
	t.Helper()
	form := url.Values{"token": {slackfake.Token}}
	for n := 0; n < len(pairs); n += 2 {
		form.Set(pairs[n], pairs[n+1])
	}
	r, err := http.PostForm(s.URL()+method, form)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(r.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func section(length int) string {
	return fmt.Sprintf(`{"type":"section","text":{"type":"mrkdwn","text":%q}}`, strings.Repeat("x", length))
}

func button(fields string) string {
	return `{"type":"actions","elements":[{"type":"button","action_id":"a","text":{"type":"plain_text","text":"x"}` + fields + `}]}`
}

func TestItRefusesTheBlocksThatSlackRefuses(t *testing.T) {
	t.Parallel()
	s := slackfake.New(t)
	two := `{"type":"button","action_id":"a","text":{"type":"plain_text","text":"x"}}`
	for name, c := range map[string]struct{ blocks, word string }{
		"as it should be":          {section(3000), ""},
		"a button":                 {button(`,"style":"danger","value":"v"`), ""},
		"too long a section":       {section(3001), "invalid_blocks"},
		"an empty section":         {section(0), "invalid_blocks"},
		"a section of nothing":     {`{"type":"section"}`, "invalid_blocks"},
		"too many":                 {strings.TrimSuffix(strings.Repeat(section(1)+",", 51), ","), "invalid_blocks"},
		"an unknown type":          {`{"type":"nonsense"}`, "invalid_blocks"},
		"too long a header":        {fmt.Sprintf(`{"type":"header","text":{"type":"plain_text","text":%q}}`, strings.Repeat("x", 151)), "invalid_blocks"},
		"a header with markup":     {`{"type":"header","text":{"type":"mrkdwn","text":"x"}}`, "invalid_blocks"},
		"an action_id twice":       {`{"type":"actions","elements":[` + two + `,` + two + `]}`, "invalid_blocks"},
		"a block_id twice":         {`{"type":"divider","block_id":"x"},{"type":"divider","block_id":"x"}`, "invalid_blocks"},
		"too long a value":         {button(fmt.Sprintf(`,"value":%q`, strings.Repeat("x", 2001))), "invalid_blocks"},
		"a style of its own":       {button(`,"style":"loud"`), "invalid_blocks"},
		"a question of nothing":    {button(`,"confirm":{}`), "invalid_blocks"},
		"an input in a message":    {`{"type":"input"}`, "invalid_blocks"},
		"an empty context":         {`{"type":"context","elements":[]}`, "invalid_blocks"},
		"actions without elements": {`{"type":"actions","elements":[]}`, "invalid_blocks"},
		"no JSON":                  {`{`, "invalid_blocks_format"},
	} {
		got, _ := call(t, s, "chat.postMessage", "channel", "#general", "blocks", "["+c.blocks+"]")["error"].(string)
		if got != c.word {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := call(t, s, "chat.postMessage", "channel", "#general")["error"]; got != "no_text" {
		t.Error(got)
	}
}

func TestItKeepsThreadsAndPages(t *testing.T) {
	t.Parallel()
	s := slackfake.New(t)
	id := s.ChannelID("general")
	first := call(t, s, "chat.postMessage", "channel", "#general", "text", "one")["ts"].(string)
	call(t, s, "chat.postMessage", "channel", id, "text", "two")
	call(t, s, "chat.postMessage", "channel", id, "text", "reply", "thread_ts", first)
	call(t, s, "chat.postMessage", "channel", id, "text", "shown", "thread_ts", first, "reply_broadcast", "true")
	call(t, s, "chat.postMessage", "channel", id, "text", "astray", "thread_ts", "1.000001")
	s.SetPageSize(2)
	var got []string
	for cursor, more := "", true; more; {
		page := call(t, s, "conversations.history", "channel", id, "oldest", first, "cursor", cursor)
		for _, m := range page["messages"].([]any) {
			got = append(got, m.(map[string]any)["text"].(string))
		}
		more = page["has_more"].(bool)
		cursor, _ = page["response_metadata"].(map[string]any)["next_cursor"].(string)
	}
	if diff := cmp.Diff([]string{"astray", "shown", "two"}, got); diff != "" {
		t.Error(diff)
	}
	replies := call(t, s, "conversations.replies", "channel", id, "ts", first)["messages"].([]any)
	if len(replies) != 3 || len(s.Thread("general", first)) != 2 {
		t.Errorf("%v", replies)
	}
	if got := call(t, s, "conversations.replies", "channel", id, "ts", "1.000001")["error"]; got != "thread_not_found" {
		t.Error(got)
	}
}

func TestItRefusesEdits(t *testing.T) {
	t.Parallel()
	s := slackfake.New(t)
	said := s.Say("general", "U0ADA00001", "hello")
	own := call(t, s, "chat.postMessage", "channel", "#general", "text", "one", "blocks", "["+section(1)+"]",
		"metadata", `{"event_type":"e","event_payload":{"k":"v"}}`)["ts"].(string)
	for ts, want := range map[string]any{said: "cant_update_message", "1.000001": "message_not_found", own: nil} {
		if got := call(t, s, "chat.update", "channel", "#general", "ts", ts, "text", "two")["error"]; got != want {
			t.Errorf("%v, not %v", got, want)
		}
	}
	m := s.Messages("general")[1]
	if m.Text != "two" || m.Edits != 1 || len(m.Blocks) != 0 || m.Metadata.Payload["k"] != "v" {
		t.Errorf("%+v", m)
	}
}

func TestATriggerIsUsedOnceAndSoon(t *testing.T) {
	t.Parallel()
	s := slackfake.New(t)
	view := `{"type":"modal","title":{"type":"plain_text","text":"x"},"submit":{"type":"plain_text","text":"x"},"close":{"type":"plain_text","text":"x"},"blocks":[]}`
	if got := call(t, s, "views.open", "trigger_id", "x", "view", view)["error"]; got != "invalid_trigger_id" {
		t.Error(got)
	}
	now := time.Now()
	s.SetNow(func() time.Time { return now })
	call(t, s, "chat.postMessage", "channel", "#general", "text", "x", "blocks", "["+button("")+"]")
	trigger := func() string {
		var id string
		to := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			var in struct {
				Trigger string `json:"trigger_id"`
			}
			_ = json.Unmarshal([]byte(r.FormValue("payload")), &in)
			id = in.Trigger
		})
		server := newServer(t, to)
		if _, err := s.Press(server, "U0ADA00001", s.Messages("general")[0], "x", 0); err != nil {
			t.Fatal(err)
		}
		return id
	}
	id := trigger()
	if got := call(t, s, "views.open", "trigger_id", id, "view", view)["error"]; got != nil {
		t.Error(got)
	}
	if got := call(t, s, "views.open", "trigger_id", id, "view", view)["error"]; got != "exchanged_trigger_id" {
		t.Error(got)
	}
	id = trigger()
	s.SetNow(func() time.Time { return now.Add(4 * time.Second) })
	if got := call(t, s, "views.open", "trigger_id", id, "view", view)["error"]; got != "expired_trigger_id" {
		t.Error(got)
	}
}
