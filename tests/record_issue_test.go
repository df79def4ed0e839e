//go:build record

package tests

import (
	"encoding/json"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/workflows"
)

func noProposal(r *recorder) {
	r.fails("gate", "")
	i := r.rests(narrative.StatusOpen, 1)
	r.recovers()
	r.keep("issue-no-proposal-then-recovered", i.WorkflowID, "")
}

func passes(r *recorder) {
	r.fails("gate", passing)
	i := r.rests(narrative.StatusOpen, 1)
	for round := 2; round <= 3; round++ {
		r.check(narrative.OutcomeFailed)
		i = r.rests(narrative.StatusOpen, round)
	}
	if len(i.Steps) != 1 || i.Steps[0].Count != 3 {
		r.Fatalf("steps %+v; want one, counted up to 3", i.Steps)
	}
	r.recovers()
	r.keep("issue-pass-counted-up-then-recovered", i.WorkflowID, "")
}

func execApplied(r *recorder) {
	r.fails("gate", mending)
	i := r.rests(narrative.StatusSolutionApplied, 1)
	r.recovers()
	r.keep("issue-exec-then-resolved", i.WorkflowID, "")
}

func failingPlan(r *recorder) {
	r.clumsy.Store(true)
	r.fails("gate", mending)
	i := r.rests(narrative.StatusImpasse, 1)
	r.clumsy.Store(false)
	r.signal(i, "solution", fmt.Sprintf(`{"step_id": %q, "by": "ann"}`, i.Steps[0].ID))
	r.rests(narrative.StatusSolutionApplied, 1)
	r.recovers()
	r.keep("issue-plan-failed-then-solution-by-signal", i.WorkflowID, "")
}

func severalProposals(r *recorder) {
	r.fails("gate", undecided)
	i := r.rests(narrative.StatusImpasse, 1)
	file := r.file("plan.json")
	write(r.T, file, `[{"action": "note", "args": {"text": "mine"}}]`)
	refused := r.update(i, narrative.SignalSolution, `{"step_id": "unknown"}`)
	rejected := r.update(i, narrative.SignalSolution, `{"stepid": "typo"}`) // which leaves nothing behind
	if refused == nil || rejected == nil {
		r.Fatalf("an unknown step and an unknown field are answered %v and %v; want both refused", refused, rejected)
	}
	if out, code := r.cli("issue", "solve", i.ID, "--plan", file, "--by", "ann"); code != 0 {
		r.Fatalf("solve: exit code %d\n%s", code, out)
	}
	r.rests(narrative.StatusSolutionApplied, 1)
	r.recovers()
	r.keep("issue-several-proposals-then-solution-by-update", i.WorkflowID, "")
}

