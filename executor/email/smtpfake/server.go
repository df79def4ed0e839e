package smtpfake

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// TLS is when a server is under TLS.
type TLS string

// The ways. The zero value is none.
const (
	NoTLS    TLS = ""
	StartTLS TLS = "starttls" // offered, and not required
	Implicit TLS = "tls"      // from the start
)

// Reply is what a server refuses with.
type Reply struct {
	Code     int    // such as 550
	Enhanced [3]int // such as {5, 1, 1}; zero: none
	Text     string // in one line
}

// Two replies.
var (
	Temporary = Reply{451, [3]int{4, 7, 1}, "please try again later"}
	Permanent = Reply{550, [3]int{5, 1, 1}, "there is no such user here"}
)

func (r Reply) err() error {
	code := smtp.EnhancedCode(r.Enhanced)
	if r.Enhanced == [3]int{} {
		code = smtp.NoEnhancedCode
	}
	return &smtp.SMTPError{Code: r.Code, EnhancedCode: code, Message: r.Text}
}

// Options are how a server is. The zero value takes everything from everybody, without TLS.
type Options struct {
	Address string // where it listens; default a free port of 127.0.0.1
	TLS     TLS
	// Users are who may log in, and their passwords; default nobody has to. By PLAIN, and without TLS, too.
	Users map[string]string
	// Greylist is how many attempts of each sender and recipient are put off at first; default none.
	Greylist int
}

// Server is a mail server. It is safe for concurrent use.
type Server struct {
	o        Options
	listener net.Listener
	smtp     *smtp.Server
	identity identity
	done     chan struct{}

	mutex      sync.Mutex
	messages   []Message
	logins     []string
	attempts   map[string]int
	recipients map[string]Reply
	sender     *Reply
	content    *Reply
	hang       Hang
	hangs      int
}

// Hang is when a server hangs up on a message.
type Hang string

// The moments.
const (
	BeforeContent   Hang = "before the content" // once the sender is said
	BeforeDot       Hang = "before the dot"     // within the content; the message is not kept
	AfterDot        Hang = "after the dot"      // instead of saying that it took the message, which is kept
	AfterAcceptance Hang = "after acceptance"   // once it said so
)

// New starts a server that stops when the test ends.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Start starts a server; it runs until it is closed. An address that is taken, and a certificate that cannot be made,
// are errors.
func Start(o Options) (*Server, error) {
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	s := &Server{o: o, done: make(chan struct{}), attempts: map[string]int{}, recipients: map[string]Reply{}}
	l, err := net.Listen("tcp", o.Address)
	if err != nil {
		return nil, fmt.Errorf("start a mail server: %w", err)
	}
	s.listener = l
	s.smtp = smtp.NewServer(s)
	s.smtp.Domain, s.smtp.AllowInsecureAuth = "smtpfake", true
	s.smtp.MaxMessageBytes = 10 << 20
	s.smtp.ReadTimeout, s.smtp.WriteTimeout = time.Minute, time.Minute
	s.smtp.ErrorLog = silent{}
	if o.TLS != NoTLS {
		if s.identity, err = newIdentity(); err != nil {
			_ = l.Close()
			return nil, fmt.Errorf("make a certificate: %w", err)
		}
		l = s.secured(l)
	}
	go func() { defer close(s.done); _ = s.smtp.Serve(l) }()
	return s, nil
}

// Close stops the server and ends its conversations. What it has kept stays.
func (s *Server) Close() {
	_ = s.smtp.Close()
	_ = s.listener.Close()
	<-s.done
}

// Address is where it listens: 127.0.0.1:PORT.
func (s *Server) Address() string { return s.listener.Addr().String() }

// URL is the server's URL, with the login of one of its users where it has some.
func (s *Server) URL() string {
	scheme, login := "smtp://", ""
	if s.o.TLS == Implicit {
		scheme = "smtps://"
	}
	for user, password := range s.o.Users {
		login = user + ":" + password + "@"
	}
	return scheme + login + s.Address()
}

// Refuse has a recipient refused from now on; a zero reply has them taken again.
func (s *Server) Refuse(recipient string, with Reply) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.recipients[strings.ToLower(recipient)] = with
}

// RefuseSenders has every sender refused from now on; a zero reply has them taken again.
func (s *Server) RefuseSenders(with Reply) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.sender = unlessZero(with)
}

// RefuseContent has every content refused from now on; a zero reply has it taken again.
func (s *Server) RefuseContent(with Reply) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.content = unlessZero(with)
}

func unlessZero(r Reply) *Reply {
	if r == (Reply{}) {
		return nil
	}
	return &r
}

// HangUp has the server hang up on the next so many messages.
func (s *Server) HangUp(when Hang, messages int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.hang, s.hangs = when, messages
}

// Messages are those that were taken, oldest first.
func (s *Server) Messages() []Message {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return append([]Message(nil), s.messages...)
}

// Logins are the attempts to log in, as user:password, oldest first.
func (s *Server) Logins() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return append([]string(nil), s.logins...)
}

// Attempts is how often a recipient was named to the server.
func (s *Server) Attempts(recipient string) (n int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for pair, times := range s.attempts {
		if strings.HasSuffix(pair, " "+strings.ToLower(recipient)) {
			n += times
		}
	}
	return n
}

type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}
