package tests

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	narrative "github.com/narrative-go/narrative"
	battery "github.com/narrative-go/narrative/batteries/sql"
)

// The functions of house below are what the tests of an issue's life share.

// does runs an operator's command, which must go well, and returns what it printed.
func (h *house) does(args ...string) string {
	h.t.Helper()
	out, code := h.cli(args...)
	if code != 0 {
		h.t.Fatalf("narrative %s: exit code %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// refuses runs an operator's command, which must not be possible, and returns what it printed.
func (h *house) refuses(args ...string) string {
	h.t.Helper()
	out, code := h.cli(args...)
	if code != 1 {
		h.t.Errorf("narrative %s: exit code %d; want 1\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// body is what the API answers, and its status.
func (h *house) body(path string) (text string, status int) {
	h.t.Helper()
	answer, err := http.Get("http://" + h.service.Addr() + path)
	if err != nil {
		h.t.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(raw), answer.StatusCode
}

// shown is the issue as the API shows it.
func (h *house) shown(id string) (i narrative.Issue) {
	h.t.Helper()
	text, status := h.body("/api/v1/issues/" + id)
	if err := json.Unmarshal([]byte(text), &i); err != nil || status != http.StatusOK {
		h.t.Fatalf("issue %s: status %d, %v\n%s", id, status, err, text)
	}
	return i
}

// awaits waits until the newest issue of the assertion waits for a person, and returns it as the API shows it.
func (h *house) awaits(assertion, what string) (found narrative.Issue) {
	h.t.Helper()
	await(h.t, 60*time.Second, "an issue of "+assertion+" waits for a person's "+what, func() error {
		issues, err := h.store.Issues(h.t.Context(), narrative.IssueQuery{Assertion: assertion}, narrative.Page{})
		if err != nil {
			return err
		}
		if len(issues.Items) == 0 || issues.Items[0].Awaiting == nil || issues.Items[0].Awaiting.For != what {
			return fmt.Errorf("issues: %+v", issues.Items)
		}
		found = h.shown(issues.Items[0].ID)
		return nil
	})
	return found
}

// of waits until the issue of a record has the status.
func (h *house) of(assertion, record string, status narrative.Status) (found narrative.Issue) {
	h.t.Helper()
	await(h.t, 60*time.Second, fmt.Sprintf("the issue of record %s is %s", record, status), func() error {
		issues, err := h.store.Issues(h.t.Context(), narrative.IssueQuery{Assertion: assertion, RecordID: record}, narrative.Page{})
		if err != nil {
			return err
		}
		if len(issues.Items) != 1 || issues.Items[0].Status != status {
			return fmt.Errorf("issues: %+v", issues.Items)
		}
		found = issues.Items[0]
		return nil
	})
	return found
}

// noted waits until a line of the issue's timeline contains the text, and returns it.
func (h *house) noted(i narrative.Issue, text string) (found narrative.Entry) {
	h.t.Helper()
	await(h.t, 60*time.Second, fmt.Sprintf("%q is on the timeline", text), func() error {
		story, err := h.store.Story(h.t.Context(), i.ID)
		if err != nil {
			return err
		}
		for _, e := range story.Entries {
			if strings.Contains(e.Text, text) {
				found = e
				return nil
			}
		}
		return fmt.Errorf("entries: %+v", story.Entries)
	})
	return found
}

// letters waits until so many mails of the kind tell of the issue, and returns them with their text as it is read.
func (h *house) letters(i narrative.Issue, kind string, want int) (found []letter) {
	h.t.Helper()
	await(h.t, 60*time.Second, fmt.Sprintf("there are %d mails of the kind %s", want, kind), func() error {
		found = nil
		for _, l := range h.told() {
			if l.Kind == kind && slices.Contains(l.Issues, i.ID) {
				l.Text = strings.NewReplacer("=\r\n", "", "=\n", "", "=3D", "=").Replace(l.Text)
				found = append(found, l)
			}
		}
		if len(found) != want {
			return fmt.Errorf("mails %+v", h.told())
		}
		return nil
	})
	return found
}

// heard waits for what an action noted.
func heard(t *testing.T, notes <-chan string) string {
	t.Helper()
	select {
	case text := <-notes:
		return text
	case <-time.After(60 * time.Second):
		t.Fatal("no action has noted anything")
		return ""
	}
}

// lacks tells which of the texts are missing in another.
func lacks(text string, wanted ...string) (missing []string) {
	for _, w := range wanted {
		if !strings.Contains(text, w) {
			missing = append(missing, w)
		}
	}
	return missing
}

// thingsYAML watches a table of things; the second verb is the rest of its assertion.
const thingsYAML = `
config: {admins: {email: [ops@example.com]}}
assertions:
  - name: things
    class: sql
    every: 1h
    args:
      dsn: sqlite:%s
      violations: SELECT id, name FROM things WHERE wrong ORDER BY id
      record: {type: thing, id: id}
      exists: SELECT 1 FROM things WHERE id = $1
%s`

// things makes a table of three things, of which two, 1 and 2, are wrong; %s in the file's text is where it is.
func things(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "things.db")
	execute(t, path, `CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL, wrong BOOLEAN NOT NULL)`)
	execute(t, path, `INSERT INTO things VALUES (1, 'bolt', TRUE), (2, 'nut', TRUE), (3, 'washer', FALSE)`)
	return path
}

// TestRollback undoes the first two actions of a plan, the last first, because the third fails.
func TestRollback(t *testing.T) {
	t.Parallel()
	var g gate
	g.shut.Store(true)
	notes := make(chan string, 10)
	h := build(t, &g, `
config: {admins: {email: [ops@example.com]}}
assertions:
  - name: gate
    class: gate
    every: 1h
    diagnostics:
      - case: repair
        reason: it broke
        plan: [{note: {text: lock}}, {note: {text: recalculate}}, {fail: {}, retry: {attempts: 1}}, {note: {text: never}}]
        rollback: [{note: {text: unlock}}, {note: {text: restore}}, null, {note: {text: never}}]
`, noting(notes), func(reg *narrative.Registry) {
		narrative.AddAction(reg, "fail", func(context.Context, struct{}) error { return errors.New("the tool is broken") })
	})
	i := h.issue("gate", narrative.StatusImpasse)
	for _, want := range []string{"lock", "recalculate", "restore", "unlock"} {
		if got := heard(t, notes); got != want {
			t.Errorf("%s was done; want %s", got, want)
		}
	}
	if len(notes) != 0 {
		t.Errorf("besides, %s was done", <-notes)
	}
	if step := h.shown(i.ID).Steps[0]; step.State != narrative.StepRolledBack || !strings.Contains(step.Solution.Error, "the tool is broken") {
		t.Errorf("step %+v; want it rolled back, with the error", step)
	}
	explained := h.does("issue", "explain", i.ID)
	if missing := lacks(explained, "rolled_back", "the tool is broken", "what had been done was rolled back", "unlock", "restore"); missing != nil {
		t.Errorf("explain lacks %q:\n%s", missing, explained)
	}
	if l := h.letters(i, "impasse", 1)[0]; !strings.Contains(l.Text, "the tool is broken") {
		t.Errorf("the mail does not say what failed:\n%s", l.Text)
	}
}

// TestVerification checks whether a plan helped a second after it was carried out, although the next tick is an hour
// away: by an ordinary check, and where the class can check a record by itself, by that alone.
func TestVerification(t *testing.T) {
	t.Parallel()
	var g gate
	g.shut.Store(true)
	path := things(t)
	h := build(t, &g, fmt.Sprintf(thingsYAML, path, `    diagnostics:
      - case: mend
        when: issue.rounds == 0
        reason: it is wrong
        plan: [{mend: {id: "{{.Record.ID}}"}}]
        verify_after: 1s
      - {case: patience, when: issue.rounds > 0, reason: it may mend itself, pass: true}
  - name: gate
    class: gate
    every: 1h
    diagnostics: [{case: open, reason: it is shut, plan: [{open: {}}], verify_after: 1s}]
`), battery.Register, func(reg *narrative.Registry) {
		narrative.AddAction(reg, "open", func(context.Context, struct{}) error {
			g.shut.Store(false)
			return nil
		})
		narrative.AddAction(reg, "mend", func(_ context.Context, a struct {
			ID string `json:"id"`
		},
		) error {
			if a.ID != "1" { // to the others it does no good
				return nil
			}
			db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
			if err != nil {
				return err
			}
			defer db.Close()
			_, err = db.Exec("UPDATE things SET wrong = FALSE WHERE id = 1")
			return err
		})
	})
	opened := h.issue("gate", narrative.StatusResolved)
	h.noted(opened, "verification of the solution: a check is under way")
	if runs := h.runsOf("gate"); len(runs) != 2 || runs[0].WorkflowID != "assertion/gate/now" {
		t.Errorf("checks %+v; want the first and the one that verified", runs)
	}

	mended := h.of("things", "1", narrative.StatusResolved)
	h.noted(mended, "the record no longer violates the assertion")
	other := h.of("things", "2", narrative.StatusSolutionApplied)
	h.noted(other, "verification of the solution: it did not help")
	h.noted(other, "round 2: patience passes") // at once, with the history
	if runs := h.runsOf("things"); len(runs) != 1 {
		t.Errorf("checks %+v; want only the first: the records are verified by themselves", runs)
	}
	execute(t, path, "UPDATE things SET wrong = FALSE")
	h.does("check", "things")
	h.of("things", "2", narrative.StatusResolved)
}

// runsOf returns the checks made of an assertion, newest first.
func (h *house) runsOf(assertion string) []narrative.CheckRun {
	h.t.Helper()
	runs, err := h.store.CheckRuns(h.t.Context(), assertion, narrative.Page{Limit: 100})
	if err != nil {
		h.t.Fatal(err)
	}
	return runs.Items
}

// TestRecordGone tells a record that is gone from one that was repaired.
func TestRecordGone(t *testing.T) {
	t.Parallel()
	path := things(t)
	h := build(t, &gate{}, fmt.Sprintf(thingsYAML, path, "    resolve_after: 1\n"), battery.Register)
	gone, repaired := h.of("things", "1", narrative.StatusOpen), h.of("things", "2", narrative.StatusOpen)
	h.letters(gone, "no_solution", 1)
	h.letters(repaired, "no_solution", 1)
	execute(t, path, "DELETE FROM things WHERE id = 1")
	execute(t, path, "UPDATE things SET wrong = FALSE WHERE id = 2")
	h.does("check", "things")
	gone, repaired = h.of("things", "1", narrative.StatusResolved), h.of("things", "2", narrative.StatusResolved)
	h.noted(gone, "record gone: resolved after")
	h.noted(repaired, "it passes again: resolved after")
	if l := h.letters(gone, "resolved", 1)[0]; !strings.Contains(l.Text, "the record is gone") {
		t.Errorf("the mail does not say that the record is gone:\n%s", l.Text)
	}
	if l := h.letters(repaired, "resolved", 1)[0]; !strings.Contains(l.Text, "passes again") {
		t.Errorf("the mail does not say that it passes again:\n%s", l.Text)
	}
}

// TestRemoval removes an assertion that fails: its issue is closed and told, and nothing is checked any more, until it
// is applied again.
func TestRemoval(t *testing.T) {
	t.Parallel()
	var g gate
	g.shut.Store(true)
	text := "config: {admins: {email: [ops@example.com]}}\n" + fmt.Sprintf(gateYAML, "1s", true)
	h := build(t, &g, text)
	first := h.issue("gate", narrative.StatusOpen)
	h.letters(first, "no_solution", 1)
	if out, code := h.cli("assertion", "remove", "gate"); code != 2 {
		t.Errorf("remove without --yes: exit code %d; want 2\n%s", code, out)
	}
	h.does("assertion", "remove", "gate", "--yes")
	h.issue("gate", narrative.StatusResolved)
	if explained := h.does("issue", "explain", first.ID); !strings.Contains(explained, "assertion removed") {
		t.Errorf("explain does not say why it was closed:\n%s", explained)
	}
	if l := h.letters(first, "resolved", 1)[0]; !strings.Contains(l.Text, "the assertion was removed") {
		t.Errorf("the mail does not say why it was closed:\n%s", l.Text)
	}
	await(t, 30*time.Second, "its trigger has stopped", func() error {
		d, err := h.temporal.DescribeWorkflowExecution(t.Context(), "assertion/gate", "")
		if err == nil && d.WorkflowExecutionInfo.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			err = errors.New("it runs")
		}
		return err
	})
	if text, status := h.body("/api/v1/assertions/gate"); status != http.StatusNotFound {
		t.Errorf("the removed assertion is still answered: status %d\n%s", status, text)
	}
	h.rewrite(text)
	second := h.issue("gate", narrative.StatusOpen)
	if second.ID == first.ID {
		t.Error("the same issue is open again; want a new one")
	}
	g.shut.Store(false)
	h.issue("gate", narrative.StatusResolved)
	h.letters(first, "resolved", 1)
}
