package tests

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/workflows"
)

func countRequest(query string) *workflowservice.CountWorkflowExecutionsRequest {
	return &workflowservice.CountWorkflowExecutionsRequest{Query: query}
}

const choiceYAML = `
config: {admins: {email: [ops@example.com]}}
assertions:
  - name: gate
    class: gate
    every: 1s
    diagnostics:
      - {case: one, reason: perhaps this, plan: [{note: {text: one}}]}
      - {case: two, reason: perhaps that, plan: [{note: {text: two}}]}
`

type noteArgs struct {
	Text string `json:"text"`
}

// noting registers the action `note`, which says what it was given on a channel.
func noting(to chan<- string) func(*narrative.Registry) {
	return func(reg *narrative.Registry) {
		narrative.AddAction(reg, "note", func(_ context.Context, a noteArgs) error {
			to <- a.Text
			return nil
		})
	}
}

// TestPeopleChoose leads an issue with two proposals to its impasse, has a person choose by signal, and another bring a
// plan along by update; a bad payload changes nothing and is noted.
func TestPeopleChoose(t *testing.T) {
	t.Parallel()
	var g gate
	g.shut.Store(true)
	notes := make(chan string, 10)
	h := build(t, &g, choiceYAML, noting(notes))
	i := h.issue("gate", narrative.StatusImpasse)
	if len(i.Steps) != 2 || i.Awaiting == nil || i.Awaiting.For != narrative.AwaitingChoice {
		t.Fatalf("issue %+v; want two steps and a choice awaited", i)
	}
	await(t, 10*time.Second, "the admins get the choices", func() error {
		for _, l := range h.told() {
			if l.Kind == "impasse" && strings.Contains(l.Text, "one") && strings.Contains(l.Text, "two") {
				return nil
			}
		}
		return fmt.Errorf("mails %+v", h.told())
	})

	h.signal(i, "solution", `{"step_id": "nonsense", "by": "ann"}`)
	h.signal(i, "solution", `{"stepid": "x"}`)
	h.signal(i, "comment", `["not an object"]`)
	h.signal(i, "solution", fmt.Sprintf(`{"step_id": %q, "by": "ann", "reason": "it is that"}`, i.Steps[1].ID))
	if got := <-notes; got != "two" {
		t.Errorf("the plan of case %q was carried out; want that of case two", got)
	}
	h.issue("gate", narrative.StatusSolutionApplied)
	out, code := h.cli("issue", "explain", i.ID)
	if code != 0 || strings.Count(out, "refused") != 3 || !strings.Contains(out, "ann") {
		t.Errorf("explain (exit code %d) does not show three refusals and ann's choice:\n%s", code, out)
	}

	h.issue("gate", narrative.StatusImpasse) // the round after the next failing check
	plan := h.file("plan.json")
	write(t, plan, `[{"action": "note", "args": {"text": "mine"}}]`)
	if out, code := h.cli("issue", "solve", i.ID, "--plan", plan, "--by", "bob"); code != 0 {
		t.Errorf("solve: exit code %d\n%s", code, out)
	}
	if got := <-notes; got != "mine" {
		t.Errorf("the plan with %q was carried out; want the one brought along", got)
	}
	write(t, plan, `[{"action": "unknown_action"}]`)
	await(t, 20*time.Second, "a plan with an unknown action is refused", func() error { // for what it is, once nothing is under way
		out, code := h.cli("issue", "solve", i.ID, "--plan", plan)
		if code == 0 {
			t.Fatalf("it is taken:\n%s", out)
		}
		if !strings.Contains(out, "unknown_action") {
			return fmt.Errorf("exit code %d\n%s", code, out)
		}
		return nil
	})
	g.shut.Store(false)
	h.issue("gate", narrative.StatusResolved)
	await(t, 10*time.Second, "who was told of the impasse is told of the recovery", func() error {
		if count(h.told(), "resolved") == 1 {
			return nil
		}
		return fmt.Errorf("mails %+v", h.told())
	})
	if out, code := h.cli("issue", "comment", i.ID, "too late"); code != 1 {
		t.Errorf("a comment on a closed issue: exit code %d; want 1\n%s", code, out)
	}
}

