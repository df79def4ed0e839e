package conformance

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/narrative-go/narrative"
)

// decisionTests are of what a recorded check does to issues.
var decisionTests = map[string]func(*bench){
	"a failing check opens one issue": func(b *bench) {
		b.watch(assertion("a"))
		result := b.check("a", 0, narrative.Failed("broken").With("n", int64(1)))
		want := narrative.Issue{
			WorkflowID: "issue/a", Assertion: "a", Kind: narrative.KindFailure, Status: narrative.StatusOpen,
			Severity: narrative.SeverityError, Summary: "broken", OpenedAt: kept(2 * time.Second), OpenedSeq: 1, CurrentSeq: 1,
			Verdict: narrative.Failed("broken").With("n", int64(1)),
		}
		b.same("opened", []narrative.Issue{want}, result.Opened, cmpopts.IgnoreFields(narrative.Issue{}, "ID"))
		b.same("kept", result.Opened[0], must(b.store.Issue(b.ctx, result.Opened[0].ID))(b))
		b.same("timeline", []string{"opened: broken"}, b.texts(result.Opened[0].ID))
		again := b.check("a", time.Minute, narrative.Failed("broken").With("n", int64(1)))
		b.same("opened again", 0, len(again.Opened))
	},
	"an issue opens after enough failures in a row": func(b *bench) {
		a := assertion("a")
		a.FailAfter = 2
		b.watch(a)
		for i, v := range []narrative.Verdict{narrative.Failed("1"), narrative.Passed("2"), narrative.Failed("3"), narrative.Failed("4")} {
			b.same(v.Summary, i == 3, len(b.check("a", 0, v).Opened) == 1)
		}
	},
	"a changed reason or severity is told on the timeline, a changed summary kept": func(b *bench) {
		issue := b.opened("a")
		b.change(issue.ID, func(i *narrative.Issue) { i.NextRoundAt = at(time.Hour) })
		b.check("a", time.Minute, narrative.Failed("still broken"))
		got := must(b.store.Issue(b.ctx, issue.ID))(b)
		b.same("summary", []string{"still broken", "still broken"}, []string{got.Summary, got.Verdict.Summary})
		b.same("next round", kept(time.Hour), got.NextRoundAt)
		result := b.check("a", 2*time.Minute, narrative.Verdict{Summary: "worse", Reason: "disk", Severity: narrative.SeverityCritical})
		got = must(b.store.Issue(b.ctx, issue.ID))(b)
		b.same("severity", narrative.SeverityCritical, got.Severity)
		b.same("next round", kept(2*time.Minute+2*time.Second), got.NextRoundAt)
		b.same("timeline", "verdict: now fails with severity critical: worse", b.texts(issue.ID)[2])
		b.same("observed", []narrative.Observation{{IssueID: issue.ID, CheckSeq: 3}}, observations(result.Handoffs))
	},
	"a passing check hands the recovery over": func(b *bench) {
		issue := b.opened("a")
		result := b.check("a", time.Minute, narrative.Passed("fine"))
		b.same("observed", []narrative.Observation{{IssueID: issue.ID, CheckSeq: 2, Passed: true}}, observations(result.Handoffs))
		b.same("workflow", issue.WorkflowID, result.Handoffs[0].WorkflowID)
		b.same("unresolved", []string{issue.ID}, b.unresolved())
	},
	"passes are counted where more than one resolves": func(b *bench) {
		a := assertion("a")
		a.ResolveAfter = 2
		b.watch(a)
		issue := b.check("a", 0, narrative.Failed("broken")).Opened[0]
		b.same("first pass", 0, len(b.check("a", time.Minute, narrative.Passed("fine")).Handoffs))
		b.same("passes", 1, must(b.store.Issue(b.ctx, issue.ID))(b).Passes)
		b.same("second pass", 1, len(b.check("a", 2*time.Minute, narrative.Passed("fine")).Handoffs))
	},
	"errored checks in a row open one issue of their own": func(b *bench) {
		b.watch(assertion("a"))
		var opened []narrative.Issue
		for i := range 4 {
			r := b.begin("a", time.Duration(i)*time.Minute)
			r.Outcome, r.Error = narrative.OutcomeErrored, "no route to host"
			opened = append(opened, must(b.store.RecordCheck(b.ctx, r))(b).Opened...)
		}
		b.same("how many", 1, len(opened))
		b.same("key", narrative.IssueKey{Kind: narrative.KindCheckError}, opened[0].Key())
		b.same("workflow", "issue/a/~check_error", opened[0].WorkflowID)
	},
	"each violating record has an issue, and its absence is a recovery": func(b *bench) {
		b.watch(assertion("a"))
		opened := b.records("a", 0, violation("1"), violation("2 / ü"))
		b.same("opened", 2, len(opened.Opened))
		b.same("workflow", "issue/a/invoice/2%20%2F%20%C3%BC", opened.Opened[1].WorkflowID)
		result := b.records("a", time.Minute, violation("2 / ü"))
		b.same("observed", []narrative.Observation{
			{IssueID: opened.Opened[1].ID, CheckSeq: 2}, {IssueID: opened.Opened[0].ID, CheckSeq: 2, Passed: true},
		}, observations(result.Handoffs))
		result = b.records("a", 2*time.Minute)
		b.same("recovered", 2, len(result.Handoffs))
	},
	"a record has an issue once it violated in enough checks in a row": func(b *bench) {
		a := assertion("a")
		a.FailAfter = 3
		b.watch(a)
		silent := func(ids ...string) func(*narrative.CheckRecord) {
			return func(r *narrative.CheckRecord) {
				for _, id := range ids {
					r.Unknown = append(r.Unknown, violation(id).Record)
				}
			}
		}
		for n, test := range []struct {
			violating string
			unknown   func(*narrative.CheckRecord)
			opened    []string
			soft      string
		}{
			{violating: "123", soft: "3 records found violating in fewer than 3 checks in a row, and so without an issue yet"},
			{violating: "12", soft: "2 records found violating in fewer than 3 checks in a row, and so without an issue yet"},
			{violating: "1", unknown: silent("2"), opened: []string{"1"}},
			{violating: "123", opened: []string{"2"}, soft: "1 record found violating in fewer than 3 checks in a row, and so without an issue yet"},
			{violating: "12"},
		} {
			r := b.begin("a", time.Duration(n)*time.Minute)
			for _, id := range test.violating {
				r.Violations = append(r.Violations, violation(string(id)))
			}
			r.OverRecords, r.Total = true, len(r.Violations)
			if test.unknown != nil {
				test.unknown(&r)
			}
			result := b.record(r, narrative.Failed("some violate"))
			var opened []string
			for _, i := range result.Opened {
				opened = append(opened, i.Record.ID)
			}
			b.same(fmt.Sprint("opened by check ", n+1), test.opened, opened)
			b.same(fmt.Sprint("soft after check ", n+1), test.soft, result.Soft)
			b.same("kept", test.soft, must(b.store.AssertionMeta(b.ctx, "a"))(b).Soft)
		}
	},
	"a changed reason ends the acknowledgement, an unchanged one keeps it": func(b *bench) {
		issue := b.opened("a")
		b.change(issue.ID, func(i *narrative.Issue) {
			i.Acknowledged = &narrative.Acknowledgement{By: "me", At: kept(0), Until: keptPtr(time.Hour)}
			i.NextRoundAt = at(time.Hour)
		})
		b.check("a", time.Minute, narrative.Failed("still broken"))
		got := must(b.store.Issue(b.ctx, issue.ID))(b)
		b.same("kept", &narrative.Acknowledgement{By: "me", At: kept(0), Until: keptPtr(time.Hour)}, got.Acknowledged)
		b.check("a", 2*time.Minute, narrative.Verdict{Summary: "still broken", Reason: "disk"})
		got = must(b.store.Issue(b.ctx, issue.ID))(b)
		b.same("ended", (*narrative.Acknowledgement)(nil), got.Acknowledged)
		b.same("next round", kept(2*time.Minute+2*time.Second), got.NextRoundAt)
		b.same("timeline", "verdict: now fails with severity error: still broken; that was not what was acknowledged", b.texts(issue.ID)[2])
	},
	"what else is told to issues is handed over": func(b *bench) {
		a := assertion("a")
		a.ResolveAfter = 3
		b.watch(a)
		opened := b.records("a", 0, violation("1"), violation("2")).Opened
		for _, i := range opened {
			b.change(i.ID, func(i *narrative.Issue) { i.NextRoundAt = at(time.Hour) })
		}
		a.MaxPlans = 1
		b.watch(a)
		r := b.begin("a", time.Minute)
		r.OverRecords, r.Violations, r.Total = true, []narrative.Violation{violation("2")}, 1
		r.Gone = []narrative.Record{opened[0].Record}
		result := b.record(r, narrative.Failed("1 violates"))
		b.same("observed", []narrative.Observation{
			{IssueID: opened[0].ID, CheckSeq: 2, Passed: true, Gone: true}, {IssueID: opened[1].ID, Wake: true},
		}, observations(result.Handoffs))
		byID := cmpopts.SortSlices(func(x, y narrative.Handoff) bool { return x.ID < y.ID })
		b.same("recorded twice", result, b.record(r, narrative.Failed("1 violates")), byID)
		b.same("pending", result.Handoffs, must(b.store.PendingHandoffs(b.ctx, at(time.Hour), 10))(b)[2:], byID)
	},
	"more than a thousand records are kept and have their issues at once": func(b *bench) {
		a := assertion("a")
		a.FailAfter, a.MaxIssues = 2, 10_000
		b.watch(a)
		var all []narrative.Violation
		var unknown []narrative.Record
		for i := range 1200 {
			v := violation(fmt.Sprint(i, strings.Repeat("ü", 450)))
			v.Summary, v.Details = strings.Repeat("x", 1000), map[string]any{"n": i}
			all, unknown = append(all, v), append(unknown, v.Record)
		}
		b.same("first", 0, len(b.records("a", 0, all...).Opened))
		r := b.begin("a", time.Minute)
		r.OverRecords, r.Violations, r.Total, r.Unknown = true, all[:1], 1, unknown[1:]
		b.same("nothing could be said of the others", 1, len(b.record(r, narrative.Failed("1 violates")).Opened))
		result := b.records("a", 2*time.Minute, all...)
		b.same("opened", []int{1199, 1200}, []int{len(result.Opened), len(must(b.store.UnresolvedIssues(b.ctx, "", 2000))(b))})
		last := result.Opened[1198]
		b.same("as kept", last, must(b.store.Issue(b.ctx, last.ID))(b))
		b.same("changed", 0, len(b.records("a", 3*time.Minute, all...).Opened))
	},
	"a record that stands twice counts once": func(b *bench) {
		a := assertion("a")
		a.FailAfter = 2
		b.watch(a)
		b.same("first", 0, len(b.records("a", 0, violation("1"), violation("1")).Opened))
		b.same("second", 1, len(b.records("a", time.Minute, violation("1"), violation("1")).Opened))
	},
	"too many records at once are one issue": func(b *bench) {
		a := assertion("a")
		a.MaxIssues = 3
		b.watch(a)
		var all []narrative.Violation
		for i := range 10 {
			all = append(all, violation(fmt.Sprint(i)))
		}
		result := b.records("a", 0, all...)
		b.same("opened", 4, len(result.Opened))
		b.same("many", int64(7), must(b.store.Issue(b.ctx, result.Opened[3].ID))(b).Verdict.Details["count"])
	},
	"a check begun before an issue was closed does not open it again": func(b *bench) {
		issue := b.opened("a")
		before := b.begin("a", time.Minute)
		b.closeAs(issue.ID, narrative.StatusResolved, nil)
		b.same("begun before", 0, len(b.record(before, narrative.Failed("broken")).Opened))
		again := b.check("a", 2*time.Minute, narrative.Failed("broken")).Opened
		b.same("begun after", 1, len(again))
		b.same("another", false, again[0].ID == issue.ID)
	},
	"the store knows when an issue was closed": func(b *bench) {
		issue := b.opened("a")
		before := b.begin("a", time.Minute)
		b.change(issue.ID, func(i *narrative.Issue) { i.Status, i.ResolvedAt = narrative.StatusResolved, ptr(time.Minute) })
		b.same("closed at", before.Seq, must(b.store.Issue(b.ctx, issue.ID))(b).ClosedSeq)
		b.same("begun before", 0, len(b.record(before, narrative.Failed("broken")).Opened))
	},
	"a won't fix keeps issues of its record away until it ends": func(b *bench) {
		b.watch(assertion("a"))
		opened := b.records("a", 0, violation("1"), violation("2")).Opened
		b.closeAs(opened[0].ID, narrative.StatusWontFix, nil)
		b.closeAs(opened[1].ID, narrative.StatusWontFix, ptr(time.Hour))
		b.same("muted", 0, len(b.records("a", 30*time.Minute, violation("1"), violation("2")).Opened))
		after := b.records("a", 2*time.Hour, violation("1"), violation("2"), violation("3")).Opened
		b.same("opened after", 2, len(after))
		b.same("records", []string{"2", "3"}, []string{after[0].Record.ID, after[1].Record.ID})
	},
	"a won't fix of the whole assertion mutes it": func(b *bench) {
		issue := b.opened("a")
		b.closeAs(issue.ID, narrative.StatusWontFix, nil)
		b.same("muted", 0, len(b.check("a", time.Hour, narrative.Failed("broken")).Opened))
		b.change(issue.ID, func(i *narrative.Issue) { i.MutedUntil = ptr(time.Hour) }) // reopened
		b.same("lifted", 1, len(b.check("a", 2*time.Hour, narrative.Failed("broken")).Opened))
	},
}

func observations(handoffs []narrative.Handoff) (all []narrative.Observation) {
	for _, h := range handoffs {
		all = append(all, *h.Observation)
	}
	return all
}
