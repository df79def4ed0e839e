package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const balanceJSON = `{"name":"balance","display_name":"Invoices balance","class":"sql","args":{"dsn": "${env:SHOP}","n":1},"every":"5m","enabled":true,
"severity":"critical","notify":[{"email":["ann@example.com"],"slack":"#ops","severity":["error","critical"]}],"source":"shop.yaml","fail_after":3,"resolve_after":1,"error_after":3,"max_attempts":3,"max_plans":10,"max_issues":50,
"renotify":["1h","4h"],"escalate":[{"after":"2h","notify":{"email":["ann@example.com","bob@example.com"]},"unless":"acknowledged"}],
"diagnostics":[{"case":"stuck","when":"issue.rounds == 0","reason":"the job hangs","plan":[{"action":"webhook"},{"action":"email"}],
"rollback":[{"action":"webhook"}],"approval":"required","approval_timeout":"1h","verify_after":"2m"},
{"case":"wait","pass":true},{"case":"mail","plan":[{"action":"email"}]}],
"soft":"failed in 2 checks; an issue opens after 3 in a row","streak":{"passed":0,"failed":2,"errored":0}}`

const plainJSON = `{"name":"agent","display_name":"agent","class":"http","args":{},"cron":"*/5 * * * *","timezone":"Europe/Paris","enabled":false,
"severity":"error","source":"ops.yaml","queue":"slow","trigger":"schedule","timeout":"30s","fail_after":1,"resolve_after":1,"error_after":3,"max_attempts":3,
"max_plans":10,"max_issues":50,"soft":"","streak":{"passed":0,"failed":0,"errored":0}}`

const spikeJSON = `{"name":"spike","display_name":"spike","class":"datums","args":{"window":"10m"},"every":"1m","enabled":true,"severity":"error",
"source":"shop.yaml","ttl":"6h","respond":[{"action":"slack"},{"action":"email"}]}`

