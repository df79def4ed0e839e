package email

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/narrative-go/narrative"
)

// SMTPOptions are what may be said of a connection besides its URL.
type SMTPOptions struct {
	// Timeout bounds connecting, and then each exchange with the server; default 15 s. The whole is bounded by the
	// context.
	Timeout time.Duration
	// TLS is the configuration for TLS; default the system's, with the URL's host as the server's name.
	TLS *tls.Config
	// Dial opens the connection; default a TCP dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// SMTP is the channel that sends messages to a server. It is safe for concurrent use.
type SMTP struct {
	SMTPOptions
	id             identity
	host           string
	port           int
	user, password string
	implicitTLS    bool
	loopback       bool
}

var _ narrative.Channel = (*SMTP)(nil)

const urlForm = "the mail server's URL must have the form smtp[s]://[user:password@]host[:port]"

// NewSMTP returns the channel to the server of a URL smtp[s]://[user:password@]host[:port]. The default port is 587,
// or 465 for smtps; on this machine 25. Its errors do not hold the password.
func NewSMTP(rawURL string, s Sender, o SMTPOptions) (*SMTP, error) {
	id, err := s.identity()
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(rawURL)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" ||
		u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return nil, narrative.Errorf(narrative.Invalid, "%s", urlForm)
	}
	c := &SMTP{SMTPOptions: o, id: id, host: u.Hostname(), implicitTLS: u.Scheme == "smtps", loopback: loopback(u.Hostname())}
	c.user = u.User.Username()
	c.password, _ = u.User.Password()
	switch {
	case u.Port() != "":
		c.port, err = strconv.Atoi(u.Port())
		if err != nil || c.port < 1 || c.port > 65535 {
			return nil, narrative.Errorf(narrative.Invalid, "%s; the port is not from 1 to 65535", urlForm)
		}
	case c.implicitTLS:
		c.port = 465
	case c.loopback:
		c.port = 25
	default:
		c.port = 587
	}
	if c.Timeout <= 0 {
		c.Timeout = 15 * time.Second
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{}).DialContext
	}
	if c.TLS == nil {
		c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	c.TLS = c.TLS.Clone()
	if c.TLS.ServerName == "" {
		c.TLS.ServerName = c.host
	}
	return c, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Send sends the message; the receipt is its Message-ID.
func (c *SMTP) Send(ctx context.Context, n narrative.Notification) (string, error) {
	m, messageID, err := c.id.build(n)
	if err != nil {
		return "", err
	}
	var opened connection
	defer opened.close()
	client, err := c.client(ctx, &opened)
	if err != nil {
		return "", narrative.Errorf(narrative.Invalid, "set up mail to %s: %w", c.host, err)
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return "", narrative.Errorf(narrative.Unavailable, "connect to the mail server %s: %w", c.host, err)
	}
	err = client.SendWithSMTPClient(session, m)
	if m.IsDelivered() {
		// The server took the message; what fails after that must not send it again.
		_ = client.CloseWithSMTPClient(session)
		return messageID, nil
	}
	if err == nil {
		err = errors.New("it was not delivered")
	}
	kind := narrative.Unavailable
	var refused *gomail.SendError
	if errors.As(err, &refused) && !refused.IsTemp() && refused.ErrorCode() >= 500 {
		kind = narrative.Invalid
	}
	return "", narrative.Errorf(kind, "send mail to %s by %s: %w", n.Recipient, c.host, err)
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

func (c *SMTP) client(sending context.Context, opened *connection) (*gomail.Client, error) {
	options := []gomail.Option{
		gomail.WithPort(c.port), gomail.WithTimeout(c.Timeout), gomail.WithTLSConfig(c.TLS), gomail.WithoutNoop(),
		gomail.WithDialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
			dialed, err := c.Dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			if c.implicitTLS {
				secured := tls.Client(dialed, c.TLS)
				if err := secured.HandshakeContext(ctx); err != nil {
					_ = dialed.Close()
					return nil, err
				}
				dialed = secured
			}
			opened.Conn = dialed
			opened.forget = context.AfterFunc(sending, func() { _ = dialed.Close() })
			return dialed, nil
		}),
	}
	switch {
	case c.implicitTLS, c.loopback: // no STARTTLS within TLS
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if c.user != "" {
		options = append(options, gomail.WithUsername(c.user), gomail.WithPassword(c.password), c.login())
	}
	return gomail.NewClient(c.host, options...)
}

// login chooses how to log in: with what the server offers. Sending the password as it is is left to connections that
// cannot be listened to.
func (c *SMTP) login() gomail.Option {
	if c.loopback || c.implicitTLS {
		return gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc, gomail.SMTPAuthCramMD5)
	}
	return gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover)
}