// TestWontFixMutes closes an issue as won't fix: neither failing checks nor passing and failing again open another.
func TestWontFixMutes(t *testing.T) {
	t.Parallel()
	var g gate
	g.shut.Store(true)
	h := build(t, &g, "config: {admins: {email: [ops@example.com]}}\n"+fmt.Sprintf(gateYAML, "1s", true))
	i := h.issue("gate", narrative.StatusOpen)
	if out, code := h.cli("issue", "wont-fix", i.ID); code != 2 {
		t.Errorf("won't fix without a reason: exit code %d; want 2\n%s", code, out)
	}
	if out, code := h.cli("issue", "wont-fix", i.ID, "--reason", "it is to be shut"); code != 0 {
		t.Fatalf("won't fix: exit code %d\n%s", code, out)
	}
	h.issue("gate", narrative.StatusWontFix)
	after := time.Now()
	for _, shut := range []bool{true, false, true} {
		g.shut.Store(shut)
		outcome := narrative.OutcomePassed
		if shut {
			outcome = narrative.OutcomeFailed
		}
		after = h.run("gate", outcome, after).FinishedAt
	}
	if got := h.issue("gate", narrative.StatusWontFix); got.ID != i.ID {
		t.Errorf("issue %s was opened although %s is muted", got.ID, i.ID)
	}
}

// TestResolvedByPersonReopensOnlyByLaterChecks closes an issue by hand while its assertion still fails.
func TestResolvedByPersonReopensOnlyByLaterChecks(t *testing.T) {
	t.Parallel()
	var g gate
	g.shut.Store(true)
	h := build(t, &g, "config: {admins: {email: [ops@example.com]}}\n"+fmt.Sprintf(gateYAML, "1s", true))
	first := h.issue("gate", narrative.StatusOpen)
	if out, code := h.cli("issue", "resolve", first.ID, "--reason", "done by hand", "--by", "ann"); code != 0 {
		t.Fatalf("resolve: exit code %d\n%s", code, out)
	}
	second := h.issue("gate", narrative.StatusOpen)
	if second.ID == first.ID || second.WorkflowID != first.WorkflowID {
		t.Errorf("the next failing check led to issue %s in %s; want a new one in %s", second.ID, second.WorkflowID, first.WorkflowID)
	}
}

// TestQuietTicksCostNothing counts an issue's history while its assertion goes on failing and no round is due.
func TestQuietTicksCostNothing(t *testing.T) {
	t.Parallel()
	var g gate
	g.shut.Store(true)
	h := build(t, &g, choiceYAML, noting(make(chan string, 1)))
	i := h.issue("gate", narrative.StatusImpasse)
	before := 0
	await(t, 10*time.Second, "the issue's workflow has come to rest", func() error {
		events := h.history(i.WorkflowID, "")
		before = len(events)
		switch last := events[before-1].EventType; last {
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
			return nil
		default:
			return fmt.Errorf("the last event is %s", last)
		}
	})
	at := time.Now()
	for range 3 {
		at = h.run("gate", narrative.OutcomeFailed, at).FinishedAt
	}
	if after := len(h.history(i.WorkflowID, "")); after != before {
		t.Errorf("three failing ticks that change nothing cost the issue's history %d events; want none", after-before)
	}
}

// TestLostIssueComesBack terminates an issue's workflow by hand; Reconcile gives it back, and it resolves.
func TestLostIssueComesBack(t *testing.T) {
	t.Parallel()
	var g gate
	g.shut.Store(true)
	h := build(t, &g, choiceYAML, noting(make(chan string, 1)))
	i := h.issue("gate", narrative.StatusImpasse)
	if err := h.temporal.TerminateWorkflow(t.Context(), i.WorkflowID, "", "by hand"); err != nil {
		t.Fatal(err)
	}
	if out, code := h.cli("issue", "comment", i.ID, "is anybody there?"); code != 0 {
		t.Errorf("a comment on an issue whose workflow is gone: exit code %d\n%s", code, out)
	}
	if err := h.temporal.TerminateWorkflow(t.Context(), i.WorkflowID, "", "by hand again"); err != nil {
		t.Fatal(err)
	}
	await(t, 30*time.Second, "Reconcile gives the issue its workflow back", func() error {
		if r, err := h.service.Reconcile(t.Context()); err != nil || r.Issues == 0 {
			return fmt.Errorf("reconciled %+v, %v", r, err)
		}
		return nil
	})
	await(t, 10*time.Second, "the query status tells of the impasse", func() error {
		var text string
		answer, err := h.temporal.QueryWorkflow(t.Context(), i.WorkflowID, "", workflows.QueryStatus)
		if err == nil {
			err = answer.Get(&text)
		}
		if err == nil && !strings.Contains(text, "gate: impasse") {
			err = fmt.Errorf("it answers %q", text)
		}
		return err
	})
	g.shut.Store(false)
	h.issue("gate", narrative.StatusResolved)
}

