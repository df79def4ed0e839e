package tests

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// temporalServer starts a Temporal server in a process of its own, with nothing of ours in it, and returns its address.
func temporalServer(t *testing.T) (address string) {
	t.Helper()
	p := launch(t, temporalBinary, t.TempDir(), nil, "data")
	await(t, 60*time.Second, "Temporal answers", func() error {
		line, _, whole := strings.Cut(p.out.String(), "\n")
		if _, _, err := net.SplitHostPort(line); !whole || err != nil {
			return fmt.Errorf("so far it said %q", p.out)
		}
		address = line
		return nil
	})
	t.Cleanup(func() { _ = p.end(syscall.SIGTERM, 15*time.Second) })
	return address
}

// mailServer is a real SMTP server that keeps what it gets.
type mailServer struct {
	address string
	mu      sync.Mutex
	got     []*mail.Message
}

func newMailServer(t *testing.T) *mailServer {
	t.Helper()
	return mailServerAt(t, "127.0.0.1:0")
}

func mailServerAt(t *testing.T, address string) *mailServer {
	t.Helper()
	m := &mailServer{}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	m.address = l.Addr().String()
	server := smtp.NewServer(m)
	server.Domain = "localhost"
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return m
}

// NewSession begins a session.
func (m *mailServer) NewSession(*smtp.Conn) (smtp.Session, error) { return mailSession{m}, nil }

// kinds counts what mails to an address tell of, by their X-Narrative-Kind: one may tell of several issues.
func (m *mailServer) kinds(to string) map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	counts := map[string]int{}
	for _, each := range m.got {
		if address, err := mail.ParseAddress(each.Header.Get("To")); err == nil && address.Address == to {
			counts[each.Header.Get("X-Narrative-Kind")] += max(1, len(each.Header["X-Narrative-Issue"]))
		}
	}
	return counts
}

// mails returns what came so far, in order.
func (m *mailServer) mails() []*mail.Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.got)
}

// twice returns the Message-IDs that came more than once.
func (m *mailServer) twice() (ids []string) {
	seen := map[string]bool{}
	for _, each := range m.mails() {
		id := each.Header.Get("Message-ID") + " to " + each.Header.Get("To")
		if seen[id] {
			ids = append(ids, id)
		}
		seen[id] = true
	}
	return ids
}

type mailSession struct{ *mailServer }

func (mailSession) Reset()                               {}
func (mailSession) Logout() error                        { return nil }
func (mailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (mailSession) Rcpt(string, *smtp.RcptOptions) error { return nil }

// Data keeps the mail.
func (s mailSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, m)
	return nil
}
