package smtpfake

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
)

// Message is one that a server took.
type Message struct {
	From    string      // of the envelope
	To      []string    // of the envelope
	Header  mail.Header // by canonical name, as written; a name may have several values
	Subject string      // decoded
	Text    string      // the plain part, decoded, with \n at the ends of lines
	HTML    string      // likewise
	Raw     []byte      // as it came
}

// newMessage reads what came. What cannot be read is left empty: Raw tells.
func newMessage(from string, to []string, raw []byte) Message {
	m := Message{From: from, To: append([]string(nil), to...), Raw: raw}
	parsed, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return m
	}
	m.Header = parsed.Header
	m.Subject, _ = (&mime.WordDecoder{}).DecodeHeader(parsed.Header.Get("Subject"))
	kind, params, err := mime.ParseMediaType(parsed.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		return m
	}
	for r := multipart.NewReader(parsed.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err != nil {
			return m
		}
		content, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			return m
		}
		text := strings.ReplaceAll(string(content), "\r\n", "\n")
		switch kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type")); kind {
		case "text/plain":
			m.Text = text
		case "text/html":
			m.HTML = text
		}
	}
}
