package workflows_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/activities"
	"github.com/narrative-go/narrative/diagnosis"
	"github.com/narrative-go/narrative/persistence"
	"github.com/narrative-go/narrative/workflows"
)

// bench runs the workflows with time skipping, on the real activities and a real SQLite store. What user code does is
// scripted.
type bench struct {
	t     *testing.T
	env   *testsuite.TestWorkflowEnvironment
	store *persistence.Store
	acts  *activities.Activities

	mu         sync.Mutex
	cases      []narrative.DiagnosticCase // of the assertion
	ran        []string                   // actions, in order
	fail       map[string]error           // by action
	repeat     map[string]bool
	told       []string // keys of notifications started
	during     func(action string)
	send       func(attempt int) error // what the mail channel answers
	sends      int
	tellings   []narrative.Telling
	checks     int   // asked for at once
	startFails error // what asking for one answers
	meta       narrative.AssertionMeta
	config     narrative.Config
}

var (
	_ activities.Deliverer = (*bench)(nil)
	_ narrative.Executor   = (*bench)(nil)
)

// assertion is the scripted assertion.
type assertion struct{ b *bench }

func (a assertion) Check(context.Context) (narrative.Verdict, error) {
	return narrative.Failed("no"), nil
}
func (a assertion) DiagnosticCases() []narrative.DiagnosticCase { return a.b.cases }
func (a assertion) Recovered(context.Context, narrative.Issue) error {
	a.b.note("recovered")
	return a.b.fail["recovered"]
}

// setup opens a store with the assertion `watched` and one open issue of it.
func setup(t *testing.T, cases ...narrative.DiagnosticCase) (*bench, narrative.Issue) {
	t.Helper()
	b := &bench{t: t, cases: cases, fail: map[string]error{}, repeat: map[string]bool{}, during: func(string) {}}
	url := "sqlite:" + filepath.Join(t.TempDir(), "narrative.db")
	if _, _, err := persistence.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	var err error
	if b.store, err = persistence.Open(t.Context(), url, persistence.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.store.Close() })
	reg := narrative.NewRegistry()
	narrative.AddAssertion(reg, "scripted", func(struct{}) (narrative.Assertion, error) { return assertion{b}, nil })
	b.acts, err = activities.New(activities.Options{
		Store: b.store, Registry: reg, Executor: b, CompileCase: diagnosis.Compile, Deliverer: b,
		Channels: map[string]narrative.Channel{narrative.ChannelEmail: b},
		Now:      func() time.Time { return b.env.Now() },
	})
	if err != nil {
		t.Fatal(err)
	}
	var suite testsuite.WorkflowTestSuite
	b.env = suite.NewTestWorkflowEnvironment()
	for _, w := range []any{workflows.ResolveIssue, workflows.Notify, workflows.Refresh, workflows.Sweep, workflows.Watchdog} {
		b.env.RegisterWorkflow(w)
	}
	b.env.RegisterActivity(b.acts)
	b.env.SetTestTimeout(2 * time.Minute)
	b.meta = narrative.AssertionMeta{Meta: narrative.Meta{Name: "watched", Class: "scripted", Every: narrative.Duration(time.Minute), Enabled: true}}
	b.config = narrative.Config{MinimumDatumLogLevel: narrative.Info, Admins: narrative.Recipients{Email: []string{"ops@example.com"}}}
	b.apply()
	return b, b.check(narrative.OutcomeFailed).Opened[0]
}

// apply makes the store hold the bench's meta and configuration.
func (b *bench) apply() {
	b.t.Helper()
	m := narrative.Manifest{Source: "test", Config: &b.config, Assertions: []narrative.AssertionMeta{b.meta.WithDefaults()}}
	if _, err := b.store.Apply(context.Background(), m, b.env.Now().UTC()); err != nil {
		b.t.Fatal(err)
	}
}

// rule changes the meta and the configuration, before the workflow runs or while it does.
func (b *bench) rule(edit func(*narrative.AssertionMeta, *narrative.Config)) {
	b.t.Helper()
	edit(&b.meta, &b.config)
	b.apply()
}

