package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/narrative-go/narrative"
)

// Write returns the manifest as the text of a narrative.yaml: applied to a store that holds the manifest, it changes
// nothing. Keys stand in the order of docs/configuration.md, those of arguments sorted; what has its default is left
// out.
func Write(m narrative.Manifest) ([]byte, error) {
	w := writer{styles: map[string]any{}}
	out := w.object()
	out.put("source", w.text(m.Source))
	if m.Config != nil {
		out.put("config", w.config(*m.Config))
	}
	if len(m.Assertions) > 0 {
		out.put("assertions", each(m.Assertions, w.assertion))
	}
	if len(m.Events) > 0 {
		out.put("events", each(m.Events, w.event))
	}
	if w.err != nil {
		return nil, w.err
	}
	text, err := yaml.MarshalWithOptions(out.members, yamlStyle...)
	if err != nil {
		return nil, narrative.Errorf(narrative.Internal, "write %s: %w", m.Source, err)
	}
	if _, err := Parse(text, Options{File: m.Source, Dir: asWritten}); err != nil {
		return nil, narrative.Errorf(narrative.Internal, "what was written of %s cannot be read back: %w", m.Source, err)
	}
	return text, nil
}

// ToJSON returns a document, which must be one without mistakes, as JSON, with its keys in the same order.
func ToJSON(text []byte) (json.RawMessage, error) {
	found := &report{file: "the document", source: text, silenced: map[string]bool{}}
	root := parseTree(text, asWritten, found)
	if err := found.err(); root == nil || err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err := json.Indent(&b, root.json(), "", "  ")
	return b.Bytes(), err
}

var yamlStyle = []yaml.EncodeOption{yaml.UseLiteralStyleIfMultiline(true), yaml.IndentSequence(true)}

// writer makes values that goccy/go-yaml encodes so that they are read back as they were.
type writer struct {
	err    error
	styles map[string]any // how texts are written that stood before: finding out is most of the work
}

// members are an object under way.
type members struct {
	members yaml.MapSlice
}

func (w *writer) object() *members { return &members{members: yaml.MapSlice{}} }

func (m *members) put(key string, value any) {
	m.members = append(m.members, yaml.MapItem{Key: key, Value: value})
}

// putUnless adds a value that is not the one to be left out.
func putUnless[T comparable](m *members, key string, value, leaveOut T, shown any) {
	if value != leaveOut {
		m.put(key, shown)
	}
}

func each[T, V any](all []T, write func(T) V) []any {
	out := make([]any, len(all))
	for i, one := range all {
		out[i] = write(one)
	}
	return out
}

func (w *writer) texts(m *members, key, value, leaveOut string) {
	putUnless(m, key, value, leaveOut, w.text(value))
}

func duration(m *members, key string, d, leaveOut narrative.Duration) {
	putUnless(m, key, d, leaveOut, any(d.String()))
}

func (w *writer) config(c narrative.Config) yaml.MapSlice {
	m, usual := w.object(), narrative.DefaultConfig()
	w.texts(m, "minimum_datum_log_level", string(c.MinimumDatumLogLevel), string(usual.MinimumDatumLogLevel))
	duration(m, "default_datum_ttl", c.DefaultDatumTTL, usual.DefaultDatumTTL)
	duration(m, "heartbeat_min_interval", c.HeartbeatMinInterval, usual.HeartbeatMinInterval)
	w.texts(m, "actions", string(c.Actions), string(usual.Actions))
	w.renotify(m, c.Renotify)
	w.escalate(m, c.Escalate)
	if len(c.Admins.List()) > 0 {
		m.put("admins", w.recipients(c.Admins).members)
	}
	if len(c.Operators) > 0 {
		m.put("operators", each(c.Operators, func(p narrative.Person) any {
			return yaml.MapSlice{{Key: "name", Value: w.text(p.Name)}, {Key: "slack", Value: w.text(p.Slack)}}
		}))
	}
	if c.Digest != (narrative.Digest{}) {
		d := w.object()
		putUnless(d, "more_than", c.Digest.MoreThan, 0, any(c.Digest.MoreThan))
		duration(d, "within", c.Digest.Within, 0)
		m.put("digest", d.members)
	}
	if c.Webhooks != (narrative.Webhooks{}) {
		m.put("webhooks", yaml.MapSlice{{Key: "private_addresses", Value: w.text(c.Webhooks.PrivateAddresses)}})
	}
	return m.members
}