// TestReconcileSendsAgain loses a hand-off and the start of a notification, as a crash right after a commit does.
func TestReconcileSendsAgain(t *testing.T) {
	t.Parallel()
	var g gate
	h := build(t, &g, "config: {admins: {email: [ops@example.com]}}\n"+fmt.Sprintf(gateYAML, "1h", true))
	h.run("gate", narrative.OutcomePassed, time.Time{})
	past := time.Now().UTC().Add(-time.Minute)
	state, err := h.store.BeginCheck(t.Context(), "gate", "lost-run")
	if err != nil {
		t.Fatal(err)
	}
	lost, err := h.store.RecordCheck(t.Context(), narrative.CheckRecord{CheckRun: narrative.CheckRun{
		Assertion: "gate", Outcome: narrative.OutcomeFailed, Summary: "lost", ScheduledAt: past, StartedAt: past, FinishedAt: past,
		WorkflowID: "assertion/gate", RunID: "lost-run", Seq: state.Seq, Verdict: narrative.Failed("lost"),
	}, Revision: state.Meta.Revision})
	if err != nil || len(lost.Handoffs) != 1 {
		t.Fatalf("%+v, %v; want one hand-off", lost, err)
	}
	err = h.store.AddNotifications(t.Context(), []narrative.Notification{{
		ID: narrative.NewID(past), Key: "lost-notification", IssueID: lost.Opened[0].ID, Kind: narrative.NotifyAction,
		Channel: narrative.ChannelEmail, Recipient: "ann@example.com", Message: narrative.Message{Subject: "lost", Text: "lost"},
		State: narrative.NotificationPending, CreatedAt: past,
	}})
	if err != nil {
		t.Fatal(err)
	}
	reconcile(h)
	await(t, 30*time.Second, "the issue is worked on and both mails are sent", func() error {
		letters := h.told()
		if count(letters, "no_solution") != 1 || count(letters, "action") != 1 {
			return fmt.Errorf("mails %+v", letters)
		}
		return nil
	})
}

// TestOneStoreANamespace refuses a second store in a namespace that belongs to another: they would stop each other's
// checks.
func TestOneStoreANamespace(t *testing.T) {
	t.Parallel()
	var g gate
	h := build(t, &g, fmt.Sprintf(gateYAML, "1h", true))
	h.run("gate", narrative.OutcomePassed, time.Time{})
	dir := t.TempDir()
	env := settings{"NARRATIVE_DATABASE_URL": "sqlite:" + filepath.Join(dir, "other.db"), "TEMPORAL_ADDRESS": h.service.TemporalAddress()}
	if out, code := command(t, narrativeBinary, dir, env, "migrate"); code != 0 {
		t.Fatalf("migrate: exit code %d\n%s", code, out)
	}
	await(t, 20*time.Second, "the watchdog holds the namespace", func() error {
		_, err := h.temporal.DescribeWorkflowExecution(t.Context(), workflows.WatchdogID, "")
		return err
	})
	for _, args := range [][]string{{"worker"}, {"serve", "--listen", "127.0.0.1:0"}} {
		if out, code := command(t, narrativeBinary, dir, env, args...); code != 1 || !strings.Contains(out, "belongs to another Narrative") {
			t.Errorf("%s: exit code %d; want it refused\n%s", args[0], code, out)
		}
	}
}

// TestMaxAttempts carries out the same solution until it was tried often enough, and no further.
func TestMaxAttempts(t *testing.T) {
	t.Parallel()
	var g gate
	g.shut.Store(true)
	notes := make(chan string, 10)
	h := build(t, &g, `
assertions:
  - name: gate
    class: gate
    every: 1s
    max_attempts: 2
    diagnostics: [{case: one, reason: try, plan: [{note: {text: one}}]}]
`, noting(notes))
	h.issue("gate", narrative.StatusImpasse)
	if got := len(notes); got != 2 {
		t.Errorf("the solution was carried out %d times; want max_attempts, 2", got)
	}
}
