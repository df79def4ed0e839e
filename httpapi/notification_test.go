package httpapi_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/httpapi"
)

func (s *fakeStore) Notifications(_ context.Context, q narrative.NotificationQuery, p narrative.Page) (narrative.Listed[narrative.Notification], error) {
	s.notificationQuery, s.page = q, p
	return narrative.Listed[narrative.Notification]{Items: s.notifications}, s.fail
}

func (s *fakeStore) CountNotifications(context.Context) ([]narrative.NotificationCount, error) {
	return []narrative.NotificationCount{{State: narrative.NotificationUndelivered, Channel: narrative.ChannelEmail, Count: 3}}, s.fail
}

func (o *fakeOperator) Resend(_ context.Context, id, by string) error {
	o.signals = append(o.signals, "resend "+id+" by "+by)
	if id == "sent" {
		return narrative.Errorf(narrative.Conflict, "notification %s is sent: only an undelivered one is tried again", id)
	}
	return nil
}

func (o *fakeOperator) TestChannel(_ context.Context, channel, recipient, by string) (narrative.Notification, error) {
	o.signals = append(o.signals, "test "+channel+" "+recipient+" by "+by)
	return narrative.Notification{Channel: channel, Recipient: recipient, State: narrative.NotificationSent, Receipt: "r", CreatedAt: noon}, nil
}

func TestNotificationsAreListed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.notifications = []narrative.Notification{{ID: "n1", Key: "k", Batch: "k", Kind: "opened", Channel: "email", Recipient: "a@example.com", State: "pending", CreatedAt: noon}}
	w.get(t, "/api/v1/notifications?issue=i1&state=pending&channel=email&kind=opened&limit=7").is(t, 200, `{"items":[{"id":"n1","key":"k","batch":"k",
		"issue_id":"","kind":"opened","channel":"email","recipient":"a@example.com","message":{"subject":"","text":""},"state":"pending","suppressed":"",
		"attempts":0,"last_error":"","receipt":"","created_at":"2026-03-04T12:00:00Z","sent_at":null}]}`)
	want := narrative.NotificationQuery{IssueID: "i1", State: "pending", Channel: "email", Kind: "opened"}
	if diff := cmp.Diff(want, w.notificationQuery); diff != "" || w.page.Limit != 7 {
		t.Errorf("asked for %d (-want +got)\n%s", w.page.Limit, diff)
	}
	w.get(t, "/api/v1/notifications?state=lost").refuses(t, 400, "state")
	w.notifications = nil
	w.get(t, "/api/v1/notifications").is(t, 200, `{"items":[]}`)
}

func TestAnUndeliveredNotificationIsRetried(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.post(t, "/api/v1/notifications/n1/retry", `{"by":"ann"}`).is(t, 200, `{}`)
	w.post(t, "/api/v1/notifications/n2/retry", "").is(t, 200, `{}`)
	w.post(t, "/api/v1/notifications/sent/retry", "").refuses(t, 409, "only an undelivered one")
	w.post(t, "/api/v1/notifications/a%20b/retry", "").refuses(t, 404, "no notification")
	w.post(t, "/api/v1/notifications/n1/retry", `{"bye":"ann"}`).refuses(t, 422, "bye")
	if diff := cmp.Diff([]string{"resend n1 by ann", "resend n2 by ", "resend sent by "}, w.signals); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAChannelIsTried(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.config.Admins = narrative.Recipients{Email: []string{"ops@example.com"}}
	for body, recipient := range map[string]string{`{"recipient":"ann@example.com"}`: "ann@example.com", ``: "ops@example.com"} {
		r := w.post(t, "/api/v1/channels/email/test", body)
		if r.status != 200 || !strings.Contains(r.body, `"recipient":"`+recipient+`"`) {
			t.Errorf("%q: %d %s", body, r.status, r.body)
		}
	}
	w.post(t, "/api/v1/channels/slack/test", "").refuses(t, 422, "names nobody by slack")
	w.post(t, "/api/v1/channels/slack/test", `{"recipient":"ops"}`).refuses(t, 422, `did you mean "#ops"?`)
	w.post(t, "/api/v1/channels/pigeon/test", "").refuses(t, 404, `no channel "pigeon"`)
}

func TestARouteIsShown(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.config.Admins = narrative.Recipients{Slack: "#ops"}
	meta := narrative.Meta{Name: "balance", Severity: "error", Notify: []narrative.Route{{
		Recipients: narrative.Recipients{Email: []string{"team@example.com"}}, Severity: []narrative.Severity{"critical"},
	}}}
	w.assertions = []narrative.AssertionMeta{{Meta: meta}}
	meta.Name = "spike"
	w.events = []narrative.EventMeta{{Meta: meta}}
	w.get(t, "/api/v1/assertions/balance/route?kind=impasse").is(t, 200, `{"severity":"error","items":[{"kind":"impasse","recipients":[
		{"channel":"slack","address":"#ops","because":"config.admins"},
		{"channel":"email","address":"team@example.com","because":"notify[0] of balance, for critical","suppressed":"notify[0] of balance, for critical, which does not take error"}]}]}`)
	w.get(t, "/api/v1/events/spike/route?kind=opened&severity=critical").is(t, 200, `{"severity":"critical","items":[{"kind":"opened","recipients":[
		{"channel":"email","address":"team@example.com","because":"notify[0] of spike, for critical"}]}]}`)
	if r := w.get(t, "/api/v1/assertions/balance/route"); strings.Count(r.body, `"kind"`) != 6 {
		t.Errorf("not every kind: %s", r.body)
	}
	w.get(t, "/api/v1/assertions/none/route").refuses(t, 404, "no assertion")
	w.get(t, "/api/v1/assertions/balance/route?severity=loud").refuses(t, 400, "severity")
}

func TestWhatIsUndeliveredIsCounted(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := w.get(t, "/metrics")
	for _, line := range []string{`narrative_notifications{channel="email",state="undelivered"} 3`, `narrative_notifications{channel="slack",state="pending"} 0`} {
		if r.status != 200 || !strings.Contains(r.body, line+"\n") {
			t.Errorf("%d: %q is not in\n%s", r.status, line, r.body)
		}
	}
	w.fail = narrative.Errorf(narrative.Unavailable, "the store does not answer")
	if r := w.get(t, "/metrics"); r.status != 200 || strings.Contains(r.body, "narrative_notifications{") {
		t.Errorf("without a store: %d %s", r.status, r.body)
	}
}

func TestSlacksPressesGoToWhoTakesThem(t *testing.T) {
	t.Parallel()
	setup(t).post(t, "/slack/interactions", "payload=x").refuses(t, 404, "NARRATIVE_SLACK_SIGNING_SECRET")
	w := setup(t, func(o *httpapi.Options) {
		o.Interactions = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	})
	if r := w.post(t, "/slack/interactions", "payload=x"); r.status != http.StatusTeapot {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestAKeylessAPIAnswersToThisMachineAlone(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *httpapi.Options) { o.Local = true })
	for host, status := range map[string]int{
		"localhost:8321": 200, "127.0.0.1": 200, "[::1]:8321": 200, "evil.example": 403, "127.0.0.1.evil.example:8321": 403, "10.0.0.1": 403,
	} {
		r, err := http.NewRequest(http.MethodGet, w.server.URL+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != status {
			t.Errorf("%s: %s, want %d", host, answer.Status, status)
		}
	}
}
