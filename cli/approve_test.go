package cli

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// waitingJSON is an issue whose step s2 waits for approval.
const waitingJSON = `{"id":"i1","workflow_id":"issue/balance","assertion":"balance","kind":"failure","record":{"type":"","id":""},
"status":"open","severity":"error","summary":"out of balance","opened_at":"2026-03-04T11:00:00Z","resolved_at":null,
"acknowledged":{"by":"bob","at":"2026-03-04T11:50:00Z","reason":"looking at it","until":"2026-03-04T18:00:00Z"},
"snoozed_until":"2026-03-04T14:00:00Z","awaiting":{"for":"approval","step_id":"s2","since":"2026-03-04T11:55:00Z","until":"2026-03-04T12:55:00Z"},
"rounds":2,"steps":[
{"id":"s1","case":"wait","action":"pass","reason":"it may recover","digest":"","state":"passed","count":1,"at":"2026-03-04T11:10:00Z","solution":null},
{"id":"s2","case":"restart","action":"exec","reason":"the agent hangs","digest":"d2","state":"awaiting_approval","count":1,"at":"2026-03-04T11:55:00Z",
"solution":{"problem":"the agent hangs","plan":[{"action":"webhook","args":{"url":"https://shop/restart", "note":"a  b\u202ec"},"timeout":"30s","retry":{"attempts":5,"backoff":"2s"}},
{"action":"email"}],"enacted_at":null,"error":""}}]}`

const planText = "Step s2, proposed by restart: the agent hangs\n  digest d2\n" +
	"  1. webhook {\"url\":\"https://shop/restart\",\"note\":\"a  b\\u202ec\"} (timeout 30s, 5 attempts at most)\n  2. email {}\n"

func TestIssueShowTellsHowToApprove(t *testing.T) {
	t.Parallel()
	w, _ := withAPI(t, map[string][]answer{"GET /api/v1/issues/i1": {{200, waitingJSON}}})
	w.run("issue", "show", "i1").is(t, 0, `Issue:        i1
About:        balance
Status:       open
Severity:     error
Summary:      out of balance
Opened:       2026-03-04T11:00:00Z (1h ago)
Closed:       never
Acknowledged: by bob, 2026-03-04T11:50:00Z (10m ago), until 2026-03-04T18:00:00Z (in 6h): looking at it
Snoozed:      until 2026-03-04T14:00:00Z (in 2h)
Awaits:       a person's approval of step s2, since 2026-03-04T11:55:00Z (5m ago), until 2026-03-04T12:55:00Z (in 55m), when it is escalated
Rounds:       2
Workflow:     issue/balance

STEP  BY       DOES                  STATE              PROPOSED  REASON
s1    wait     pass                  passed             50m ago   it may recover
s2    restart  exec: webhook, email  awaiting_approval  5m ago    the agent hangs

`+planText+`
To answer:
  narrative issue approve i1 --step s2 --digest d2
  narrative issue reject i1 --step s2 --reason REASON
`, "")
}

func TestIssueListMarksWhatPeopleSaid(t *testing.T) {
	t.Parallel()
	for status, issue := range map[string]string{
		"open (acknowledged, snoozed, awaiting approval)": waitingJSON,
		"open (acknowledged)":                             `{"id":"i1","status":"open","acknowledged":{"by":"bob","at":"2026-03-04T11:50:00Z","reason":"","until":null}}`,
		"impasse (snoozed)":                               `{"id":"i1","status":"impasse","snoozed_until":"2026-03-04T12:00:01Z"}`,
		"resolved  ":                                      `{"id":"i1","status":"resolved","acknowledged":{"by":"bob","at":"2026-03-04T11:50:00Z","reason":"","until":null}}`,
		"solution_applied  ":                              `{"id":"i1","status":"solution_applied","acknowledged":{"until":"2026-03-04T12:00:00Z"},"snoozed_until":"2026-03-04T12:00:00Z"}`,
	} {
		w, _ := withAPI(t, map[string][]answer{"GET /api/v1/issues": {{200, `{"items":[` + issue + `]}`}}})
		w.run("issue", "list").is(t, 0, status, "")
	}
}

