package email

import (
	"bytes"
	"fmt"
	"net/mail"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/narrative-go/narrative"
)

// Sender is who messages are from, and what they look like.
type Sender struct {
	From    string // an address, with a name or without; default narrative@localhost
	ReplyTo string // where answers go; default nowhere else
	// Templates is a folder whose [TextTemplate] and [HTMLTemplate] replace the embedded ones; default none. They are
	// read once.
	Templates string
}

// DefaultFrom is who messages are from unless configured.
const DefaultFrom = "narrative@localhost"

// identity is a sender whose addresses and templates were understood.
type identity struct {
	from      *mail.Address
	replyTo   *mail.Address // nil: none
	host      string        // of Message-IDs
	templates templates
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
	if s.ReplyTo != "" {
		if id.replyTo, err = mail.ParseAddress(s.ReplyTo); err != nil {
			return identity{}, narrative.Errorf(narrative.Invalid, "the reply address %q is not a mail address", s.ReplyTo)
		}
	}
	id.templates, err = readTemplates(s.Templates)
	return id, err
}

// letter is a message as it goes over the wire.
type letter struct {
	to        string // the address alone
	messageID string // with its angle brackets
	content   []byte
}

// write makes the message of a telling. The same telling makes the same bytes.
func (id identity) write(t narrative.Telling) (letter, error) {
	to, err := mail.ParseAddress(t.Recipient)
	if err != nil {
		return letter{}, narrative.Errorf(narrative.Invalid, "the recipient %q is not a mail address", t.Recipient)
	}
	text, rich, err := id.templates.fill(dataOf(t))
	if err != nil {
		return letter{}, err
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithBoundary("narrative-"+narrative.HashText(t.Key)[:40]))
	m.FromMailAddress(id.from)
	if id.replyTo != nil {
		m.ReplyToMailAddress(id.replyTo)
	}
	m.ToMailAddress(to)
	m.Subject(oneLine(t.Message.Subject))
	m.SetDateWithValue(t.CreatedAt.UTC())
	messageID := id.messageID(t.Key)
	m.SetMessageIDWithValue(strings.Trim(messageID, "<>"))
	m.SetGenHeader("X-Narrative-Kind", oneLine(string(t.Kind)))
	issues := issuesOf(t)
	if references := id.references(issues, t.Earlier); len(references) > 0 {
		m.SetGenHeader(gomail.HeaderReferences, strings.Join(references, " "))
		m.SetGenHeader(gomail.HeaderInReplyTo, id.answered(issues, t.Earlier))
	}
	// So that nobody's holiday answers it (RFC 3834).
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetBodyString(gomail.TypeTextPlain, text)
	m.AddAlternativeString(gomail.TypeTextHTML, rich)

	var b bytes.Buffer
	for _, issue := range issues {
		fmt.Fprintf(&b, "X-Narrative-Issue: %s\r\n", part(issue)) // one each, which m would join
	}
	if _, err := m.WriteTo(&b); err != nil {
		return letter{}, fmt.Errorf("write the message %s: %w", t.Key, err)
	}
	return letter{to: to.Address, messageID: messageID, content: b.Bytes()}, nil
}

// maxRoots is how many issues a message refers to as the beginning of its thread; it names all of them.
const maxRoots = 10

// maxEarlier is how many earlier messages a message refers to: the first, and the last ones. A longer header does not
// get through everywhere.
const maxEarlier = 10

// issuesOf are the ids of the issues that a message concerns.
func issuesOf(t narrative.Telling) (ids []string) {
	for _, s := range t.Stories {
		ids = append(ids, s.Issue.ID)
	}
	if len(ids) == 0 && t.IssueID != "" {
		ids = []string{t.IssueID}
	}
	return ids
}

// references are the roots of the threads of those issues, and then the messages sent before, oldest first. A message
// of no issue has none.
func (id identity) references(issues, earlier []string) (all []string) {
	if len(issues) == 0 {
		return nil
	}
	for _, issue := range issues[:min(len(issues), maxRoots)] {
		all = append(all, id.root(issue))
	}
	for n, key := range earlier {
		if n == 0 || n > len(earlier)-maxEarlier {
			all = append(all, id.messageID(key))
		}
	}
	return all
}

// answered is the message that the message is an answer to: the newest of the thread, or its root.
func (id identity) answered(issues, earlier []string) string {
	if len(earlier) > 0 {
		return id.messageID(earlier[len(earlier)-1])
	}
	return id.root(issues[0])
}

func (id identity) root(issue string) string { return "<issue-" + part(issue) + "@" + id.host + ">" }

func (id identity) messageID(key string) string { return "<" + part(key) + "@" + id.host + ">" }

// part is a key or id as it may stand in a message id (RFC 5322, dot-atom): hashed where it has other characters.
func part(s string) string {
	plain := strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_/+=~") == ""
	if plain && s != "" && len(s) <= 100 {
		return s
	}
	return narrative.HashText(s)[:32]
}

// oneLine keeps line ends, which would begin another header, out of a header.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
