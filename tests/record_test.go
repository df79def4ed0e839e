//go:build record

package tests

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/workflows"
)

// The recorder plays scenes on a whole house and writes the histories that its workflows leave behind into a folder:
//
//	go test -tags record -run TestRecordHistories ./tests -record "$PWD/workflows/testdata/replay"
//
// workflows/replay_test.go replays them. Record landed code only: a history says what running workflows look like at
// somebody's house. A file that is there already is kept; to record what later code leaves behind, record into another
// folder and add its files under names of their own.
var recordTo = flag.String("record", "", "the folder that the histories are written into")

// TestRecordHistories plays every scene. Each names the files that it writes.
func TestRecordHistories(t *testing.T) {
	if *recordTo == "" {
		t.Fatal("say where the histories go: -record DIR")
	}
	if err := os.MkdirAll(*recordTo, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, play := range map[string]func(*recorder){
		"checks by hand":                  checks,
		"checks by cron":                  checkByCron,
		"checks by schedule":              checkBySchedule,
		"dry runs":                        dryRuns,
		"events":                          events,
		"occurrences without an answer":   unanswered,
		"notifications":                   notifications,
		"a notification that is retried":  retriedNotification,
		"a recovery that is held back":    heldBackNotification,
		"a message is brought up to date": refresh,
		"housekeeping":                    housekeeping,

		"no case proposes":                   noProposal,
		"a case passes":                      passes,
		"a plan is carried out":              execApplied,
		"a plan fails":                       failingPlan,
		"several propose":                    severalProposals,
		"a plan is not valid":                invalidPlan,
		"what people say":                    comments,
		"a person resolves by signal":        resolvedBySignal,
		"a person resolves by update":        resolvedByUpdate,
		"no solution helps":                  exhausted,
		"an issue waits":                     waiting,
		"there are no search attributes":     withoutAttributes,
		"a check cannot be made":             checkError,
		"records violate":                    records,
		"the clean-up fails":                 cleanUpFails,
		"an issue is closed in mid-plan":     closedInMidPlan,
		"a workflow is lost in mid-plan":     lostInMidPlan,
		"a newer issue carries on the older": newerIssue,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(&recorder{T: t, begun: make(chan struct{}, 10), release: make(chan struct{})})
		})
	}
}

// recorder is one scene's house and what the scene does with it.
type recorder struct {
	*testing.T
	*house
	gate    gate
	clumsy  atomic.Bool   // the action repair fails
	begun   chan struct{} // hears of each action wait that begins
	release chan struct{} // once it is closed, the action wait ends
}

// build starts the house.
func (r *recorder) build(text string) {
	r.Helper()
	r.house = build(r.T, &r.gate, text, r.register)
}

// watch starts a house with one assertion of the class, which is checked when the scene says so.
func (r *recorder) watch(class, more string) {
	r.Helper()
	r.build(fmt.Sprintf(`
config: {admins: {email: [ops@example.com]}}
assertions:
  - name: gate
    class: %s
    every: 30d
%s`, class, more))
}

// fails starts a house whose assertion fails at its first check.
func (r *recorder) fails(class, more string) {
	r.Helper()
	r.gate.shut.Store(true)
	r.watch(class, more)
	r.run("gate", narrative.OutcomeFailed, time.Time{})
}

// check makes a check of the assertion, once the one before is over.
func (r *recorder) check(outcome narrative.Outcome) narrative.CheckRun {
	r.Helper()
	r.over(workflows.CheckNowID(narrative.AssertionKind, "gate"), "")
	after := time.Now()
	r.cli("check", "gate")
	return r.run("gate", outcome, after)
}

// recovers lets the assertion pass and waits until its issue is resolved.
func (r *recorder) recovers() narrative.Issue {
	r.Helper()
	r.gate.shut.Store(false)
	r.gate.broken.Store(false)
	r.check(narrative.OutcomePassed)
	return r.issue("gate", narrative.StatusResolved)
}

// rests waits until the newest issue has the status after that many rounds and nothing of it is under way.
func (r *recorder) rests(status narrative.Status, rounds int) (found narrative.Issue) {
	r.Helper()
	await(r.T, 60*time.Second, fmt.Sprintf("the issue is %s after %d rounds", status, rounds), func() error {
		found = r.issue("gate", status)
		if found.Working || found.Rounds != rounds {
			return fmt.Errorf("issue %+v", found)
		}
		return nil
	})
	return found
}

// over waits until a run has ended; no run is the newest.
func (r *recorder) over(workflowID, runID string) {
	r.Helper()
	await(r.T, 60*time.Second, workflowID+" has ended", func() error {
		d, err := r.temporal.DescribeWorkflowExecution(r.T.Context(), workflowID, runID)
		if err == nil && d.WorkflowExecutionInfo.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			err = errors.New("it runs")
		}
		return err
	})
}

// keep waits until a run has ended and writes its history down.
func (r *recorder) keep(name, workflowID, runID string) {
	r.Helper()
	r.over(workflowID, runID)
	r.keepSoFar(name, workflowID, runID)
}

// keepSoFar writes down what there is of a run's history.
func (r *recorder) keepSoFar(name, workflowID, runID string) {
	r.Helper()
	raw, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(&historypb.History{Events: r.history(workflowID, runID)})
	if err != nil {
		r.Fatal(err)
	}
	var history any
	if err := json.Unmarshal(raw, &history); err != nil {
		r.Fatal(err)
	}
	history = r.scrub(history)
	r.inspect(name, history)
	content, err := json.MarshalIndent(history, "", " ")
	if err != nil {
		r.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(*recordTo, name+".json"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		r.Logf("%s.json is kept as it is", name)
		return
	}
	if err != nil {
		r.Fatal(err)
	}
	_, err = f.Write(append(content, '\n'))
	if err := errors.Join(err, f.Close()); err != nil {
		r.Fatal(err)
	}
}

// scrub takes out what names the machine: who polled and signalled, a worker's own task queue, the house's folder.
// None of it matters to a replay.
func (r *recorder) scrub(v any) any {
	switch v := v.(type) {
	case string:
		return strings.ReplaceAll(v, r.dir, "/house")
	case []any:
		for n := range v {
			v[n] = r.scrub(v[n])
		}
	case map[string]any:
		for key := range v {
			v[key] = r.scrub(v[key])
		}
		if _, ok := v["identity"].(string); ok {
			v["identity"] = "recorder"
		}
		if v["kind"] == "TASK_QUEUE_KIND_STICKY" {
			v["name"] = "sticky"
		}
	}
	return v
}

// inspect refuses a history in which the machine is still named, also within payloads.
func (r *recorder) inspect(name string, v any) {
	r.Helper()
	switch v := v.(type) {
	case []any:
		for _, each := range v {
			r.inspect(name, each)
		}
	case map[string]any:
		for _, each := range v {
			r.inspect(name, each)
		}
	case string:
		texts := []string{v}
		if payload, err := base64.StdEncoding.DecodeString(v); err == nil {
			texts = append(texts, string(payload))
		}
		for _, text := range texts {
			for _, secret := range r.machine() {
				if strings.Contains(text, secret) {
					r.Errorf("%s names the machine by %q: %s", name, secret, text)
				}
			}
		}
	}
}

// machine is what the machine might be known by.
func (r *recorder) machine() []string {
	host, err := os.Hostname()
	if err != nil {
		r.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		r.Fatal(err)
	}
	return []string{"@" + host, host + ":", os.TempDir(), filepath.Dir(here)}
}
