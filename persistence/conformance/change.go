package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/narrative-go/narrative"
)

var changeTests = map[string]func(*bench){
	"a change comes back whole": func(b *bench) {
		issue := b.opened("a")
		want := issue
		alter(&want, true)
		got := must(b.store.ChangeIssue(b.ctx, issue.ID, 0, "k", func(i *narrative.Issue) (narrative.Effects, error) {
			alter(i, false)
			return entryOf("k"), nil
		}))(b)
		want.Version = 1
		b.same("returned", want, got)
		b.same("kept", want, must(b.store.Issue(b.ctx, issue.ID))(b))
	},
	"steps are added and altered by their id, in their order": func(b *bench) {
		issue := b.opened("a")
		b.change(issue.ID, func(i *narrative.Issue) { i.Steps = append(i.Steps, execStep("one"), passStep("two")) })
		got := b.change(issue.ID, func(i *narrative.Issue) {
			i.Steps[0].State, i.Steps[0].Solution.EnactedAt = narrative.StepApplied, ptr(time.Minute)
			i.Steps[0].Solution.Error = "it failed: größer"
			i.Steps[0].UnaskedAt, i.Steps[0].Policy = ptr(time.Second), narrative.StepPolicy{Approval: narrative.ApprovalNone}
			i.Steps[0].Solution.Rollback = narrative.Plan{{Action: "webhook"}, {}}
			i.Steps[1].Count = 2
			i.Steps = append(i.Steps, passStep("three"))
		})
		one, two, three := execStep("one"), passStep("two"), passStep("three")
		one.At, two.At, three.At = kept(0), kept(0), kept(0)
		one.UnaskedAt, one.Policy = keptPtr(time.Second), narrative.StepPolicy{Approval: narrative.ApprovalNone}
		one.Solution.Rollback = narrative.Plan{{Action: "webhook"}, {}}
		one.State, one.Solution.EnactedAt, one.Solution.Error, two.Count = narrative.StepApplied, keptPtr(time.Minute), "it failed: größer", 2
		want := []narrative.ResolutionStep{one, two, three}
		b.same("returned", want, got.Steps)
		b.same("kept", want, must(b.store.Issue(b.ctx, issue.ID))(b).Steps)
		b.same("listed", want, must(b.store.Issues(b.ctx, narrative.IssueQuery{}, narrative.Page{}))(b).Items[0].Steps)
	},
	"a change sees when plans were begun unasked for its assertion, newest first": func(b *bench) {
		b.watch(assertion("a"), assertion("b"))
		issues := b.records("a", 0, violation("1"), violation("2")).Opened
		other := b.check("b", 0, narrative.Failed("broken")).Opened[0]
		for n, id := range []string{issues[0].ID, issues[1].ID, other.ID, issues[0].ID} {
			b.begun(id, fmt.Sprint("step-", n), time.Duration(n)*time.Minute)
		}
		b.change(issues[0].ID, func(i *narrative.Issue) { i.Steps = append(i.Steps, execStep("asked for")) })
		b.closeAs(issues[1].ID, narrative.StatusResolved, nil)
		for id, want := range map[string][]time.Time{
			issues[0].ID: {kept(3 * time.Minute), kept(time.Minute), kept(0)},
			issues[1].ID: {kept(3 * time.Minute), kept(time.Minute), kept(0)},
			other.ID:     {kept(2 * time.Minute)},
		} {
			b.change(id, func(i *narrative.Issue) { b.same("begun", want, i.UnaskedPlans) })
			b.same("loaded otherwise", 0, len(must(b.store.Issue(b.ctx, id))(b).UnaskedPlans))
		}
		most := must(b.store.AssertionMeta(b.ctx, "a"))(b).MaxPlans
		b.change(issues[0].ID, func(i *narrative.Issue) {
			for n := range 2 * most {
				step := execStep(fmt.Sprint("more-", n))
				step.UnaskedAt = ptr(time.Hour + time.Duration(n)*time.Second)
				i.Steps = append(i.Steps, step)
			}
		})
		b.change(issues[0].ID, func(i *narrative.Issue) {
			b.same("at most", most, len(i.UnaskedPlans))
			b.same("the newest", kept(time.Hour+time.Duration(2*most-1)*time.Second), i.UnaskedPlans[0])
		})
	},
	"ids are given where they are missing": func(b *bench) {
		issue := b.opened("a")
		got := b.change(issue.ID, func(i *narrative.Issue) {
			step := execStep("")
			step.Solution.ID = ""
			i.Steps = append(i.Steps, step)
		})
		b.same("given", true, got.Steps[0].ID != "" && got.Steps[0].Solution.ID != "")
	},
	"a change of an old version is a conflict and changes nothing": func(b *bench) {
		issue := b.opened("a")
		set := func(key string, version int, summary string) error {
			_, err := b.store.ChangeIssue(b.ctx, issue.ID, version, key, func(i *narrative.Issue) (narrative.Effects, error) {
				i.Summary = summary
				return entryOf(key), nil
			})
			return err
		}
		b.do(set("first", 0, "first"))
		b.refused("version 0 again", narrative.Conflict, set("second", 0, "second"))
		b.refused("a version to come", narrative.Conflict, set("second", 2, "second"))
		b.do(set("uncounted", -1, "uncounted"))
		got := must(b.store.Issue(b.ctx, issue.ID))(b)
		b.same("issue", []any{"uncounted", 1}, []any{got.Summary, got.Version})
		b.same("timeline", 3, len(b.texts(issue.ID)))
	},
	"a change of a key that was made is not made again": func(b *bench) {
		issue := b.opened("a")
		calls := 0
		change := func() (narrative.Issue, error) {
			return b.store.ChangeIssue(b.ctx, issue.ID, 0, "k", func(i *narrative.Issue) (narrative.Effects, error) {
				calls++
				i.Rounds++
				return entryOf("k"), nil
			})
		}
		first := must(change())(b)
		b.same("again", first, must(change())(b))
		b.same("calls", 1, calls)
	},
	"a change that leaves no entry of its key behind is refused": func(b *bench) {
		issue := b.opened("a")
		_, err := b.store.ChangeIssue(b.ctx, issue.ID, -1, "k", func(i *narrative.Issue) (narrative.Effects, error) {
			i.Rounds = 7
			return narrative.Effects{}, nil
		})
		if err == nil {
			b.Error("got no error")
		}
		b.same("issue", issue, must(b.store.Issue(b.ctx, issue.ID))(b))
	},
	"an error of the change is returned as it is and nothing is committed": func(b *bench) {
		issue := b.opened("a")
		mine := errors.New("mine")
		_, err := b.store.ChangeIssue(b.ctx, issue.ID, -1, "k", func(i *narrative.Issue) (narrative.Effects, error) {
			i.Rounds = 7
			return entryOf("k"), mine
		})
		if err != mine { //nolint:errorlint // as it is
			b.Errorf("got %v, want %v", err, mine)
		}
		b.same("issue", issue, must(b.store.Issue(b.ctx, issue.ID))(b))
		b.same("timeline", 1, len(b.texts(issue.ID)))
	},
	"a missing issue is not found": func(b *bench) {
		_, err := b.store.ChangeIssue(b.ctx, "none", -1, "k", func(*narrative.Issue) (narrative.Effects, error) {
			b.Error("the change was called")
			return narrative.Effects{}, nil
		})
		b.refused("change", narrative.NotFound, err)
	},
	"entries are numbered in their order and dropped where their key is taken": func(b *bench) {
		issue := b.opened("a")
		data := json.RawMessage(`{"n": 1.50, "w": "ü"}`)
		must(b.store.ChangeIssue(b.ctx, issue.ID, -1, "k", func(*narrative.Issue) (narrative.Effects, error) {
			return narrative.Effects{Entries: []narrative.Entry{
				{At: at(0), Kind: narrative.EntrySignal, By: "me", Text: "one", Data: data, Key: "k"},
				{At: at(0), Kind: narrative.EntrySignal, Text: "dropped", Key: "k"},
				{At: at(0), Kind: narrative.EntryComment, Text: "two"},
				{At: at(0), Kind: narrative.EntryComment, Text: "three"},
			}}, nil
		}))(b)
		b.same("entries", []narrative.Entry{
			{Number: 2, At: kept(0), Kind: narrative.EntrySignal, By: "me", Text: "one", Data: data, Key: "k"},
			{Number: 3, At: kept(0), Kind: narrative.EntryComment, Text: "two"},
			{Number: 4, At: kept(0), Kind: narrative.EntryComment, Text: "three"},
		}, must(b.store.Story(b.ctx, issue.ID))(b).Entries[1:])
	},
	"a change brings notifications along, each key once": func(b *bench) {
		issue := b.opened("a")
		for n := range 2 {
			key := fmt.Sprint("k", n)
			must(b.store.ChangeIssue(b.ctx, issue.ID, -1, key, func(*narrative.Issue) (narrative.Effects, error) {
				effects := entryOf(key)
				effects.Notifications = []narrative.Notification{notification("n1", issue.ID), notification("n2", "")}
				return effects, nil
			}))(b)
		}
		b.same("timeline", []string{
			"opened: it is broken", "status: changed", "notification: will tell ops@example.com by email: it broke",
			"notification: will tell ops@example.com by email: it broke", "status: changed",
		}, b.texts(issue.ID))
		want := notification("n2", issue.ID)
		want.Batch, want.State, want.CreatedAt = "n2", narrative.NotificationPending, kept(0)
		b.same("kept", want, must(b.store.Notification(b.ctx, "n2"))(b), cmpopts.IgnoreFields(narrative.Notification{}, "ID"))
	},
}

