package conformance

import (
	"time"

	"github.com/narrative-go/narrative"
)

// removalTests are of metas that are removed, and of their names.
var removalTests = map[string]func(*bench){
	"an assertion that was removed is missing, and its issues are kept": func(b *bench) {
		issue := b.opened("a")
		r := b.begin("a", time.Minute)
		b.do(b.store.RemoveMeta(b.ctx, "a", at(time.Hour)))
		_, meta := b.store.AssertionMeta(b.ctx, "a")
		b.refused("meta", narrative.NotFound, meta)
		b.same("list", []narrative.AssertionMeta{}, must(b.store.AssertionMetas(b.ctx))(b))
		_, begun := b.store.BeginCheck(b.ctx, "a", "later")
		b.refused("begin", narrative.NotFound, begun)
		for _, o := range []narrative.Outcome{narrative.OutcomePassed, narrative.OutcomeFailed, narrative.OutcomeErrored} {
			r.Outcome, r.Error = o, "none"
			_, recorded := b.store.RecordCheck(b.ctx, r)
			b.refused("record "+string(o), narrative.NotFound, recorded)
		}
		b.refused("remove again", narrative.NotFound, b.store.RemoveMeta(b.ctx, "a", at(time.Hour)))
		b.same("unresolved", []string{issue.ID}, b.unresolved())
		closed := b.change(issue.ID, func(i *narrative.Issue) { i.Remove(at(time.Hour)) })
		b.same("status", narrative.StatusResolved, closed.Status)
		b.same("runs", 1, len(must(b.store.CheckRuns(b.ctx, "a", narrative.Page{}))(b).Items))
		b.same("story", 1, len(must(b.store.Story(b.ctx, issue.ID))(b).Runs))
	},
	"an event that was removed is missing": func(b *bench) {
		b.notice(event("e", time.Hour))
		o := b.detect("e", 0, narrative.Occurrence{Summary: map[string]any{"who": "me"}}).Claimed[0]
		r := b.beginDetection("e", 0)
		b.do(b.store.RemoveMeta(b.ctx, "e", at(time.Hour)))
		_, meta := b.store.EventMeta(b.ctx, "e")
		b.refused("meta", narrative.NotFound, meta)
		b.same("list", []narrative.EventMeta{}, must(b.store.EventMetas(b.ctx))(b))
		_, begun := b.store.BeginDetection(b.ctx, "e", "later")
		b.refused("begin", narrative.NotFound, begun)
		for _, occurrences := range [][]narrative.Occurrence{nil, {{Summary: map[string]any{"who": "you"}}}} {
			r.Occurrences = occurrences
			_, recorded := b.store.RecordDetection(b.ctx, r)
			b.refused("record", narrative.NotFound, recorded)
		}
		b.refused("remove again", narrative.NotFound, b.store.RemoveMeta(b.ctx, "e", at(time.Hour)))
		must(b.store.AnswerOccurrence(b.ctx, o.ID, narrative.Solution{Problem: "what was begun is ended"}))(b)
	},
	"what is not there cannot be removed": func(b *bench) {
		b.refused("remove", narrative.NotFound, b.store.RemoveMeta(b.ctx, "none", at(0)))
	},
	"an assertion applied again is as new, and due at once": func(b *bench) {
		a := assertion("a")
		a.FailAfter = 2
		b.watch(a)
		b.records("a", 0, violation("1"))
		before := b.begin("a", time.Minute)
		b.do(b.store.RemoveMeta(b.ctx, "a", at(time.Hour)))
		applied := must(b.store.Apply(b.ctx, narrative.Manifest{Source: "test.yaml", Assertions: []narrative.AssertionMeta{a}}, at(2*time.Hour)))(b)
		b.same("applied", narrative.Applied{Created: []string{"a"}}, applied)
		got := must(b.store.AssertionMeta(b.ctx, "a"))(b)
		b.same("revisions", []int64{2, 1}, []int64{got.Revision, got.CheckedRevision})
		b.same("streak, soft", []any{narrative.Streak{LastSeq: before.Seq}, ""}, []any{got.Streak, got.Soft})
		before.OverRecords, before.Violations, before.Total = true, []narrative.Violation{violation("1")}, 1
		b.same("a check begun before", 0, len(b.record(before, narrative.Failed("1 violates")).Opened))
		b.same("streak still", narrative.Streak{LastSeq: before.Seq}, must(b.store.AssertionMeta(b.ctx, "a"))(b).Streak)
		b.same("first violation", 0, len(b.records("a", 3*time.Hour, violation("1")).Opened))
		b.same("second violation", 1, len(b.records("a", 4*time.Hour, violation("1")).Opened))
		b.same("unchanged since", []string{"a"}, must(b.store.Apply(b.ctx, narrative.Manifest{
			Source: "test.yaml", Assertions: []narrative.AssertionMeta{a},
		}, at(5*time.Hour)))(b).Unchanged)
	},
	"an event applied again does not answer twice": func(b *bench) {
		b.notice(event("e", 0))
		o := narrative.Occurrence{Summary: map[string]any{"who": "me"}}
		b.detect("e", 0, o)
		b.do(b.store.RemoveMeta(b.ctx, "e", at(time.Hour)))
		b.notice(event("e", 0))
		got := must(b.store.EventMeta(b.ctx, "e"))(b)
		b.same("revisions", []int64{2, 1}, []int64{got.Revision, got.CheckedRevision})
		b.same("claimed", 0, len(b.detect("e", time.Hour, o).Claimed))
	},
	"an event that was removed frees its name": func(b *bench) {
		b.notice(event("e", 0))
		b.detect("e", 0, narrative.Occurrence{Summary: map[string]any{"who": "me"}})
		b.do(b.store.RemoveMeta(b.ctx, "e", at(time.Hour)))
		b.watch(assertion("e"))
		b.same("opened", 1, len(b.check("e", 0, narrative.Failed("broken")).Opened))
		b.same("revision", int64(1), must(b.store.AssertionMeta(b.ctx, "e"))(b).Revision)
		_, err := b.store.EventMeta(b.ctx, "e")
		b.refused("event", narrative.NotFound, err)
		b.same("runs", 1, len(must(b.store.CheckRuns(b.ctx, "e", narrative.Page{}))(b).Items))
	},
	"an assertion that was removed frees its name unless it has issues": func(b *bench) {
		b.watch(assertion("without"), assertion("soft"))
		b.check("without", 0, narrative.Passed("fine"))
		issue := b.opened("with")
		b.closeAs(issue.ID, narrative.StatusResolved, nil)
		for _, name := range []string{"without", "with"} {
			b.do(b.store.RemoveMeta(b.ctx, name, at(time.Hour)))
		}
		b.notice(event("without", 0))
		b.same("detected", 1, len(b.detect("without", 0, narrative.Occurrence{Summary: map[string]any{"who": "me"}}).Claimed))
		_, err := b.store.Apply(b.ctx, narrative.Manifest{Events: []narrative.EventMeta{event("new", 0), event("with", 0)}}, at(0))
		b.names("events[1].name", err)
		_, err = b.store.EventMeta(b.ctx, "new")
		b.refused("the other meta", narrative.NotFound, err)
		b.same("the issue", issue.ID, must(b.store.Issue(b.ctx, issue.ID))(b).ID)
	},
}
