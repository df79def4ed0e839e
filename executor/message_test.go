package executor

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
)

// told is what the store keeps: channel, recipient and subject of each notification, and the text of the first.
func (w *world) told() (rows []string, text string) {
	for _, n := range w.store.notifications {
		rows = append(rows, n.Channel+" "+n.Recipient+" "+n.Message.Subject)
	}
	if len(rows) > 0 {
		text = w.store.notifications[0].Message.Text
	}
	return rows, text
}

func TestSlackIsTold(t *testing.T) {
	t.Parallel()
	w := setup(t)
	receipt, err := w.Run(context.Background(), call("slack",
		`{"channel":"#billing","text":"Look at this.\nNow.","blocks":[{"type":"section","level":9007199254740993}]}`))
	if err != nil || receipt != "told #billing" {
		t.Fatalf("receipt %q, %v", receipt, err)
	}
	got := w.store.notifications[0]
	want := narrative.Message{
		Subject: "Look at this. [invoices-balance]",
		Text:    "Look at this.\nNow.\n\n-- \nAssertion: invoices-balance\nIssue: i-7\nThe whole story: narrative issue explain i-7\n",
		Blocks:  []any{map[string]any{"type": "section", "level": int64(9007199254740993)}},
	}
	if diff := cmp.Diff(want, got.Message); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got.Channel != "slack" || got.Recipient != "#billing" || got.Key != narrative.NotificationKey("solution/0", narrative.NotifyAction, "slack", "#billing") {
		t.Errorf("got %+v", got)
	}
}

func TestSlackWithBlocksAloneHasTheSummaryAsItsSubject(t *testing.T) {
	t.Parallel()
	w := setup(t)
	if _, err := w.Run(context.Background(), call("slack", `{"channel":"C0123ABCD","blocks":[{"type":"divider"}]}`)); err != nil {
		t.Fatal(err)
	}
	if rows, _ := w.told(); rows[0] != "slack C0123ABCD invoices-balance invoice 7: total is off" {
		t.Errorf("told %q", rows)
	}
}

func TestAChannelThatATemplateMadeIsChecked(t *testing.T) {
	t.Parallel()
	_, err := setup(t).Run(context.Background(), call("slack", `{"channel":"Nobody Here","text":"x"}`))
	if narrative.KindOf(err) != narrative.Invalid || !strings.Contains(err.Error(), "is not a Slack channel") {
		t.Errorf("got %v", err)
	}
}

func TestAdminsAreTold(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, err := w.Run(context.Background(), call("defer_to_admins", `{}`))
	if narrative.KindOf(err) != narrative.Invalid || !strings.Contains(err.Error(), "config.admins: email, slack or webhook") {
		t.Errorf("without admins: %v", err)
	}
	w.store.config.Admins = narrative.Recipients{
		Email: []string{"Ops <ops@example.com>", "OPS@example.com"}, Slack: "#ops",
		Webhook: []string{"https://hooks.example/t0ken", "https://hooks.example/t0ken", "${env:HOOK}"},
	}
	receipt, err := w.Run(context.Background(), call("defer_to_admins", `{"message":"please look","html":"<p>please look</p>"}`))
	if err != nil || receipt != "told ops@example.com, #ops, a webhook at hooks.example, a webhook" {
		t.Fatalf("receipt %q, %v", receipt, err)
	}
	const subject = " invoices-balance invoice 7: total is off"
	rows, text := w.told()
	want := []string{"email ops@example.com" + subject, "slack #ops" + subject, "webhook https://hooks.example/t0ken" + subject, "webhook ${env:HOOK}" + subject}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if html := w.store.notifications[0].Message.HTML; !strings.HasPrefix(text, "please look\n\n-- \n") || !strings.HasPrefix(html, "<p>please look</p>\n<hr>") {
		t.Errorf("text %q, html %q", text, html)
	}
	if len(w.woken) != 4 {
		t.Errorf("woken %v", w.woken)
	}
}

func TestAMessageOfSeveralNotificationsIsWokenOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.store.batch = "b"
	if _, err := w.Run(context.Background(), call("email", `{"to":"a@example.com, b@example.com","text":"x"}`)); err != nil || strings.Join(w.woken, " ") != "b" {
		t.Errorf("woken %v, %v", w.woken, err)
	}
}