func TestAssertionList(t *testing.T) {
	t.Parallel()
	w, api := withAPI(t, map[string][]answer{"GET /api/v1/assertions": {{200, `{"items":[` + plainJSON + `,` + balanceJSON + `],"next_cursor":"c2"}`}}})
	w.run("assertion", "list", "--limit", "2", "--cursor", "c1").is(t, 0,
		"NAME     CLASS  WHEN                           ENABLED  STATE\n"+
			"agent    http   cron */5 * * * * Europe/Paris  no       not checked yet\n"+
			"balance  sql    every 5m                       yes      failed in 2 checks; an issue opens after 3 in a row\n",
		"there are more; add --cursor c2")
	if diff := cmp.Diff([]string{"GET /api/v1/assertions?cursor=c1&limit=2"}, api.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	for streak, state := range map[string]string{
		`{"passed":1,"failed":0,"errored":0}`:  "passed\n",
		`{"passed":12,"failed":0,"errored":0}`: "passed ×12\n",
		`{"passed":0,"failed":2,"errored":0}`:  "failed ×2\n",
		`{"passed":5,"failed":0,"errored":2}`:  "errored ×2\n",
	} {
		w, _ := withAPI(t, map[string][]answer{"GET /api/v1/assertions": {{200, `{"items":[{"name":"a","streak":` + streak + `}]}`}}})
		w.run("assertion", "list").is(t, 0, state, "")
	}
	w, _ = withAPI(t, map[string][]answer{"GET /api/v1/assertions": {{200, `{"items":[]}`}}})
	w.run("assertion", "list").is(t, 0, "no assertions\n", "")
	w, _ = withAPI(t, map[string][]answer{"GET /api/v1/assertions": {{200, `{"items":[]}`}}})
	w.run("assertion", "list", "-o", "json").is(t, 0, "{\"items\":[]}\n", "")
}

func TestAssertionShow(t *testing.T) {
	t.Parallel()
	w, _ := withAPI(t, map[string][]answer{"GET /api/v1/assertions/balance": {{200, balanceJSON}}})
	w.run("assertion", "show", "balance").is(t, 0, `Name:          balance
Display name:  Invoices balance
Class:         sql
Args:          {"dsn":"${env:SHOP}","n":1}
When:          every 5m
Enabled:       yes
Severity:      critical
Timeout:       4m30s
Queue:         narrative
Trigger:       the deployment's
Notify:        ann@example.com and #ops of error and critical
Source:        shop.yaml
Fail after:    3 failing checks
Resolve after: 1 passing check
Error after:   3 errored checks
Max attempts:  3
Max plans:     10 an hour
Max issues:    50
Renotify:      1h, 4h
Escalate:      after 2h to ann@example.com and bob@example.com unless acknowledged
State:         failed in 2 checks; an issue opens after 3 in a row

CASE   WHEN               DOES                                   APPROVAL                      VERIFIED           REASON
stuck  issue.rounds == 0  exec: webhook, email; with a rollback  required, escalated after 1h  after 2m           the job hangs
wait   always             pass
mail   always             exec: email                            none                          by the next check
`, "")
	w, _ = withAPI(t, map[string][]answer{"GET /api/v1/assertions/agent": {{200, plainJSON}}})
	w.run("assertion", "show", "agent").is(t, 0, `Queue:         slow
Trigger:       schedule
Notify:        nobody beside the admins
Source:        ops.yaml
Fail after:    1 failing check
Resolve after: 1 passing check
Error after:   3 errored checks
Max attempts:  3
Max plans:     10 an hour
Max issues:    50
Renotify:      the configuration's
Escalate:      the configuration's
State:         not checked yet
`, "")
}

func TestEvents(t *testing.T) {
	t.Parallel()
	w, _ := withAPI(t, map[string][]answer{"GET /api/v1/events": {{200, `{"items":[` + spikeJSON + `,{"name":"z","class":"c","cron":"0 0 * * *","enabled":false}]}`}}})
	w.run("event", "list").is(t, 0,
		"NAME   CLASS   WHEN            ENABLED  HANDLED FOR\n"+
			"spike  datums  every 1m        yes      6h\n"+
			"z      c       cron 0 0 * * *  no       ever\n", "")
	w, _ = withAPI(t, map[string][]answer{"GET /api/v1/events": {{200, `{"items":[]}`}}})
	w.run("event", "list").is(t, 0, "no events\n", "")
	w, _ = withAPI(t, map[string][]answer{"GET /api/v1/events/spike": {{200, spikeJSON}}})
	w.run("event", "show", "spike").is(t, 0, `Name:         spike
Display name: spike
Class:        datums
Args:         {"window":"10m"}
When:         every 1m
Enabled:      yes
Severity:     error
Timeout:      54s
Queue:        narrative
Trigger:      the deployment's
Notify:       nobody beside the admins
Source:       shop.yaml
Handled for:  6h
Responds:     slack, email
`, "")
}

func TestMetaThatIsNotThere(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"assertion", "show", "nope"}, {"assertion", "remove", "nope", "--yes"}, {"event", "show", "nope"}, {"event", "remove", "nope", "--yes"}} {
		w, _ := withAPI(t, nil)
		w.run(args...).is(t, 1, "", "narrative: there is nothing at /api/v1/"+args[0]+"s/nope")
	}
	w, api := withAPI(t, nil)
	w.terminal, w.stdin = true, "y\n"
	w.run("event", "remove", "nope").is(t, 1, "", "narrative: there is nothing at /api/v1/events/nope")
	if diff := cmp.Diff([]string{"GET /api/v1/events/nope"}, api.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	for kind, meta := range map[string]string{"assertion": balanceJSON, "event": spikeJSON} {
		answers := func() map[string][]answer {
			return map[string][]answer{"GET /api/v1/" + kind + "s/x": {{200, meta}}, "DELETE /api/v1/" + kind + "s/x": {{204, ""}}}
		}
		w, api := withAPI(t, answers())
		w.run(kind, "remove", "x", "--yes").is(t, 0, "x: removed\n", "")
		if diff := cmp.Diff([]string{"DELETE /api/v1/" + kind + "s/x"}, api.asked); diff != "" {
			t.Errorf("asked (-want +got):\n%s", diff)
		}
		w, _ = withAPI(t, answers())
		w.run(kind, "remove", "x", "--yes", "-o", "json").is(t, 0, "{\"removed\":\"x\"}\n", "")

		w, api = withAPI(t, answers())
		w.terminal, w.stdin = true, "y\n"
		w.run(kind, "remove", "x").is(t, 0, "x: removed\n", "from shop.yaml)? [y/N] ")
		if len(api.asked) != 2 {
			t.Errorf("asked %v", api.asked)
		}
		w, api = withAPI(t, answers())
		w.terminal, w.stdin = true, "no\n"
		w.run(kind, "remove", "x").is(t, 1, "", "narrative: not removed; nothing was changed\n")
		if len(api.asked) != 1 {
			t.Errorf("asked %v", api.asked)
		}
		w, _ = withAPI(t, map[string][]answer{"DELETE /api/v1/" + kind + "s/x": {{503, `{"status":503,"detail":"the database does not answer"}`}}})
		w.run(kind, "remove", "x", "--yes").is(t, 1, "", "narrative: the database does not answer\n")
	}
}
