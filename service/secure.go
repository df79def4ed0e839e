package service

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"net"
	"os"
	"strings"
	"time"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence"
)

// checkAPI finds what is wrong with how the API is to be reached. Where others could reach it and no store is named, so
// that there can be no key, that comes first: it is what matters most.
func (o Options) checkAPI() error {
	if !o.API {
		return nil
	}
	if err := checkListen(o.Listen); err != nil {
		return err
	}
	if o.mustHaveKey() && o.DatabaseURL == "" {
		return o.refuseToListen("and NARRATIVE_DATABASE_URL, the store whose keys it would ask for, is not set")
	}
	if o.TLSCert != "" || o.TLSKey != "" {
		_, err := o.certificate()
		return err
	}
	return nil
}

// public tells whether others than this machine can reach the API.
func (o Options) public() bool {
	host, _, err := net.SplitHostPort(o.Listen)
	ip := net.ParseIP(host)
	return err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback())
}

// keysRequired tells whether the API asks for keys.
func (o Options) keysRequired() bool { return o.RequireKey || o.mustHaveKey() }

// mustHaveKey tells whether the API may listen only where there is a key.
func (o Options) mustHaveKey() bool { return o.API && o.public() && !o.Insecure }

func (o Options) refuseToListen(because string) error {
	return narrative.Errorf(narrative.Invalid, "--listen %s can be reached from other machines, %s: make the first key with `narrative key create NAME --local`, "+
		"or listen on 127.0.0.1, or say --insecure, with --require-key or without, if something else guards it", o.Listen, because)
}

// keysWithin bounds how long the store is waited for before the API listens.
const keysWithin = 2 * time.Second

// requireKey refuses to listen where others could reach the API although the store has no key. It looks before anything
// else is connected to, made or migrated.
func (s *Service) requireKey(ctx, _ context.Context) error {
	if !s.o.mustHaveKey() {
		return nil
	}
	keys, err := s.o.goodKeys(ctx)
	switch {
	case err != nil && s.o.RequireKey:
		return err // all was said that can be said
	case err != nil:
		return s.o.refuseToListen("and whether the store has a key that it can ask for could not be found out (" + err.Error() + ")")
	case keys == 0:
		return s.o.refuseToListen("and the store has no key yet that it could ask for")
	}
	return nil
}

// goodKeys counts the keys that have not expired. A store whose file is not there has none, and is not made.
func (o Options) goodKeys(ctx context.Context) (good int, err error) {
	if path, isFile := strings.CutPrefix(o.DatabaseURL, "sqlite:"); isFile {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return 0, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, keysWithin)
	defer cancel()
	store, err := persistence.Open(ctx, o.DatabaseURL, persistence.Options{Logger: o.Logger})
	if err != nil {
		return 0, err
	}
	defer store.Close()
	keys, err := store.Keys(ctx)
	for _, k := range keys {
		if k.ExpiresAt == nil || o.Now().Before(*k.ExpiresAt) {
			good++
		}
	}
	return good, err
}

// certificate reads the certificate and its key.
func (o Options) certificate() (tls.Certificate, error) {
	if o.TLSCert == "" || o.TLSKey == "" {
		return tls.Certificate{}, narrative.Errorf(narrative.Invalid, "give both --tls-cert and --tls-key, or neither")
	}
	var pem [2][]byte
	for n, file := range []struct{ flag, path string }{{"--tls-cert", o.TLSCert}, {"--tls-key", o.TLSKey}} {
		content, err := os.ReadFile(file.path)
		if err != nil {
			return tls.Certificate{}, narrative.Errorf(narrative.Invalid, "%s %s cannot be read: %v", file.flag, file.path, cause(err))
		}
		pem[n] = content
	}
	pair, err := tls.X509KeyPair(pem[0], pem[1])
	if err != nil {
		return pair, narrative.Errorf(narrative.Invalid, "--tls-cert %s and --tls-key %s are no certificate with its key, in PEM: %s",
			o.TLSCert, o.TLSKey, strings.TrimPrefix(err.Error(), "tls: "))
	}
	return pair, nil
}

// tellNoKey says so where the API asks for keys and there is none: nobody can use it.
func (s *Service) tellNoKey(ctx context.Context) {
	if !s.o.keysRequired() {
		return
	}
	if keys, err := s.store.Keys(ctx); err == nil && len(keys) == 0 {
		const text = "the API asks for a key, and there is none yet: narrative key create NAME --local makes the first"
		s.o.Logger.Warn(text)
		s.o.Told(Happening{At: s.o.Now(), Text: text})
	}
}

// serving returns what answers on the listener: over TLS where there is a certificate.
func (s *Service) serving() (func() error, error) {
	if s.o.TLSCert == "" {
		return func() error { return s.server.Serve(s.listener) }, nil
	}
	pair, err := s.o.certificate()
	if err != nil {
		return nil, err
	}
	s.server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	return func() error { return s.server.ServeTLS(s.listener, "", "") }, nil
}

// AddKey puts a key into the store of the options.
func AddKey(ctx context.Context, o Options, k narrative.APIKey) (narrative.APIKey, error) {
	store, err := persistence.Open(ctx, o.DatabaseURL, persistence.Options{Logger: o.Logger})
	if err != nil {
		return narrative.APIKey{}, err
	}
	defer store.Close()
	return store.AddKey(ctx, k)
}