// alter sets everything that a change may set, as it is kept or as a program passes it.
func alter(i *narrative.Issue, asKept bool) {
	when, whenPtr := at, ptr
	if asKept {
		when, whenPtr = kept, keptPtr
	}
	i.Status, i.ResolvedAt = narrative.StatusWontFix, whenPtr(time.Hour)
	i.Severity, i.Summary = narrative.SeverityWarning, "größer"
	// What lies within JSON keeps the nanoseconds and the zone it was written with.
	i.Acknowledged = &narrative.Acknowledgement{By: "me", At: kept(1), Reason: "on it", Until: keptPtr(2)}
	i.Awaiting = &narrative.Awaiting{For: narrative.AwaitingChoice, StepID: "s", Since: kept(3)}
	i.SnoozedUntil, i.MutedUntil, i.NextRoundAt = whenPtr(4*time.Hour), whenPtr(5*time.Hour), when(6*time.Hour)
	i.Rounds, i.Working, i.EnactedSeq, i.Attempts, i.Idle, i.Passes, i.ClosedSeq = 7, true, 8, 9, 10, 11, 12
	i.VerifyAt, i.NotifiedAt, i.Renotified, i.Escalated = whenPtr(7*time.Hour), whenPtr(8*time.Hour), 13, 14
	i.Verdict = narrative.Verdict{Summary: "größer", Reason: "r", Severity: narrative.SeverityWarning, Details: map[string]any{"n": int64(1), "l": []any{"x", 1.5, nil}}}
}

