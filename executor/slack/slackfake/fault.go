package slackfake

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// fault is what the next call of a method meets.
type fault struct {
	word   string
	status int
	after  int // seconds of Retry-After; negative: none
	drop   bool
}

// Fail refuses the next n calls of a method with a word, such as internal_error.
func (s *Server) Fail(method, word string, n int) { s.add(method, fault{word: word}, n) }

// Break answers the next n calls of a method with a status, such as 503, and a page that is no JSON.
func (s *Server) Break(method string, status, n int) {
	s.add(method, fault{status: status, after: -1}, n)
}

// Limit answers the next n calls of a method with 429 and a Retry-After, in seconds.
func (s *Server) Limit(method string, seconds, n int) {
	s.add(method, fault{status: http.StatusTooManyRequests, after: seconds}, n)
}

// Drop carries out the next n calls of a method and closes the connection instead of answering.
func (s *Server) Drop(method string, n int) { s.add(method, fault{drop: true}, n) }

// Pass lets the next n calls of a method be, before the faults that are added after it.
func (s *Server) Pass(method string, n int) { s.add(method, fault{}, n) }

func (s *Server) add(method string, f fault, n int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for range n {
		s.faults[method] = append(s.faults[method], f)
	}
}

// fault returns what a call meets; nil: nothing.
func (s *Server) fault(method string) *fault {
	waiting := s.faults[method]
	if len(waiting) == 0 {
		return nil
	}
	s.faults[method] = waiting[1:]
	return &waiting[0]
}

// serve answers in the method's place; false: the method is to be called.
func (f fault) serve(w http.ResponseWriter) bool {
	switch {
	case f.status != 0:
		if f.after >= 0 {
			w.Header().Set("Retry-After", strconv.Itoa(f.after))
		}
		http.Error(w, "<html>broken</html>", f.status)
	case f.word != "":
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_ = json.NewEncoder(w).Encode(answer{"ok": false, "error": f.word})
	default:
		return false
	}
	return true
}
