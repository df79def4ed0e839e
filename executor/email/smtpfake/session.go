package smtpfake

import (
	"io"
	"net"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// session is one conversation.
type session struct {
	*Server
	conn     net.Conn
	logged   bool
	from     string
	to       []string
	accepted bool
}

var (
	_ smtp.Backend     = (*Server)(nil)
	_ smtp.AuthSession = (*session)(nil)
)

// NewSession begins a conversation. It is for the server beneath.
func (s *Server) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &session{Server: s, conn: c.Conn()}, nil
}

// Reset forgets the message under way.
func (s *session) Reset() {
	if s.accepted && s.hangsUp(AfterAcceptance) {
		_ = s.conn.Close()
	}
	s.from, s.to, s.accepted = "", nil, false
}

// Logout does nothing.
func (s *session) Logout() error { return nil }

// hangsUp counts down where it is time to hang up.
func (s *session) hangsUp(when Hang) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.hang != when || s.Server.hangs <= 0 {
		return false
	}
	s.Server.hangs--
	return true
}

// Mail takes the sender.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.hangsUp(BeforeContent) {
		return s.conn.Close()
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.o.Users) > 0 && !s.logged {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "authentication required"}
	}
	if s.sender != nil {
		return s.sender.err()
	}
	s.from = from
	return nil
}

// Rcpt takes a recipient, refuses them, or puts them off.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	pair := strings.ToLower(s.from + " " + to)
	s.attempts[pair]++
	if reply := s.recipients[strings.ToLower(to)]; reply != (Reply{}) {
		return reply.err()
	}
	if s.attempts[pair] <= s.o.Greylist {
		return Reply{451, [3]int{4, 7, 1}, "greylisted, please try again later"}.err()
	}
	s.to = append(s.to, to)
	return nil
}

// Data takes the content.
func (s *session) Data(r io.Reader) error {
	if s.hangsUp(BeforeDot) {
		return s.conn.Close()
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mutex.Lock()
	if s.content != nil {
		defer s.mutex.Unlock()
		return s.content.err()
	}
	s.messages = append(s.messages, newMessage(s.from, s.to, content))
	s.mutex.Unlock()
	s.accepted = true
	if s.hangsUp(AfterDot) {
		return s.conn.Close()
	}
	return nil
}

// AuthMechanisms are none where nobody has to log in.
func (s *session) AuthMechanisms() []string {
	if len(s.o.Users) == 0 {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth takes a login.
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.logins = append(s.logins, user+":"+password)
		if known, ok := s.o.Users[user]; !ok || known != password {
			return smtp.ErrAuthFailed
		}
		s.logged = true
		return nil
	}), nil
}
