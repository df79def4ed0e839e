package http

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
)

// The reasons of failed verdicts.
const (
	reasonStatus      = "status"
	reasonCertificate = "certificate"
	reasonBody        = "body"
	reasonJSON        = "json"
	reasonLatency     = "latency"
)

// failure is an expectation that is not met.
type failure struct {
	reason  string
	says    string
	expires time.Time // of a certificate that was not trusted
}

// judge holds the answer against what is expected, in the order of the reasons. The body counts only where the status
// is as expected.
func (e *endpoint) judge(ctx context.Context, got answer) (failures []failure, err error) {
	fails := func(reason, format string, args ...any) {
		failures = append(failures, failure{reason: reason, says: fmt.Sprintf(format, args...)})
	}
	expected := e.Status.expect(got.status)
	if !expected {
		fails(reasonStatus, "it answers %s; expected is %s", statusText(got.status), e.Status)
	}
	if days := e.CertificateDays; days != nil && got.expires != nil && daysLeft(*got.expires, e.now()) < *days {
		fails(reasonCertificate, "its certificate %s; at least %s are to be left", e.expiry(*got.expires), inDays(*days))
	}
	if expected && e.Contains != "" && !strings.Contains(string(got.body), e.Contains) {
		fails(reasonBody, "the body does not contain %q", cut(e.Contains, 100))
	}
	if expected && e.condition != nil {
		holds, err := e.condition.holds(ctx, got)
		if err != nil {
			return nil, narrative.Errorf(narrative.Invalid, "%s: %s", e.name, e.scrub(err.Error()))
		}
		if !holds {
			fails(reasonJSON, "%s does not hold", cut(strings.Join(strings.Fields(e.JSON), " "), 200))
		}
	}
	if most := time.Duration(e.Latency); most > 0 && got.took > most {
		fails(reasonLatency, "it took %s, longer than %s", milliseconds(got.took), e.Latency)
	}
	return failures, nil
}

// verdict is passed where there is no failure. The first failure gives the reason.
func (e *endpoint) verdict(got answer, failures ...failure) narrative.Verdict {
	if len(failures) == 0 {
		return e.describe(narrative.Passed("%s answers %d in %s", e.name, got.status, milliseconds(got.took)), got)
	}
	says := make([]string, len(failures))
	for i, f := range failures {
		says[i] = f.says
		if !f.expires.IsZero() {
			got.expires = &f.expires
		}
	}
	v := narrative.Failed("%s: %s", e.name, e.scrub(strings.Join(says, "; ")))
	v.Reason = failures[0].reason
	return e.describe(v, got)
}

func (e *endpoint) describe(v narrative.Verdict, got answer) narrative.Verdict {
	if got.status != 0 {
		v = v.With("status", got.status).With("latency_ms", got.took.Milliseconds())
	}
	if got.redirects > 0 {
		v = v.With("redirects", got.redirects)
	}
	if got.expires != nil {
		v = v.With("certificate_days", daysLeft(*got.expires, e.now())).
			With("certificate_expires_at", got.expires.UTC().Format(time.RFC3339))
	}
	return v
}

// untrusted is the error of a certificate that was shown and cannot be trusted, or nil.
func untrusted(err error) *tls.CertificateVerificationError {
	var invalid *tls.CertificateVerificationError
	if errors.As(err, &invalid) {
		return invalid
	}
	return nil
}

// distrust is a failure too: the target was reached, and nobody should talk to it.
func (e *endpoint) distrust(invalid *tls.CertificateVerificationError, where string) failure {
	f := failure{reason: reasonCertificate}
	if len(invalid.UnverifiedCertificates) > 0 {
		f.expires = invalid.UnverifiedCertificates[0].NotAfter
	}
	var other x509.CertificateInvalidError
	if errors.As(invalid, &other) && other.Reason == x509.Expired && other.Cert.NotAfter.Before(e.now()) {
		f.expires = other.Cert.NotAfter
		f.says = "its certificate " + e.expiry(f.expires)
	} else {
		f.says = fmt.Sprintf("its certificate cannot be trusted: %s", invalid.Err)
	}
	f.says += where
	return f
}

func (e *endpoint) expiry(at time.Time) string {
	day := at.UTC().Format(time.DateOnly)
	if days := daysLeft(at, e.now()); days >= 0 {
		return fmt.Sprintf("expires in %s, on %s", inDays(days), day)
	}
	return "expired on " + day
}

// daysLeft are whole days; negative once it has expired.
func daysLeft(expires, now time.Time) int {
	return int(math.Floor(expires.Sub(now).Hours() / 24))
}

func inDays(n int) string {
	if n == 1 {
		return "1 day"
	}
	return fmt.Sprintf("%d days", n)
}

func statusText(status int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
}

func milliseconds(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
