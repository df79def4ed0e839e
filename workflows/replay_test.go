package workflows_test

import (
	"path/filepath"
	"testing"

	"go.temporal.io/sdk/worker"

	"github.com/narrative-go/narrative/workflows"
)

// TestReplay replays histories that landed code left behind: a workflow that runs at somebody's house while Narrative
// is upgraded must find its way through what it has done already. A history that no longer replays says that the change
// breaks such a workflow. Then the change is to go through workflow.GetVersion; the history is never recorded anew to
// make a change pass. tests/record_test.go tells how histories of later code are added.
func TestReplay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "replay", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("there is no history to replay")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			if err := replayer().ReplayWorkflowHistoryFromJSONFile(silent{}, file); err != nil {
				t.Error(err)
			}
		})
	}
}

// replayer knows the workflows as a worker does, by the names of their functions.
func replayer() worker.WorkflowReplayer {
	r := worker.NewWorkflowReplayer()
	for _, flow := range []any{
		workflows.CheckAssertion, workflows.DetectEvent, workflows.ResolveIssue, workflows.RespondEvent, workflows.Sweep,
		workflows.Watchdog, workflows.Notify, workflows.Refresh,
	} {
		r.RegisterWorkflow(flow)
	}
	return r
}

// silent is a log that says nothing: what replay finds, it returns.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
