package tests

import (
	"fmt"
	"testing"
	"time"

	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/converter"

	narrative "github.com/narrative-go/narrative"
)

// attributes waits until the workflow has the search attributes.
func (h *house) attributes(workflowID string, want map[string]string) {
	h.t.Helper()
	await(h.t, 30*time.Second, fmt.Sprintf("%s has the search attributes %v", workflowID, want), func() error {
		d, err := h.temporal.DescribeWorkflowExecution(h.t.Context(), workflowID, "")
		if err != nil {
			return err
		}
		for name, value := range want {
			var has string
			payload := d.WorkflowExecutionInfo.SearchAttributes.GetIndexedFields()[name]
			if err := converter.GetDefaultDataConverter().FromPayload(payload, &has); err != nil || has != value {
				return fmt.Errorf("%s is %q (%v)", name, has, err)
			}
		}
		return nil
	})
}

// details waits until what the Temporal UI shows of the issue contains the texts.
func (h *house) details(i narrative.Issue, want ...string) {
	h.t.Helper()
	await(h.t, 30*time.Second, fmt.Sprintf("the current details say %q", want), func() error {
		answer, err := h.temporal.QueryWorkflow(h.t.Context(), i.WorkflowID, "", "__temporal_workflow_metadata")
		if err != nil {
			return err
		}
		var m sdkpb.WorkflowMetadata
		if err := answer.Get(&m); err != nil {
			return err
		}
		if missing := lacks(m.CurrentDetails, want...); missing != nil {
			return fmt.Errorf("they lack %q:\n%s", missing, m.CurrentDetails)
		}
		return nil
	})
}

const peopleYAML = `
config: {admins: {email: [ops@example.com]}}
assertions:
  - name: gate
    class: gate
    severity: %s
    every: 1h
    diagnostics:
      - {case: one, reason: perhaps this, plan: [{note: {text: one}}]}
      - {case: two, reason: perhaps that, plan: [{note: {text: two}}]}
`

// TestPeople says all that people can say about an issue; who said it stands in its story, and where it stands, in the
// Temporal UI.
func TestPeople(t *testing.T) {
	t.Parallel()
	var g gate
	g.shut.Store(true)
	notes := make(chan string, 10)
	h := build(t, &g, fmt.Sprintf(peopleYAML, "warning"), noting(notes))
	i := h.awaits("gate", narrative.AwaitingChoice)
	h.attributes(i.WorkflowID, map[string]string{
		"NarrativeKind": "issue", "NarrativeName": "gate", "NarrativeOutcome": "impasse", "NarrativeSeverity": "warning",
	})
	h.details(i, "gate: impasse", "for a person's choice", i.Steps[0].Digest, i.Steps[1].Digest,
		"narrative issue solve "+i.ID+" --step "+i.Steps[0].ID, "narrative issue solve "+i.ID+" --step "+i.Steps[1].ID,
		"narrative issue acknowledge "+i.ID, "narrative issue wont-fix "+i.ID+" --reason WHY")

	h.does("issue", "acknowledge", i.ID, "--until", "1h", "--reason", "I look into it", "--by", "ann")
	until := time.Now().Add(time.Hour)
	if a := h.shown(i.ID).Acknowledged; a == nil || a.By != "ann" || a.Reason != "I look into it" || a.Until == nil || a.Until.Sub(until).Abs() > time.Minute {
		t.Errorf("acknowledged %+v; want by ann for an hour", a)
	}
	h.details(i, "Acknowledged by ann until", "I look into it")
	h.rewrite(fmt.Sprintf(peopleYAML, "critical")) // which is not what was acknowledged
	h.noted(i, "now fails with severity critical")
	h.attributes(i.WorkflowID, map[string]string{"NarrativeOutcome": "impasse", "NarrativeSeverity": "critical"})
	if a := h.shown(i.ID).Acknowledged; a != nil {
		t.Errorf("it is still acknowledged: %+v", a)
	}
	h.does("issue", "snooze", i.ID, "--for", "1s", "--by", "bob")
	h.noted(i, "the snooze has ended")
	h.does("issue", "comment", i.ID, "The hinge is broken.", "--by", "cleo")
	h.does("issue", "diagnose", i.ID, "--reason", "the hinge is mended", "--by", "dan")
	await(t, 30*time.Second, "the round that dan asked for has ended", func() error {
		if now := h.issue("gate", narrative.StatusImpasse); now.Rounds != 2 || now.Awaiting == nil || len(now.Steps) != 4 {
			return fmt.Errorf("issue %+v", now)
		}
		return nil
	})
	if len(notes) != 0 {
		t.Errorf("the plan %s was carried out, which nobody has chosen", <-notes)
	}
	h.does("issue", "wont-fix", i.ID, "--reason", "it is to be shut", "--by", "eve")
	h.issue("gate", narrative.StatusWontFix)
	h.attributes(i.WorkflowID, map[string]string{"NarrativeOutcome": "wont_fix"})
	if out, code := h.cli("check", "gate"); code != 3 {
		t.Errorf("check: exit code %d; want 3\n%s", code, out)
	}
	if now := h.issue("gate", narrative.StatusWontFix); now.ID != i.ID {
		t.Errorf("issue %s was opened although %s is muted", now.ID, i.ID)
	}
	h.refuses("issue", "comment", i.ID, "too late")

	h.does("issue", "reopen", i.ID, "--reason", "it is to be open", "--by", "fay")
	next := h.awaits("gate", narrative.AwaitingChoice) // the check that reopen has made opened it
	if next.ID == i.ID || next.WorkflowID != i.WorkflowID {
		t.Errorf("issue %s in %s; want a new one in %s", next.ID, next.WorkflowID, i.WorkflowID)
	}
	h.refuses("issue", "reopen", next.ID)
	explained := h.does("issue", "explain", i.ID)
	missing := lacks(explained, "ann: acknowledged until", "I look into it", "bob: snoozed until", "the snooze has ended", "cleo",
		"The hinge is broken.", "dan: a round of diagnosis is asked for: the hinge is mended", "eve: won't fix: it is to be shut",
		"fay: reopened", "it is to be open")
	if missing != nil {
		t.Errorf("explain lacks %q:\n%s", missing, explained)
	}
}

