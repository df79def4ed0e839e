package webhook

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/narrative-go/narrative"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// receiver is a program behind a URL; answer is what it answers with, default 204.
type receiver struct {
	*httptest.Server
	mutex  sync.Mutex
	header []http.Header
	bodies []string
}

func receive(t *testing.T, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.mutex.Lock()
		r.header, r.bodies = append(r.header, q.Header), append(r.bodies, string(body))
		r.mutex.Unlock()
		if answer == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		answer(w, q)
	}))
	t.Cleanup(r.Close)
	return r
}

func says(code int, text string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, text)
	}
}

// channel resolves every reference as at, and signs.
func channel(at string, o Options) *Channel {
	o.Secret, o.Now = "s3cret", func() time.Time { return now }
	o.Resolve = func(_, name string) (string, error) {
		if name != "HOOK" {
			return "", narrative.Errorf(narrative.Invalid, "%s is not set", name)
		}
		return at, nil
	}
	return New(o)
}

func telling() narrative.Telling {
	return narrative.Telling{
		Notification: narrative.Notification{
			Key: "k1", IssueID: "i-7", Kind: narrative.NotifyOpened, Channel: narrative.ChannelWebhook, Recipient: "${env:HOOK}",
			CreatedAt: now, Message: narrative.Message{Subject: "2 issues", Text: "See <them>."},
		},
		Stories: []narrative.Story{{Issue: narrative.Issue{
			ID: "i-7", Assertion: "invoices-balance", Kind: narrative.KindRecord, Record: narrative.Record{Type: "invoice", ID: "7"},
			Status: narrative.StatusImpasse, Severity: narrative.SeverityError, Summary: "off by 5", OpenedAt: now, WorkflowID: "issue/invoices-balance/invoice/7",
			Awaiting: &narrative.Awaiting{For: narrative.AwaitingChoice, Since: now}, Steps: []narrative.ResolutionStep{{ID: "s"}},
		}}, {Issue: narrative.Issue{ID: "i-8", Assertion: "no-negative-stock", Kind: narrative.KindFailure, Status: narrative.StatusResolved, OpenedAt: now, ResolvedAt: &now}}},
	}
}

func forbid(context.Context) (narrative.Config, error) {
	return narrative.Config{Webhooks: narrative.Webhooks{PrivateAddresses: narrative.PrivateForbid}}, nil
}