func (w *writer) recipients(r narrative.Recipients) *members {
	m := w.object()
	if len(r.Email) > 0 {
		m.put("email", each(r.Email, w.text))
	}
	w.texts(m, "slack", r.Slack, "")
	if len(r.Webhook) > 0 {
		m.put("webhook", each(r.Webhook, w.text))
	}
	return m
}

func (w *writer) renotify(m *members, all []narrative.Duration) {
	if len(all) > 0 {
		m.put("renotify", each(all, func(d narrative.Duration) any { return d.String() }))
	}
}

func (w *writer) escalate(m *members, all []narrative.Escalation) {
	if len(all) == 0 {
		return
	}
	m.put("escalate", each(all, func(e narrative.Escalation) any {
		one := w.object()
		one.put("after", e.After.String())
		one.put("notify", w.recipients(e.Notify).members)
		w.texts(one, "unless", e.Unless, "")
		return one.members
	}))
}

func (w *writer) meta(a narrative.Meta) *members {
	m := w.object()
	m.put("name", w.text(a.Name))
	w.texts(m, "display_name", a.DisplayName, a.Name)
	m.put("class", w.text(a.Class))
	if args := w.json(a.Args); args != nil {
		if object, is := args.(yaml.MapSlice); !is || len(object) > 0 {
			m.put("args", args)
		}
	}
	duration(m, "every", a.Every, 0)
	w.texts(m, "cron", a.Cron, "")
	w.texts(m, "timezone", a.Timezone, "")
	putUnless(m, "enabled", a.Enabled, true, any(a.Enabled))
	w.texts(m, "severity", string(a.Severity), string(narrative.SeverityError))
	duration(m, "timeout", a.Timeout, 0)
	w.texts(m, "queue", a.Queue, "")
	w.texts(m, "trigger", string(a.Trigger), "")
	if len(a.Notify) > 0 {
		m.put("notify", each(a.Notify, func(r narrative.Route) any {
			one := w.recipients(r.Recipients)
			if len(r.Severity) > 0 {
				one.put("severity", each(r.Severity, func(s narrative.Severity) any { return string(s) }))
			}
			return one.members
		}))
	}
	return m
}

func (w *writer) assertion(a narrative.AssertionMeta) any {
	m, usual := w.meta(a.Meta), narrative.AssertionMeta{}.WithDefaults()
	for _, n := range []struct {
		key          string
		value, usual int
	}{
		{"fail_after", a.FailAfter, usual.FailAfter},
		{"resolve_after", a.ResolveAfter, usual.ResolveAfter},
		{"error_after", a.ErrorAfter, usual.ErrorAfter},
		{"max_attempts", a.MaxAttempts, usual.MaxAttempts},
		{"max_plans", a.MaxPlans, usual.MaxPlans},
		{"max_issues", a.MaxIssues, usual.MaxIssues},
	} {
		putUnless(m, n.key, n.value, n.usual, any(n.value))
	}
	w.renotify(m, a.Renotify)
	w.escalate(m, a.Escalate)
	if len(a.Diagnostics) > 0 {
		m.put("diagnostics", each(a.Diagnostics, w.diagnostic))
	}
	return m.members
}

func (w *writer) event(e narrative.EventMeta) any {
	m := w.meta(e.Meta)
	duration(m, "ttl", e.TTL, 0)
	w.plan(m, "respond", e.Respond)
	return m.members
}

