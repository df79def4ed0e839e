package conformance

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/narrative-go/narrative"
)

var issueTests = map[string]func(*bench){
	"a missing issue is not found anywhere": func(b *bench) {
		_, err := b.store.Issue(b.ctx, "none")
		b.refused("issue", narrative.NotFound, err)
		_, err = b.store.Story(b.ctx, "none")
		b.refused("story", narrative.NotFound, err)
	},
	"issues are selected": func(b *bench) {
		b.watch(assertion("a"), assertion("b"))
		records := b.records("a", 0, violation("1"), violation("2")).Opened
		whole := b.check("b", time.Hour, narrative.Verdict{Summary: "x", Severity: narrative.SeverityCritical}).Opened[0]
		b.closeAs(records[0].ID, narrative.StatusResolved, nil)
		for what, test := range map[string]struct {
			query narrative.IssueQuery
			want  int
		}{
			"all": {narrative.IssueQuery{}, 3}, "status": {narrative.IssueQuery{Status: narrative.StatusResolved}, 1},
			"assertion": {narrative.IssueQuery{Assertion: "a"}, 2}, "record": {narrative.IssueQuery{RecordType: "invoice", RecordID: "2"}, 1},
			"severity": {narrative.IssueQuery{Severity: narrative.SeverityCritical}, 1},
			"since":    {narrative.IssueQuery{Since: whole.OpenedAt}, 1}, "later": {narrative.IssueQuery{Since: at(2 * time.Hour)}, 0},
			"until": {narrative.IssueQuery{Until: at(2 * time.Hour)}, 3}, "until then": {narrative.IssueQuery{Until: whole.OpenedAt}, 2},
			"several": {narrative.IssueQuery{Assertion: "a", Status: narrative.StatusOpen}, 1},
		} {
			b.same(what, test.want, len(must(b.store.Issues(b.ctx, test.query, narrative.Page{}))(b).Items))
		}
	},
	"pages hold every issue once, newest first": func(b *bench) {
		a := assertion("a")
		a.MaxIssues = 100
		b.watch(a)
		var all []narrative.Violation
		for i := range 7 {
			all = append(all, violation(fmt.Sprint(i)))
			b.records("a", time.Duration(i/3)*time.Hour, all...) // three at a time share their time
		}
		var got []narrative.Issue
		for page := (narrative.Page{Limit: 2}); ; {
			list := must(b.store.Issues(b.ctx, narrative.IssueQuery{}, page))(b)
			got = append(got, list.Items...)
			if page.Cursor = list.NextCursor; page.Cursor == "" {
				break
			}
		}
		seen := map[string]bool{}
		for i, issue := range got {
			if seen[issue.ID] || i > 0 && issue.OpenedAt.After(got[i-1].OpenedAt) {
				b.Errorf("issue %d of %d is out of order or stands twice", i, len(got))
			}
			seen[issue.ID] = true
		}
		b.same("how many", 7, len(got))
		b.same("as one page", got, must(b.store.Issues(b.ctx, narrative.IssueQuery{}, narrative.Page{}))(b).Items)
	},
	"a foreign or malformed cursor and a bad limit are invalid": func(b *bench) {
		b.watch(assertion("a"), assertion("b"))
		for i := range 3 {
			b.check("a", time.Duration(i), narrative.Passed("fine"))
		}
		list := must(b.store.CheckRuns(b.ctx, "a", narrative.Page{Limit: 1}))(b)
		must(b.store.CheckRuns(b.ctx, "a", narrative.Page{Cursor: list.NextCursor}))(b)
		forged := base64.RawURLEncoding.EncodeToString([]byte("1|issues|99999999999999999999|x"))
		for _, cursor := range []string{list.NextCursor, "?", "AAAA", forged, list.NextCursor + "x"} {
			_, err := b.store.Issues(b.ctx, narrative.IssueQuery{}, narrative.Page{Cursor: cursor})
			b.refused("issues by "+cursor, narrative.Invalid, err)
		}
		_, err := b.store.CheckRuns(b.ctx, "b", narrative.Page{Cursor: list.NextCursor})
		b.refused("another's runs", narrative.Invalid, err)
		for _, limit := range []int{-1, narrative.MaxPage + 1} {
			_, err := b.store.Datums(b.ctx, narrative.DatumQuery{}, narrative.Page{Limit: limit})
			b.refused(fmt.Sprint("limit ", limit), narrative.Invalid, err)
		}
	},
	"unresolved issues come oldest first, a few at a time": func(b *bench) {
		b.watch(assertion("a"))
		var all []narrative.Violation
		var want []string
		for i := range 4 {
			all = append(all, violation(fmt.Sprint(i)))
			want = append(want, b.records("a", time.Duration(i)*time.Second, all...).Opened[0].ID)
		}
		b.closeAs(want[1], narrative.StatusResolved, nil)
		want = append(want[:1], want[2:]...)
		b.same("all", want, b.unresolved())
		part := must(b.store.UnresolvedIssues(b.ctx, want[0], 1))(b)
		b.same("after the first", []string{want[1]}, []string{part[0].ID})
	},
	"unresolved issues are counted by status and severity": func(b *bench) {
		b.same("none", []narrative.IssueCount{}, must(b.store.CountIssues(b.ctx))(b))
		b.watch(assertion("a"))
		var all []narrative.Violation
		var ids []string
		for i := range 5 {
			all = append(all, violation(fmt.Sprint(i)))
			ids = append(ids, b.records("a", time.Duration(i)*time.Minute, all...).Opened[0].ID)
		}
		b.closeAs(ids[0], narrative.StatusResolved, nil)
		b.closeAs(ids[1], narrative.StatusWontFix, nil)
		b.change(ids[3], func(i *narrative.Issue) { i.Status = narrative.StatusImpasse })
		severe := b.change(ids[4], func(i *narrative.Issue) { i.Severity = narrative.SeverityCritical })
		first := must(b.store.Issue(b.ctx, ids[2]))(b)
		second := must(b.store.Issue(b.ctx, ids[3]))(b)
		b.same("counts", []narrative.IssueCount{
			{Status: narrative.StatusImpasse, Severity: second.Severity, Count: 1, Oldest: second.OpenedAt},
			{Status: narrative.StatusOpen, Severity: narrative.SeverityCritical, Count: 1, Oldest: severe.OpenedAt},
			{Status: narrative.StatusOpen, Severity: first.Severity, Count: 1, Oldest: first.OpenedAt},
		}, must(b.store.CountIssues(b.ctx))(b))
		b.change(ids[3], func(i *narrative.Issue) { i.Status = narrative.StatusOpen })
		b.same("oldest of two", narrative.IssueCount{Status: narrative.StatusOpen, Severity: first.Severity, Count: 2, Oldest: first.OpenedAt},
			must(b.store.CountIssues(b.ctx))(b)[1])
	},
	"a story tells everything": func(b *bench) {
		issue := b.opened("a")
		issue = b.change(issue.ID, func(i *narrative.Issue) { i.Steps = append(i.Steps, execStep("one"), execStep("two")) })
		must(b.store.StartAction(b.ctx, ref("solution-one", 0), "email", false, at(time.Minute)))(b)
		b.do(b.store.FinishAction(b.ctx, ref("solution-one", 0), "<id@host>", "", at(2*time.Minute)))
		b.do(b.store.AddNotifications(b.ctx, []narrative.Notification{notification("n", issue.ID)}))
		run := b.check("a", time.Hour, narrative.Passed("fine")).Run
		story := must(b.store.Story(b.ctx, issue.ID))(b)
		issue.CurrentSeq = 2
		b.same("issue", issue, story.Issue)
		b.same("entries", []string{
			"opened: it is broken", "status: changed", "action: action email (1 of 2) started",
			"action: action email (1 of 2) done: <id@host>", "notification: will tell ops@example.com by email: it broke",
		}, b.texts(issue.ID))
		b.same("actions", map[string][]narrative.ActionRun{"one": {{
			SolutionID: "solution-one", Action: "email", State: narrative.ActionDone, Attempts: 1, StartedAt: kept(time.Minute),
			FinishedAt: keptPtr(2 * time.Minute), Receipt: "<id@host>",
		}}}, story.Actions)
		b.same("notifications", []narrative.Notification{must(b.store.Notification(b.ctx, "n"))(b)}, story.Notifications)
		b.same("runs", []any{2, run}, []any{len(story.Runs), story.Runs[0]})
	},
	"empty lists are lists in JSON": func(b *bench) {
		issue := b.opened("a")
		for what, v := range map[string]any{
			"datums": must(b.store.Datums(b.ctx, narrative.DatumQuery{}, narrative.Page{}))(b), "steps": issue.Steps,
			"runs":   must(b.store.CheckRuns(b.ctx, "none", narrative.Page{}))(b),
			"events": must(b.store.EventMetas(b.ctx))(b), "loaded steps": must(b.store.Issue(b.ctx, issue.ID))(b).Steps,
			"admins": must(b.store.Config(b.ctx))(b).Admins.Email, "actions": must(b.store.Actions(b.ctx, "none"))(b),
		} {
			encoded, err := json.Marshal(v)
			b.do(err)
			if text := string(encoded); text != "[]" && text != `{"items":[]}` {
				b.Errorf("%s: %s", what, text)
			}
		}
	},
}
