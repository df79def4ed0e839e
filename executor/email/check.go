package email

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"

	"github.com/narrative-go/narrative"
)

// Check connects to the server, secures the connection, logs in, and takes leave: all but a message. It returns, in a
// sentence, what it found: "mail.example.com:587 answers, under TLS 1.3, logged in as bot". Its errors are those of
// Send.
func (c *SMTP) Check(ctx context.Context) (string, error) {
	s, err := c.open(ctx)
	if err != nil {
		return "", err
	}
	defer s.close()
	found := []string{fmt.Sprintf("%s:%d answers", c.host, c.port), c.cover(s)}
	if c.user != "" {
		found = append(found, "logged in as "+c.user)
	}
	if ok, size := s.Extension("SIZE"); ok && size != "" && size != "0" {
		found = append(found, "takes messages of up to "+size+" bytes")
	}
	if err := s.UpdateDeadline(c.Timeout); err != nil {
		return "", narrative.Errorf(narrative.Unavailable, "check the mail server %s: %w", c.host, err)
	}
	if err := s.Quit(); err != nil {
		return "", narrative.Errorf(narrative.Unavailable, "check the mail server %s: it does not take leave: %s", c.host, words(err))
	}
	return strings.Join(found, ", "), nil
}

// cover says what the connection is under.
func (c *SMTP) cover(s *session) string {
	if under, ok := s.connection.Conn.(*tls.Conn); ok {
		return "under " + tls.VersionName(under.ConnectionState().Version)
	}
	if state, ok := s.TLSConnectionState(); ok {
		return "under " + tls.VersionName(state.Version)
	}
	if c.loopback {
		return "without TLS, on this machine"
	}
	return "without TLS"
}
