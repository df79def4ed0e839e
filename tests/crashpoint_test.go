package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// repairing is an assertion whose plan repairs it, and an event that is answered; both write down what is done.
const repairing = `
config: {admins: {email: [ops@example.com]}}
assertions:
  - name: healthy
    class: test.FileExists
    every: 2s
    timeout: 10s
    args: {path: DIR/healthy}
    diagnostics:
      - case: repair
        reason: it can be repaired
        plan:
          - email: {to: user@example.com, subject: repairing, text: it is being repaired}
          - append: {path: DIR/first, line: first}
          - append_repeatable: {path: DIR/healthy, line: healthy}
events:
  - name: lines
    class: test.Lines
    every: 2s
    timeout: 10s
    args: {path: DIR/lines}
    respond:
      - append_repeatable: {path: DIR/answered, line: "{{.Summary.line}}"}
`

// TestCrashPoints stops the process dead at each step by which a check becomes an issue, is worked on and is told, and
// starts it again: nothing is lost, nothing that was done is done twice, and where that cannot be known, it is said.
func TestCrashPoints(t *testing.T) {
	t.Parallel()
	for _, point := range []struct {
		at      string
		unknown bool // the second action may or may not have happened
		beside  bool // the plan goes on beside it, and so may be anywhere
	}{
		{at: "BeginCheck:after"},
		{at: "RecordCheck/failed:before"},
		{at: "RecordCheck/failed:after"},          // the issue exists, nobody was told
		{at: "HandoffsDone:before", beside: true}, // the issue's workflow runs, and the hand-off is not marked done
		{at: "ChangeIssue/round/1/begin/:after"},
		{at: "ChangeIssue/round/1/case/:after"},
		{at: "ChangeIssue/round/1/end:after"},
		{at: "StartAction/append:before"},
		{at: "StartAction/append:after", unknown: true},
		{at: "FinishAction/1:before", unknown: true},
		{at: "FinishAction/1:after"},
		{at: "ChangeIssue/step/:before"},
		{at: "ChangeIssue/step/:after"},
		{at: "NotificationSent:before", beside: true},
		{at: "RecordCheck/passed:after"},
		{at: "ChangeIssue/resolve/:before"},
		{at: "ChangeIssue/resolve/:after"},
		{at: "RecordDetection/detected:after", beside: true},
		{at: "AnswerOccurrence:after", beside: true},
		{at: "FinishSolution:before", beside: true},
	} {
		t.Run(strings.ReplaceAll(point.at, "/", " "), func(t *testing.T) {
			t.Parallel()
			crashAndGoOn(t, point.at, point.unknown, point.beside)
		})
	}
}

func crashAndGoOn(t *testing.T, at string, unknown, beside bool) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "lines"), "one\n")
	write(t, filepath.Join(dir, "narrative.yaml"), strings.ReplaceAll(repairing, "DIR", dir))
	died := filepath.Join(dir, "died")
	env := settings{"TEST_CRASH_AT": at, "TEST_CRASH_DONE": died}
	p := launch(t, programBinary, dir, env, devFlags()...)
	await(t, 90*time.Second, "the process dies at "+at, func() error {
		select {
		case <-p.done:
			return nil
		default:
			return fmt.Errorf("it lives")
		}
	})
	if _, err := os.Stat(died); err != nil {
		t.Fatalf("it died elsewhere: %v\n%s", err, p.out)
	}
	p = start(t, programBinary, dir, env, devFlags()...)
	if beside {
		await(t, 90*time.Second, "the plan has ended", func() error {
			unknown = p.oneIssue("impasse") == nil
			if unknown {
				return nil
			}
			return p.oneIssue("resolved")
		})
	}
	if unknown {
		await(t, 90*time.Second, "the issue waits for a person", func() error { return p.oneIssue("impasse") })
		write(t, filepath.Join(dir, "healthy"), "healthy\n")
	}
	await(t, 90*time.Second, "the issue is resolved", func() error { return p.oneIssue("resolved") })
	await(t, 60*time.Second, "the event is answered", func() error {
		if got := linesOf(t, filepath.Join(dir, "answered")); len(got) == 0 {
			return fmt.Errorf("not yet")
		}
		return nil
	})
	if got := linesOf(t, filepath.Join(dir, "first")); len(got) > 1 || len(got) == 0 && !unknown {
		t.Errorf("the action happened %d times", len(got))
	}
	if got := linesOf(t, filepath.Join(dir, "answered")); len(got) > 2 { // the action may be repeated, says the program
		t.Errorf("the event was answered %d times", len(got))
	}
	want := map[string]int{"action": 1, "resolved": 1} // who was told by the plan is told that it is over
	if unknown {
		want = map[string]int{"action": 1, "impasse": 1, "resolved": 2}
	}
	await(t, 60*time.Second, "everybody is told once", func() error {
		letters := outbox(t, filepath.Join(dir, ".narrative", "outbox"))
		for kind, n := range want {
			if count(letters, kind) != n {
				return fmt.Errorf("mails %+v", letters)
			}
		}
		return nil
	})
}

// oneIssue returns why there is not exactly one issue of that status.
func (p *process) oneIssue(status string) error {
	if all := p.issues(""); len(all) != 1 || all[0].Status != status {
		return fmt.Errorf("issues %+v", all)
	}
	return nil
}
