package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"regexp"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"github.com/narrative-go/narrative"
)

// session is a conversation with the server, past its login.
type session struct {
	*smtp.Client
	connection *connection
	timeout    time.Duration
}

// connection is closed when the context ends, whose end the mail client does not look at, and when the message was
// sent or not: the client leaves it open where its greeting fails.
type connection struct {
	net.Conn
	forget func() bool
}

func (c *connection) close() {
	if c.Conn != nil {
		c.forget()
		_ = c.Conn.Close()
	}
}

// open connects, and logs in. Its errors are of kind Unavailable: they are not about a message.
func (c *SMTP) open(ctx context.Context) (*session, error) {
	opened := &connection{}
	client, err := c.client(ctx, opened)
	if err != nil {
		return nil, narrative.Errorf(narrative.Invalid, "set up mail to %s: %w", c.host, err)
	}
	conversation, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		opened.close()
		return nil, narrative.Errorf(narrative.Unavailable, "connect to the mail server %s: %w", c.host, c.explained(err))
	}
	return &session{Client: conversation, connection: opened, timeout: c.Timeout}, nil
}

// explained says what to do about it, where the URL may.
func (c *SMTP) explained(err error) error {
	var certificate *tls.CertificateVerificationError
	var refused *textproto.Error
	switch {
	case c.secured == required && strings.Contains(err.Error(), "does not support STARTTLS"):
		return errors.New("it does not offer STARTTLS, which is required unless the URL says ?tls=off or ?tls=opportunistic")
	case errors.As(err, &certificate):
		return fmt.Errorf("its certificate is not trusted here: %w", err)
	case errors.As(err, &refused) && loginRefused(refused.Code):
		return fmt.Errorf("the login of %s is refused: %s", c.user, words(err))
	}
	return err
}

func (s *session) close() { s.connection.close() }

// quit takes leave; what the server makes of it does not matter.
func (s *session) quit() {
	if s.UpdateDeadline(s.timeout) == nil {
		_ = s.Quit()
	}
}

// deliver has the server take the message.
func (s *session) deliver(from string, m letter) error {
	for _, step := range []func() error{
		func() error { return s.Mail("<" + from + ">") },
		func() error { return s.Rcpt("<" + m.to + ">") },
		func() error { return s.data(m.content) },
	} {
		if err := s.UpdateDeadline(s.timeout); err != nil {
			return err
		}
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) data(content []byte) error {
	w, err := s.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(content); err != nil {
		return err
	}
	return w.Close()
}

// kindOf tells a refusal that is final from all else. One that is not about the message, but about the login, is not.
func kindOf(err error) narrative.ErrorKind {
	var refused *textproto.Error
	if !errors.As(err, &refused) || refused.Code < 500 || loginRefused(refused.Code) || enhanced.FindString(refused.Msg) == "4" {
		return narrative.Unavailable
	}
	return narrative.Invalid
}

// enhanced is the class of a reply's enhanced status code (RFC 3463), which is more exact than its code: 4 for now, 5
// for good.
var enhanced = regexp.MustCompile(`^[45]\b`)

// loginRefused tells whether a reply's code is about the login (RFC 4954).
func loginRefused(code int) bool {
	return code == 530 || code == 534 || code == 535 || code == 538
}

// maxSaid is how much of a server's reply is repeated, in bytes.
const maxSaid = 500

// words are what the server said, or what kept it from saying anything, in one line.
func words(err error) string {
	text := err.Error()
	var reply *textproto.Error
	if errors.As(err, &reply) {
		text = fmt.Sprintf("%d %s", reply.Code, reply.Msg)
	}
	text = strings.ToValidUTF8(oneLine(text), "")
	return strings.ToValidUTF8(text[:min(len(text), maxSaid)], "")
}