// choosing is a call for an issue with proposals: the step of the call itself, one that was carried out, two to choose
// from, one that waits for approval, a pass, and one of an earlier round.
func choosing(args string) narrative.ActionCall {
	c := call("defer_multiple_solutions_to_admins", args)
	step := func(id string, round int, state narrative.StepState, actions ...string) narrative.ResolutionStep {
		s := narrative.ExecStep("because of "+id, narrative.Plan{}...)
		for _, a := range actions {
			s.Solution.Plan = append(s.Solution.Plan, narrative.Do(a, nil))
		}
		s.ID, s.Case, s.Round, s.State, s.Digest, s.Solution.ID = id, "case-"+id, round, state, "d-"+id, "solution-"+id
		return *s
	}
	pass := *narrative.PassStep("fine")
	pass.ID, pass.Round = "pass", 2
	own := step("own", 2, narrative.StepProposed, "defer_multiple_solutions_to_admins")
	own.Solution.ID = "solution"
	person := step("b", 2, narrative.StepFailed, "restart", "email")
	person.Case = ""
	c.Issue.Rounds, c.Issue.Steps = 2, []narrative.ResolutionStep{
		step("old", 1, narrative.StepProposed, "email"), step("done", 2, narrative.StepApplied, "email"), own,
		step("a", 2, narrative.StepProposed, "restart"), person, step("c", 2, narrative.StepAwaitingApproval, "webhook"), pass,
	}
	return c
}

func TestAdminsAreAskedToChoose(t *testing.T) {
	t.Parallel()
	const head = "Balance of invoices (invoices-balance invoice 7) fails, and there are several ways to repair it: choose one.\n\ntotal is off\n"
	const a = "\nStep a (proposed), proposed by case-a: because of a\n    plan: restart\n    to carry it out: narrative issue solve i-7 --step a\n"
	const b = "\nStep b (failed), proposed by a person: because of b\n    plan: restart, email\n    to carry it out: narrative issue solve i-7 --step b\n"
	const c = "\nStep c (awaiting_approval), proposed by case-c: because of c\n    plan: webhook\n    to approve it: narrative issue approve i-7 --step c --digest d-c\n"
	const tail = "\nAssertion: invoices-balance\nIssue: i-7\nThe whole story: narrative issue explain i-7\n"
	for name, tt := range map[string]struct{ args, subject, text string }{
		"of the newest round":      {`{"assertion_display_name":"Balance of invoices"}`, "3 proposals", head + a + b + c + tail},
		"of those that are named":  {`{"assertion_display_name":"Balance of invoices","resolution_steps":["b",{"id":"a","case":"x"},"b"]}`, "2 proposals", head + b + a + tail},
		"without a name of theirs": {`{"resolution_steps":["a"]}`, "1 proposal", strings.Replace(strings.Replace(head, "Balance of invoices (", "", 1), ") fails", " fails", 1) + a + tail},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.store.config.Admins.Slack = "#ops"
			if receipt, err := w.Run(context.Background(), choosing(tt.args)); err != nil || receipt != "told #ops" {
				t.Fatalf("receipt %q, %v", receipt, err)
			}
			rows, text := w.told()
			if diff := cmp.Diff([]string{"slack #ops [Choice] invoices-balance invoice 7: " + tt.subject}, rows); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(tt.text, text); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestWhatCannotBeChosenIsRefused(t *testing.T) {
	t.Parallel()
	many, _ := json.Marshal(map[string]any{"resolution_steps": make([]string, 51)})
	event := choosing(`{}`)
	event.Issue, event.Event = nil, &narrative.Occurrence{ID: "o", Event: "spike"}
	none := choosing(`{}`)
	none.Issue.Steps = none.Issue.Steps[:3]
	for name, tt := range map[string]struct {
		call narrative.ActionCall
		says string
	}{
		"a step that is not there": {choosing(`{"resolution_steps":["a","gone"]}`), "resolution_steps: issue i-7 has no step gone"},
		"a pass":                   {choosing(`{"resolution_steps":["pass"]}`), "resolution_steps: step pass proposes no plan"},
		"too many":                 {choosing(string(many)), "resolution_steps: has 51 entries; at most 50 fit"},
		"none":                     {none, "issue i-7 has no proposals to choose from"},
		"those of an occurrence":   {event, "there is no issue to choose a solution of"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.store.config.Admins.Slack = "#ops"
			_, err := w.Run(context.Background(), tt.call)
			if narrative.KindOf(err) != narrative.Invalid || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}
