package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/mail"
	"slices"

	"github.com/narrative-go/narrative"
)

// Each function here lists the keys of one object of the file; docs/configuration.md describes every one of them.

func (d *decoder) manifestKeys(m *narrative.Manifest) []key {
	return []key{
		textKey(d, "source", &m.Source),
		{name: "config", schema: refTo("config"), read: func(n *node, path string) {
			c := narrative.DefaultConfig()
			if d.object(n, path, d.configKeys(&c)) {
				m.Config = &c
			}
		}},
		{name: "assertions", schema: listOf(refTo("assertion")), read: func(n *node, path string) {
			d.list(n, path, func(n *node, path string) { m.Assertions = append(m.Assertions, d.assertion(n, path)) })
		}},
		{name: "events", schema: listOf(refTo("event")), read: func(n *node, path string) {
			d.list(n, path, func(n *node, path string) { m.Events = append(m.Events, d.event(n, path)) })
		}},
	}
}

func (d *decoder) configKeys(c *narrative.Config) []key {
	return []key{
		textKey(d, "minimum_datum_log_level", &c.MinimumDatumLogLevel), // in any case
		d.durationKey("default_datum_ttl", &c.DefaultDatumTTL),
		d.durationKey("heartbeat_min_interval", &c.HeartbeatMinInterval),
		choiceKey(d, "actions", "run, approve or off", &c.Actions),
		d.renotifyKey(&c.Renotify),
		d.escalateKey(&c.Escalate),
		{name: "admins", schema: refTo("recipients"), read: func(n *node, path string) { d.object(n, path, d.recipientKeys(&c.Admins)) }},
		{name: "operators", schema: listOf(refTo("person")), read: func(n *node, path string) {
			d.list(n, path, func(n *node, path string) {
				var p narrative.Person
				d.object(n, path, d.personKeys(&p))
				c.Operators = append(c.Operators, p)
			})
		}},
		{name: "digest", schema: refTo("digest"), read: func(n *node, path string) { d.object(n, path, d.digestKeys(&c.Digest)) }},
		{name: "webhooks", schema: refTo("webhooks"), read: func(n *node, path string) { d.object(n, path, d.webhookKeys(&c.Webhooks)) }},
	}
}

func (d *decoder) personKeys(p *narrative.Person) []key {
	return []key{textKey(d, "name", &p.Name).must(), textKey(d, "slack", &p.Slack).must()}
}

func (d *decoder) digestKeys(g *narrative.Digest) []key {
	return []key{d.intKey("more_than", 1, &g.MoreThan), d.durationKey("within", &g.Within)}
}

func (d *decoder) webhookKeys(w *narrative.Webhooks) []key {
	return []key{choiceKey(d, "private_addresses", "allow or forbid", &w.PrivateAddresses)}
}

func (d *decoder) recipientKeys(r *narrative.Recipients) []key {
	return []key{
		{name: "email", schema: listOf(ofType("string")), read: func(n *node, path string) {
			d.list(n, path, func(n *node, path string) {
				var address string
				textKey(d, "", &address).read(n, path)
				if parsed, err := mail.ParseAddress(address); err == nil {
					address = parsed.Address // without a name, as the email action has it: nobody is told twice
				}
				r.Email = append(r.Email, address)
			})
		}},
		textKey(d, "slack", &r.Slack),
		{name: "webhook", schema: listOf(ofType("string")), read: func(n *node, path string) {
			d.list(n, path, func(n *node, path string) {
				var address string
				textKey(d, "", &address).read(n, path)
				r.Webhook = append(r.Webhook, address)
			})
		}},
	}
}

// notifyKey reads who follows the issues of a meta.
func (d *decoder) notifyKey(into *[]narrative.Route) key {
	return key{name: "notify", schema: listOf(refTo("route")), read: func(n *node, path string) {
		d.list(n, path, func(n *node, path string) {
			var r narrative.Route
			d.object(n, path, d.routeKeys(&r))
			*into = append(*into, r)
		})
	}}
}

func (d *decoder) routeKeys(r *narrative.Route) []key {
	severities := listOf(choiceOf(narrative.Severities...))
	return append(d.recipientKeys(&r.Recipients), key{name: "severity", schema: severities, read: func(n *node, path string) {
		d.list(n, path, func(n *node, path string) {
			var s narrative.Severity
			textKey(d, "", &s).read(n, path)
			r.Severity = append(r.Severity, s)
		})
	}})
}

// renotifyKey reads after how long people are told again, and again.
func (d *decoder) renotifyKey(into *[]narrative.Duration) key {
	return key{name: "renotify", schema: listOf(refTo("duration")), read: func(n *node, path string) {
		d.list(n, path, func(n *node, path string) {
			var after narrative.Duration
			d.durationKey("", &after).read(n, path)
			*into = append(*into, after)
		})
	}}
}

