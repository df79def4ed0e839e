package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const undeliveredJSON = `{"items":[
{"id":"n2","batch":"b1","kind":"opened","channel":"email","recipient":"bob@example.com","state":"undelivered","attempts":2,"last_error":"550 no such user","created_at":"2026-03-04T11:00:00Z","message":{"subject":"[Failing] balance"}},
{"id":"n1","batch":"b1","kind":"opened","channel":"email","recipient":"bob@example.com","state":"undelivered","attempts":2,"last_error":"550 no such user","created_at":"2026-03-04T11:00:00Z","message":{"subject":"[Failing] balance"}},
{"id":"t1","batch":"b2","kind":"test","channel":"email","recipient":"bob@example.com","state":"undelivered","created_at":"2026-03-04T11:00:00Z","message":{"subject":"[Test]"}}]}`

func TestNotificationList(t *testing.T) {
	t.Parallel()
	w, api := withAPI(t, map[string][]answer{"GET /api/v1/notifications": {{200, `{"items":[
		{"id":"n1","kind":"opened","channel":"slack","recipient":"#ops","state":"suppressed","suppressed":"notify[0] of balance","created_at":"2026-03-04T11:00:00Z","message":{"subject":"s1"}},
		{"id":"n2","kind":"impasse","channel":"email","recipient":"a@example.com","state":"sent","receipt":"<k@h>","attempts":1,"created_at":"2026-03-04T11:00:00Z","message":{"subject":"s2"}}]}`}}})
	w.run("notification", "list", "--issue", "i1", "--state", "sent").is(t, 0,
		"ID  CHANNEL  TO             KIND     STATE       MADE    RECEIPT OR REASON     SUBJECT\n"+
			"n1  slack    #ops           opened   suppressed  1h ago  notify[0] of balance  s1\n"+
			"n2  email    a@example.com  impasse  sent        1h ago  <k@h>                 s2\n", "")
	if diff := cmp.Diff([]string{"GET /api/v1/notifications?issue=i1&limit=50&state=sent"}, api.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	w, _ = withAPI(t, map[string][]answer{"GET /api/v1/notifications": {{200, `{"items":[]}`}}})
	w.run("notification", "list").is(t, 0, "no notifications\n", "")
}

func TestNotificationRetry(t *testing.T) {
	t.Parallel()
	retried := map[string][]answer{
		"GET /api/v1/notifications":           {{200, undeliveredJSON}},
		"POST /api/v1/notifications/n2/retry": {{200, `{}`}},
		"POST /api/v1/notifications/n3/retry": {{409, `{"status":409,"detail":"notification n3 is sent"}`}},
	}
	w, api := withAPI(t, retried)
	w.run("notification", "retry", "--all").is(t, 0, "n2: is sent again\n", "")
	if diff := cmp.Diff([]string{
		"GET /api/v1/notifications?limit=500&state=undelivered", `POST /api/v1/notifications/n2/retry {"by":"ann"}`,
	}, api.asked); diff != "" {
		t.Errorf("one of each message, and no test: asked (-want +got):\n%s", diff)
	}
	w, _ = withAPI(t, retried)
	w.run("notification", "retry", "n2", "-o", "json").is(t, 0, "{\"retried\":[\"n2\"]}\n", "")
	w, _ = withAPI(t, retried)
	w.run("notification", "retry", "n3").is(t, 1, "", "notification n3 is sent")
	setup(t).run("notification", "retry").is(t, 2, "", "takes either IDs or --all")
	setup(t).run("notification", "retry", "n1", "--all").is(t, 2, "", "takes either IDs or --all")
}

func TestNotifyTest(t *testing.T) {
	t.Parallel()
	w, api := withAPI(t, map[string][]answer{"POST /api/v1/channels/slack/test": {{200, `{"channel":"slack","recipient":"#ops","state":"sent","receipt":"C1/1.1"}`}}})
	w.run("notify", "test", "slack", "#ops").is(t, 0, "told #ops by slack: C1/1.1\n", "")
	if diff := cmp.Diff([]string{`POST /api/v1/channels/slack/test {"by":"ann","recipient":"#ops"}`}, api.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	w, _ = withAPI(t, map[string][]answer{"POST /api/v1/channels/email/test": {{200, `{"channel":"email","recipient":"bob@example.com","state":"undelivered","last_error":"550 no such user"}`}}})
	w.run("notify", "test", "email").is(t, 1, "", "bob@example.com was not told by email: 550 no such user")
	w, _ = withAPI(t, map[string][]answer{"POST /api/v1/channels/email/test": {{422, `{"status":422,"detail":"recipient: is required: config.admins names nobody by email"}`}}})
	w.run("notify", "test", "email").is(t, 2, "", "config.admins names nobody by email")
	setup(t).run("notify", "test").is(t, 2, "", "needs CHANNEL")
}

func TestRouteTest(t *testing.T) {
	t.Parallel()
	w, api := withAPI(t, map[string][]answer{"GET /api/v1/assertions/balance/route": {{200, `{"severity":"critical","items":[
		{"kind":"opened","recipients":[{"channel":"email","address":"a@example.com","because":"notify[0] of balance"},
			{"channel":"slack","address":"#b","because":"x","suppressed":"notify[1] of balance, for info, which does not take critical"}]},
		{"kind":"no_solution","recipients":[]}]}`}}})
	w.run("route", "test", "balance", "--severity", "critical").is(t, 0, `balance, at severity critical:
OF           TOLD           BY     BECAUSE
opened       a@example.com  email  notify[0] of balance
opened       not #b         slack  notify[1] of balance, for info, which does not take critical
no_solution  nobody                neither config.admins nor notify names anybody for it
Of a recovery, everybody is told who was told of the issue.
`, "")
	if diff := cmp.Diff([]string{"GET /api/v1/assertions/balance/route?severity=critical"}, api.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	w, _ = withAPI(t, map[string][]answer{"GET /api/v1/events/spike/route": {{200, `{"severity":"error","items":[]}`}}})
	w.run("route", "test", "spike").is(t, 0, "spike, at severity error:", "")
	w, _ = withAPI(t, nil)
	w.run("route", "test", "none").is(t, 1, "", `there is no assertion or event "none"`)
	setup(t).run("route", "test", "No Name").is(t, 2, "", "must be")
}

func TestIssueShowNamesWhatIsUndelivered(t *testing.T) {
	t.Parallel()
	w, _ := withAPI(t, map[string][]answer{
		"GET /api/v1/issues/i1":     {{200, `{"id":"i1","assertion":"balance","status":"open","opened_at":"2026-03-04T11:00:00Z"}`}},
		"GET /api/v1/notifications": {{200, undeliveredJSON}},
	})
	w.run("issue", "show", "i1").is(t, 0, "UNDELIVERED (narrative notification retry ID sends one again):\n  n2  opened to bob@example.com by email, 1h ago: 2 attempts; 550 no such user\n", "")
}
