package slack

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
)

// view is a modal.
type view struct {
	title, submit, callback, private string
	blocks                           []any
}

// form asks for what a signal needs besides who sends it.
type form struct {
	press  string
	signal narrative.SignalName
	title  string // at most 24 characters
	submit string
	// required tells whether a reason must be given.
	required bool
	// span is the field that takes a length of time; empty where there is none. spans are the choices.
	span  string
	label string
	spans []string
}

const (
	spanFor   = "for"   // a length of time
	spanUntil = "until" // the time at which it ends
)

// formOf returns the form that a button opens.
func formOf(press string) (form, bool) {
	for _, f := range []form{
		{
			press: pressAcknowledge, signal: narrative.SignalAcknowledge, title: "Acknowledge", submit: "Acknowledge",
			span: spanUntil, label: "For how long? (empty: until it recovers)", spans: []string{"1h", "4h", "1d", "3d", "7d"},
		},
		{
			press: pressSnooze, signal: narrative.SignalSnooze, title: "Snooze", submit: "Snooze",
			span: spanFor, label: "For how long?", spans: []string{"30m", "1h", "4h", "1d", "3d"},
		},
		{
			press: pressWontFix, signal: narrative.SignalWontFix, title: "Won't fix", submit: "Close for good", required: true,
			span: spanUntil, label: "For how long? (empty: for ever)", spans: []string{"1d", "7d", "30d", "90d"},
		},
		{press: pressResolve, signal: narrative.SignalResolve, title: "Resolve", submit: "Resolve"},
		{press: pressReject, signal: narrative.SignalReject, title: "Reject the plan", submit: "Reject", required: true},
	} {
		if f.press == press {
			return f, true
		}
	}
	return form{}, false
}

// The ids of a form's fields: those of blocks are the signal's, that of the element in each is the same.
const (
	fieldReason = "reason"
	fieldValue  = "value"
)

// private is what a form remembers of the button that opened it.
type private struct {
	value
	Answer string `json:"answer,omitempty"` // the response_url
}

func (f form) view(about value, answer string) view {
	name := about.Name
	about.Name = ""
	remembered, _ := json.Marshal(private{about, answer}) // strings always encode
	if len(remembered) > maxPrivate {
		remembered, _ = json.Marshal(private{about, ""})
	}
	what := "issue `" + line(about.Issue, 100) + "`"
	if name != "" {
		what = "*" + line(name, 200) + "* · " + what
	}
	blocks := []any{small(what), object{
		"type": "input", "block_id": fieldReason, "label": plain("Why?"), "optional": !f.required,
		"element": object{"type": "plain_text_input", "action_id": fieldValue, "multiline": true, "max_length": maxText},
	}}
	if f.span != "" {
		options := make([]any, len(f.spans))
		for n, s := range f.spans {
			options[n] = object{"text": plain(s), "value": s}
		}
		blocks = append(blocks, object{
			"type": "input", "block_id": f.span, "label": plain(f.label), "optional": f.span == spanUntil,
			"element": object{"type": "static_select", "action_id": fieldValue, "options": options},
		})
	}
	return view{title: f.title, submit: f.submit, callback: f.press, private: string(remembered), blocks: blocks}
}

// fields reads what was put into the form, as the signal's fields; the problems are of its fields.
func (f form) fields(in interaction, about value, now time.Time) (map[string]any, narrative.Problems) {
	fields := map[string]any{}
	values := in.View.State.Values
	if reason := strings.TrimSpace(values[fieldReason][fieldValue].Value); reason != "" {
		fields["reason"] = reason
	}
	if about.Step != "" {
		fields["step_id"], fields["digest"] = about.Step, about.Digest
	}
	if chosen := values[f.span][fieldValue].Selected; f.span != "" && chosen != nil {
		span, err := narrative.ParseDuration(chosen.Value)
		switch {
		case err != nil:
			return nil, narrative.ProblemsOf(f.span, err)
		case f.span == spanUntil:
			fields[spanUntil] = now.UTC().Add(time.Duration(span)).Format(time.RFC3339)
		default:
			fields[spanFor] = chosen.Value
		}
	}
	body, err := json.Marshal(fields)
	if err == nil {
		_, err = narrative.DecodeSignal(f.signal, body)
	}
	return fields, narrative.ProblemsOf("", err)
}

// submitted answers a form: with what is wrong in it, or by sending its signal.
func (i *Interactions) submitted(w http.ResponseWriter, r *http.Request, in interaction) {
	f, ours := formOf(in.View.Callback)
	if !ours {
		return
	}
	var about private
	if err := json.Unmarshal([]byte(in.View.Private), &about); err != nil || about.Issue == "" || in.User.ID == "" {
		http.Error(w, "the form says nothing of an issue", http.StatusBadRequest)
		return
	}
	fields, problems := f.fields(in, about.value, i.Now())
	if len(problems) > 0 {
		i.refuse(w, f, problems)
		return
	}
	viewKey := ""
	if in.View.ID != "" {
		viewKey = "view/" + in.View.ID
	}
	if !i.seen.first(i.Now(), triggerKey(in), viewKey) {
		return
	}
	i.later(w, r, in, about.Answer, func(ctx context.Context, who narrative.Person) error {
		return i.act(ctx, about.Issue, f.signal, fields, who)
	})
}

// refuse shows problems at the fields of a form. Slack takes one a field.
func (i *Interactions) refuse(w http.ResponseWriter, f form, problems narrative.Problems) {
	shown := map[string]string{}
	for _, p := range problems {
		at, text := p.Path, p.Message
		if at != fieldReason && at != f.span || at == "" {
			if at = fieldReason; f.span == spanFor {
				at = f.span // the only thing that a snooze can lack
			}
		}
		if shown[at] == "" {
			shown[at] = text
		}
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(object{"response_action": "errors", "errors": shown}); err != nil {
		i.Logger.Warn("a form in Slack could not be answered", "error", err)
	}
}
