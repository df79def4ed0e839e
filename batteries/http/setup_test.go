package http

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/narrative-go/narrative"
)

// answers is a target that answers each request the same.
func answers(t *testing.T, status int, body string, header ...string) string {
	t.Helper()
	return serving(t, func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
}

func serving(t *testing.T, handle http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	return s.URL
}

// raw is a target that speaks for itself: what it writes to each connection.
func raw(t *testing.T, speak func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = c.Read(make([]byte, 4096)) // the request
				speak(c)
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// secure is a target over TLS whose certificate, for 127.0.0.1, lasts so long, and who trusts it.
func secure(t *testing.T, left time.Duration) (address string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "shop"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: now.Add(-48 * time.Hour), NotAfter: now.Add(left), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it says each time that it is not trusted
	s.StartTLS()
	t.Cleanup(s.Close)
	roots = x509.NewCertPool()
	roots.AddCert(certificate)
	return s.URL, roots
}

// made is an assertion made as the registry makes it.
func made(t *testing.T, a Args, roots *x509.CertPool) narrative.Assertion {
	t.Helper()
	reg := narrative.NewRegistry()
	register(reg, world{now: time.Now, roots: roots})
	raw, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	if p := reg.CheckArgs(narrative.AssertionKind, Class, raw); len(p) > 0 {
		t.Fatal(p)
	}
	assertion, err := reg.Assertion(Class, raw)
	if err != nil {
		t.Fatal(err)
	}
	return assertion.(narrative.Assertion)
}

func check(t *testing.T, a Args) (narrative.Verdict, error) {
	t.Helper()
	return made(t, a, nil).Check(context.Background())
}

func to[T any](v T) *T { return &v }

func seconds(n float64) narrative.Duration { return narrative.Duration(n * float64(time.Second)) }
