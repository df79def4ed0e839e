package email

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/narrative-go/narrative"
)

var made = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)

func notification() narrative.Notification {
	return narrative.Notification{
		Key: "k1", IssueID: "i-7", Kind: narrative.NotifyAction, Channel: narrative.ChannelEmail,
		Recipient: "ops@example.com", CreatedAt: made,
		Message: narrative.Message{Subject: "invoice 7 is off: 5€\r\nBcc: x@example.com", Text: "See <invoice> 7.\nRegards"},
	}
}

// server is a real SMTP server on loopback.
type server struct {
	mutex    sync.Mutex
	messages []string
	logins   []string
	mechs    []string
	mail     func(net.Conn) error
	rcpt     error
	data     func(net.Conn) error
	hangUp   bool // once a message was taken
	address  string
	pool     *x509.CertPool
}

type session struct {
	*server
	conn   net.Conn
	logged bool
}

func (s *server) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &session{server: s, conn: c.Conn()}, nil
}

func (s *session) Reset() {
	if s.hangUp && len(s.received()) > 0 {
		_ = s.conn.Close()
	}
}

func (s *session) Logout() error { return nil }

func (s *session) Mail(string, *smtp.MailOptions) error {
	if len(s.mechs) > 0 && !s.logged {
		return smtp.ErrAuthRequired
	}
	if s.mail != nil {
		return s.mail(s.conn)
	}
	return nil
}
func (s *session) Rcpt(string, *smtp.RcptOptions) error { return s.rcpt }

func (s *session) Data(r io.Reader) error {
	if s.data != nil {
		return s.data(s.conn)
	}
	b, err := io.ReadAll(r)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.messages = append(s.messages, string(b))
	return err
}

func (s *session) AuthMechanisms() []string { return s.mechs }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.logins = append(s.logins, user+":"+password)
		if password != "s3cret" {
			return &smtp.SMTPError{Code: 535, Message: "no"}
		}
		s.logged = true
		return nil
	}), nil
}

func (s *server) received() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return append([]string(nil), s.messages...)
}

// start serves; mode is plain, starttls or tls.
func (s *server) start(t *testing.T, mode string) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	srv := smtp.NewServer(s)
	srv.Domain, srv.AllowInsecureAuth = "test", mode == "plain"
	srv.ErrorLog = quiet{}
	if mode != "plain" {
		certificate, pool := certificate(t)
		s.pool = pool
		config := &tls.Config{Certificates: []tls.Certificate{certificate}}
		if mode == "tls" {
			l = tls.NewListener(l, config)
		} else {
			srv.TLSConfig = config
		}
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); <-done })
	return s
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.example.com"}, DNSNames: []string{"mail.example.com"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func channel(t *testing.T, url string, o SMTPOptions) *SMTP {
	t.Helper()
	c, err := NewSMTP(url, Sender{From: "Narrative <bot@shop.example>", ReplyTo: "team@shop.example"}, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
