package executor

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
)

func TestPlansAreValidated(t *testing.T) {
	t.Parallel()
	const known = "(known: defer_multiple_solutions_to_admins, defer_to_admins, email, fail, log_datum, restart, slack, webhook)"
	for name, tt := range map[string]struct{ action, args, path, message string }{
		"an unknown action":      {"emial", `{}`, "[0].emial", `there is no action "emial"; did you mean "email"? ` + known},
		"no action":              {"", ``, "[0]", "names no action"},
		"an unknown argument":    {"email", `{"to":"a@example.com","sbject":"x"}`, "[0].email.sbject", `is not a known field; did you mean "subject"? (known: to, subject, text, html)`},
		"nobody to mail":         {"email", `{"text":"x"}`, "[0].email.to", "is required: an address, several with commas between them, or a list of addresses"},
		"a bad address":          {"email", `{"to":["a@example.com","nobody"],"text":"x"}`, "[0].email.to", `"nobody" is not a mail address`},
		"a secret address":       {"email", `{"to":"${env:OPS}","text":"x"}`, "[0].email.to", "cannot refer to the environment or a file: who is told is kept in the store"},
		"an address of no type":  {"email", `{"to":5,"text":"x"}`, "[0].email.to", "must be an address, several with commas between them, or a list of addresses"},
		"nothing to say":         {"email", `{"to":"a@example.com"}`, "[0].email.text", "give at least one of subject, text and html"},
		"a subject of no string": {"defer_to_admins", `{"subject":5}`, "[0].defer_to_admins.subject", "must be a string, not number"},
		"no channel":             {"slack", `{"text":"x"}`, "[0].slack.channel", "is required: #name, in lower case, or the channel's id"},
		"a channel without #":    {"slack", `{"channel":"ops","text":"x"}`, "[0].slack.channel", `"ops" is not a Slack channel; did you mean "#ops"?`},
		"a secret channel":       {"slack", `{"channel":"#${env:C}","text":"x"}`, "[0].slack.channel", "cannot refer to the environment or a file: who is told is kept in the store"},
		"nothing to post":        {"slack", `{"channel":"#ops","blocks":[]}`, "[0].slack.text", "give at least one of text and blocks"},
		"blocks that are none":   {"slack", `{"channel":"#ops","blocks":{"type":"section"}}`, "[0].slack.blocks", "must be a list of blocks of Slack's Block Kit"},
		"a block without a type": {"slack", `{"channel":"#ops","blocks":[{"type":"divider"},{"text":"x"}]}`, "[0].slack.blocks[1]", "must be an object with a type, such as section"},
		"a block of no object":   {"slack", `{"channel":"#ops","blocks":["x"]}`, "[0].slack.blocks[0]", "must be an object with a type, such as section"},
		"too many blocks":        {"slack", `{"channel":"#ops","blocks":[` + strings.Repeat("{},", 50) + `{}]}`, "[0].slack.blocks", "has 51 blocks; Slack takes at most 50 in a message"},
		"steps of no list":       {"defer_multiple_solutions_to_admins", `{"resolution_steps":"s"}`, "[0].defer_multiple_solutions_to_admins.resolution_steps", "must be a list of ids, or of objects with an id"},
		"a step without an id":   {"defer_multiple_solutions_to_admins", `{"resolution_steps":["s",{"case":"x"}]}`, "[0].defer_multiple_solutions_to_admins.resolution_steps[1]", "must be an id, or an object with an id"},
		"no URL":                 {"webhook", `{}`, "[0].webhook.url", "is required"},
		"another scheme":         {"webhook", `{"url":"ftp://h/x"}`, "[0].webhook.url", "must be an http:// or https:// URL with a host"},
		"an unknown method":      {"webhook", `{"url":"http://h","method":"SEND"}`, "[0].webhook.method", `must be one of GET, HEAD, POST, PUT, PATCH, DELETE; not "SEND"`},
		"a bad header":           {"webhook", `{"url":"http://h","headers":{"X-A":"a\r\nb"}}`, "[0].webhook.headers.X-A", "is not a header that can be sent"},
		"a datum without a name": {"log_datum", `{}`, "[0].log_datum.name", "is required"},
		"an unknown level":       {"log_datum", `{"name":"x","level":"loud"}`, "[0].log_datum.level", `level must be one of trace, debug, info, warn, error; not "loud"`},
		"a bad ttl":              {"log_datum", `{"name":"x","ttl":"9"}`, "[0].log_datum.ttl", `"9" is not a duration such as 90s, 5m, 1h or 30d`},
		"a user's argument":      {"restart", `{"times":"twice"}`, "[0].restart.times", "must be a whole number, not string"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := setup(t).Validate(narrative.Plan{{Action: tt.action, Args: json.RawMessage(tt.args)}})
			if diff := cmp.Diff(narrative.Problems{{Path: tt.path, Message: tt.message}}, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestTemplatesMayStandAnywhere(t *testing.T) {
	t.Parallel()
	plan := narrative.Plan{
		narrative.Do("email", map[string]any{"to": "{{.Record.owner}}", "subject": "{{.Issue.Name}}"}),
		narrative.Do("email", map[string]any{"to": []string{"a@example.com", "{{.Record.owner}}"}, "text": "x"}),
		narrative.Do("slack", map[string]any{"channel": "{{.Record.team}}", "blocks": []any{map[string]any{"type": "divider", "n": 1}}}),
		narrative.Do("defer_to_admins", map[string]any{"html": "<b>x</b>"}),
		narrative.Do("defer_multiple_solutions_to_admins", nil),
		narrative.Do("webhook", map[string]any{"url": "http://10.0.0.1/x", "secret": "${env:S}"}),
		narrative.Do("webhook", map[string]any{"url": "${env:HOOK}", "method": "{{.Record.m}}", "headers": map[string]string{"Authorization": "Bearer ${env:T}"}, "body": map[string]any{"id": 5}}),
		narrative.Do("log_datum", map[string]any{"name": "x", "level": "{{.Issue.Severity}}", "ttl": "{{.Record.ttl}}", "note": []int{1}}),
		narrative.Do("restart", map[string]any{"host": "{{.Record.host}}", "times": 2}),
	}
	if p := setup(t).Validate(plan); len(p) > 0 {
		t.Errorf("got %v", p)
	}
}

func TestWhatMayBeRepeatedIsDeclared(t *testing.T) {
	t.Parallel()
	got := map[string]bool{}
	w := setup(t)
	for _, name := range append(w.Actions(), "unknown") {
		got[name] = w.Repeatable(name)
	}
	want := map[string]bool{"email": true, "defer_to_admins": true, "webhook": true, "slack": true, "defer_multiple_solutions_to_admins": true, "log_datum": false, "restart": true, "fail": false, "unknown": false}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestEachRecipientGetsOneNotification(t *testing.T) {
	t.Parallel()
	w := setup(t)
	receipt, err := w.Run(context.Background(), call("email",
		`{"to":"Ann <ann@example.com>, bob@example.com, ANN@example.com","subject":"key ${env:KEY}\r\nBcc: x","text":"hello"}`,
		`{"to":"ann@example.com","subject":"key s3cret","text":"hello s3cret"}`))
	if err != nil || receipt != "told ann@example.com, bob@example.com" {
		t.Fatalf("receipt %q, %v", receipt, err)
	}
	if len(w.store.notifications) != 2 || strings.Join(w.woken, " ") != w.store.notifications[0].Key+" "+w.store.notifications[1].Key {
		t.Fatalf("got %+v, woken %v", w.store.notifications, w.woken)
	}
	first := w.store.notifications[0]
	if len(first.ID) != 36 {
		t.Errorf("id %q", first.ID)
	}
	first.ID, first.Batch = "", ""
	want := narrative.Notification{
		Key: narrative.NotificationKey("solution/0", narrative.NotifyAction, "email", "ann@example.com"), IssueID: "i-7",
		Kind: narrative.NotifyAction, Channel: "email", Recipient: "ann@example.com", State: narrative.NotificationPending, CreatedAt: now,
		Message: narrative.Message{
			Subject: "key ${env:KEY} Bcc: x [invoices-balance]",
			Text: "hello\n\n-- \nAssertion: invoices-balance\nIssue: i-7\n" +
				"The whole story: narrative issue explain i-7\n",
		},
	}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAMessageThatNamesTheAssertionIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, err := w.Run(context.Background(), call("email", `{"to":["a@example.com"],"subject":"invoices-balance fails","text":"see invoices-balance"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := narrative.Message{Subject: "invoices-balance fails", Text: "see invoices-balance"}
	if diff := cmp.Diff(want, w.store.notifications[0].Message); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestADatumIsLogged(t *testing.T) {
	t.Parallel()
	w := setup(t)
	receipt, err := w.Run(context.Background(), call("log_datum", `{"name":"repair","note":{"by":"plan"},"level":"warn","ttl":"1h"}`))
	if err != nil || receipt != "datum d1" {
		t.Fatalf("receipt %q, %v", receipt, err)
	}
	expires := now.Add(time.Hour)
	want := narrative.Datum{
		ID: "d1", Origin: "invoices-balance", Name: "repair", Note: json.RawMessage(`{"by":"plan"}`),
		Level: narrative.Warn, At: now, ExpiresAt: &expires,
	}
	if diff := cmp.Diff(want, w.store.datums[0]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	receipt, err = w.Run(context.Background(), call("log_datum", `{"name":"repair","level":"debug"}`))
	if err != nil || !strings.Contains(receipt, "below the minimum level") || len(w.store.datums) != 1 {
		t.Errorf("a low one: %q, %v", receipt, err)
	}
	if _, err = w.Run(context.Background(), call("log_datum", `{"name":"repair","ttl":"0s"}`)); err != nil || w.store.datums[1].ExpiresAt != nil {
		t.Errorf("for ever: %+v, %v", w.store.datums, err)
	}
	if diff := cmp.Diff([]bool{true, false, true}, w.logged); diff != "" {
		t.Errorf("counted (-want +got)\n%s", diff)
	}
}

func TestTheUsersOwnActionsRun(t *testing.T) {
	t.Parallel()
	w := setup(t)
	if _, err := w.Run(context.Background(), call("restart", `{"host":"${env:H}"}`, `{"host":"db1"}`)); err != nil || strings.Join(w.restarted, "") != "db1" {
		t.Errorf("restarted %v, %v", w.restarted, err)
	}
	if _, err := w.Run(context.Background(), call("fail", `{}`)); err == nil || narrative.KindOf(err) != narrative.Internal {
		t.Errorf("got %v", err)
	}
	if _, err := w.Run(context.Background(), call("nothing", `{}`)); narrative.KindOf(err) != narrative.Invalid {
		t.Errorf("got %v", err)
	}
}

func TestWrongWiringIsRefused(t *testing.T) {
	t.Parallel()
	taken := narrative.NewRegistry()
	narrative.AddAction(taken, "email", func(context.Context, struct{}) error { return nil })
	for want, o := range map[string]Options{
		"Store is missing":               {Registry: narrative.NewRegistry()},
		"Registry is missing":            {Store: &memory{}},
		`the action "email" is built in`: {Registry: taken, Store: &memory{}},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	e, err := ForValidation(narrative.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Run(context.Background(), call("email", `{}`)); narrative.KindOf(err) != narrative.Unavailable {
		t.Errorf("got %v", err)
	}
}
