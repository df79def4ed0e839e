package email

import (
	"context"
	"crypto/tls"
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
	secured        secured
	loopback       bool
}

var _ narrative.Channel = (*SMTP)(nil)

// secured is when a connection is under TLS.
type secured string

const (
	fromTheStart  secured = "smtps"
	required      secured = "required"      // by STARTTLS
	opportunistic secured = "opportunistic" // by STARTTLS, where the server offers it
	off           secured = "off"
)

const urlForm = "the mail server's URL must have the form smtp[s]://[user:password@]host[:port][?tls=off or ?tls=opportunistic]"

// NewSMTP returns the channel to the server of a URL smtp[s]://[user:password@]host[:port]. The default port is 587,
// or 465 for smtps; on this machine 25. Its errors do not hold the password.
//
// smtps is TLS from the start. smtp requires STARTTLS, except on this machine, where there is no TLS. ?tls=off goes
// without TLS elsewhere, too: anybody on the way can read the messages and the password. ?tls=opportunistic takes
// STARTTLS where the server offers it, and sends the password under TLS only.
func NewSMTP(rawURL string, s Sender, o SMTPOptions) (*SMTP, error) {
	id, err := s.identity()
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(rawURL)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" ||
		u.Path != "" && u.Path != "/" || u.Fragment != "" {
		return nil, narrative.Errorf(narrative.Invalid, "%s", urlForm)
	}
	c := &SMTP{SMTPOptions: o, id: id, host: u.Hostname(), loopback: loopback(u.Hostname())}
	c.user = u.User.Username()
	c.password, _ = u.User.Password()
	if c.secured, err = securedBy(u, c.loopback); err != nil {
		return nil, err
	}
	if c.port, err = c.portOf(u.Port()); err != nil {
		return nil, err
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

// securedBy reads a URL's scheme and query.
func securedBy(u *url.URL, loopback bool) (secured, error) {
	query, err := url.ParseQuery(u.RawQuery)
	for name, values := range query {
		if name != "tls" || len(values) != 1 {
			return "", narrative.Errorf(narrative.Invalid, "%s; the only thing that may be said behind the ? is tls, once", urlForm)
		}
	}
	said, given := secured(query.Get("tls")), query.Has("tls")
	switch {
	case err != nil:
		return "", narrative.Errorf(narrative.Invalid, "%s; what stands behind the ? cannot be read", urlForm)
	case given && said != off && said != opportunistic:
		return "", narrative.Errorf(narrative.Invalid, "%s; tls must be off or opportunistic, and is required where nothing is said%s",
			urlForm, narrative.DidYouMean(string(said), []string{string(off), string(opportunistic)}))
	case given && u.Scheme == "smtps":
		return "", narrative.Errorf(narrative.Invalid, "%s; smtps is TLS from the start, and takes no tls", urlForm)
	case given:
		return said, nil
	case u.Scheme == "smtps":
		return fromTheStart, nil
	case loopback:
		return off, nil
	}
	return required, nil
}

func (c *SMTP) portOf(given string) (int, error) {
	switch {
	case given != "":
		port, err := strconv.Atoi(given)
		if err != nil || port < 1 || port > 65535 {
			return 0, narrative.Errorf(narrative.Invalid, "%s; the port is not from 1 to 65535", urlForm)
		}
		return port, nil
	case c.secured == fromTheStart:
		return 465, nil
	case c.loopback:
		return 25, nil
	}
	return 587, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Send sends the message to its one recipient; the receipt is its Message-ID. What fails after the server took it is
// let be: it must not be sent again.
func (c *SMTP) Send(ctx context.Context, t narrative.Telling) (narrative.Sent, error) {
	m, err := c.id.write(t)
	if err != nil {
		return narrative.Sent{}, err
	}
	s, err := c.open(ctx)
	if err != nil {
		return narrative.Sent{}, err
	}
	defer s.close()
	if err := s.deliver(c.id.from.Address, m); err != nil {
		return narrative.Sent{}, narrative.Errorf(kindOf(err), "send mail to %s by %s: %s", m.to, c.host, words(err))
	}
	s.quit()
	return narrative.Sent{Receipt: m.messageID}, nil
}

func (c *SMTP) client(sending context.Context, opened *connection) (*gomail.Client, error) {
	options := []gomail.Option{
		gomail.WithPort(c.port), gomail.WithTimeout(c.Timeout), gomail.WithTLSConfig(c.TLS), gomail.WithoutNoop(),
		gomail.WithDialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
			dialed, err := c.Dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			if c.secured == fromTheStart {
				under := tls.Client(dialed, c.TLS)
				if err := under.HandshakeContext(ctx); err != nil {
					_ = dialed.Close()
					return nil, err
				}
				dialed = under
			}
			opened.Conn = dialed
			opened.forget = context.AfterFunc(sending, func() { _ = dialed.Close() })
			return dialed, nil
		}),
	}
	switch c.secured {
	case required:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case opportunistic:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	default: // no STARTTLS within TLS
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if c.user != "" {
		options = append(options, gomail.WithUsername(c.user), gomail.WithPassword(c.password), c.login())
	}
	return gomail.NewClient(c.host, options...)
}

// login chooses how to log in: with what the server offers. Sending the password as it is is left to connections that
// cannot be listened to, and to those that may be.
func (c *SMTP) login() gomail.Option {
	if c.secured == off || c.secured == fromTheStart {
		return gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc, gomail.SMTPAuthCramMD5)
	}
	return gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover)
}
