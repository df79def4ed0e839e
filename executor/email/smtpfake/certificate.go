package smtpfake

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"
)

// Host is a name, besides 127.0.0.1 and localhost, that a server's certificate is for.
const Host = "mail.example.com"

// identity is a certificate that the server has made itself.
type identity struct {
	tls    tls.Certificate
	parsed *x509.Certificate
}

func newIdentity() (identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return identity{}, err
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: Host}, DNSNames: []string{Host, "localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		return identity{}, err
	}
	parsed, err := x509.ParseCertificate(der)
	return identity{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, parsed}, err
}

// secured puts the server under TLS as its options say.
func (s *Server) secured(l net.Listener) net.Listener {
	config := &tls.Config{Certificates: []tls.Certificate{s.identity.tls}, MinVersion: tls.VersionTLS12}
	if s.o.TLS == Implicit {
		return tls.NewListener(l, config)
	}
	s.smtp.TLSConfig = config
	return l
}

// Roots are what to trust so as to trust the server's certificate; nil without TLS.
func (s *Server) Roots() *x509.CertPool {
	if s.identity.parsed == nil {
		return nil
	}
	pool := x509.NewCertPool()
	pool.AddCert(s.identity.parsed)
	return pool
}

// CertificatePEM is the server's certificate for a file that SSL_CERT_FILE names; nil without TLS.
func (s *Server) CertificatePEM() []byte {
	if s.identity.parsed == nil {
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.identity.parsed.Raw})
}
