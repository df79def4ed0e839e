package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/httpapi"
)

var update = flag.Bool("update", false, "write testdata/openapi.json anew")

func TestDescription(t *testing.T) {
	t.Parallel()
	r := setup(t).get(t, "/openapi.json")
	if r.status != 200 || !strings.Contains(r.body, `"openapi": "3.1.0"`) {
		t.Fatalf("status %d: %.200s", r.status, r.body)
	}
	const golden = "testdata/openapi.json"
	if *update {
		if err := os.WriteFile(golden, []byte(r.body+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(decoded(t, string(want)), decoded(t, r.body)); diff != "" {
		t.Errorf("the API's description changed (-want +got); if that was meant, run go test ./httpapi -update:\n%s", diff)
	}
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := httpapi.New(httpapi.Options{Store: newFakeStore()})
	if err == nil || !strings.Contains(err.Error(), "Options.Operator is required") {
		t.Errorf("New answers %v", err)
	}
}

func TestWhatIsNotThereIsAProblemDocument(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.get(t, "/api/v1/nothing").refuses(t, 404, "/api/v1/nothing")
	w.get(t, "/schemas/Issue.json").refuses(t, 404)
	r := w.send(t, "DELETE", "/api/v1/datums", "")
	r.refuses(t, 405, "DELETE")
	if got := r.header.Get("Allow"); got != "GET, POST" {
		t.Errorf("Allow: %q", got)
	}
}

func TestFailuresGiveNothingAway(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	w := setup(t, func(o *httpapi.Options) { o.Logger = textLogger(&log) })
	w.fail = errors.New("password=hunter2 refused")
	r := w.get(t, "/api/v1/datums")
	r.refuses(t, 500, "its log has the cause")
	if strings.Contains(r.body, "hunter2") {
		t.Errorf("told: %s", r.body)
	}
	if !strings.Contains(log.String(), "hunter2") {
		t.Errorf("the cause is not logged: %s", log.String())
	}
	w.fail = narrative.Errorf(narrative.Unavailable, "the store does not answer")
	w.get(t, "/api/v1/issues").refuses(t, 503, "the store does not answer")
}

func TestPanicIsAProblemDocument(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	w := setup(t, func(o *httpapi.Options) {
		o.Logger = textLogger(&log)
		o.Apply = func(context.Context, httpapi.Application) (narrative.Applied, error) { panic("boom") }
	})
	r := w.post(t, "/api/v1/apply", "assertions: []")
	r.refuses(t, 500)
	if strings.Contains(r.body, "boom") || strings.Contains(r.body, "goroutine") {
		t.Errorf("told: %s", r.body)
	}
	if !strings.Contains(log.String(), "boom") {
		t.Errorf("the cause is not logged: %s", log.String())
	}
}

func TestOtherOriginsAreKeptOut(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.post(t, "/api/v1/datums", `{"origin":"o","name":"n"}`, "Sec-Fetch-Site", "cross-site").refuses(t, 403, "another origin")
	w.post(t, "/api/v1/datums", `{"origin":"o","name":"n"}`, "Origin", "https://elsewhere.example").refuses(t, 403)
	if len(w.datums) != 0 {
		t.Errorf("stored %v", w.datums)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.get(t, "/healthz").is(t, 200, `{"status":"ok"}`)
	w.get(t, "/readyz").is(t, 200, `{"store":"ok","temporal":"ok","worker":"ok"}`)
	w.ready.Worker = "no worker polls the task queue narrative"
	w.get(t, "/readyz").is(t, 503, `{"store":"ok","temporal":"ok","worker":"no worker polls the task queue narrative"}`)
	w.ready.Worker, w.ready.Applied = "ok", false
	w.get(t, "/readyz").is(t, 503, `{"store":"ok","temporal":"ok","worker":"ok","file":"not applied yet"}`)
}

func TestApply(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.post(t, "/api/v1/apply?source=shop.yaml&dir=%2Fsrv%2Fshop", "assertions: []").
		is(t, 200, `{"created":["balance"],"changed":[],"unchanged":[],"pruned":[],"config":false}`)
	applied := httpapi.Application{Files: []httpapi.File{{Name: "shop.yaml", Source: "shop.yaml", Dir: "/srv/shop", Text: "assertions: []"}}}
	if diff := cmp.Diff(applied, w.application); diff != "" {
		t.Errorf("applied (-want +got):\n%s", diff)
	}
	w.apply = func([]byte) (narrative.Applied, error) {
		return narrative.Applied{}, narrative.Problems{{Path: "assertions[0].every", Message: "must be at least 1s"}, {Path: "config", Message: "is no list"}}
	}
	r := w.post(t, "/api/v1/apply", "assertions: [{}]")
	r.refuses(t, 422)
	var document struct{ Errors []map[string]string }
	if err := json.Unmarshal([]byte(r.body), &document); err != nil {
		t.Fatal(err)
	}
	want := []map[string]string{
		{"location": "assertions[0].every", "message": "must be at least 1s"}, {"location": "config", "message": "is no list"},
	}
	if diff := cmp.Diff(want, document.Errors); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	w.post(t, "/api/v1/apply", strings.Repeat("#", 4<<20+1)).refuses(t, 413)
	w.post(t, "/api/v1/apply?prune=perhaps", "").refuses(t, 400, "prune")
}

func meta(name string) narrative.Meta {
	return narrative.Meta{Name: name, DisplayName: name, Class: "sql", Args: json.RawMessage(`{}`), Every: narrative.Duration(time.Minute), Enabled: true, Severity: narrative.SeverityError, Source: "s"}
}

const metaJSON = `"display_name":"b","class":"sql","args":{},"every":"1m","enabled":true,"severity":"error","source":"s"`

func TestAssertions(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, name := range []string{"a", "b", "c"} {
		w.assertions = append(w.assertions, narrative.AssertionMeta{Meta: meta(name)}.WithDefaults())
	}
	const b = `{"name":"b",` + metaJSON + `,"fail_after":1,"resolve_after":1,"error_after":3,"max_attempts":3,"max_plans":10,"max_issues":50,` +
		`"soft":"","streak":{"passed":0,"failed":0,"errored":0}}`
	w.get(t, "/api/v1/assertions/b").is(t, 200, b)
	w.get(t, "/api/v1/assertions/z").refuses(t, 404, `"z"`)
	w.get(t, "/api/v1/assertions/%00").refuses(t, 404)
	var page struct {
		Items      []struct{ Name string }
		NextCursor string `json:"next_cursor"`
	}
	var names []string
	for {
		r := w.get(t, "/api/v1/assertions?limit=1&cursor="+page.NextCursor)
		page.NextCursor = ""
		if err := json.Unmarshal([]byte(r.body), &page); err != nil || len(page.Items) != 1 {
			t.Fatalf("%v: %s", err, r.body)
		}
		names = append(names, page.Items[0].Name)
		if page.NextCursor == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, names); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	w.get(t, "/api/v1/assertions?cursor="+foreignCursor()).refuses(t, 400, "cursor")
	w.get(t, "/api/v1/assertions?cursor=***").refuses(t, 400, "cursor")
}

func TestAssertionTellsItsPoliciesAndHowItStands(t *testing.T) {
	t.Parallel()
	w := setup(t)
	a := narrative.AssertionMeta{
		Meta: meta("b"), FailAfter: 3, Renotify: []narrative.Duration{narrative.Duration(time.Hour)},
		Escalate: []narrative.Escalation{{
			After: narrative.Duration(2 * time.Hour), Notify: narrative.Recipients{Email: []string{"ann@example.com"}}, Unless: narrative.UnlessAcknowledged,
		}},
		Diagnostics: []narrative.DeclaredCase{{
			Case: "stuck", Plan: narrative.Plan{narrative.Do("webhook", nil)}, Rollback: narrative.Plan{narrative.Do("undo", nil)},
			StepPolicy: narrative.StepPolicy{
				Approval: narrative.ApprovalRequired, ApprovalTimeout: narrative.Duration(time.Hour), VerifyAfter: narrative.Duration(2 * time.Minute),
			},
		}},
		Streak: narrative.Streak{Failed: 2, Errored: 1, LastSeq: 7}, Soft: "failed in 2 checks; an issue opens after 3 in a row",
	}.WithDefaults()
	w.assertions = []narrative.AssertionMeta{a}
	const b = `{"name":"b",` + metaJSON + `,"fail_after":3,"resolve_after":1,"error_after":3,"max_attempts":3,"max_plans":10,"max_issues":50,
		"renotify":["1h"],"escalate":[{"after":"2h","notify":{"email":["ann@example.com"]},"unless":"acknowledged"}],
		"diagnostics":[{"case":"stuck","plan":[{"action":"webhook"}],"rollback":[{"action":"undo"}],
		"approval":"required","approval_timeout":"1h","verify_after":"2m"}],
		"soft":"failed in 2 checks; an issue opens after 3 in a row","streak":{"passed":0,"failed":2,"errored":1}}`
	w.get(t, "/api/v1/assertions/b").is(t, 200, b)
	w.get(t, "/api/v1/assertions").is(t, 200, `{"items":[`+b+`]}`)
}

func TestRemove(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.assertions = []narrative.AssertionMeta{{Meta: meta("a")}, {Meta: meta("b")}}
	w.events = []narrative.EventMeta{{Meta: meta("e")}}
	for _, missing := range []string{"assertions/z", "assertions/e", "assertions/%00", "events/a", "events/z"} {
		w.send(t, "DELETE", "/api/v1/"+missing, "").refuses(t, 404, "there is no")
	}
	if w.reconciled != 0 || len(w.assertions) != 2 || len(w.events) != 1 {
		t.Errorf("a refusal changed something: %v, %v, reconciled %d times", w.assertions, w.events, w.reconciled)
	}
	for n, there := range []string{"assertions/a", "events/e"} {
		if r := w.send(t, "DELETE", "/api/v1/"+there, ""); r.status != 204 || r.body != "" {
			t.Errorf("%s: status %d: %s", there, r.status, r.body)
		}
		if w.reconciled != n+1 {
			t.Errorf("%s: reconciled %d times", there, w.reconciled)
		}
		w.get(t, "/api/v1/"+there).refuses(t, 404)
		w.send(t, "DELETE", "/api/v1/"+there, "").refuses(t, 404)
	}
	if len(w.assertions) != 1 || len(w.events) != 0 {
		t.Errorf("left are %v and %v", w.assertions, w.events)
	}
}

func TestRemovedAlthoughTemporalDoesNotAnswer(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	w := setup(t, func(o *httpapi.Options) { o.Logger = textLogger(&log) })
	w.assertions = []narrative.AssertionMeta{{Meta: meta("a")}}
	w.reconcileErr = narrative.Errorf(narrative.Unavailable, "Temporal does not answer")
	if r := w.send(t, "DELETE", "/api/v1/assertions/a", ""); r.status != 204 {
		t.Errorf("status %d: %s", r.status, r.body)
	}
	if !strings.Contains(log.String(), "it will be tried again") || !strings.Contains(log.String(), "Temporal does not answer") {
		t.Errorf("logged: %s", log.String())
	}
	w.assertions = []narrative.AssertionMeta{{Meta: meta("a")}}
	w.fail = narrative.Errorf(narrative.Unavailable, "the store does not answer")
	w.send(t, "DELETE", "/api/v1/assertions/a", "").refuses(t, 503, "the store does not answer")
}

func TestEvents(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.get(t, "/api/v1/events").is(t, 200, `{"items":[]}`)
	w.events = []narrative.EventMeta{{Meta: meta("b"), TTL: narrative.Duration(time.Hour)}}
	w.get(t, "/api/v1/events").is(t, 200, `{"items":[{"name":"b",`+metaJSON+`,"ttl":"1h"}]}`)
	w.get(t, "/api/v1/events/b").is(t, 200, `{"name":"b",`+metaJSON+`,"ttl":"1h"}`)
	w.get(t, "/api/v1/events/z").refuses(t, 404)
	w.post(t, "/api/v1/events/z/check", "").refuses(t, 404)
	w.get(t, "/api/v1/events/z/runs").refuses(t, 404)
}

const runJSON = `{"id":"r1","assertion":"b","outcome":"failed","summary":"3 rows","scheduled_at":"2026-03-04T12:00:00Z",
	"started_at":"2026-03-04T12:00:00Z","finished_at":"2026-03-04T12:00:00Z","workflow_id":"assertion/b/now","run_id":"t1"}`

func aRun() narrative.CheckRun {
	return narrative.CheckRun{
		ID: "r1", Assertion: "b", Outcome: narrative.OutcomeFailed, Summary: "3 rows", ScheduledAt: noon, StartedAt: noon, FinishedAt: noon,
		WorkflowID: "assertion/b/now", RunID: "t1",
	}
}

func TestCheckNow(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *httpapi.Options) { o.CheckWait = 20 * time.Millisecond })
	w.assertions = []narrative.AssertionMeta{{Meta: meta("b")}}
	w.events = []narrative.EventMeta{{Meta: meta("e")}}
	w.check = func(context.Context) (narrative.CheckRun, error) { return aRun(), nil }
	w.post(t, "/api/v1/assertions/b/check", "").is(t, 200, runJSON)
	w.post(t, "/api/v1/events/e/check", "").is(t, 200, runJSON)
	for _, query := range []string{"?dry_run", "?dry_run=true", "?dry_run=1"} {
		w.post(t, "/api/v1/assertions/b/check"+query, "").is(t, 200, runJSON)
	}
	w.post(t, "/api/v1/assertions/b/check?dry_run=false", "").is(t, 200, runJSON)
	if diff := cmp.Diff([]string{"assertion b", "event e", "dry assertion b", "dry assertion b", "dry assertion b", "assertion b"}, w.checked); diff != "" {
		t.Errorf("checked (-want +got):\n%s", diff)
	}
	w.check = func(ctx context.Context) (narrative.CheckRun, error) {
		<-ctx.Done()
		return narrative.CheckRun{}, narrative.Errorf(narrative.Unavailable, "still under way")
	}
	w.post(t, "/api/v1/assertions/b/check", "").is(t, 202, `{"workflow_id":"assertion/b/now"}`)
	w.post(t, "/api/v1/events/e/check", "").is(t, 202, `{"workflow_id":"event/e/now"}`)
	w.check = func(context.Context) (narrative.CheckRun, error) {
		return narrative.CheckRun{}, narrative.Errorf(narrative.Unavailable, "Temporal does not answer")
	}
	w.post(t, "/api/v1/assertions/b/check", "").refuses(t, 503, "Temporal does not answer")
	w.post(t, "/api/v1/assertions/z/check", "").refuses(t, 404, `"z"`)
	w.post(t, "/api/v1/assertions/b/check?dry_run=perhaps", "").refuses(t, 400, "dry_run")
	w.post(t, "/api/v1/assertions/b/check?dry-run=1", "").refuses(t, 400, "dry-run")
}

func TestRuns(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.assertions = []narrative.AssertionMeta{{Meta: meta("b")}}
	w.get(t, "/api/v1/assertions/b/runs").is(t, 200, `{"items":[]}`)
	w.runs = []narrative.CheckRun{aRun()}
	w.get(t, "/api/v1/assertions/b/runs?limit=2").is(t, 200, `{"items":[`+runJSON+`]}`)
	if w.page.Limit != 2 {
		t.Errorf("limit %d", w.page.Limit)
	}
	w.get(t, "/api/v1/assertions/z/runs").refuses(t, 404)
}
