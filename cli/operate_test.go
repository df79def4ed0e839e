package cli

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const issueJSON = `{"id":"i1","workflow_id":"issue/balance/invoice/3","assertion":"balance","kind":"record","record":{"type":"invoice","id":"3"},
"status":"impasse","severity":"error","summary":"out of\n\u001b[31m balance","opened_at":"2026-03-04T11:00:00Z","resolved_at":null,"acknowledged":null,
"snoozed_until":null,"awaiting":{"for":"choice","step_id":"","since":"2026-03-04T11:00:00Z","until":null},"rounds":1,
"steps":[{"id":"s1","case":"mail","action":"exec","reason":"why","digest":"d","state":"proposed","count":2,"at":"2026-03-04T11:59:00Z",
"solution":{"problem":"why","plan":[{"action":"email","args":{}},{"action":"webhook"}],"enacted_at":null,"error":""}}]}`

func TestIssueList(t *testing.T) {
	t.Parallel()
	body := `{"items":[` + issueJSON + `],"next_cursor":"c2"}`
	w, api := withAPI(t, map[string][]answer{"GET /api/v1/issues": {{200, body}}})
	w.run("issue", "list", "--status", "impasse", "--record", "invoice/3", "--since", "2h", "--limit", "5", "--cursor", "c1").is(t, 0,
		"ID  ISSUE              STATUS                     SEVERITY  OPENED  SUMMARY\n"+
			"i1  balance invoice 3  impasse (awaiting choice)  error     1h ago  out of \ufffd[31m balance\n", "there are more; add --cursor c2")
	want := "GET /api/v1/issues?cursor=c1&limit=5&record=invoice%2F3&since=2026-03-04T10%3A00%3A00Z&status=impasse"
	if diff := cmp.Diff([]string{want}, api.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	w, _ = withAPI(t, map[string][]answer{"GET /api/v1/issues": {{200, body}}})
	w.run("issue", "list", "-o", "json").is(t, 0, body+"\n", "")
	w, _ = withAPI(t, map[string][]answer{"GET /api/v1/issues": {{200, `{"items":[]}`}}})
	w.run("issue", "list").is(t, 0, "no issues\n", "")
}

func TestIssueShow(t *testing.T) {
	t.Parallel()
	w, _ := withAPI(t, map[string][]answer{"GET /api/v1/issues/i1": {{200, issueJSON}}})
	w.run("issue", "show", "i1").is(t, 0, `Issue:    i1
About:    balance invoice 3
Status:   impasse
Severity: error
Summary:  out of `+"\ufffd"+`[31m balance
Opened:   2026-03-04T11:00:00Z (1h ago)
Closed:   never
Awaits:   a person's choice, since 2026-03-04T11:00:00Z (1h ago)
Rounds:   1
Workflow: issue/balance/invoice/3

STEP  BY    DOES                  STATE        PROPOSED  REASON
s1    mail  exec: email, webhook  proposed ×2  1m ago    why

Step s1, proposed by mail: why
  digest d
  1. email {}
  2. webhook {}

To answer:
  narrative issue solve i1 --step s1
  narrative issue solve i1 --plan FILE
  narrative issue diagnose i1
  narrative issue wont-fix i1 --reason REASON
`, "")
	w, _ = withAPI(t, nil)
	w.run("issue", "show", "i9").is(t, 1, "", "narrative: there is nothing at")
}

func TestIssueExplain(t *testing.T) {
	t.Parallel()
	w, api := withAPI(t, map[string][]answer{"GET /api/v1/issues/i1/explain": {{200, "Issue i1: balance\n"}}})
	w.run("issue", "explain", "i1").is(t, 0, "Issue i1: balance\n", "")
	w.run("issue", "explain", "i1", "-o", "json")
	want := []string{"GET /api/v1/issues/i1/explain?format=text", "GET /api/v1/issues/i1/explain?format=json"}
	if diff := cmp.Diff(want, api.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestIssueSignals(t *testing.T) {
	t.Parallel()
	plan := filepath.Join(t.TempDir(), "plan.json")
	write(t, plan, `[{"action":"email","args":{"to":"x@example.com"}}]`)
	for name, test := range map[string]struct {
		args  []string
		stdin string
		want  string
	}{
		"resolve":            {[]string{"resolve", "i1", "--reason", "done"}, "", `resolve {"by":"ann","reason":"done"}`},
		"by somebody":        {[]string{"resolve", "i1", "--by", "bob"}, "", `resolve {"by":"bob"}`},
		"won't fix":          {[]string{"wont-fix", "i1", "--reason", "r"}, "", `wont_fix {"by":"ann","reason":"r"}`},
		"won't fix till day": {[]string{"wont-fix", "i1", "--reason", "r", "--until", "2027-01-01"}, "", `wont_fix {"by":"ann","reason":"r","until":"2027-01-01T00:00:00Z"}`},
		"won't fix for days": {[]string{"wont-fix", "i1", "--reason", "r", "--until", "30d"}, "", `wont_fix {"by":"ann","reason":"r","until":"2026-04-03T12:00:00Z"}`},
		"solve by step":      {[]string{"solve", "i1", "--step", "s1"}, "", `solution {"by":"ann","step_id":"s1"}`},
		"solve by plan":      {[]string{"solve", "i1", "--plan", plan, "--reason", "r"}, "", `solution {"by":"ann","reason":"r","plan":[{"action":"email","args":{"to":"x@example.com"}}]}`},
		"solve by stdin":     {[]string{"solve", "i1", "--plan", "-"}, `[{"action":"log_datum"}]`, `solution {"by":"ann","plan":[{"action":"log_datum"}]}`},
		"approve":            {[]string{"approve", "i1", "--step", "s1", "--digest", "d1", "--reason", "r"}, "", `approve {"by":"ann","reason":"r","step_id":"s1","digest":"d1"}`},
		"reject":             {[]string{"reject", "i1", "--step", "s1", "--reason", "not now"}, "", `reject {"by":"ann","reason":"not now","step_id":"s1"}`},
		"acknowledge":        {[]string{"acknowledge", "i1"}, "", `acknowledge {"by":"ann"}`},
		"acknowledge until":  {[]string{"ack", "i1", "--reason", "on it", "--until", "2h"}, "", `acknowledge {"by":"ann","reason":"on it","until":"2026-03-04T14:00:00Z"}`},
		"snooze for":         {[]string{"snooze", "i1", "--for", "1d12h", "--reason", "r"}, "", `snooze {"by":"ann","reason":"r","for":"1d12h"}`},
		"snooze until":       {[]string{"snooze", "i1", "--until", "2026-03-05"}, "", `snooze {"by":"ann","until":"2026-03-05T00:00:00Z"}`},
		"diagnose":           {[]string{"diagnose", "i1", "--reason", "deployed"}, "", `diagnose {"by":"ann","reason":"deployed"}`},
		"reopen":             {[]string{"reopen", "i1", "--reason", "it matters"}, "", `reopen {"by":"ann","reason":"it matters"}`},
		"comment":            {[]string{"comment", "i1", "looking at it"}, "", `comment {"by":"ann","text":"looking at it"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signal, _, _ := strings.Cut(test.want, " ")
			w, api := withAPI(t, map[string][]answer{"POST /api/v1/issues/i1/" + signal: {{200, issueJSON}}})
			w.stdin = test.stdin
			w.run(append([]string{"issue"}, test.args...)...).is(t, 0, "i1: ", "")
			if diff := cmp.Diff([]string{"POST /api/v1/issues/i1/" + test.want}, api.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIssueSignalRefused(t *testing.T) {
	t.Parallel()
	for signal, args := range map[string][]string{
		"resolve": {"resolve", "i1"}, "approve": {"approve", "i1", "--step", "s1", "--digest", "d1"},
		"reject": {"reject", "i1", "--step", "s1", "--reason", "r"}, "acknowledge": {"ack", "i1"}, "snooze": {"snooze", "i1", "--for", "2h"},
		"diagnose": {"diagnose", "i1"}, "reopen": {"reopen", "i1"},
	} {
		for status, code := range map[int]int{404: 1, 409: 1, 422: 2, 503: 1} {
			refusal, _ := json.Marshal(map[string]any{"status": status, "detail": "it cannot be"})
			w, _ := withAPI(t, map[string][]answer{"POST /api/v1/issues/i1/" + signal: {{status, string(refusal)}}})
			w.run(append([]string{"issue"}, args...)...).is(t, code, "", "narrative: it cannot be\n")
		}
	}
	w, _ := withAPI(t, nil)
	w.stdin = `{"action":"email"}`
	w.run("issue", "solve", "i1", "--plan", "-").is(t, 2, "", "is no plan, which is a JSON array")
	w, api := withAPI(t, nil)
	w.stdin = `[{"action":"email","agrs":{"to":"x@example.com"}}]`
	w.run("issue", "solve", "i1", "--plan", "-").is(t, 2, "", "agrs")
	if len(api.asked) > 0 {
		t.Errorf("asked %v", api.asked)
	}
}

func TestDatumLog(t *testing.T) {
	t.Parallel()
	w, api := withAPI(t, map[string][]answer{"POST /api/v1/datums": {{200, `{"stored":1,"filtered":0,"refused":0,"errors":[]}`}}})
	w.run("datum", "log", "pay", "refund", "--note", `{"a":1}`, "--level", "WARN", "--ttl", "7d", "--thread", "t").is(t, 0, "stored\n", "")
	want := `POST /api/v1/datums {"origin":"pay","name":"refund","note":{"a":1},"level":"WARN","thread_id":"t","ttl":"7d"}`
	if diff := cmp.Diff([]string{want}, api.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	w, _ = withAPI(t, map[string][]answer{"POST /api/v1/datums": {{200, `{"stored":0,"filtered":1,"refused":0,"errors":[]}`}}})
	w.run("datum", "log", "pay", "refund").is(t, 0, "not stored: its level is below the configured minimum\n", "")
	w, _ = withAPI(t, map[string][]answer{"POST /api/v1/datums": {{422, `{"status":422,"detail":"level: must be one of"}`}}})
	w.run("datum", "log", "pay", "refund", "--level", "loud").is(t, 2, "", "narrative: level: must be one of\n")
}

func TestDatumList(t *testing.T) {
	t.Parallel()
	w, api := withAPI(t, map[string][]answer{"GET /api/v1/datums": {{200, `{"items":[{"id":"d1","origin":"pay","name":"refund","note":{"a":1},
		"level":"warn","thread_id":"t","at":"2026-03-02T11:00:00Z","expires_at":null}]}`}}})
	w.run("datum", "list", "--min-level", "warn", "--thread-id", "t", "--q", "x", "--until", "2026-03-04").is(t, 0,
		"AT      LEVEL  ORIGIN  NAME    THREAD  NOTE\n2d ago  warn   pay     refund  t       {\"a\":1}\n", "")
	want := "GET /api/v1/datums?limit=50&min_level=warn&q=x&thread_id=t&until=2026-03-04T00%3A00%3A00Z"
	if diff := cmp.Diff([]string{want}, api.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func run(outcome string) string {
	return `{"id":"r1","assertion":"balance","outcome":"` + outcome + `","summary":"3 rows","scheduled_at":"2026-03-04T12:00:00Z",
		"started_at":"2026-03-04T12:00:00Z","finished_at":"2026-03-04T12:00:00.25Z","workflow_id":"assertion/balance/now","run_id":"t1"}`
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for outcome, code := range map[string]int{"passed": 0, "failed": 3, "errored": 1, "detected": 0, "not_detected": 0} {
		w, _ := withAPI(t, map[string][]answer{"POST /api/v1/assertions/balance/check": {{200, run(outcome)}}})
		w.run("check", "balance").is(t, code, "balance: "+outcome+": 3 rows (250ms)\n", "")
	}
	w, _ := withAPI(t, map[string][]answer{"POST /api/v1/assertions/balance/check": {{200, run("failed")}}})
	w.run("check", "balance", "-o", "json").is(t, 3, run("failed"), "")
}

func TestCheckOfAnEvent(t *testing.T) {
	t.Parallel()
	w, _ := withAPI(t, map[string][]answer{"POST /api/v1/events/spike/check": {{200, run("detected")}}})
	w.run("check", "spike").is(t, 0, "detected", "")
	w, _ = withAPI(t, nil)
	w.run("check", "nothing").is(t, 1, "", `narrative: there is no assertion or event "nothing"`)
}

func TestCheckThatTakesLong(t *testing.T) {
	t.Parallel()
	w, api := withAPI(t, map[string][]answer{"POST /api/v1/assertions/balance/check": {
		{202, `{"workflow_id":"assertion/balance/now"}`}, {202, `{"workflow_id":"assertion/balance/now"}`}, {200, run("passed")},
	}})
	w.run("check", "balance").is(t, 0, "passed", "still checking (workflow assertion/balance/now)\n")
	if len(api.asked) != 3 {
		t.Errorf("asked %v", api.asked)
	}
	w, _ = withAPI(t, map[string][]answer{"POST /api/v1/assertions/balance/check": {{202, `{"workflow_id":"assertion/balance/now"}`}}})
	w.run("check", "balance", "--wait", "50ms").is(t, 1, "", "still under way after 50ms")
}

func TestApply(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "shop.yaml")
	write(t, file, "assertions: []\n")
	w, api := withAPI(t, map[string][]answer{"POST /api/v1/apply": {{200, `{"created":["a","b"],"changed":[],"unchanged":["c"],"config":true}`}}})
	w.run("apply", "-f", file).is(t, 0, "created    a, b\nunchanged  c\nchanged    the configuration\n", "")
	want := `POST /api/v1/apply {"files":[{"name":"` + file + `","source":"","dir":"` + dir + `","text":"assertions: []\n"}]}`
	if diff := cmp.Diff([]string{want}, api.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	w, _ = withAPI(t, map[string][]answer{"POST /api/v1/apply": {{200, `{"created":[],"changed":[],"unchanged":["c"],"config":false}`}}})
	w.env["NARRATIVE_FILE"] = file
	w.run("apply").is(t, 0, "unchanged  c\nnothing to do\n", "")
}

func TestApplyPrintsMistakesByTheFileThatWasNamed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "shop.yaml")
	write(t, file, "assertions: []\n")
	detail, _ := json.Marshal(map[string]any{"status": 422, "detail": file + ":2:5: wrong\n  2 | nam: x\n" + file + ":9:1: too"})
	w, _ := withAPI(t, map[string][]answer{"POST /api/v1/apply": {{422, string(detail)}}})
	w.run("apply", "-f", file).is(t, 2, "", file+":2:5: wrong\n  2 | nam: x\n"+file+":9:1: too\n")
}
