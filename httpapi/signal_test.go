package httpapi_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	narrative "github.com/narrative-go/narrative"
)

func TestSignals(t *testing.T) {
	t.Parallel()
	payloads := map[narrative.SignalName]string{
		narrative.SignalSolution:    `{"step_id":"s1","by":"ann"}`,
		narrative.SignalApprove:     `{"step_id":"s3","digest":"d3"}`,
		narrative.SignalReject:      `{"step_id":"s3","reason":"not now"}`,
		narrative.SignalAcknowledge: `{"by":"ann","until":"2026-03-04T13:00:00Z"}`,
		narrative.SignalSnooze:      `{"for":"2h"}`,
		narrative.SignalResolve:     `{}`,
		narrative.SignalWontFix:     `{"reason":"known","until":"2027-01-01T00:00:00Z"}`,
		narrative.SignalComment:     `{"text":"looking"}`,
		narrative.SignalDiagnose:    `{"reason":"the deploy is done"}`,
	}
	for _, name := range narrative.SignalNames {
		signal, payload := string(name), payloads[name]
		t.Run(signal, func(t *testing.T) {
			t.Parallel()
			w := withIssue(t)
			w.issues[issueOne] = awaitingApproval()
			if r := w.post(t, "/api/v1/issues/"+issueOne+"/"+signal, payload); r.status != 200 || !strings.Contains(r.body, `"digest":"d3"`) {
				t.Fatalf("status %d: %s", r.status, r.body)
			}
			if diff := cmp.Diff([]string{issueOne + " " + signal + " " + payload}, w.signals); diff != "" {
				t.Errorf("signals (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSignalWithoutBodyIsAnEmptyObject(t *testing.T) {
	t.Parallel()
	w := withIssue(t)
	w.post(t, "/api/v1/issues/"+issueOne+"/resolve", "").is(t, 200, issueOneJSON)
	if diff := cmp.Diff([]string{issueOne + " resolve {}"}, w.signals); diff != "" {
		t.Errorf("signals (-want +got):\n%s", diff)
	}
}

func TestSignalAnswersTheIssueAsItBecame(t *testing.T) {
	t.Parallel()
	w := withIssue(t)
	w.signal = func(i narrative.Issue) error {
		i.Summary = "changed"
		w.issues[i.ID] = i
		return nil
	}
	if r := w.post(t, "/api/v1/issues/"+issueOne+"/resolve", `{}`); !strings.Contains(r.body, `"summary":"changed"`) {
		t.Errorf("answered %s", r.body)
	}
}

func TestSignalRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		signal, payload string
		status          int
		says            []string
	}{
		"unknown signal":     {"explode", `{}`, 404, []string{"explode", "wont_fix"}},
		"internal signal":    {"observe", `{}`, 404, []string{"observe"}},
		"malformed JSON":     {"resolve", `{`, 400, []string{"not valid JSON"}},
		"not an object":      {"resolve", `[]`, 422, []string{"JSON object"}},
		"missing reason":     {"wont_fix", `{}`, 422, []string{"body.reason", "is required"}},
		"unknown field":      {"resolve", `{"raeson":"x"}`, 422, []string{"body.raeson", `did you mean "reason"`}},
		"wrong type":         {"comment", `{"text":7}`, 422, []string{"body.text", "must be a string"}},
		"until no time":      {"wont_fix", `{"reason":"r","until":"tomorrow"}`, 422, []string{"until"}},
		"both step and plan": {"solution", `{"step_id":"s1","plan":[{"action":"email"}]}`, 422, []string{"exactly one"}},
		"no such step":       {"solution", `{"step_id":"s9"}`, 422, []string{"body.step_id", "s9"}},
		"step without plan":  {"solution", `{"step_id":"s2"}`, 422, []string{"body.step_id"}},

		"approve without digest":     {"approve", `{"step_id":"s3"}`, 422, []string{"body.digest", "is required"}},
		"approve nothing":            {"approve", ``, 422, []string{"body.step_id", "body.digest"}},
		"approve a foreign digest":   {"approve", `{"step_id":"s3","digest":"d9"}`, 409, []string{"which is d3", "nothing was changed"}},
		"approve what does not wait": {"approve", `{"step_id":"s1","digest":"d"}`, 409, []string{"step s1 does not wait for approval: it is proposed"}},
		"approve a pass":             {"approve", `{"step_id":"s2","digest":"d"}`, 422, []string{"body.step_id", "nothing to approve"}},
		"approve no such step":       {"approve", `{"step_id":"s9","digest":"d"}`, 422, []string{"body.step_id", "s9"}},
		"reject without reason":      {"reject", `{"step_id":"s3"}`, 422, []string{"body.reason", "is required"}},
		"acknowledge into the past":  {"acknowledge", `{"until":"2026-03-04T11:59:59Z"}`, 422, []string{"body.until", "lies in the past"}},
		"acknowledge for":            {"acknowledge", `{"for":"2h"}`, 422, []string{"body.for", "no such field"}},
		"snooze for ever":            {"snooze", `{}`, 422, []string{"exactly one of until and for"}},
		"snooze twice":               {"snooze", `{"for":"2h","until":"2026-03-05T00:00:00Z"}`, 422, []string{"exactly one of until and for"}},
		"snooze for no time":         {"snooze", `{"for":"10ms"}`, 422, []string{"body.for", "must be from 1s"}},
		"snooze for no duration":     {"snooze", `{"for":"a while"}`, 422, []string{"body.for", "is not a duration"}},
		"diagnose a step":            {"diagnose", `{"step_id":"s1"}`, 422, []string{"body.step_id", "no such field"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := withIssue(t)
			w.issues[issueOne] = awaitingApproval()
			w.post(t, "/api/v1/issues/"+issueOne+"/"+test.signal, test.payload).refuses(t, test.status, test.says...)
			if len(w.signals) != 0 {
				t.Errorf("sent %v", w.signals)
			}
		})
	}
}

func TestSignalToClosedIssueConflicts(t *testing.T) {
	t.Parallel()
	w := withIssue(t)
	closed := anIssue()
	closed.Status = narrative.StatusResolved
	w.issues[issueOne] = closed
	w.post(t, "/api/v1/issues/"+issueOne+"/comment", `{"text":"x"}`).refuses(t, 409, "closed")
}

func TestSignalThatTheWorkflowRefuses(t *testing.T) {
	t.Parallel()
	for status, refusal := range map[int]error{
		409: narrative.Errorf(narrative.Conflict, "it was just closed"),
		422: narrative.Problems{{Path: "plan[0].action", Message: "no such action"}},
		503: narrative.Errorf(narrative.Unavailable, "no worker answers"),
	} {
		w := withIssue(t)
		w.signal = func(narrative.Issue) error { return refusal }
		w.post(t, "/api/v1/issues/"+issueOne+"/resolve", "").refuses(t, status, refusal.Error()[strings.LastIndex(refusal.Error(), ":")+1:])
	}
}

// awaitingApproval is an issue with a step s3 that waits for approval.
func awaitingApproval() narrative.Issue {
	i := anIssue()
	until := noon.Add(time.Hour)
	i.Status = narrative.StatusOpen
	i.Awaiting = &narrative.Awaiting{For: narrative.AwaitingApproval, StepID: "s3", Since: noon, Until: &until}
	i.Acknowledged = &narrative.Acknowledgement{By: "ann", At: noon, Reason: "looking"}
	i.SnoozedUntil = &until
	i.Steps = append(i.Steps, narrative.ResolutionStep{
		ID: "s3", Case: "restart", Action: narrative.Exec, Reason: "r", Digest: "d3", State: narrative.StepAwaitingApproval, Count: 1, At: noon,
		Solution: &narrative.Solution{Problem: "r", Plan: narrative.Plan{narrative.Do("webhook", map[string]string{"url": "https://x"})}},
	})
	return i
}

func TestIssueThatAwaitsApproval(t *testing.T) {
	t.Parallel()
	w := withIssue(t)
	w.issues[issueOne] = awaitingApproval()
	for _, part := range []string{
		`"awaiting":{"for":"approval","step_id":"s3","since":"2026-03-04T12:00:00Z","until":"2026-03-04T13:00:00Z"}`,
		`"acknowledged":{"by":"ann","at":"2026-03-04T12:00:00Z","reason":"looking","until":null}`,
		`"snoozed_until":"2026-03-04T13:00:00Z"`, `"digest":"d3","state":"awaiting_approval"`,
		`"plan":[{"action":"webhook","args":{"url":"https://x"}}]`,
	} {
		if r := w.get(t, "/api/v1/issues/"+issueOne); r.status != 200 || !strings.Contains(r.body, part) {
			t.Errorf("status %d; %s is not in %s", r.status, part, r.body)
		}
	}
}

func TestDescriptionListsEverySignal(t *testing.T) {
	t.Parallel()
	var description struct {
		Paths map[string]struct {
			Post struct {
				Parameters  []struct{ Name, Description string }
				RequestBody struct {
					Description string
					Content     map[string]struct {
						Examples map[string]struct{ Value json.RawMessage }
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(setup(t).get(t, "/openapi.json").body), &description); err != nil {
		t.Fatal(err)
	}
	post := description.Paths["/api/v1/issues/{id}/{signal}"].Post
	examples := post.RequestBody.Content["application/json"].Examples
	if len(examples) != len(narrative.SignalNames) {
		t.Errorf("%d examples for %d signals", len(examples), len(narrative.SignalNames))
	}
	for _, name := range narrative.SignalNames {
		example := examples[string(name)].Value
		s, err := narrative.DecodeSignal(name, example)
		if err != nil || s.By == "" {
			t.Errorf("the example of %s, %s: %v", name, example, err)
		}
		if !strings.Contains(post.RequestBody.Description, "- `"+string(name)+"`: ") {
			t.Errorf("%s is not described in: %s", name, post.RequestBody.Description)
		}
		if p := post.Parameters[1]; p.Name != "signal" || !strings.Contains(p.Description, string(name)) {
			t.Errorf("%s is not named in %+v", name, p)
		}
	}
}

func closedIssue() narrative.Issue {
	i := anIssue()
	at := noon
	i.Status, i.ResolvedAt, i.Awaiting = narrative.StatusWontFix, &at, nil
	return i
}

func TestReopen(t *testing.T) {
	t.Parallel()
	for payload, told := range map[string]string{
		``: "by : ", `{}`: "by : ", `{"by":"ann","reason":"it matters after all"}`: "by ann: it matters after all",
	} {
		w := withIssue(t)
		w.issues[issueOne] = closedIssue()
		w.signal = func(i narrative.Issue) error {
			i.Summary = "changed"
			w.issues[i.ID] = i
			return nil
		}
		r := w.post(t, "/api/v1/issues/"+issueOne+"/reopen", payload)
		if r.status != 200 || !strings.Contains(r.body, `"status":"wont_fix"`) || !strings.Contains(r.body, `"summary":"changed"`) {
			t.Errorf("status %d: %s", r.status, r.body)
		}
		if diff := cmp.Diff([]string{issueOne + " reopen " + told}, w.signals); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	}
}

func TestReopenRefusals(t *testing.T) {
	t.Parallel()
	path := "/api/v1/issues/" + issueOne + "/reopen"
	for payload, says := range map[string]string{
		`{"by":7}`: "body.by", `{"raeson":"x"}`: "body.raeson", `[]`: "must be", `{"reason":"a\u0000b"}`: "body.reason",
		`{"reason":"` + strings.Repeat("x", 64<<10+1) + `"}`: "is longer than 64 KiB",
	} {
		w := withIssue(t)
		w.issues[issueOne] = closedIssue()
		w.post(t, path, payload).refuses(t, 422, says)
		if len(w.signals) != 0 {
			t.Errorf("told %v", w.signals)
		}
	}
	w := withIssue(t)
	w.post(t, path, `{`).refuses(t, 400, "not valid JSON")
	w.post(t, path, ``).refuses(t, 409, "is not closed (impasse)")
	w.post(t, "/api/v1/issues/nope/reopen", ``).refuses(t, 404, "there is no issue")
	if len(w.signals) != 0 {
		t.Errorf("told %v", w.signals)
	}
	w.issues[issueOne] = closedIssue()
	w.signal = func(narrative.Issue) error {
		return narrative.Errorf(narrative.Unavailable, "Temporal does not answer")
	}
	w.post(t, path, ``).refuses(t, 503, "Temporal does not answer")
}
