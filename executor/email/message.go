package email

import (
	"bytes"
	"fmt"
	"html"
	"net/mail"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/narrative-go/narrative"
)

// Sender is who messages are from.
type Sender struct {
	From    string // an address, with a name or without; default narrative@localhost
	ReplyTo string // where answers go; default nowhere else
}

// DefaultFrom is who messages are from unless configured.
const DefaultFrom = "narrative@localhost"

// identity is a sender whose addresses were understood.
type identity struct {
	from    *mail.Address
	replyTo *mail.Address // nil: none
	host    string        // of Message-IDs
}

func (s Sender) identity() (identity, error) {
	if s.From == "" {
		s.From = DefaultFrom
	}
	from, err := mail.ParseAddress(s.From)
	if err != nil {
		return identity{}, narrative.Errorf(narrative.Invalid, "the sender %q is not a mail address", s.From)
	}
	id := identity{from: from, host: from.Address[strings.LastIndexByte(from.Address, '@')+1:]}
	if s.ReplyTo == "" {
		return id, nil
	}
	if id.replyTo, err = mail.ParseAddress(s.ReplyTo); err != nil {
		return identity{}, narrative.Errorf(narrative.Invalid, "the reply address %q is not a mail address", s.ReplyTo)
	}
	return id, nil
}

// build makes the message of a notification. The same notification makes the same bytes.
func (id identity) build(n narrative.Notification) (m *gomail.Msg, messageID string, err error) {
	m = gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithBoundary("narrative-"+narrative.HashText(n.Key)[:40]))
	m.FromMailAddress(id.from)
	if id.replyTo != nil {
		m.ReplyToMailAddress(id.replyTo)
	}
	to, err := mail.ParseAddress(n.Recipient)
	if err != nil {
		return nil, "", narrative.Errorf(narrative.Invalid, "the recipient %q is not a mail address", n.Recipient)
	}
	m.ToMailAddress(to)
	m.Subject(oneLine(n.Message.Subject))
	m.SetDateWithValue(n.CreatedAt.UTC())
	own := oneLine(n.Key) + "@" + id.host
	m.SetMessageIDWithValue(own)
	m.SetGenHeader("X-Narrative-Kind", oneLine(string(n.Kind)))
	if n.IssueID != "" {
		thread := "<issue-" + oneLine(n.IssueID) + "@" + id.host + ">"
		m.SetGenHeader(gomail.HeaderReferences, thread)
		m.SetGenHeader(gomail.HeaderInReplyTo, thread)
		m.SetGenHeader("X-Narrative-Issue", oneLine(n.IssueID))
	}
	// So that nobody's holiday answers it (RFC 3834).
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	text, rich := n.Message.Text, n.Message.HTML
	if rich == "" {
		rich = htmlOf(text)
	}
	m.SetBodyString(gomail.TypeTextPlain, text)
	m.AddAlternativeString(gomail.TypeTextHTML, rich)
	return m, "<" + own + ">", nil
}

// bytes is the message as it goes over the wire.
func (id identity) bytes(n narrative.Notification) (content []byte, messageID string, err error) {
	m, messageID, err := id.build(n)
	if err != nil {
		return nil, "", err
	}
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		return nil, "", fmt.Errorf("write the message %s: %w", n.Key, err)
	}
	return b.Bytes(), messageID, nil
}

// oneLine keeps line ends, which would begin another header, out of a header.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// htmlOf shows a text as it is written.
func htmlOf(text string) string {
	return "<!DOCTYPE html>\n<html><body><pre style=\"font-family: sans-serif; white-space: pre-wrap\">" +
		html.EscapeString(text) + "</pre></body></html>\n"
}
