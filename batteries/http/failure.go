package http

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"

	"github.com/narrative-go/narrative"
)

// explain says in our own words why no answer could be had. What refuses or is not there may be back in a second;
// what answers beyond its bounds will do so again.
func (t target) explain(err error) error {
	said := func(kind narrative.ErrorKind, format string, args ...any) error {
		return narrative.Errorf(kind, "%s: %s%s", t.name, t.scrub(fmt.Sprintf(format, args...)), t.elsewhere(err))
	}
	var dns *net.DNSError
	var plain tls.RecordHeaderError
	switch {
	case errors.Is(err, errRedirects), errors.Is(err, errForeign):
		return said(narrative.Invalid, "%s", withoutURL(err))
	case errors.Is(err, errPrivate):
		return said(narrative.Invalid, "%s", errPrivate)
	case errors.As(err, &dns):
		return said(narrative.Unavailable, "its name cannot be resolved: %s", dns.Err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return said(narrative.Unavailable, "the connection is refused")
	case errors.As(err, &plain), errors.Is(err, http.ErrSchemeMismatch):
		return said(narrative.Unavailable, "what answers does not speak TLS")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return said(narrative.Unavailable, "the connection was closed before the whole answer had come")
	}
	return said(narrative.Unavailable, "no answer can be had: %s", withoutURL(err))
}

// withoutURL is the error beneath the one that repeats the URL.
func withoutURL(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

// elsewhere names the place that an error happened at, where that is not the target.
func (t target) elsewhere(err error) string {
	var failed *url.Error
	if !errors.As(err, &failed) {
		return ""
	}
	if u, parsed := url.Parse(failed.URL); parsed == nil && u.Host != "" && u.Host != t.url.Host {
		return fmt.Sprintf(" (redirected to %s)", cut(u.Host, 100))
	}
	return ""
}