// update sends a signal as an update, past the checks of the API, and returns what it is answered.
func (r *recorder) update(i narrative.Issue, name narrative.SignalName, payload string) error {
	r.Helper()
	handle, err := r.temporal.UpdateWorkflow(r.T.Context(), client.UpdateWorkflowOptions{
		WorkflowID: i.WorkflowID, UpdateName: string(name), Args: []any{json.RawMessage(payload)},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return err
	}
	return handle.Get(r.T.Context(), nil)
}

func invalidPlan(r *recorder) {
	r.fails("patient", "")
	i := r.rests(narrative.StatusImpasse, 1)
	if out, code := r.cli("issue", "wont-fix", i.ID, "--reason", "so be it", "--by", "ann"); code != 0 {
		r.Fatalf("won't fix: exit code %d\n%s", code, out)
	}
	r.keep("issue-plan-invalid-then-wont-fix", i.WorkflowID, "")
}

func comments(r *recorder) {
	r.fails("gate", "")
	i := r.rests(narrative.StatusOpen, 1)
	r.signal(i, "comment", `{"text": "I am on it", "by": "ann"}`)
	r.signal(i, "solution", `["not an object"]`)
	r.signal(i, "wont_fix", `{"resaon": "typo"}`)
	if err := r.temporal.SignalWorkflow(r.T.Context(), i.WorkflowID, "", "resolve", []byte{0xff, 0x00}); err != nil {
		r.Fatal(err)
	}
	if out, code := r.cli("issue", "comment", i.ID, "so am I", "--by", "bob"); code != 0 {
		r.Fatalf("comment: exit code %d\n%s", code, out)
	}
	await(r.T, 30*time.Second, "two comments and three refusals are noted", func() error {
		story, err := r.store.Story(r.T.Context(), i.ID)
		noted := map[narrative.EntryKind]int{}
		for _, e := range story.Entries {
			noted[e.Kind]++
		}
		if err == nil && (noted[narrative.EntryComment] != 2 || noted[narrative.EntryRefused] != 3) {
			err = fmt.Errorf("entries %+v", story.Entries)
		}
		return err
	})
	r.recovers()
	r.keep("issue-comments-and-refused-signals", i.WorkflowID, "")
}

func resolvedBySignal(r *recorder) {
	r.fails("gate", passing)
	i := r.rests(narrative.StatusOpen, 1)
	r.signal(i, "resolve", `{"by": "ann", "reason": "done by hand"}`)
	r.keep("issue-resolved-by-signal", i.WorkflowID, "")
}

func resolvedByUpdate(r *recorder) {
	r.fails("gate", passing)
	i := r.rests(narrative.StatusOpen, 1)
	if out, code := r.cli("issue", "resolve", i.ID, "--by", "ann"); code != 0 {
		r.Fatalf("resolve: exit code %d\n%s", code, out)
	}
	r.keep("issue-resolved-by-update", i.WorkflowID, "")
}

func exhausted(r *recorder) {
	r.fails("gate", "    max_attempts: 1\n"+mending)
	i := r.rests(narrative.StatusSolutionApplied, 1)
	r.check(narrative.OutcomeFailed)
	r.rests(narrative.StatusImpasse, 1)
	r.keepAtRest("issue-exhausted-waits-for-a-person", i)
	r.recovers()
	r.keep("issue-exhausted-then-recovered", i.WorkflowID, "")
}

func waiting(r *recorder) {
	r.fails("gate", passing)
	r.keepAtRest("issue-waits-for-the-next-check", r.rests(narrative.StatusOpen, 1))
}

// keepAtRest writes down the history of an issue that is open, once its workflow only waits.
func (r *recorder) keepAtRest(name string, i narrative.Issue) {
	r.Helper()
	await(r.T, 30*time.Second, "the issue's workflow has come to rest", func() error {
		events := r.history(i.WorkflowID, "")
		switch last := events[len(events)-1].EventType; last {
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
			return nil
		default:
			return fmt.Errorf("the last event is %s", last)
		}
	})
	r.keepSoFar(name, i.WorkflowID, "")
}

// withoutAttributes starts an issue's workflow as a house does whose namespace has no search attributes.
func withoutAttributes(r *recorder) {
	r.fails("gate", undecided)
	i := r.rests(narrative.StatusImpasse, 1)
	if err := r.temporal.TerminateWorkflow(r.T.Context(), i.WorkflowID, "", "by hand"); err != nil {
		r.Fatal(err)
	}
	o := client.StartWorkflowOptions{ID: i.WorkflowID, TaskQueue: narrative.TaskQueue}
	if _, err := r.temporal.ExecuteWorkflow(r.T.Context(), o, workflows.ResolveIssue, workflows.IssueInput{IssueID: i.ID}); err != nil {
		r.Fatal(err)
	}
	r.recovers()
	r.keep("issue-without-search-attributes", i.WorkflowID, "")
}

func checkError(r *recorder) {
	r.gate.broken.Store(true)
	r.watch("gate", "    error_after: 1\n")
	i := r.rests(narrative.StatusOpen, 1)
	r.recovers()
	r.keep("issue-check-error-then-recovered", i.WorkflowID, "")
}

func records(r *recorder) {
	r.fails("table", mending)
	i := r.rests(narrative.StatusSolutionApplied, 1)
	r.recovers()
	r.keep("issue-record-exec-then-resolved", i.WorkflowID, "")
}

func cleanUpFails(r *recorder) {
	r.fails("patient", mending)
	i := r.rests(narrative.StatusImpasse, 1)
	r.recovers()
	r.keep("issue-case-errs-and-clean-up-fails", i.WorkflowID, "")
}

func closedInMidPlan(r *recorder) {
	r.fails("gate", lasting)
	<-r.begun
	i := r.issue("gate", narrative.StatusOpen)
	r.keepSoFar("issue-in-mid-plan", i.WorkflowID, "")
	r.signal(i, "comment", `{"text": "how long?", "by": "ann"}`)
	r.signal(i, "wont_fix", `{"reason": "let it be", "by": "ann"}`)
	close(r.release)
	r.keep("issue-closed-in-mid-plan", i.WorkflowID, "")
}

// lostInMidPlan terminates the workflow while an action runs. A comment gives the issue its workflow back, which does
// not know whether the action happened.
func lostInMidPlan(r *recorder) {
	r.fails("gate", lasting)
	<-r.begun
	i := r.issue("gate", narrative.StatusOpen)
	if err := r.temporal.TerminateWorkflow(r.T.Context(), i.WorkflowID, "", "by hand"); err != nil {
		r.Fatal(err)
	}
	if out, code := r.cli("issue", "comment", i.ID, "is anybody there?", "--by", "ann"); code != 0 {
		r.Fatalf("comment: exit code %d\n%s", code, out)
	}
	r.rests(narrative.StatusImpasse, 1)
	r.recovers()
	r.keep("issue-lost-in-mid-plan-then-recovered", i.WorkflowID, "")
}

// newerIssue closes an issue in the store while its workflow carries out a plan, and the next check opens a newer one:
// when the plan has ended, the workflow carries on as that.
func newerIssue(r *recorder) {
	r.fails("gate", lasting)
	<-r.begun
	older := r.issue("gate", narrative.StatusOpen)
	runID := r.newest(older.WorkflowID)
	_, err := r.store.ChangeIssue(r.T.Context(), older.ID, -1, "by hand", func(i *narrative.Issue) (narrative.Effects, error) {
		entry := i.CloseFor(narrative.Signal{Name: narrative.SignalResolve, By: "ann"}, time.Now().UTC())
		entry.Key = "by hand"
		return narrative.Effects{Entries: []narrative.Entry{entry}}, nil
	})
	if err != nil {
		r.Fatal(err)
	}
	r.check(narrative.OutcomeFailed)
	await(r.T, 30*time.Second, "the workflow is told of the newer issue", func() error {
		signals := 0
		for _, e := range r.history(older.WorkflowID, runID) {
			if e.EventType == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED {
				signals++
			}
		}
		if signals != 2 {
			return fmt.Errorf("%d signals", signals)
		}
		return nil
	})
	close(r.release)
	r.keep("issue-continued-as-newer", older.WorkflowID, runID)
	newer := r.rests(narrative.StatusSolutionApplied, 1)
	if newer.ID == older.ID || r.newest(newer.WorkflowID) == runID {
		r.Fatalf("issue %s in run %s; want a newer issue in a newer run", newer.ID, runID)
	}
	r.recovers()
	r.keep("issue-newer-then-resolved", newer.WorkflowID, "")
}

// newest is the id of a workflow's newest run.
func (r *recorder) newest(workflowID string) string {
	r.Helper()
	d, err := r.temporal.DescribeWorkflowExecution(r.T.Context(), workflowID, "")
	if err != nil {
		r.Fatal(err)
	}
	return d.WorkflowExecutionInfo.Execution.RunId
}
