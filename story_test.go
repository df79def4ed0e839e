package narrative_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/narrative-go/narrative"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	same(t, strings.Split(string(want), "\n"), strings.Split(got, "\n"))
}

// invoiceStory is a story with everything in it: passes in a row, a plan that stopped, one brought along, messages in
// every state and a timeline.
func invoiceStory() narrative.Story {
	digest := narrative.HashText("plan")
	return narrative.Story{
		Issue: narrative.Issue{
			ID: "0195", WorkflowID: "issue/invoices-balance/invoice/7", Assertion: "invoices-balance", Kind: narrative.KindRecord, Record: rec("7"),
			Status: narrative.StatusImpasse, Severity: narrative.SeverityCritical, Summary: "invoice 7 is off by 5", OpenedAt: at(0),
			Awaiting: &narrative.Awaiting{For: narrative.AwaitingChoice, Since: at(400)},
			Steps: []narrative.ResolutionStep{
				{ID: "s1", Case: "give-it-time", Action: narrative.Pass, Reason: "the nightly run may repair it", State: narrative.StepPassed, Count: 3, At: at(10)},
				{
					ID: "s2", Case: "recalculate", Action: narrative.Exec, Reason: "the sum is stale", Digest: digest, State: narrative.StepFailed, Count: 1, At: at(310),
					Solution: &narrative.Solution{Problem: "the sum is stale", Plan: narrative.Plan{{Action: "log_datum"}, {Action: "webhook"}, {Action: "email"}}, Error: "webhook: 500"},
				},
				{
					ID: "s3", Action: narrative.Exec, Digest: digest, State: narrative.StepProposed, Count: 1, At: at(420),
					Solution: &narrative.Solution{Plan: narrative.Plan{{Action: "restart"}}},
				},
			},
		},
		Actions: map[string][]narrative.ActionRun{"s2": {
			{Index: 0, Action: "log_datum", State: narrative.ActionDone, Attempts: 1, Receipt: "datum 5"},
			{Index: 1, Action: "webhook", State: narrative.ActionFailed, Attempts: 3, Error: "500"},
		}},
		Notifications: []narrative.Notification{
			{Kind: narrative.NotifyImpasse, Channel: "email", Recipient: "ops@example.com", Message: narrative.Message{Subject: "[Impasse] invoices-balance"}, State: narrative.NotificationSent, SentAt: until(401), Receipt: "<1@localhost>"},
			{Kind: narrative.NotifyImpasse, Channel: "email", Recipient: "gone@example.com", Message: narrative.Message{Subject: "[Impasse] invoices-balance"}, State: narrative.NotificationUndelivered, LastError: "550 no such user"},
			{Kind: narrative.NotifyAction, Channel: "email", Recipient: "billing@example.com", Message: narrative.Message{Subject: "Invoice 7"}, State: narrative.NotificationPending},
		},
		Entries: []narrative.Entry{
			{Number: 1, At: at(0), Kind: narrative.EntryOpened, Text: "opened: invoice 7 is off by 5"},
			{Number: 2, At: at(10), Kind: narrative.EntryRound, Text: "round 1: give-it-time passes: the nightly run may repair it"},
			{Number: 3, At: at(430), Kind: narrative.EntryComment, By: "ann", Text: "I look into it.\nBack in an hour."},
		},
		Runs: []narrative.CheckRun{{FinishedAt: at(500), Outcome: narrative.OutcomeFailed, Summary: "3 records violate it"}},
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	closed := narrative.Story{Issue: narrative.Issue{
		ID: "0196", WorkflowID: "issue/invoices-balance/~many", Assertion: "invoices-balance", Kind: narrative.KindMany,
		Status: narrative.StatusResolved, Severity: narrative.SeverityError, Summary: "12 more records violate it", OpenedAt: at(0), ResolvedAt: until(9000),
		Steps: []narrative.ResolutionStep{{
			ID: "s1", Case: "restart", Action: narrative.Exec, Digest: narrative.HashText("plan"), State: narrative.StepApplied, Count: 1, At: at(10),
			Solution: &narrative.Solution{Plan: narrative.Plan{{Action: "restart"}}, EnactedAt: until(12)},
		}},
	}}
	bare := narrative.Story{Issue: narrative.Issue{ID: "0197", Assertion: "a", Kind: narrative.KindFailure, Status: narrative.StatusOpen, OpenedAt: at(0)}}
	golden(t, "explain.golden", strings.Join([]string{
		narrative.Explain(invoiceStory(), at(500)), narrative.Explain(closed, at(10_000)), narrative.Explain(bare, at(7)),
	}, "\n----\n\n"))
}