const lastingYAML = `
config: {admins: {email: [ops@example.com]}}
assertions:
  - name: lasting
    class: gate
    every: 1h
    renotify: [1s, 1h]
    escalate:
      - {after: 1s, notify: {email: [lead@example.com]}}
      - {after: 2s, notify: {email: [director@example.com]}}
  - {name: known, class: gate, every: 1h%s}
`

// TestEscalation tells people again, and more people, of what lasts; all who were told of it are told that it is over.
// One who has asked not to be told of what is seen to is not told.
func TestEscalation(t *testing.T) {
	t.Parallel()
	var g gate
	g.shut.Store(true)
	h := build(t, &g, fmt.Sprintf(lastingYAML, ""))
	lasting := h.issue("lasting", narrative.StatusOpen)
	h.letters(lasting, "renotified", 1)
	if to := addressees(h.letters(lasting, "escalated", 2)); to["lead@example.com"] != 1 || to["director@example.com"] != 1 {
		t.Errorf("it was escalated to %v; want the lead and the director", to)
	}

	known := h.issue("known", narrative.StatusOpen)
	h.letters(known, "no_solution", 1)
	h.does("issue", "acknowledge", known.ID, "--by", "ann")
	h.rewrite(fmt.Sprintf(lastingYAML, `, renotify: [1s], escalate: [
    {after: 1s, notify: {email: [lead@example.com]}, unless: acknowledged}, {after: 2s, notify: {email: [director@example.com]}}]`))
	if to := addressees(h.letters(known, "escalated", 1)); to["director@example.com"] != 1 {
		t.Errorf("it was escalated to %v; want the director, and not the lead", to)
	}

	g.shut.Store(false)
	for name, want := range map[string]map[string]int{
		"lasting": {"ops@example.com": 1, "lead@example.com": 1, "director@example.com": 1},
		"known":   {"ops@example.com": 1, "director@example.com": 1},
	} {
		h.does("check", name)
		i := h.issue(name, narrative.StatusResolved)
		if got := addressees(h.letters(i, "resolved", len(want))); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the recovery of %s was told to %v; want %v", name, got, want)
		}
	}
	h.letters(lasting, "renotified", 1)
	h.letters(known, "renotified", 0)
}

// addressees counts whom letters are to.
func addressees(letters []letter) map[string]int {
	to := map[string]int{}
	for _, l := range letters {
		to[l.To]++
	}
	return to
}
