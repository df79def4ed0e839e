package conformance

import (
	"encoding/json"
	"time"

	"github.com/narrative-go/narrative"
)

var metaTests = map[string]func(*bench){
	"a new store has the default configuration": func(b *bench) {
		b.same("config", narrative.DefaultConfig(), must(b.store.Config(b.ctx))(b))
		b.do(b.store.Ping(b.ctx))
	},
	"metas come back whole and with defaults": func(b *bench) {
		a, e := fullAssertion(), fullEvent()
		applied := must(b.store.Apply(b.ctx, narrative.Manifest{
			Source: "shop.yaml", Assertions: []narrative.AssertionMeta{a, assertion("plain")}, Events: []narrative.EventMeta{e},
		}, at(0)))(b)
		b.same("applied", narrative.Applied{Created: []string{"full", "plain", "spike"}}, applied)
		a.Source, a.Revision = "shop.yaml", 1
		e.Source, e.Revision = "shop.yaml", 1
		plain := assertion("plain").WithDefaults()
		plain.Source, plain.Revision = "shop.yaml", 1
		b.same("assertion", a, must(b.store.AssertionMeta(b.ctx, "full"))(b))
		b.same("all, by name", []narrative.AssertionMeta{a, plain}, must(b.store.AssertionMetas(b.ctx))(b))
		b.same("event", e.WithDefaults(), must(b.store.EventMeta(b.ctx, "spike"))(b))
		b.same("events", []narrative.EventMeta{e.WithDefaults()}, must(b.store.EventMetas(b.ctx))(b))
	},
	"an unchanged meta keeps its revision, a changed one counts it up": func(b *bench) {
		a := assertion("a")
		a.Args = json.RawMessage(`{"b": 1, "a": {"y": 2, "x": 9007199254740993}}`)
		b.watch(a, assertion("other"))
		reordered := a
		reordered.Args = json.RawMessage(`{"a":{"x":9007199254740993,"y":2},"b":1}`)
		b.watch(reordered)
		b.same("revision after reordering", int64(1), must(b.store.AssertionMeta(b.ctx, "a"))(b).Revision)
		changed := a
		changed.Args = json.RawMessage(`{"a":{"x":9007199254740992,"y":2},"b":1}`)
		applied := must(b.store.Apply(b.ctx, narrative.Manifest{
			Source: "test.yaml", Assertions: []narrative.AssertionMeta{assertion("other"), changed, assertion("new")},
		}, at(0)))(b)
		b.same("applied", narrative.Applied{Created: []string{"new"}, Changed: []string{"a"}, Unchanged: []string{"other"}}, applied)
		b.same("revision after a change", int64(2), must(b.store.AssertionMeta(b.ctx, "a"))(b).Revision)
	},
	"disabling and enabling are changes": func(b *bench) {
		a := assertion("a")
		b.watch(a)
		a.Enabled = false
		b.watch(a)
		a.Enabled = true
		b.watch(a)
		got := must(b.store.AssertionMeta(b.ctx, "a"))(b)
		b.same("revision", int64(3), got.Revision)
		b.same("enabled", true, got.Enabled)
	},
	"metas that are not named are left alone": func(b *bench) {
		b.watch(assertion("a"))
		b.watch(assertion("b"))
		b.same("how many", 2, len(must(b.store.AssertionMetas(b.ctx))(b)))
	},
	"the configuration changes only where it is given": func(b *bench) {
		c := narrative.Config{
			MinimumDatumLogLevel: narrative.Warn, DefaultDatumTTL: narrative.Duration(time.Hour),
			Actions: narrative.ActionsApprove, Renotify: []narrative.Duration{narrative.Duration(time.Hour)},
			Escalate: []narrative.Escalation{{After: narrative.Duration(time.Hour), Notify: narrative.Recipients{Email: []string{"boss@example.com"}}}},
			Admins:   narrative.Recipients{Email: []string{"ops@example.com", "öps@example.com"}},
		}
		for _, changed := range []bool{true, false} {
			b.same("applied", narrative.Applied{Config: changed}, must(b.store.Apply(b.ctx, narrative.Manifest{Config: &c}, at(0)))(b))
		}
		b.watch(assertion("a"))
		b.same("config", c, must(b.store.Config(b.ctx))(b))
		for what, alter := range map[string]func(*narrative.Config){
			"actions":  func(c *narrative.Config) { c.Actions = narrative.ActionsOff },
			"renotify": func(c *narrative.Config) { c.Renotify = append(c.Renotify, narrative.Duration(2*time.Hour)) },
			"escalate": func(c *narrative.Config) { c.Escalate = nil },
			"admins":   func(c *narrative.Config) { c.Admins.Email = nil },
		} {
			alter(&c)
			b.same(what, true, must(b.store.Apply(b.ctx, narrative.Manifest{Config: &c}, at(0)))(b).Config)
			b.same(what, c, must(b.store.Config(b.ctx))(b))
		}
		c.Actions = narrative.ActionsRun
		must(b.store.Apply(b.ctx, narrative.Manifest{Config: &c}, at(0)))(b)
		c.Actions = "" // which is run
		b.same("unset actions", false, must(b.store.Apply(b.ctx, narrative.Manifest{Config: &c}, at(0)))(b).Config)
	},
	"a name taken by the other kind is invalid, and nothing is applied": func(b *bench) {
		b.watch(assertion("taken"))
		_, err := b.store.Apply(b.ctx, narrative.Manifest{
			Assertions: []narrative.AssertionMeta{assertion("new")}, Events: []narrative.EventMeta{event("taken", 0)},
		}, at(0))
		b.names("events[0].name", err)
		_, err = b.store.AssertionMeta(b.ctx, "new")
		b.refused("the other meta", narrative.NotFound, err)
	},
	"pruning removes what came from the manifest's sources and is named no more": func(b *bench) {
		from := func(source string, a narrative.AssertionMeta) narrative.AssertionMeta {
			a.Source = source
			return a
		}
		old := event("old", 0)
		old.Source = "a.yaml"
		must(b.store.Apply(b.ctx, narrative.Manifest{
			Sources: []string{"a.yaml", "b.yaml"}, Events: []narrative.EventMeta{old},
			Assertions: []narrative.AssertionMeta{from("a.yaml", assertion("kept")), from("a.yaml", assertion("gone")), from("b.yaml", assertion("of-b"))},
		}, at(0)))(b)
		m := narrative.Manifest{Source: "a.yaml", Prune: true, Assertions: []narrative.AssertionMeta{assertion("kept"), assertion("new"), assertion("of-b")}}
		m.DryRun = true
		created := []narrative.FieldDifference{}
		want := narrative.Applied{
			Created: []string{"new"}, Changed: []string{"of-b"}, Unchanged: []string{"kept"}, Pruned: []string{"gone", "old"},
			Differences: []narrative.Difference{
				{Path: "assertions.gone", Change: narrative.ChangePruned, Fields: created},
				{Path: "assertions.new", Change: narrative.ChangeCreated, Fields: created},
				{Path: "assertions.of-b", Change: narrative.ChangeChanged, Fields: []narrative.FieldDifference{
					{Path: "source", From: json.RawMessage(`"b.yaml"`), To: json.RawMessage(`"a.yaml"`)},
				}},
				{Path: "events.old", Change: narrative.ChangePruned, Fields: created},
			},
		}
		b.same("dry run", want, must(b.store.Apply(b.ctx, m, at(0)))(b))
		b.same("after the dry run", 3, len(must(b.store.AssertionMetas(b.ctx))(b)))
		m.DryRun, want.Differences = false, nil
		b.same("applied", want, must(b.store.Apply(b.ctx, m, at(time.Minute)))(b))
		b.same("assertions left", 3, len(must(b.store.AssertionMetas(b.ctx))(b)))
		b.same("events left", 0, len(must(b.store.EventMetas(b.ctx))(b)))
		b.same("again", narrative.Applied{Unchanged: []string{"kept", "new", "of-b"}}, must(b.store.Apply(b.ctx, m, at(time.Minute)))(b))
		m.Assertions, m.Prune, m.DryRun = m.Assertions[:1], false, true
		b.same("without prune", []narrative.Difference{
			{Path: "assertions.new", Change: narrative.ChangeOrphaned, Fields: created},
			{Path: "assertions.of-b", Change: narrative.ChangeOrphaned, Fields: created},
		}, must(b.store.Apply(b.ctx, m, at(time.Minute)))(b).Differences)
	},
	"a dry run tells field by field what would change": func(b *bench) {
		a := fullAssertion()
		b.watch(a)
		a.Every, a.Cron, a.Timezone = narrative.Duration(5*time.Minute), "", ""
		a.Args = json.RawMessage(`{"a":"ü","b":[1]}`)
		a.Diagnostics = a.Diagnostics[:1]
		a.Diagnostics[0].Plan[0].Args = json.RawMessage(`{"to":"b@example.com"}`)
		a.Renotify = a.Renotify[:1]
		c := narrative.DefaultConfig()
		c.Actions = narrative.ActionsOff
		applied := must(b.store.Apply(b.ctx, narrative.Manifest{Source: "test.yaml", DryRun: true, Config: &c, Assertions: []narrative.AssertionMeta{a}}, at(0)))(b)
		var said []string
		for _, d := range applied.Differences {
			for _, f := range d.Fields {
				said = append(said, d.Path+"."+f.Path+": "+string(f.From)+" → "+string(f.To))
			}
		}
		b.same("differences", []string{
			`config.actions: "run" → "off"`,
			`assertions.full.args.b: 1.50 → [1]`,
			`assertions.full.cron: "*/5 * * * *" → null`,
			`assertions.full.diagnostics[0].plan[0].email.to: "a@example.com" → "b@example.com"`,
			`assertions.full.diagnostics[1]: {"case":"wait","pass":true} → null`,
			`assertions.full.every: null → "5m"`,
			`assertions.full.renotify: ["1h","1d"] → ["1h"]`,
			`assertions.full.timezone: "Europe/Paris" → null`,
		}, said)
		b.same("config", true, applied.Config)
		b.same("config kept", narrative.DefaultConfig(), must(b.store.Config(b.ctx))(b))
	},
	"metas that are missing are not found": func(b *bench) {
		b.watch(assertion("assertion"))
		b.notice(event("event", 0))
		_, err := b.store.AssertionMeta(b.ctx, "event")
		b.refused("assertion", narrative.NotFound, err)
		_, err = b.store.EventMeta(b.ctx, "assertion")
		b.refused("event", narrative.NotFound, err)
		_, err = b.store.BeginCheck(b.ctx, "event", "run")
		b.refused("begin check", narrative.NotFound, err)
		_, err = b.store.BeginDetection(b.ctx, "assertion", "run")
		b.refused("begin detection", narrative.NotFound, err)
	},
	"the checked revision follows the checks": func(b *bench) {
		a := assertion("a")
		b.watch(a)
		r := b.begin("a", 0)
		a.Severity = narrative.SeverityCritical
		b.watch(a)
		b.record(r, narrative.Passed("fine"))
		got := must(b.store.AssertionMeta(b.ctx, "a"))(b)
		b.same("after a check of the old one", []int64{2, 1}, []int64{got.Revision, got.CheckedRevision})
		b.check("a", time.Minute, narrative.Failed("broken"))
		b.same("after a check of the new one", int64(2), must(b.store.AssertionMeta(b.ctx, "a"))(b).CheckedRevision)
	},
}

