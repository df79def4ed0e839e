package tests

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/batteries/sql"
)

const approvalYAML = `
config: {admins: {email: [ops@example.com]}}
assertions:
  - name: asked
    class: gate
    every: 1h
    diagnostics:
      - {case: repair, reason: it broke, plan: [{note: {text: never}}], approval: required, approval_timeout: 1h}
  - name: urgent
    class: gate
    every: 1h
    diagnostics:
      - {case: repair, reason: it broke, plan: [{note: {text: repaired}}], approval: required, approval_timeout: 1s}
`

// TestApproval has one plan rejected and another approved, after nobody had answered for a second.
func TestApproval(t *testing.T) {
	t.Parallel()
	var g gate
	g.shut.Store(true)
	notes := make(chan string, 10)
	h := build(t, &g, approvalYAML, noting(notes))

	asked := h.awaits("asked", narrative.AwaitingApproval)
	step, a := asked.Steps[0], asked.Awaiting
	if asked.Status != narrative.StatusOpen || step.State != narrative.StepAwaitingApproval || a.StepID != step.ID || a.Since.IsZero() ||
		a.Until == nil || !a.Until.Equal(a.Since.Add(time.Hour)) {
		t.Errorf("issue %+v; want its one step awaited for an hour", asked)
	}
	if l := h.letters(asked, "approval", 1)[0]; lacks(l.Text, step.ID, step.Digest) != nil {
		t.Errorf("the mail lacks %q:\n%s", lacks(l.Text, step.ID, step.Digest), l.Text)
	}
	h.details(asked, "for a person to approve or reject step "+step.ID, "digest `"+step.Digest+"`", "escalated at ",
		"narrative issue approve "+asked.ID+" --step "+step.ID+" --digest "+step.Digest, "narrative issue reject "+asked.ID)
	before, _ := h.body("/api/v1/issues/" + asked.ID)
	h.refuses("issue", "approve", asked.ID, "--step", step.ID, "--digest", strings.Repeat("0", 64))
	if after, _ := h.body("/api/v1/issues/" + asked.ID); after != before {
		t.Errorf("the wrong digest changed the issue from\n%s\nto\n%s", before, after)
	}
	h.signal(asked, "approve", fmt.Sprintf(`{"step_id": %q, "digest": "none", "by": "zoe"}`, step.ID)) // past the API
	h.noted(asked, "the signal approve was refused")
	if now := h.shown(asked.ID); now.Awaiting == nil || now.Awaiting.StepID != step.ID || len(notes) != 0 {
		t.Errorf("issue %+v; want the step awaited as before", now)
	}
	h.does("issue", "reject", asked.ID, "--step", step.ID, "--reason", "not during the audit", "--by", "ann")
	rejected := h.issue("asked", narrative.StatusImpasse)
	if got := rejected.Steps[0].State; got != narrative.StepRejected {
		t.Errorf("the step is %s; want it rejected", got)
	}
	if e := h.noted(rejected, "not during the audit"); e.By != "ann" {
		t.Errorf("it was rejected by %q; want ann", e.By)
	}
	h.letters(rejected, "impasse", 1)
	h.refuses("issue", "approve", asked.ID, "--step", step.ID, "--digest", step.Digest)

	urgent := h.awaits("urgent", narrative.AwaitingApproval)
	h.letters(urgent, "escalated", 1)
	h.noted(urgent, "nobody has approved")
	step = h.awaits("urgent", narrative.AwaitingApproval).Steps[0] // it goes on waiting
	h.does("issue", "approve", urgent.ID, "--step", step.ID, "--digest", step.Digest, "--by", "bob")
	if got := heard(t, notes); got != "repaired" {
		t.Errorf("%s was done; want what was approved", got)
	}
	h.issue("urgent", narrative.StatusSolutionApplied)
	g.shut.Store(false)
	h.does("check", "urgent")
	h.issue("urgent", narrative.StatusResolved)
	h.letters(urgent, "resolved", 1)
	if explained := h.does("issue", "explain", urgent.ID); !strings.Contains(explained, "bob: approved") {
		t.Errorf("explain does not say that bob approved:\n%s", explained)
	}
	h.issue("asked", narrative.StatusImpasse)
	if len(notes) != 0 {
		t.Errorf("besides, %s was done", <-notes)
	}
}

const changingYAML = `
config: {admins: {email: [ops@example.com]}}
assertions:
  - name: gate
    class: gate
    every: 1h
    diagnostics: [{case: repair, reason: it broke, plan: [{note: {text: %s}}], approval: required}]
`

