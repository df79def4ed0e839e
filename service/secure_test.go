package service

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func TestWhereKeysAreRequired(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		listen               string
		requireKey, insecure bool
		required, must       bool
	}{
		{"127.0.0.1:8321", false, false, false, false},
		{"localhost:8321", false, false, false, false},
		{"[::1]:8321", false, false, false, false},
		{"127.0.0.1:8321", true, false, true, false},
		{"0.0.0.0:8321", false, false, true, true},
		{":8321", false, false, true, true},
		{"[::]:8321", false, false, true, true},
		{"shop.internal:8321", false, false, true, true},
		{"0.0.0.0:8321", true, false, true, true},
		{"0.0.0.0:8321", false, true, false, false},
		{"0.0.0.0:8321", true, true, true, false},
	} {
		o := Options{API: true, Listen: test.listen, RequireKey: test.requireKey, Insecure: test.insecure}
		if o.keysRequired() != test.required || o.mustHaveKey() != test.must {
			t.Errorf("%+v: required %t, must be there %t", test, o.keysRequired(), o.mustHaveKey())
		}
	}
}

func TestRefusalsBeforeConnecting(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		o    Options
		says []string
	}{
		"public, no store named": {Options{Listen: "0.0.0.0:8321"}, []string{"--listen 0.0.0.0:8321", "--insecure", "--require-key", "NARRATIVE_DATABASE_URL", "narrative key create NAME --local"}},
		"no address":             {Options{Listen: "here", DatabaseURL: "sqlite:x"}, []string{"--listen"}},
		"a certificate alone":    {Options{TLSCert: "c.pem", DatabaseURL: "sqlite:x"}, []string{"both --tls-cert and --tls-key"}},
		"no certificate":         {Options{TLSCert: "/none/c.pem", TLSKey: "/none/k.pem", DatabaseURL: "sqlite:x"}, []string{"--tls-cert /none/c.pem cannot be read"}},
	} {
		test.o.API, test.o.Registry = true, narrative.NewRegistry()
		_, err := New(test.o)
		if narrative.KindOf(err) != narrative.Invalid {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, part := range test.says {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q is not said in: %v", name, part, err)
			}
		}
	}
}

// TestAPublicAddressNeedsAKey looks at what happens before anything is listened on, or made.
func TestAPublicAddressNeedsAKey(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "narrative.db")
	url := "sqlite:" + path
	require := func(o Options) error {
		o.API, o.Listen, o.Registry, o.Now = true, "0.0.0.0:0", narrative.NewRegistry(), func() time.Time { return noon }
		s, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		return s.requireKey(ctx, ctx)
	}
	refused := func(o Options, kind narrative.ErrorKind, parts ...string) {
		t.Helper()
		err := require(o)
		if narrative.KindOf(err) != kind || err == nil {
			t.Errorf("%v", err)
			return
		}
		for _, part := range parts {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q is not said in: %v", part, err)
			}
		}
	}
	none := []string{"has no key yet", "narrative key create NAME --local", "--insecure"}
	refused(Options{DatabaseURL: url}, narrative.Invalid, none...)
	if _, err := os.Stat(path); err == nil {
		t.Error("it made the store's file")
	}
	if err := require(Options{DatabaseURL: url, Insecure: true}); err != nil {
		t.Error(err)
	}
	if _, _, err := persistence.Migrate(ctx, url); err != nil {
		t.Fatal(err)
	}
	refused(Options{DatabaseURL: url}, narrative.Invalid, none...)
	refused(Options{DatabaseURL: url, RequireKey: true}, narrative.Invalid, none...)
	past, later := noon, noon.Add(time.Hour)
	key := narrative.APIKey{Name: "old", Hash: "h1", Scopes: []narrative.Scope{narrative.ScopeAdmin}, CreatedAt: noon, ExpiresAt: &past}
	if _, err := AddKey(ctx, Options{DatabaseURL: url}, key); err != nil {
		t.Fatal(err)
	}
	refused(Options{DatabaseURL: url}, narrative.Invalid, none...)
	key.Name, key.Hash, key.ExpiresAt = "new", "h2", &later
	if _, err := AddKey(ctx, Options{DatabaseURL: url}, key); err != nil {
		t.Fatal(err)
	}
	if err := require(Options{DatabaseURL: url}); err != nil {
		t.Error(err)
	}
	const nowhere = "postgres://127.0.0.1:9/narrative"
	refused(Options{DatabaseURL: nowhere}, narrative.Invalid, "could not be found out", "--insecure")
	refused(Options{DatabaseURL: nowhere, RequireKey: true}, narrative.Unavailable)
}

// certified writes a certificate of 127.0.0.1 and its key, and returns their files and who believes it.
func certified(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, content []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pool = x509.NewCertPool()
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(parsed)
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", encoded), pool
}

func TestTLS(t *testing.T) {
	t.Parallel()
	cert, key, pool := certified(t)
	s := &Service{o: Options{TLSCert: cert, TLSKey: key}}
	s.server = &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "answered") }),
		ReadHeaderTimeout: time.Second,
	}
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	serve, err := s.serving()
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = serve() }()
	t.Cleanup(func() { _ = s.server.Close() })
	get := func(config *tls.Config) (string, error) {
		c := &http.Client{Transport: &http.Transport{TLSClientConfig: config}, Timeout: 10 * time.Second}
		response, err := c.Get("https://" + s.Addr())
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		return string(body), err
	}
	if got, err := get(&tls.Config{RootCAs: pool}); got != "answered" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := get(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 was spoken")
	}
}

func TestAKeyThatIsNotTheCertificates(t *testing.T) {
	t.Parallel()
	cert, _, _ := certified(t)
	_, other, _ := certified(t)
	_, err := New(Options{Registry: narrative.NewRegistry(), API: true, DatabaseURL: "sqlite:x", TLSCert: cert, TLSKey: other})
	if narrative.KindOf(err) != narrative.Invalid || !strings.Contains(err.Error(), cert) || !strings.Contains(err.Error(), other) {
		t.Errorf("%v", err)
	}
}
