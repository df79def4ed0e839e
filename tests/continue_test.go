package tests

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/starter"
)

const quietYAML = `
config: {admins: {email: [ops@example.com]}}
assertions:
  - {name: gate, class: gate, every: 1h}
`

// TestThousandsOfSignals sends an issue more signals than one run's history holds, people's words among them: it
// continues as new several times, and loses none.
func TestThousandsOfSignals(t *testing.T) {
	t.Parallel()
	var g gate
	g.shut.Store(true)
	h := build(t, &g, quietYAML)
	i := h.issue("gate", narrative.StatusOpen)
	const signals, words, lanes = 9_000, 300, 16
	begun := h.firstRun(i)
	var wait sync.WaitGroup
	for lane := range lanes {
		wait.Go(func() {
			for n := lane; n < signals; n += lanes {
				name, payload := narrative.SignalObserve, any(narrative.Observation{IssueID: i.ID}) // says nothing
				if n%(signals/words) == 0 {
					name, payload = string(narrative.SignalComment), map[string]any{"text": fmt.Sprintf("word %d", n), "by": "ann"}
				}
				if err := h.temporal.SignalWorkflow(t.Context(), i.WorkflowID, "", name, payload); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	await(t, 120*time.Second, "every word is on the timeline", func() error {
		story, err := h.store.Story(t.Context(), i.ID)
		if err != nil {
			return err
		}
		heard := map[string]int{}
		for _, e := range story.Entries {
			if e.Kind == narrative.EntryComment {
				heard[e.Text]++
			}
		}
		for n := 0; n < signals; n += signals / words {
			if word := fmt.Sprintf("word %d", n); heard[word] != 1 {
				return fmt.Errorf("%q was heard %d times; %d words so far", word, heard[word], len(heard))
			}
		}
		return nil
	})
	if runs := h.runsSince(i, begun); runs < 3 {
		t.Errorf("it took %d runs of the workflow; the test means several continuations", runs)
	}
	g.shut.Store(false)
	if out, code := h.cli("check", "gate"); code != 0 {
		t.Fatalf("check: exit code %d\n%s", code, out)
	}
	h.issue("gate", narrative.StatusResolved)
}

// firstRun is the run id of the issue's workflow.
func (h *house) firstRun(i narrative.Issue) string {
	h.t.Helper()
	run := ""
	await(h.t, 20*time.Second, "the workflow of the issue runs", func() error {
		d, err := h.temporal.DescribeWorkflowExecution(h.t.Context(), i.WorkflowID, "")
		if err == nil {
			run = d.WorkflowExecutionInfo.Execution.RunId
		}
		return err
	})
	return run
}

// runsSince counts the runs of the issue's workflow from one on.
func (h *house) runsSince(i narrative.Issue, run string) (n int) {
	h.t.Helper()
	for run != "" {
		n++
		events := h.history(i.WorkflowID, run)
		last := events[len(events)-1]
		if run = ""; last.EventType == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW {
			run = last.GetWorkflowExecutionContinuedAsNewEventAttributes().NewExecutionRunId
		}
	}
	return n
}

// TestManyHandOversAtOnce hands one issue over 120 times at the same moment: one workflow lives its life.
func TestManyHandOversAtOnce(t *testing.T) {
	t.Parallel()
	var g gate
	g.shut.Store(true)
	h := build(t, &g, strings.ReplaceAll(quietYAML, "every: 1h", "every: 1h, diagnostics: [{case: wait, reason: it mends itself, pass: true}]"))
	i := h.issue("gate", narrative.StatusOpen)
	hands, err := starter.New(starter.Options{Client: h.temporal, Store: h.store})
	if err != nil {
		t.Fatal(err)
	}
	run := h.firstRun(i)
	const times = 120
	var wait sync.WaitGroup
	for range times {
		wait.Go(func() {
			o := narrative.Observation{IssueID: i.ID, CheckSeq: i.OpenedSeq}
			if err := hands.HandOver(t.Context(), narrative.Handoff{WorkflowID: i.WorkflowID, Observation: &o}); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	await(t, 30*time.Second, "all of them were heard by one workflow", func() error {
		heard := 0
		for _, e := range h.history(i.WorkflowID, run) {
			if e.EventType == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED {
				heard++
			}
		}
		if heard < times+1 {
			return fmt.Errorf("%d", heard)
		}
		return nil
	})
	if now := h.firstRun(i); now != run {
		t.Errorf("another run lives: %s", now)
	}
	await(t, 30*time.Second, "the one round has ended", func() error {
		if now := h.issue("gate", narrative.StatusOpen); now.Rounds != 1 || now.Working {
			return fmt.Errorf("%d rounds", now.Rounds)
		}
		return nil
	})
	if now := h.issue("gate", narrative.StatusOpen); now.Rounds != 1 {
		t.Errorf("%d rounds; want the one that the first hand-over began", now.Rounds)
	}
	listed, err := h.store.Issues(t.Context(), narrative.IssueQuery{Assertion: "gate"}, narrative.Page{})
	if err != nil || len(listed.Items) != 1 {
		t.Errorf("%d issues (%v); want one", len(listed.Items), err)
	}
}
