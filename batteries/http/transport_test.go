package http

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/narrative-go/narrative"
)

// bomb is 16 MB in as many KB.
func bomb(t *testing.T) string {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	for range 16 {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.String()
}

func TestPrivateAddressesAreRefusedWhereTheyAreNotAllowed(t *testing.T) {
	t.Parallel()
	url := answers(t, 200, "ok")
	for name, address := range map[string]string{"by address": url, "by name": strings.Replace(url, "127.0.0.1", "localhost", 1)} {
		if v, err := check(t, Args{URL: address}); err != nil || !v.Passed {
			t.Errorf("%s, allowed: %+v, %v", name, v, err)
		}
		_, err := check(t, Args{URL: address, Private: to(false)})
		if err == nil || !strings.Contains(err.Error(), "its address is private") || narrative.KindOf(err) != narrative.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsPublic(t *testing.T) {
	t.Parallel()
	for _, private := range []string{
		"127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "0.1.2.3", "100.64.0.1",
		"192.0.0.8", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1",
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001::1", "2001:db8::1", "fec0::1",
	} {
		if public(netip.MustParseAddr(private)) {
			t.Errorf("%s is public", private)
		}
	}
	for _, open := range []string{"1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1"} {
		if !public(netip.MustParseAddr(open)) {
			t.Errorf("%s is private", open)
		}
	}
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	soon, trusted := secure(t, 5*day+time.Hour)
	gone, trustedOnce := secure(t, -time.Hour)
	for name, tt := range map[string]struct {
		args    Args
		roots   *x509.CertPool
		passed  bool
		summary string
		days    int
	}{
		"enough days":    {Args{URL: soon, CertificateDays: to(5)}, trusted, true, "answers 200", 5},
		"not asked":      {Args{URL: soon}, trusted, true, "answers 200", 5},
		"too few days":   {Args{URL: soon, CertificateDays: to(14)}, trusted, false, "its certificate expires in 5 days, on ", 5},
		"expired":        {Args{URL: gone}, trustedOnce, false, "its certificate expired on ", -1},
		"not trusted":    {Args{URL: soon}, nil, false, "its certificate cannot be trusted: x509: ", 5},
		"another's name": {Args{URL: strings.Replace(soon, "127.0.0.1", "localhost", 1)}, trusted, false, "its certificate cannot be trusted: x509: ", 5},
		"behind a redirect": {
			Args{URL: answers(t, 302, "", "Location", soon), CertificateDays: nil}, trusted, true, "answers 200", 5,
		},
		"expired behind a redirect": {
			Args{URL: answers(t, 302, "", "Location", gone)}, trustedOnce, false, "(redirected to " + strings.TrimPrefix(gone, "https://") + ")", -1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := made(t, tt.args, tt.roots).Check(context.Background())
			if err != nil || v.Passed != tt.passed || !strings.Contains(v.Summary, tt.summary) || v.Details["certificate_days"] != tt.days {
				t.Errorf("%+v, %v", v, err)
			}
			if !v.Passed && v.Reason != "certificate" {
				t.Errorf("reason %q", v.Reason)
			}
		})
	}
}
