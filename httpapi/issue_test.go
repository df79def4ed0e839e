package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	narrative "github.com/narrative-go/narrative"
)

const issueOne = "0195f3a0-0000-7000-8000-000000000001"

func anIssue() narrative.Issue {
	return narrative.Issue{
		ID: issueOne, WorkflowID: "issue/balance/invoice/3", Assertion: "balance", Kind: narrative.KindRecord,
		Record: narrative.Record{Type: "invoice", ID: "3"}, Status: narrative.StatusImpasse, Severity: narrative.SeverityError,
		Summary: "invoice 3 is out of balance", OpenedAt: noon.Add(-time.Hour), Rounds: 1,
		Awaiting: &narrative.Awaiting{For: narrative.AwaitingChoice, Since: noon},
		Steps: []narrative.ResolutionStep{
			{
				ID: "s1", Case: "recalculate", Action: narrative.Exec, Reason: "r", Digest: "d", State: narrative.StepProposed, Count: 1, At: noon,
				Solution: &narrative.Solution{Problem: "r"},
			},
			{ID: "s2", Case: "wait", Action: narrative.Pass, Reason: "w", State: narrative.StepProposed, Count: 1, At: noon},
		},
	}
}

const issueOneJSON = `{"id":"` + issueOne + `","workflow_id":"issue/balance/invoice/3","assertion":"balance","kind":"record",
	"record":{"type":"invoice","id":"3"},"status":"impasse","severity":"error","summary":"invoice 3 is out of balance",
	"opened_at":"2026-03-04T11:00:00Z","resolved_at":null,"acknowledged":null,"snoozed_until":null,
	"awaiting":{"for":"choice","step_id":"","since":"2026-03-04T12:00:00Z","until":null},"rounds":1,"steps":[
	{"id":"s1","case":"recalculate","action":"exec","reason":"r","digest":"d","state":"proposed","count":1,"at":"2026-03-04T12:00:00Z",
	"solution":{"problem":"r","plan":[],"enacted_at":null,"error":""}},
	{"id":"s2","case":"wait","action":"pass","reason":"w","digest":"","state":"proposed","count":1,"at":"2026-03-04T12:00:00Z","solution":null}]}`

func withIssue(t *testing.T) *world {
	t.Helper()
	w := setup(t)
	w.issues[issueOne] = anIssue()
	return w
}

func TestGetIssue(t *testing.T) {
	t.Parallel()
	withIssue(t).get(t, "/api/v1/issues/"+issueOne).is(t, 200, issueOneJSON)
}

func TestListIssues(t *testing.T) {
	t.Parallel()
	w := withIssue(t)
	w.get(t, "/api/v1/issues").is(t, 200, `{"items":[`+issueOneJSON+`]}`)
	for query, want := range map[string]narrative.IssueQuery{
		"status=open&severity=critical&assertion=balance": {Status: narrative.StatusOpen, Severity: narrative.SeverityCritical, Assertion: "balance"},
		"record=invoice/42":          {RecordType: "invoice", RecordID: "42"},
		"record=invoice%2Fa%2Fb":     {RecordType: "invoice", RecordID: "a/b"},
		"record=42":                  {RecordID: "42"},
		"since=2026-01-01T00:00:00Z": {Since: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if r := w.get(t, "/api/v1/issues?"+query); r.status != 200 {
			t.Fatalf("%s: status %d: %s", query, r.status, r.body)
		}
		if diff := cmp.Diff(want, w.issueQuery); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	for query, says := range map[string]string{"status=broken": "status", "severity=loud": "severity", "colour=red": "colour", "since=1h": "since"} {
		w.get(t, "/api/v1/issues?"+query).refuses(t, 400, says)
	}
}

func TestIssueThatIsNotThere(t *testing.T) {
	t.Parallel()
	w := withIssue(t)
	for _, id := range []string{"nope", "%00", strings.Repeat("x", 65), "a%2Fb"} {
		w.get(t, "/api/v1/issues/"+id).refuses(t, 404, "there is no issue")
		w.get(t, "/api/v1/issues/"+id+"/explain").refuses(t, 404, "there is no issue")
		w.post(t, "/api/v1/issues/"+id+"/resolve", "").refuses(t, 404, "there is no issue")
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	w := withIssue(t)
	path := "/api/v1/issues/" + issueOne + "/explain"
	w.get(t, path).is(t, 200, `{"issue":`+issueOneJSON+`,"entries":[],"actions":{},"notifications":[],"runs":[]}`)
	want := narrative.Explain(narrative.Story{Issue: anIssue()}, noon)
	for name, r := range map[string]reply{
		"by Accept": w.get(t, path, "Accept", "text/plain"),
		"by format": w.get(t, path+"?format=text", "Accept", "application/json"),
	} {
		if r.status != 200 || r.body != want || !strings.HasPrefix(r.header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s: status %d, %s:\n%s", name, r.status, r.header.Get("Content-Type"), cmp.Diff(want, r.body))
		}
	}
	if r := w.get(t, path+"?format=json", "Accept", "text/plain"); !strings.HasPrefix(r.body, "{") {
		t.Errorf("format=json answers %s", r.body)
	}
	w.get(t, path+"?format=pdf").refuses(t, 400, "format")
}
