package conformance

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
)

// textTests are of what cannot be stored: \u0000, and bytes that are not UTF-8.
var textTests = map[string]func(*bench){
	"bad text in a check is refused by its field": func(b *bench) {
		b.watch(assertion("a"))
		for _, bad := range badTexts {
			for field, spoil := range map[string]func(*narrative.CheckRecord){
				"summary":    func(r *narrative.CheckRecord) { r.Summary = bad },
				"error":      func(r *narrative.CheckRecord) { r.Error = bad },
				"run_id":     func(r *narrative.CheckRecord) { r.RunID = bad },
				"verdict":    func(r *narrative.CheckRecord) { r.Verdict.Details = map[string]any{"x": []any{bad}} },
				"violations": func(r *narrative.CheckRecord) { r.Violations = []narrative.Violation{violation(bad)} },
			} {
				r := b.begin("a", 0)
				r.Outcome = narrative.OutcomeFailed
				spoil(&r)
				_, err := b.store.RecordCheck(b.ctx, r)
				b.names(field, err)
			}
		}
		b.same("runs", 0, len(must(b.store.CheckRuns(b.ctx, "a", narrative.Page{}))(b).Items))
	},
	"bad text in metas is refused": func(b *bench) {
		for _, bad := range badTexts {
			a, e := assertion("a"), event("e", time.Hour)
			a.DisplayName = bad
			_, err := b.store.Apply(b.ctx, narrative.Manifest{Assertions: []narrative.AssertionMeta{a}}, at(0))
			b.names("assertions.a", err)
			e.Respond = narrative.Plan{{Action: "email", Args: json.RawMessage(`{"x": "\u0000"}`)}}
			_, err = b.store.Apply(b.ctx, narrative.Manifest{Events: []narrative.EventMeta{e}}, at(0))
			b.names("events.e", err)
		}
	},
	"bad text in an occurrence and its answer is refused": func(b *bench) {
		b.notice(event("e", time.Hour))
		id := b.detect("e", 0, narrative.Occurrence{Summary: map[string]any{"who": "me"}}).Claimed[0].ID
		for _, bad := range badTexts {
			r := b.beginDetection("e", 0)
			r.Occurrences = []narrative.Occurrence{{}, {Summary: map[string]any{bad: 1}}}
			_, err := b.store.RecordDetection(b.ctx, r)
			b.names("occurrences[1].summary", err)
			_, err = b.store.AnswerOccurrence(b.ctx, id, narrative.Solution{Problem: bad})
			b.names("solution", err)
		}
	},
	"bad text in a change is refused": func(b *bench) {
		issue := b.opened("a")
		for _, bad := range badTexts {
			for field, spoil := range map[string]func(*narrative.Issue, *narrative.Effects){
				"issue": func(i *narrative.Issue, _ *narrative.Effects) {
					i.Acknowledged = &narrative.Acknowledgement{Reason: bad}
				},
				"entries[0].text":  func(_ *narrative.Issue, e *narrative.Effects) { e.Entries[0].Text = bad },
				"entries[0].data":  func(_ *narrative.Issue, e *narrative.Effects) { e.Entries[0].Data = json.RawMessage(`"\u0000"`) },
				"notifications[0]": func(_ *narrative.Issue, e *narrative.Effects) { e.Notifications = []narrative.Notification{{Key: bad}} },
				"issue (its steps)": func(i *narrative.Issue, _ *narrative.Effects) {
					i.Steps = []narrative.ResolutionStep{{ID: "s", Reason: bad}}
				},
			} {
				_, err := b.store.ChangeIssue(b.ctx, issue.ID, -1, "k", func(i *narrative.Issue) (narrative.Effects, error) {
					effects := entryOf("k")
					spoil(i, &effects)
					return effects, nil
				})
				field, _, _ = strings.Cut(field, " ")
				b.names(field, err)
			}
		}
		b.same("issue", issue, must(b.store.Issue(b.ctx, issue.ID))(b))
	},
	"bad text elsewhere is refused": func(b *bench) {
		b.solved()
		b.startAction(false, 0)
		b.do(b.store.AddNotifications(b.ctx, []narrative.Notification{notification("k", "")}))
		for _, bad := range badTexts {
			_, err := b.store.AddDatums(b.ctx, []narrative.Datum{{Origin: "o", Name: "n"}, {Origin: "o", Name: bad}})
			b.names("datums[1].name", err)
			_, err = b.store.Datums(b.ctx, narrative.DatumQuery{Text: bad}, narrative.Page{})
			b.names("q", err)
			b.names("failure", b.store.FinishAction(b.ctx, ref("solution-one", 0), "", bad, at(0)))
			b.names("sent", b.store.NotificationSent(b.ctx, "k", narrative.Sent{Receipt: bad}, at(0)))
			b.names("failure", b.store.NotificationTried(b.ctx, "k", bad, false, at(0)))
			b.names("notifications[0]", b.store.AddNotifications(b.ctx, []narrative.Notification{{Key: bad}}))
		}
		for _, note := range []string{`"\u0000"`, `{"\u0000": 1}`, "\"\xff\"", `{`} {
			_, err := b.store.AddDatums(b.ctx, []narrative.Datum{{Origin: "o", Name: "n", Note: json.RawMessage(note)}})
			b.names("datums[0].note", err)
		}
	},
	"a name that cannot be stored names nothing": func(b *bench) {
		for _, bad := range badTexts {
			_, issue := b.store.Issue(b.ctx, bad)
			_, meta := b.store.AssertionMeta(b.ctx, bad)
			_, begun := b.store.BeginCheck(b.ctx, bad, bad)
			_, listed := b.store.Issues(b.ctx, narrative.IssueQuery{Assertion: bad}, narrative.Page{})
			_, runs := b.store.CheckRuns(b.ctx, bad, narrative.Page{})
			for what, err := range map[string]error{"issue": issue, "meta": meta, "begin": begun, "issues": listed, "runs": runs} {
				b.refused(what, narrative.Invalid, err)
			}
		}
	},
	"text of any script comes back as it was": func(b *bench) {
		for _, text := range []string{"größer 漢字 🎉 \u202e\u200d", "quote ' \" \\ % _ \x01 \t\r\n", "ÅÅ\u030a", "<b>&amp;\u2028"} {
			stored := must(b.store.AddDatums(b.ctx, []narrative.Datum{{Origin: text, Name: text, ThreadID: text, At: at(0)}}))(b)
			got := must(b.store.Datums(b.ctx, narrative.DatumQuery{Name: text}, narrative.Page{}))(b)
			b.same(text, stored, got.Items)
		}
	},
}

var badTexts = []string{"a\x00b", "a\xffb"}

// names fails the test unless err is Invalid and names the field.
func (b *bench) names(field string, err error) {
	b.Helper()
	b.refused(field, narrative.Invalid, err)
	if err != nil && !strings.Contains(err.Error(), field) {
		b.Errorf("the error does not name %s: %v", field, err)
	}
}
