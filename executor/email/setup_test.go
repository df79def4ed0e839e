package email

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/executor/email/smtpfake"
)

var made = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)

func telling() narrative.Telling {
	return narrative.Telling{Notification: narrative.Notification{
		Key: "k1", IssueID: "i-7", Kind: narrative.NotifyAction, Channel: narrative.ChannelEmail,
		Recipient: "ops@example.com", CreatedAt: made,
		Message: narrative.Message{Subject: "invoice 7 is off: 5€\r\nBcc: x@example.com", Text: "See <invoice> 7.\nRegards"},
	}}
}

// about is telling about issues of these ids.
func about(ids ...string) narrative.Telling {
	t := telling()
	for _, id := range ids {
		t.Stories = append(t.Stories, narrative.Story{Issue: narrative.Issue{
			ID: id, Assertion: "invoices-balance", Kind: narrative.KindRecord, Record: narrative.Record{Type: "invoice", ID: id},
			Status: narrative.StatusImpasse, Severity: narrative.SeverityCritical, OpenedAt: made,
		}})
	}
	return t
}

func sender() Sender {
	return Sender{From: "Narrative <bot@shop.example>", ReplyTo: "team@shop.example"}
}

func channel(t *testing.T, url string, o SMTPOptions) *SMTP {
	t.Helper()
	c, err := NewSMTP(url, sender(), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// trusting trusts the server's certificate.
func trusting(s *smtpfake.Server) SMTPOptions {
	return SMTPOptions{TLS: &tls.Config{RootCAs: s.Roots(), MinVersion: tls.VersionTLS12}}
}

// elsewhere is for a URL of [smtpfake.Host]: the server stands on another machine, as it were.
func elsewhere(s *smtpfake.Server) SMTPOptions {
	o := trusting(s)
	o.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, s.Address())
	}
	return o
}