// check records a check of that outcome.
func (b *bench) check(outcome narrative.Outcome, edits ...func(*narrative.CheckRecord)) narrative.CheckResult {
	b.t.Helper()
	runID := narrative.NewID(time.Now())
	state, err := b.store.BeginCheck(context.Background(), "watched", runID)
	if err != nil {
		b.t.Fatal(err)
	}
	now := b.env.Now().UTC()
	r := narrative.CheckRecord{CheckRun: narrative.CheckRun{
		Assertion: "watched", Outcome: outcome, Summary: string(outcome), ScheduledAt: now, StartedAt: now, FinishedAt: now,
		WorkflowID: "assertion/watched", RunID: runID, Seq: state.Seq,
		Verdict: narrative.Verdict{Passed: outcome == narrative.OutcomePassed, Summary: string(outcome)},
	}, Revision: state.Meta.Revision}
	for _, edit := range edits {
		edit(&r)
	}
	result, err := b.store.RecordCheck(context.Background(), r)
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// observe records a check of that outcome and signals what it hands over.
func (b *bench) observe(outcome narrative.Outcome, edits ...func(*narrative.CheckRecord)) {
	for _, h := range b.check(outcome, edits...).Handoffs {
		b.env.SignalWorkflow(narrative.SignalObserve, *h.Observation)
	}
}

// at does something after that much of the workflow's time.
func (b *bench) at(after time.Duration, do func()) { b.env.RegisterDelayedCallback(do, after) }

// run runs the issue's workflow to its end and returns the issue's story.
func (b *bench) run(i narrative.Issue, first ...narrative.Observation) narrative.Story {
	b.t.Helper()
	if len(first) == 0 {
		first = []narrative.Observation{{IssueID: i.ID, CheckSeq: i.OpenedSeq}}
	}
	b.env.ExecuteWorkflow(workflows.ResolveIssue, workflows.IssueInput{IssueID: i.ID, Observations: first})
	if !b.env.IsWorkflowCompleted() {
		b.t.Fatal("the workflow did not end")
	}
	story, err := b.store.Story(context.Background(), i.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	return story
}

func (b *bench) note(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ran = append(b.ran, what)
}

// Validate knows every action but `unknown`.
func (b *bench) Validate(p narrative.Plan) (problems narrative.Problems) {
	for n, a := range p {
		if a.Action == "unknown" {
			problems = append(problems, narrative.Problem{Path: fmt.Sprintf("[%d]", n), Message: "unknown is not a known action"})
		}
	}
	return problems
}

// Run notes the action.
func (b *bench) Run(_ context.Context, c narrative.ActionCall) (string, error) {
	b.note(c.Action.Action)
	b.during(c.Action.Action)
	return "receipt", b.fail[c.Action.Action]
}

// Repeatable is as the test says.
func (b *bench) Repeatable(action string) bool { return b.repeat[action] }

// HandOver is not called: the tests signal.
func (b *bench) HandOver(context.Context, narrative.Handoff) error { return nil }

// Notify notes the key.
func (b *bench) Notify(_ context.Context, key string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told = append(b.told, key)
	return nil
}

// Refresh notes that a message is to be brought up to date.
func (b *bench) Refresh(_ context.Context, p narrative.Post) error {
	b.note("refresh " + p.Message)
	return nil
}

// StartCheck notes that a check was asked for.
func (b *bench) StartCheck(context.Context, narrative.MetaKind, string) error {
	b.checks++
	return b.startFails
}

// Reconcile says that it did something.
func (b *bench) Reconcile(context.Context) (narrative.Reconciled, error) {
	return narrative.Reconciled{Started: 7}, nil
}

// Send is the mail channel.
func (b *bench) Send(_ context.Context, t narrative.Telling) (narrative.Sent, error) {
	b.sends++
	b.tellings = append(b.tellings, t)
	return narrative.Sent{Receipt: "receipt"}, b.send(b.sends)
}

// proposing is a case that proposes the same each time.
func proposing(name string, step func(narrative.Issue) (*narrative.ResolutionStep, error)) narrative.DiagnosticCase {
	return narrative.DiagnosticCase{Name: name, Diagnose: func(_ context.Context, i narrative.Issue) (*narrative.ResolutionStep, error) {
		return step(i)
	}}
}

// executing is a case that proposes a plan of the actions.
func executing(name string, actions ...string) narrative.DiagnosticCase {
	return proposing(name, func(narrative.Issue) (*narrative.ResolutionStep, error) {
		var plan narrative.Plan
		for _, a := range actions {
			plan = append(plan, narrative.Action{Action: a, Retry: &narrative.Retry{Attempts: 2, Backoff: narrative.Duration(time.Millisecond)}})
		}
		return narrative.ExecStep("because "+name, plan...), nil
	})
}

// kinds are the kinds of the story's notifications, in order.
func kinds(s narrative.Story) []narrative.NotificationKind {
	all := []narrative.NotificationKind{}
	for _, n := range s.Notifications {
		all = append(all, n.Kind)
	}
	return all
}

func payload(v any) json.RawMessage {
	b, _ := json.Marshal(v)
	return b
}

// again is a fresh environment on the same store.
func (b *bench) again() *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterWorkflow(workflows.ResolveIssue)
	env.RegisterActivity(b.acts)
	return env
}

// converterOf reads the input that a continue-as-new carries.
func converterOf(e *workflow.ContinueAsNewError, into *workflows.IssueInput) error {
	return converter.GetDefaultDataConverter().FromPayloads(e.Input, into)
}
