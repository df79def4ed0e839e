package tests

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/mail"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"

	"github.com/narrative-go/narrative/devserver"
)

// temporalServer is a Temporal server with nothing of ours in it; it returns its address.
func temporalServer(t *testing.T) string {
	t.Helper()
	server, err := devserver.Start(t.Context(), devserver.Options{DataDir: t.TempDir(), UIPort: -1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server.Address()
}

// mailServer is a real SMTP server that keeps what it gets.
type mailServer struct {
	address string
	mu      sync.Mutex
	got     []*mail.Message
}

func newMailServer(t *testing.T) *mailServer {
	t.Helper()
	m := &mailServer{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
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

// kinds counts the mails to an address by their X-Narrative-Kind.
func (m *mailServer) kinds(to string) map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	counts := map[string]int{}
	for _, each := range m.got {
		if address, err := mail.ParseAddress(each.Header.Get("To")); err == nil && address.Address == to {
			counts[each.Header.Get("X-Narrative-Kind")]++
		}
	}
	return counts
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
