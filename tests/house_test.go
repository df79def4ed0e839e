package tests

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/devserver"
	"github.com/narrative-go/narrative/service"
)

// house is a whole Narrative in this process: the embedded Temporal server, the SQLite store, the worker.
type house struct {
	t        *testing.T
	dir      string
	service  *service.Service
	store    narrative.Store
	temporal client.Client
}

// gate is an assertion that holds while it is open; it counts its checks.
type gate struct {
	shut   atomic.Bool
	broken atomic.Bool
	slow   atomic.Int64 // how long a check takes
	now    atomic.Int64 // checks under way
	most   atomic.Int64 // checks under way at once, at most
}

// Check passes unless the gate is shut, and cannot be made while it is broken.
func (g *gate) Check(ctx context.Context) (narrative.Verdict, error) {
	if n := g.now.Add(1); n > g.most.Load() {
		g.most.Store(n)
	}
	defer g.now.Add(-1)
	select {
	case <-ctx.Done():
	case <-time.After(time.Duration(g.slow.Load())):
	}
	switch {
	case g.broken.Load():
		return narrative.Verdict{}, fmt.Errorf("the gate is broken")
	case g.shut.Load():
		return narrative.Failed("the gate is shut"), nil
	}
	return narrative.Passed("the gate is open"), nil
}

// build starts a house with the file's text, triggered by cron; classes are registered as `gate` and actions as the
// test likes.
func build(t *testing.T, g *gate, text string, more ...func(*narrative.Registry)) *house {
	t.Helper()
	return buildWith(t, byCron, g, text, more...)
}

func byCron(o *service.Options)     { o.Trigger = narrative.TriggerCron }
func bySchedule(o *service.Options) { o.Trigger = narrative.TriggerSchedule }

func buildWith(t *testing.T, with func(*service.Options), g *gate, text string, more ...func(*narrative.Registry)) *house {
	t.Helper()
	reg := narrative.NewRegistry()
	narrative.AddAssertion(reg, "gate", func(struct{}) (narrative.Assertion, error) { return g, nil })
	for _, add := range more {
		add(reg)
	}
	h := &house{t: t, dir: t.TempDir()}
	file := filepath.Join(h.dir, "narrative.yaml")
	write(t, file, text)
	o := service.Options{
		Registry: reg, Migrate: true, API: true, Listen: "127.0.0.1:0", Worker: true, Embedded: devserver.Embedded,
		DataDir: filepath.Join(h.dir, "data"), OutboxDir: filepath.Join(h.dir, "outbox"), File: file,
	}
	with(&o)
	var err error
	h.service, err = service.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.service.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.service.Stop)
	h.store = h.service.Store()
	h.temporal, err = client.Dial(client.Options{HostPort: h.service.TemporalAddress(), Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.temporal.Close)
	return h
}

// quiet is a log that says nothing.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

// rewrite applies another text by way of the API, as `narrative apply` does.
func (h *house) rewrite(text string) {
	h.t.Helper()
	if out, code := h.apply(text); code != 0 {
		h.t.Fatalf("apply: exit code %d\n%s", code, out)
	}
}

// apply applies a text at the terminal.
func (h *house) apply(text string) (string, int) {
	h.t.Helper()
	file := filepath.Join(h.dir, "narrative.yaml")
	write(h.t, file, text)
	return h.cli("apply", "-f", file)
}

// history returns the events of a workflow's newest run.
func (h *house) history(workflowID, runID string) (events []*historypb.HistoryEvent) {
	h.t.Helper()
	iter := h.temporal.GetWorkflowHistory(h.t.Context(), workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for iter.HasNext() {
		e, err := iter.Next()
		if err != nil {
			h.t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

// run waits until a check of that outcome was recorded after the given time and returns it.
func (h *house) run(name string, outcome narrative.Outcome, after time.Time) (found narrative.CheckRun) {
	h.t.Helper()
	await(h.t, 30*time.Second, "a check of "+name+" "+string(outcome), func() error {
		runs, err := h.store.CheckRuns(h.t.Context(), name, narrative.Page{Limit: 100})
		if err != nil {
			return err
		}
		for _, r := range runs.Items {
			if r.Outcome == outcome && r.StartedAt.After(after) {
				found = r
				return nil
			}
		}
		return fmt.Errorf("runs: %+v", runs.Items)
	})
	return found
}

// issue waits until the newest issue of the assertion has the status, and returns it with its steps.
func (h *house) issue(assertion string, status narrative.Status) (found narrative.Issue) {
	h.t.Helper()
	await(h.t, 30*time.Second, "an issue of "+assertion+" is "+string(status), func() error {
		issues, err := h.store.Issues(h.t.Context(), narrative.IssueQuery{Assertion: assertion}, narrative.Page{})
		if err != nil {
			return err
		}
		if len(issues.Items) == 0 || issues.Items[0].Status != status {
			return fmt.Errorf("issues: %+v", issues.Items)
		}
		found, err = h.store.Issue(h.t.Context(), issues.Items[0].ID)
		return err
	})
	return found
}

// cli runs an operator's command and returns its output and exit code.
func (h *house) cli(args ...string) (string, int) {
	h.t.Helper()
	return command(h.t, narrativeBinary, h.dir, settings{"NARRATIVE_URL": "http://" + h.service.Addr()}, args...)
}

// signal sends a signal as `temporal workflow signal` does.
func (h *house) signal(i narrative.Issue, name, payload string) {
	h.t.Helper()
	if err := h.temporal.SignalWorkflow(h.t.Context(), i.WorkflowID, "", name, json.RawMessage(payload)); err != nil {
		h.t.Fatal(err)
	}
}

// told returns the subjects in the outbox, in order.
func (h *house) told() (letters []letter) {
	return outbox(h.t, filepath.Join(h.dir, "outbox"))
}

func (h *house) file(name string) string { return filepath.Join(h.dir, name) }