func TestApproveByDigestFindsTheStep(t *testing.T) {
	t.Parallel()
	w, api := withAPI(t, map[string][]answer{
		"GET /api/v1/issues/i1": {{200, waitingJSON}}, "POST /api/v1/issues/i1/approve": {{200, waitingJSON}},
	})
	w.run("issue", "approve", "i1", "--digest", "d9").is(t, 0, "i1: approved; it is being carried out (balance, open)\n", "")
	want := []string{"GET /api/v1/issues/i1", `POST /api/v1/issues/i1/approve {"by":"ann","step_id":"s2","digest":"d9"}`}
	if diff := cmp.Diff(want, api.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestRejectFindsTheStep(t *testing.T) {
	t.Parallel()
	w, api := withAPI(t, map[string][]answer{
		"GET /api/v1/issues/i1": {{200, waitingJSON}}, "POST /api/v1/issues/i1/reject": {{200, waitingJSON}},
	})
	w.run("issue", "reject", "i1", "--reason", "not now", "-o", "json").is(t, 0, waitingJSON+"\n", "")
	if want := `POST /api/v1/issues/i1/reject {"by":"ann","reason":"not now","step_id":"s2"}`; api.asked[len(api.asked)-1] != want {
		t.Errorf("asked %v", api.asked)
	}
}

func TestApproveAtATerminalShowsThePlanAndAsks(t *testing.T) {
	t.Parallel()
	for _, yes := range []string{"y\n", "Yes\r\n"} {
		for _, args := range [][]string{{}, {"--step", "s2"}} {
			w, api := withAPI(t, map[string][]answer{
				"GET /api/v1/issues/i1": {{200, waitingJSON}}, "POST /api/v1/issues/i1/approve": {{200, waitingJSON}},
			})
			w.terminal, w.stdin = true, yes
			w.run(append([]string{"issue", "approve", "i1", "-o", "json"}, args...)...).is(t, 0, waitingJSON+"\n",
				"Issue:   i1\nAbout:   balance\nSummary: out of balance\n"+planText+"Carry it out? [y/N] ")
			if want := `POST /api/v1/issues/i1/approve {"by":"ann","step_id":"s2","digest":"d2"}`; api.asked[len(api.asked)-1] != want {
				t.Errorf("asked %v", api.asked)
			}
		}
	}
	for _, no := range []string{"n\n", "\n", "yellow\n", ""} {
		w, api := withAPI(t, map[string][]answer{"GET /api/v1/issues/i1": {{200, waitingJSON}}})
		w.terminal, w.stdin = true, no
		w.run("issue", "approve", "i1").is(t, 1, "", "narrative: not approved; nothing was changed\n")
		if len(api.asked) != 1 {
			t.Errorf("asked %v", api.asked)
		}
	}
}

func TestApproveWhatDoesNotWait(t *testing.T) {
	t.Parallel()
	closed := strings.Replace(waitingJSON, `"status":"open"`, `"status":"resolved"`, 1)
	for name, test := range map[string]struct {
		issue answer
		args  []string
		code  int
		says  string
	}{
		"nobody is asked":  {answer{200, issueJSON}, nil, 1, "no step of issue i1 waits for approval; narrative issue show i1 tells how it stands"},
		"closed":           {answer{200, closed}, nil, 1, "issue i1 is closed (resolved); nothing waits for approval"},
		"closed, by step":  {answer{200, closed}, []string{"--step", "s2"}, 1, "issue i1 is closed (resolved)"},
		"no such step":     {answer{200, waitingJSON}, []string{"--step", "s9"}, 2, "has no step s9"},
		"a pass":           {answer{200, waitingJSON}, []string{"--step", "s1"}, 2, "there is nothing to approve"},
		"only proposed":    {answer{200, issueJSON}, []string{"--step", "s1"}, 1, "step s1 does not wait for approval: it is proposed"},
		"no such issue":    {answer{404, `{"status":404,"detail":"there is no issue \"i1\""}`}, nil, 1, `there is no issue "i1"`},
		"what is no issue": {answer{200, "<html>"}, nil, 1, "no Narrative API"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, api := withAPI(t, map[string][]answer{"GET /api/v1/issues/i1": {test.issue}})
			w.terminal, w.stdin = true, "y\n"
			w.run(append([]string{"issue", "approve", "i1"}, test.args...)...).is(t, test.code, "", test.says)
			if len(api.asked) != 1 {
				t.Errorf("asked %v", api.asked)
			}
		})
	}
	w, _ := withAPI(t, map[string][]answer{"GET /api/v1/issues/i1": {{200, issueJSON}}})
	w.run("issue", "reject", "i1", "--reason", "r").is(t, 1, "", "no step of issue i1 waits for approval")
}

func TestInterruptedQuestion(t *testing.T) {
	t.Parallel()
	w, _ := withAPI(t, map[string][]answer{"GET /api/v1/issues/i1": {{200, waitingJSON}}})
	ctx, interrupt := context.WithCancel(context.Background())
	typing, _ := io.Pipe() // nobody types
	w.terminal = true
	done := make(chan result)
	go func() {
		done <- w.runUntil(ctx, []string{"issue", "approve", "i1"}, func(p *program) { p.Stdin = typing })
	}()
	eventually(t, "it asks", func() bool { return strings.Contains(w.stderr.String(), "[y/N]") })
	interrupt()
	(<-done).is(t, 1, "", "narrative: interrupted\n")
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	for _, f := range []*os.File{null, read, write} {
		if isTerminal(f) {
			t.Errorf("%s is no terminal", f.Name())
		}
	}
}