func (d *decoder) escalateKey(into *[]narrative.Escalation) key {
	return key{name: "escalate", schema: listOf(refTo("escalation")), read: func(n *node, path string) {
		d.list(n, path, func(n *node, path string) {
			var e narrative.Escalation
			d.object(n, path, d.escalationKeys(&e))
			*into = append(*into, e)
		})
	}}
}

func (d *decoder) escalationKeys(e *narrative.Escalation) []key {
	return []key{
		d.durationKey("after", &e.After).must(),
		key{name: "notify", schema: refTo("recipients"), read: func(n *node, path string) { d.object(n, path, d.recipientKeys(&e.Notify)) }}.must(),
		choiceKey(d, "unless", narrative.UnlessAcknowledged, &e.Unless),
	}
}

func (d *decoder) metaKeys(m *narrative.Meta) []key {
	return []key{
		nameKey(d, "name", &m.Name).must(),
		textKey(d, "display_name", &m.DisplayName),
		textKey(d, "class", &m.Class).must(),
		d.argsKey("args", &m.Args),
		d.durationKey("every", &m.Every),
		textKey(d, "cron", &m.Cron),
		textKey(d, "timezone", &m.Timezone),
		d.boolKey("enabled", &m.Enabled),
		oneOf(textKey(d, "severity", &m.Severity), narrative.Severities...),
		d.durationKey("timeout", &m.Timeout),
		textKey(d, "queue", &m.Queue),
		oneOf(textKey(d, "trigger", &m.Trigger), narrative.TriggerCron, narrative.TriggerSchedule),
		d.notifyKey(&m.Notify),
	}
}

func (d *decoder) assertionKeys(a *narrative.AssertionMeta) []key {
	return append(d.metaKeys(&a.Meta),
		d.intKey("fail_after", 1, &a.FailAfter),
		d.intKey("resolve_after", 1, &a.ResolveAfter),
		d.intKey("error_after", 1, &a.ErrorAfter),
		d.intKey("max_attempts", 1, &a.MaxAttempts),
		d.intKey("max_plans", 1, &a.MaxPlans),
		d.intKey("max_issues", 1, &a.MaxIssues),
		d.renotifyKey(&a.Renotify),
		d.escalateKey(&a.Escalate),
		key{name: "diagnostics", schema: listOf(refTo("case")), read: func(n *node, path string) {
			d.list(n, path, func(n *node, path string) { a.Diagnostics = append(a.Diagnostics, d.diagnostic(n, path)) })
		}},
	)
}

func (d *decoder) eventKeys(e *narrative.EventMeta) []key {
	return append(d.metaKeys(&e.Meta),
		d.durationKey("ttl", &e.TTL),
		key{name: "respond", schema: listOf(refTo("action")), read: func(n *node, path string) { e.Respond = d.plan(n, path) }},
	)
}

func (d *decoder) diagnosticKeys(c *narrative.DeclaredCase) []key {
	return []key{
		nameKey(d, "case", &c.Case).must(),
		textKey(d, "when", &c.When),
		textKey(d, "reason", &c.Reason),
		{name: "plan", schema: listOf(refTo("action")), read: func(n *node, path string) { c.Plan = d.plan(n, path) }},
		d.boolKey("pass", &c.Pass),
		choiceKey(d, "approval", "none or required", &c.Approval),
		d.durationKey("approval_timeout", &c.ApprovalTimeout),
		d.durationKey("verify_after", &c.VerifyAfter),
		{name: "rollback", schema: listOf(refTo("undo")), read: func(n *node, path string) { c.Rollback = d.rollback(n, path) }},
	}
}

// notShort are the keys that stand beside an action's name, and that of its other form: actions so named have no other.
var notShort = []string{"action", "timeout", "retry"}

// onlyWithPlan are the keys of a case that say how its plan is carried out.
var onlyWithPlan = []string{"approval", "approval_timeout", "verify_after", "rollback"}

// actionKeys are the keys that stand beside an action's name.
func (d *decoder) actionKeys(a *narrative.Action) []key {
	return []key{
		d.durationKey("timeout", &a.Timeout),
		{name: "retry", schema: refTo("retry"), read: func(n *node, path string) {
			r := narrative.DefaultRetry
			if d.object(n, path, d.retryKeys(&r)) {
				a.Retry = &r
			}
		}},
	}
}

func (d *decoder) retryKeys(r *narrative.Retry) []key {
	return []key{
		d.intKey("attempts", 1, &r.Attempts),
		d.durationKey("backoff", &r.Backoff),
	}
}