func execStep(id string) narrative.ResolutionStep {
	return narrative.ResolutionStep{
		ID: id, Case: "repair", Action: narrative.Exec, Reason: "because ü", Digest: "d", State: narrative.StepProposed, Count: 1, At: at(0), Round: 1,
		Solution: &narrative.Solution{
			ID: "solution-" + id, Problem: "it is broken",
			Plan:     narrative.Plan{{Action: "email", Args: json.RawMessage(`{"to":"a@example.com","n":1.50}`)}, {Action: "webhook"}},
			Template: narrative.Plan{{Action: "email", Args: json.RawMessage(`{"to":"{{.Record.ID}}"}`)}},
			Data:     &narrative.TemplateData{Summary: map[string]any{"n": int64(1)}},
			Rollback: narrative.Plan{{}, {Action: "webhook", Args: json.RawMessage(`{"url":"https://example.com/ü"}`)}},

			RollbackTemplate: narrative.Plan{{}, {Action: "webhook", Args: json.RawMessage(`{"url":"https://example.com/{{.Record.ID}}"}`)}},
		},
		Policy: narrative.StepPolicy{
			Approval: narrative.ApprovalRequired, ApprovalTimeout: narrative.Duration(time.Hour), VerifyAfter: narrative.Duration(90 * time.Second),
		},
	}
}

// begun adds a step whose plan was begun unasked.
func (b *bench) begun(issueID, stepID string, after time.Duration) {
	b.Helper()
	b.change(issueID, func(i *narrative.Issue) {
		step := execStep(stepID)
		step.State, step.UnaskedAt = narrative.StepRunning, ptr(after)
		i.Steps = append(i.Steps, step)
	})
}

func passStep(id string) narrative.ResolutionStep {
	return narrative.ResolutionStep{ID: id, Case: "wait", Action: narrative.Pass, Reason: "later", State: narrative.StepPassed, Count: 1, At: at(0), Round: 2}
}

func notification(key, issueID string) narrative.Notification {
	return narrative.Notification{
		Key: key, IssueID: issueID, Kind: narrative.NotifyOpened, Channel: narrative.ChannelEmail, Recipient: "ops@example.com",
		Message: narrative.Message{Subject: "it broke", Text: "größer", HTML: "<p>größer</p>"}, CreatedAt: at(0),
	}
}
