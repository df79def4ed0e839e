package slackfake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	// Token is the bot token that a new server takes.
	Token = "xoxb-fake-1234567890-abcdefghijklmnop"
	// SigningSecret signs what a server sends.
	SigningSecret = "8f742231b10e8888abcd99yyyzzz85a5"
	// Team and Bot are who auth.test says the bot is.
	Team = "Acme"
	Bot  = "narrative"
)

// Server is a Slack. It is safe for concurrent use.
type Server struct {
	http *httptest.Server

	mutex      sync.Mutex
	now        func() time.Time
	refused    string // by which word every token is refused; empty: by none
	scopes     []string
	pageSize   int // most messages on a page; 0: as many as are asked for
	channels   []*channel
	lastTS     int64 // in microseconds
	ids        int
	faults     map[string][]fault
	calls      map[string]int
	triggers   map[string]time.Time
	responses  map[string]*response
	views      []View
	ephemerals []Ephemeral
	last       []byte // the interaction that was sent last
}

type channel struct {
	id, name string
	archived bool
	outside  bool // the bot is not a member
	messages []*Message
}

// New returns a server that is closed when the test ends, with a channel #general and all scopes.
func New(t testing.TB) *Server {
	t.Helper()
	s := NewServer()
	t.Cleanup(s.Close)
	return s
}

// NewServer is [New] for where there is no test to end: the caller closes it.
func NewServer() *Server {
	s := &Server{
		now:    time.Now,
		scopes: []string{"chat:write", "channels:history", "groups:history", "channels:read", "groups:read"},
		faults: map[string][]fault{}, calls: map[string]int{}, triggers: map[string]time.Time{}, responses: map[string]*response{},
	}
	s.AddChannel("general")
	mux := http.NewServeMux()
	mux.HandleFunc("/api/{method}", s.serveMethod)
	mux.HandleFunc("POST /respond/{id}", s.serveResponse)
	mux.HandleFunc("POST /services/T1/B1/{secret}", s.serveHook)
	s.http = httptest.NewServer(mux)
	return s
}

// Close ends the server.
func (s *Server) Close() { s.http.Close() }

// URL is the URL of the Web API: SLACK_API_URL.
func (s *Server) URL() string { return s.http.URL + "/api/" }

// SetNow sets the clock; a new server's is the machine's.
func (s *Server) SetNow(now func() time.Time) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.now = now
}

// SetScopes sets what the bot may do.
func (s *Server) SetScopes(scopes ...string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.scopes = scopes
}

// SetPageSize bounds how many messages or channels are on a page, so that there are several.
func (s *Server) SetPageSize(n int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.pageSize = n
}

// RefuseToken refuses every token with a word, such as token_revoked; with none, it takes [Token] again.
func (s *Server) RefuseToken(word string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.refused = word
}

// AddChannel adds a channel that the bot is a member of, and returns its id.
func (s *Server) AddChannel(name string) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	c := &channel{id: s.id("C"), name: name}
	s.channels = append(s.channels, c)
	return c.id
}

// ChannelID returns the id of the channel of a name, with or without its #.
func (s *Server) ChannelID(name string) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.mustChannel(name).id
}

// Archive archives a channel, given by name or id.
func (s *Server) Archive(channel string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.mustChannel(channel).archived = true
}

// Kick takes the bot out of a channel.
func (s *Server) Kick(channel string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.mustChannel(channel).outside = true
}

// Calls is how often a method was called, faults included.
func (s *Server) Calls(method string) int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.calls[method]
}

// id makes an id of Slack's form.
func (s *Server) id(prefix string) string {
	s.ids++
	return fmt.Sprintf("%s0FAKE%05d", prefix, s.ids)
}

func (s *Server) channel(given string) *channel {
	for _, c := range s.channels {
		if c.id == given || c.name == strings.TrimPrefix(given, "#") {
			return c
		}
	}
	return nil
}

// mustChannel panics where a test names a channel that is not there.
func (s *Server) mustChannel(given string) *channel {
	c := s.channel(given)
	if c == nil {
		panic("slackfake: there is no channel " + given)
	}
	return c
}

// answer is what a method answers, besides ok.
type answer = map[string]any

// refusal is a word that a method refuses with.
type refusal struct {
	word   string
	beside answer
}

func refuse(word string) *refusal { return &refusal{word: word} }

// invalid refuses with a word and says what is wrong.
func invalid(word, format string, args ...any) *refusal {
	said := "[ERROR] " + fmt.Sprintf(format, args...)
	return &refusal{word, answer{"response_metadata": answer{"messages": []string{said}}}}
}

// request is a call of a method.
type request struct {
	values url.Values
	view   json.RawMessage // of a JSON body
}

func (s *Server) serveMethod(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	method := r.PathValue("method")
	s.calls[method]++
	f := s.fault(method)
	if f != nil && f.serve(w) {
		return
	}
	in, token, err := read(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out, refused := s.call(method, token, in)
	if f != nil && f.drop {
		panic(http.ErrAbortHandler) // closes the connection without an answer
	}
	if out == nil {
		out = answer{}
	}
	if out["ok"] = refused == nil; refused != nil {
		out["error"] = refused.word
		for k, v := range refused.beside {
			out[k] = v
		}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-OAuth-Scopes", strings.Join(s.scopes, ","))
	_ = json.NewEncoder(w).Encode(out)
}

// read reads a call's arguments, of a form or of JSON, and its token.
func read(r *http.Request) (in request, token string, err error) {
	token = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		var body struct {
			TriggerID string          `json:"trigger_id"`
			View      json.RawMessage `json:"view"`
		}
		err = json.NewDecoder(r.Body).Decode(&body)
		return request{url.Values{"trigger_id": {body.TriggerID}}, body.View}, token, err
	}
	err = r.ParseForm()
	if token == "" {
		token = r.PostForm.Get("token")
	}
	return request{values: r.Form, view: json.RawMessage(r.Form.Get("view"))}, token, err
}
