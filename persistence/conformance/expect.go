package conformance

import (
	"fmt"
	"time"

	"github.com/narrative-go/narrative"
)

var expectTests = map[string]func(*bench){
	"a manifest is applied only to what it expects": func(b *bench) {
		apply := func(severity narrative.Severity, revision int64) error {
			a := assertion("a")
			a.Severity = severity
			_, err := b.store.Apply(b.ctx, narrative.Manifest{
				Assertions: []narrative.AssertionMeta{a}, Expected: narrative.Expected{Revisions: map[string]int64{"a": revision}},
			}, at(0))
			return err
		}
		b.refused("one that is not there", narrative.Conflict, apply(narrative.SeverityInfo, 1))
		b.do(apply(narrative.SeverityInfo, 0))
		b.refused("one that is there", narrative.Conflict, apply(narrative.SeverityError, 0))
		b.refused("one that is there, without a change", narrative.Conflict, apply(narrative.SeverityInfo, 0))
		b.do(apply(narrative.SeverityError, 1))
		b.refused("an old one", narrative.Conflict, apply(narrative.SeverityInfo, 1))
		b.same("what is held", narrative.SeverityError, must(b.store.AssertionMeta(b.ctx, "a"))(b).Severity)
		b.do(b.store.RemoveMeta(b.ctx, "a", at(0)))
		b.refused("a removed one", narrative.Conflict, apply(narrative.SeverityError, 2))
		b.do(apply(narrative.SeverityError, 0))
		b.same("its revision goes on", int64(3), must(b.store.AssertionMeta(b.ctx, "a"))(b).Revision)
	},
	"a name of the other kind is invalid, whatever is expected": func(b *bench) {
		b.watch(assertion("taken"))
		_, err := b.store.Apply(b.ctx, narrative.Manifest{
			Events: []narrative.EventMeta{event("taken", 0)}, Expected: narrative.Expected{Revisions: map[string]int64{"taken": 0}},
		}, at(0))
		b.names("events[0].name", err)
	},
	"a configuration replaces only the one that was seen": func(b *bench) {
		seen := must(b.store.Config(b.ctx))(b)
		change := func(expected narrative.Config, level narrative.Level) error {
			c := expected
			c.MinimumDatumLogLevel = level
			_, err := b.store.Apply(b.ctx, narrative.Manifest{Config: &c, Expected: narrative.Expected{Config: &expected}}, at(0))
			return err
		}
		b.do(change(seen, narrative.Warn))
		b.refused("an old one", narrative.Conflict, change(seen, narrative.Debug))
		now := must(b.store.Config(b.ctx))(b)
		b.same("what is held", narrative.Warn, now.MinimumDatumLogLevel)
		b.do(change(now, narrative.Debug))
	},
	"what was expected is told as it was left": func(b *bench) {
		wanted := assertion("a")
		wanted.Escalate = []narrative.Escalation{{After: narrative.Duration(time.Hour), Notify: narrative.Recipients{Slack: "#ops"}}}
		seen := must(b.store.Config(b.ctx))(b)
		c := narrative.DefaultConfig()
		c.Escalate = wanted.Escalate
		m := narrative.Manifest{
			Config: &c, Assertions: []narrative.AssertionMeta{wanted, assertion("other")}, Events: []narrative.EventMeta{event("e", 0)},
			Expected: narrative.Expected{Revisions: map[string]int64{"a": 0, "e": 0}, Config: &seen},
		}
		dry := m
		dry.DryRun = true
		applied := must(b.store.Apply(b.ctx, dry, at(0)))(b)
		b.same("in a dry run", 0, len(applied.Assertions)+len(applied.Events))
		b.same("the configuration in a dry run", true, applied.Configuration == nil)
		told := func(m narrative.Manifest) {
			applied := must(b.store.Apply(b.ctx, m, at(0)))(b)
			config := must(b.store.Config(b.ctx))(b)
			b.same("assertions", []narrative.AssertionMeta{must(b.store.AssertionMeta(b.ctx, "a"))(b)}, applied.Assertions)
			b.same("events", []narrative.EventMeta{must(b.store.EventMeta(b.ctx, "e"))(b)}, applied.Events)
			b.same("the configuration", &config, applied.Configuration)
		}
		told(m)
		seen = must(b.store.Config(b.ctx))(b)
		m.Expected.Revisions = map[string]int64{"a": 1, "e": 1}
		told(m) // nothing changes
		m.Assertions[0].Severity, c.Actions = narrative.SeverityInfo, narrative.ActionsOff
		told(m)
		m.Expected = narrative.Expected{}
		applied = must(b.store.Apply(b.ctx, m, at(0)))(b)
		b.same("where nothing was expected", 0, len(applied.Assertions)+len(applied.Events))
		b.same("the configuration where nothing was expected", true, applied.Configuration == nil)
	},
	"a meta is removed only in the revision that was seen": func(b *bench) {
		b.refused("missing", narrative.NotFound, b.store.RemoveRevision(b.ctx, "a", 1, at(0)))
		a := assertion("a")
		b.watch(a)
		a.Severity = narrative.SeverityInfo
		b.watch(a)
		b.notice(event("e", 0))
		b.refused("an old one", narrative.Conflict, b.store.RemoveRevision(b.ctx, "a", 1, at(0)))
		b.refused("another event", narrative.Conflict, b.store.RemoveRevision(b.ctx, "e", 2, at(0)))
		must(b.store.AssertionMeta(b.ctx, "a"))(b)
		b.do(b.store.RemoveRevision(b.ctx, "a", 2, at(0)))
		b.do(b.store.RemoveRevision(b.ctx, "e", 1, at(0)))
		b.refused("again", narrative.NotFound, b.store.RemoveRevision(b.ctx, "a", 2, at(0)))
	},
	"of many who saw the same, one changes it": func(b *bench) {
		b.watch(assertion("a"))
		won := 0
		for _, err := range together(8, func(n int) error {
			a := assertion("a")
			a.DisplayName = fmt.Sprint("by ", n)
			_, err := b.store.Apply(b.ctx, narrative.Manifest{
				Assertions: []narrative.AssertionMeta{a}, Expected: narrative.Expected{Revisions: map[string]int64{"a": 1}},
			}, at(0))
			return err
		}) {
			if err == nil {
				won++
			} else {
				b.refused("others", narrative.Conflict, err)
			}
		}
		b.same("won", 1, won)
	},
	"datums are skipped, and picked by id": func(b *bench) {
		var ids []string
		for n := range 5 {
			d := narrative.Datum{Origin: "o", Name: fmt.Sprint(n), Level: narrative.Info, At: at(time.Duration(n) * time.Second)}
			ids = append(ids, must(b.store.AddDatums(b.ctx, []narrative.Datum{d}))(b)[0].ID)
		}
		names := func(q narrative.DatumQuery, p narrative.Page) (names []string, next string) {
			listed := must(b.store.Datums(b.ctx, q, p))(b)
			for _, d := range listed.Items {
				names = append(names, d.Name)
			}
			return names, listed.NextCursor
		}
		skipped := narrative.DatumQuery{Offset: 1}
		got, next := names(skipped, narrative.Page{Limit: 2})
		b.same("after one", []string{"3", "2"}, got)
		got, _ = names(skipped, narrative.Page{Limit: 2, Cursor: next})
		b.same("the next page", []string{"1", "0"}, got)
		b.same("counted", 5, must(b.store.CountDatums(b.ctx, skipped))(b))
		got, _ = names(narrative.DatumQuery{Offset: 9}, narrative.Page{})
		b.same("after all", 0, len(got))
		got, _ = names(narrative.DatumQuery{IDs: []string{ids[1], "none", ids[4]}}, narrative.Page{})
		b.same("picked", []string{"4", "1"}, got)
		got, _ = names(narrative.DatumQuery{IDs: []string{}}, narrative.Page{})
		b.same("none picked", 0, len(got))
		for _, offset := range []int{-1, narrative.MaxOffset + 1} {
			_, err := b.store.Datums(b.ctx, narrative.DatumQuery{Offset: offset}, narrative.Page{})
			b.names("offset", err)
		}
	},
}