func (w *writer) diagnostic(c narrative.DeclaredCase) any {
	m := w.object()
	m.put("case", w.text(c.Case))
	w.texts(m, "when", c.When, "")
	w.texts(m, "reason", c.Reason, "")
	w.plan(m, "plan", c.Plan)
	putUnless(m, "pass", c.Pass, false, any(c.Pass))
	w.texts(m, "approval", string(c.Approval), "")
	duration(m, "approval_timeout", c.ApprovalTimeout, 0)
	duration(m, "verify_after", c.VerifyAfter, 0)
	w.plan(m, "rollback", c.Rollback)
	return m.members
}

func (w *writer) plan(m *members, key string, p narrative.Plan) {
	if len(p) > 0 {
		m.put(key, each(p, w.action))
	}
}

// action writes an entry in its short form, unless the action's name means something else there.
func (w *writer) action(a narrative.Action) any {
	if a.Action == "" {
		return nil
	}
	m := w.object()
	args := w.json(a.Args)
	if slices.Contains(notShort, a.Action) {
		m.put("action", a.Action)
		if args != nil {
			m.put("args", args)
		}
	} else {
		m.put(a.Action, args)
	}
	duration(m, "timeout", a.Timeout, 0)
	if a.Retry != nil {
		m.put("retry", yaml.MapSlice{{Key: "attempts", Value: a.Retry.Attempts}, {Key: "backoff", Value: a.Retry.Backoff.String()}})
	}
	return m.members
}

// json returns a JSON value, its objects sorted and its numbers as they were written; nothing is nil.
func (w *writer) json(raw json.RawMessage) any {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		w.err = narrative.Errorf(narrative.Invalid, "arguments are not JSON: %w", err)
	}
	return w.value(v)
}

func (w *writer) value(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := w.object()
		for _, name := range slices.Sorted(maps.Keys(v)) {
			m.put(name, w.value(v[name]))
		}
		return m.members
	case []any:
		return each(v, w.value)
	case string:
		return w.text(v)
	case json.Number:
		return verbatim(v)
	}
	return v
}

// text returns the string such that the library writes it in a way that is read back as this string.
func (w *writer) text(s string) any {
	if style, known := w.styles[s]; known {
		return style
	}
	style := w.style(s)
	w.styles[s] = style
	return style
}

// style finds out how to write a string, by reading it again.
func (w *writer) style(s string) any {
	for _, style := range []any{s, verbatim(quoted(s))} {
		written, err := yaml.MarshalWithOptions(yaml.MapSlice{{Key: "k", Value: []any{yaml.MapSlice{{Key: "k", Value: style}}}}}, yamlStyle...)
		if err != nil {
			continue
		}
		found := &report{silenced: map[string]bool{}}
		root := parseTree(written, asWritten, found)
		if root == nil || len(found.list) > 0 {
			continue
		}
		if n := root.fields[0].value; n.kind == list && len(n.items) == 1 && len(n.items[0].fields) == 1 {
			if read := n.items[0].fields[0].value; read.kind == text && read.text == s {
				return style
			}
		}
	}
	w.err = narrative.Errorf(narrative.Internal, "the text %.100q cannot be written as YAML", s)
	return nil
}

// quoted is the string in the double quotes of JSON, which are YAML's too, in ASCII.
func quoted(s string) string {
	var b strings.Builder
	writeString(&b, s)
	var ascii strings.Builder
	for _, r := range strings.TrimSpace(b.String()) {
		switch {
		case r >= 0x10000:
			fmt.Fprintf(&ascii, `\U%08x`, r)
		case r >= 0x7f:
			fmt.Fprintf(&ascii, `\u%04x`, r)
		default:
			ascii.WriteRune(r)
		}
	}
	return ascii.String()
}

// verbatim is YAML already.
type verbatim string

// MarshalYAML returns it as it is.
func (v verbatim) MarshalYAML() ([]byte, error) { return []byte(v), nil }