func fullAssertion() narrative.AssertionMeta {
	return narrative.AssertionMeta{
		Meta: narrative.Meta{
			Name: "full", DisplayName: "Rechnungen – größer als 0 €", Class: "sql", Args: json.RawMessage(`{"b":1.50,"a":"ü"}`),
			Cron: "*/5 * * * *", Timezone: "Europe/Paris", Enabled: true, Severity: narrative.SeverityCritical,
			Timeout: narrative.Duration(1500 * time.Millisecond), Queue: "other",
		},
		FailAfter: 2, ResolveAfter: 3, ErrorAfter: 4, MaxAttempts: 5, MaxPlans: 7, MaxIssues: 6,
		Renotify: []narrative.Duration{narrative.Duration(time.Hour), narrative.Duration(24 * time.Hour)},
		Escalate: []narrative.Escalation{{
			After: narrative.Duration(2 * time.Hour), Notify: narrative.Recipients{Email: []string{"böss@example.com"}}, Unless: narrative.UnlessAcknowledged,
		}},
		Diagnostics: []narrative.DeclaredCase{{
			Case: "repair", When: "issue.rounds == 0", Reason: "why",
			Plan: narrative.Plan{{
				Action: "email", Args: json.RawMessage(`{"to":"a@example.com"}`), Timeout: narrative.Duration(time.Second),
				Retry: &narrative.Retry{Attempts: 2, Backoff: narrative.Duration(time.Second)},
			}},
			Rollback: narrative.Plan{{Action: "webhook"}},
			StepPolicy: narrative.StepPolicy{
				Approval: narrative.ApprovalRequired, ApprovalTimeout: narrative.Duration(time.Hour), VerifyAfter: narrative.Duration(time.Minute),
			},
		}, {Case: "wait", Pass: true}},
	}
}

func fullEvent() narrative.EventMeta {
	e := event("spike", 6*time.Hour)
	e.Respond = narrative.Plan{{Action: "email", Args: json.RawMessage(`{"to":"{{.Summary.who}}"}`)}}
	return e.WithDefaults()
}