// TestStaleApproval changes a plan while its approval is awaited: the approval of the old one carries nothing out, and
// the new one is asked about.
func TestStaleApproval(t *testing.T) {
	t.Parallel()
	var g gate
	g.shut.Store(true)
	notes := make(chan string, 10)
	h := build(t, &g, fmt.Sprintf(changingYAML, "old"), noting(notes))
	i := h.awaits("gate", narrative.AwaitingApproval)
	was := i.Steps[0]
	h.rewrite(fmt.Sprintf(changingYAML, "new"))
	out := h.refuses("issue", "approve", i.ID, "--step", was.ID, "--digest", was.Digest, "--by", "ann")
	if !strings.Contains(out, "stale") {
		t.Errorf("it is not said that the approval is stale:\n%s", out)
	}
	i = h.awaits("gate", narrative.AwaitingApproval)
	if len(i.Steps) != 2 || i.Steps[0].State != narrative.StepRejected || i.Awaiting.StepID != i.Steps[1].ID || i.Steps[1].Digest == was.Digest {
		t.Fatalf("issue %+v; want the old step rejected and a new one, of another digest, awaited", i)
	}
	h.noted(i, "approved too late")
	h.letters(i, "approval", 2)
	h.refuses("issue", "approve", i.ID, "--step", i.Steps[1].ID, "--digest", was.Digest)
	h.does("issue", "approve", i.ID, "--step", i.Steps[1].ID, "--digest", i.Steps[1].Digest, "--by", "ann")
	if got := heard(t, notes); got != "new" {
		t.Errorf("the %s plan was carried out", got)
	}
	h.issue("gate", narrative.StatusSolutionApplied)
	if len(notes) != 0 {
		t.Errorf("besides, the %s plan was carried out", <-notes)
	}
}

// fires is an event that happens for each fire that is lit.
type fires struct{ lit atomic.Int64 }

// Detect notices the newest fire.
func (f *fires) Detect(context.Context) ([]narrative.Occurrence, error) {
	if n := f.lit.Load(); n > 0 {
		return []narrative.Occurrence{{Summary: map[string]any{"fire": n}}}, nil
	}
	return nil, nil
}

const switchedYAML = `
config: {actions: %s, admins: {email: [ops@example.com]}}
assertions:
  - name: gate
    class: gate
    every: 1h
    diagnostics: [{case: repair, reason: it broke, plan: [{note: {text: repaired}}]}]
events:
  - {name: fires, class: fires, every: 1h, respond: [{note: {text: extinguished}}]}
`

// TestActionsSwitchedOff carries out nothing unasked, neither with actions off nor with actions to be approved; what a
// person asks for is carried out. Nobody can be asked about an event, and so admins are told.
func TestActionsSwitchedOff(t *testing.T) {
	t.Parallel()
	var g gate
	var f fires
	g.shut.Store(true)
	f.lit.Store(1)
	notes := make(chan string, 10)
	h := build(t, &g, fmt.Sprintf(switchedYAML, "off"), noting(notes), func(reg *narrative.Registry) {
		narrative.AddEvent(reg, "fires", func(struct{}) (narrative.Event, error) { return &f, nil })
	})
	held := func(mode string, want int) {
		t.Helper()
		await(t, 30*time.Second, "admins are told of each fire", func() error {
			told := 0
			for _, l := range h.told() {
				if strings.Contains(l.Subject, "the response to fires") && l.To == "ops@example.com" {
					told++
				}
			}
			if told != want || lacks(fmt.Sprint(h.told()), "actions: "+mode) != nil {
				return fmt.Errorf("mails %+v", h.told())
			}
			return nil
		})
	}
	held("off", 1)
	i := h.awaits("gate", narrative.AwaitingChoice)
	if i.Status != narrative.StatusImpasse {
		t.Errorf("the issue is %s; want an impasse", i.Status)
	}
	h.letters(i, "impasse", 1)
	h.noted(i, "actions are switched off")

	h.rewrite(fmt.Sprintf(switchedYAML, "approve"))
	f.lit.Store(2)
	h.does("check", "fires")
	held("approve", 2)
	h.does("issue", "diagnose", i.ID, "--by", "ann")
	i = h.awaits("gate", narrative.AwaitingApproval)
	step, _ := i.Step(i.Awaiting.StepID)
	if len(notes) != 0 {
		t.Errorf("%s was done unasked", <-notes)
	}
	h.does("issue", "approve", i.ID, "--step", step.ID, "--digest", step.Digest)
	if got := heard(t, notes); got != "repaired" {
		t.Errorf("%s was done; want what was approved", got)
	}
	h.issue("gate", narrative.StatusSolutionApplied)
}

// TestMaxPlans carries out one plan an hour unasked: the second of two records waits for a person.
func TestMaxPlans(t *testing.T) {
	t.Parallel()
	notes := make(chan string, 10)
	h := build(t, &gate{}, fmt.Sprintf(thingsYAML, things(t), `    max_plans: 1
    diagnostics: [{case: repair, reason: it is wrong, plan: [{note: {text: "{{.Record.ID}}"}}]}]
`), sql.Register, noting(notes))
	first := heard(t, notes)
	second := map[string]string{"1": "2", "2": "1"}[first]
	h.of("things", first, narrative.StatusSolutionApplied)
	waits := h.of("things", second, narrative.StatusImpasse)
	h.noted(waits, "max_plans was reached: 1 plan for this assertion within the hour")
	h.letters(waits, "impasse", 1)
	if len(notes) != 0 {
		t.Errorf("the plan for %s was carried out unasked as well", <-notes)
	}
	h.does("issue", "solve", waits.ID, "--step", waits.Steps[0].ID, "--by", "ann")
	if got := heard(t, notes); got != second {
		t.Errorf("the plan for %s was carried out; want that for %s, which ann chose", got, second)
	}
	h.of("things", second, narrative.StatusSolutionApplied)
}