func (d *decoder) assertion(n *node, path string) narrative.AssertionMeta {
	a := narrative.AssertionMeta{Meta: narrative.Meta{Enabled: true}}
	d.object(n, path, d.assertionKeys(&a))
	a.Args = d.relocated(narrative.AssertionKind, a.Meta, n, path)
	return a
}

func (d *decoder) event(n *node, path string) narrative.EventMeta {
	e := narrative.EventMeta{Meta: narrative.Meta{Enabled: true}}
	d.object(n, path, d.eventKeys(&e))
	e.Args = d.relocated(narrative.EventKind, e.Meta, n, path)
	return e
}

// relocated makes paths in the arguments absolute. Where it is not known what they are relative to, relative ones are
// mistakes.
func (d *decoder) relocated(kind narrative.MetaKind, m narrative.Meta, n *node, path string) json.RawMessage {
	if d.registry == nil {
		return m.Args
	}
	if d.dir != "" {
		return d.registry.Relocate(kind, m.Class, m.Args, d.dir)
	}
	from := func(dir string) json.RawMessage { return d.registry.Relocate(kind, m.Class, m.Args, dir) }
	for _, name := range differing(from(""), from("/a")) { // not from two folders, whose ../x may be one file
		at := step(step(path, "args"), name)
		d.add(locate(n, narrative.Problem{Path: step("args", name)}), at, name+": "+relativePath)
	}
	return m.Args
}

const relativePath = "holds a relative path, and it is not known what it is relative to; write an absolute one"

// differing returns the members of two JSON objects that are not the same in both, sorted.
func differing(one, other json.RawMessage) (names []string) {
	var a, b map[string]json.RawMessage
	if bytes.Equal(one, other) || json.Unmarshal(one, &a) != nil || json.Unmarshal(other, &b) != nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if !bytes.Equal(a[name], b[name]) {
			names = append(names, name)
		}
	}
	return names
}

func (d *decoder) diagnostic(n *node, path string) narrative.DeclaredCase {
	var c narrative.DeclaredCase
	d.object(n, path, d.diagnosticKeys(&c))
	for _, name := range onlyWithPlan {
		if f, there := n.member(name); c.Pass && there && f.value.kind != null {
			d.add(f.at, step(path, name), name+": only goes with plan")
		}
	}
	return c
}

// rollback reads a plan of which entries may be empty, where there is nothing to undo: null, and as the API answers it.
func (d *decoder) rollback(n *node, path string) (p narrative.Plan) {
	d.list(n, path, func(n *node, path string) {
		var a narrative.Action
		if !nothing(n) {
			a = d.action(n, path)
		}
		p = append(p, a)
	})
	return p
}

// nothing tells whether an entry of a rollback is null or {action: ""}.
func nothing(n *node) bool {
	f, there := n.member("action")
	return n.kind == null || there && len(n.fields) == 1 && f.value.kind == text && f.value.text == ""
}

func (d *decoder) plan(n *node, path string) (p narrative.Plan) {
	d.list(n, path, func(n *node, path string) { p = append(p, d.action(n, path)) })
	return p
}

// action reads an entry of a plan: `- webhook: {…}` with timeout and retry beside it, or the API's JSON form.
func (d *decoder) action(n *node, path string) (a narrative.Action) {
	if n.kind != object {
		d.mistyped(n, path, "an action with its arguments, such as {email: {to: …, subject: …}}")
		return a
	}
	keys := d.actionKeys(&a)
	if apiForm(n) {
		d.object(n, path, append([]key{textKey(d, "action", &a.Action).must(), d.argsKey("args", &a.Args)}, keys...))
		return a
	}
	var names []string
	for _, f := range n.fields {
		if f.key != "timeout" && f.key != "retry" {
			names = append(names, f.key)
			if len(names) == 1 {
				keys = append([]key{d.argsKey(f.key, &a.Args)}, keys...)
			}
		}
	}
	switch {
	case len(names) == 0:
		d.add(n.at, path, "the entry names no action; write - email: {to: …, subject: …}")
		return a
	case len(names) > 1:
		d.add(n.at, path, fmt.Sprintf("the entry names more than one action: %q and %q; begin each with a dash "+
			"(beside an action only timeout and retry may stand%s)", names[0], names[1],
			narrative.DidYouMean(names[1], []string{"timeout", "retry"})))
		return a
	}
	a.Action = names[0]
	d.object(n, path, keys)
	return a
}

// apiForm tells whether a plan's entry is written as {action: NAME, args: {…}}.
func apiForm(n *node) bool {
	f, there := n.member("action")
	return there && f.value.kind == text
}
