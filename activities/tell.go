package activities

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	narrative "github.com/narrative-go/narrative"
)

// The functions of this file write what people are told. Each returns one notification a recipient, with a key that
// names the point of the issue's life it tells of, so that it is told once.

// gatherFor is how long a message about one of several issues that a check opened at once waits for those about the
// others.
const gatherFor = time.Second

// tell writes one notification a recipient about an issue. What is told of issues that one check opened goes out
// together, where it comes at about the same time.
func (r rules) tell(about string, i narrative.Issue, kind narrative.NotificationKind, m narrative.Message, to []narrative.Recipient, now time.Time) []narrative.Notification {
	var all []narrative.Notification
	for _, one := range to {
		n := notification("issue/"+i.ID+"/"+about, kind, one, m, now)
		n.IssueID = i.ID
		if kind.Digested() {
			n.Digest = r.config.Digest.OrDefault()
		}
		if kind.Digested() && i.Siblings > 1 {
			n.Together, n.Wait = together(kind, i), gatherFor
		}
		all = append(all, n)
	}
	return all
}

func together(kind narrative.NotificationKind, i narrative.Issue) string {
	return fmt.Sprintf("%s/%s/%d", kind, i.Assertion, i.OpenedSeq)
}

func notification(about string, kind narrative.NotificationKind, to narrative.Recipient, m narrative.Message, now time.Time) narrative.Notification {
	n := narrative.Notification{
		ID: narrative.NewID(now), Key: narrative.NotificationKey(about, kind, to.Channel, to.Address), Kind: kind,
		Channel: to.Channel, Recipient: to.Address, Message: m, State: narrative.NotificationPending, CreatedAt: now,
	}
	if to.Suppressed != "" {
		n.State, n.Suppressed = narrative.NotificationSuppressed, to.Suppressed
	}
	return n
}

// route is who is told, now, of what is of the kind: those that are left out are told of nothing, and so it is noted
// once, where the issue opens.
func (r rules) route(kind narrative.NotificationKind, i narrative.Issue) []narrative.Recipient {
	all := narrative.RouteOf(kind, r.meta.Meta, r.config, i.Severity)
	return slices.DeleteFunc(all, func(one narrative.Recipient) bool { return one.Suppressed != "" })
}

// found tells those who follow an assertion of the issues that a check has opened, in one message, and those who are
// told of higher severities only, of the issues that have come to theirs.
func found(r rules, opened []narrative.Issue, raised []narrative.Raised, now time.Time) []narrative.Notification {
	var all []narrative.Notification
	add := func(about string, i narrative.Issue, to []narrative.Recipient) {
		m := narrative.Message{
			Subject: "[Failing] " + i.Name(),
			Text:    fmt.Sprintf("%s fails.\n\n%s\n", title(i, r.meta.DisplayName), i.Summary) + signature(i),
		}
		for _, n := range r.tell(about, i, narrative.NotifyOpened, m, to, now) {
			n.Together = together(narrative.NotifyOpened, i)
			all = append(all, n)
		}
	}
	for _, i := range opened {
		if i.Kind != narrative.KindCheckError { // of which everybody is told when its round has ended
			add("opened", i, narrative.RouteOf(narrative.NotifyOpened, r.meta.Meta, r.config, i.Severity))
		}
	}
	for _, i := range raised {
		told := narrative.RouteOf(narrative.NotifyOpened, r.meta.Meta, r.config, i.From)
		add("opened/"+string(i.Severity), i.Issue, slices.DeleteFunc(r.route(narrative.NotifyOpened, i.Issue), func(to narrative.Recipient) bool {
			return slices.ContainsFunc(told, func(was narrative.Recipient) bool {
				return was.Channel == to.Channel && was.Address == to.Address && was.Suppressed == ""
			})
		}))
	}
	return all
}

// letterTime is how messages write a time.
const letterTime = "2006-01-02 15:04:05 UTC"

// title is how a message calls an issue in its text: by the assertion's display name, and by its own.
func title(i narrative.Issue, display string) string {
	if display == "" || display == i.Assertion {
		return i.Name()
	}
	return fmt.Sprintf("%s (%s)", display, i.Name())
}

// signature is how every message about an issue ends.
func signature(i narrative.Issue) string {
	since := "Open since"
	if i.Status.Closed() {
		since = "Was open from"
	}
	return fmt.Sprintf("\nAssertion: %s\nIssue: %s\nSeverity: %s\n%s: %s\n\nThe whole story: narrative issue explain %s\n",
		i.Assertion, i.ID, i.Severity, since, i.OpenedAt.Format(letterTime), i.ID)
}

// noSolution tells the admins, once an issue, that no case proposed anything. Of a check that cannot be made it says
// just that: there is no case for it.
func noSolution(i narrative.Issue, r rules, now time.Time) []narrative.Notification {
	kind := narrative.NotifyNoSolution
	m := narrative.Message{
		Subject: "[Failing] " + i.Name() + ": no solution found",
		Text:    fmt.Sprintf("%s fails, and no solution could be found.\n\n%s\n", title(i, r.meta.DisplayName), i.Summary) + howToAnswer(i),
	}
	if i.Kind == narrative.KindCheckError {
		kind = narrative.NotifyOpened
		m = narrative.Message{
			Subject: "[Unknown] " + i.Assertion + " cannot be checked",
			Text: fmt.Sprintf("%s cannot be checked, so nobody knows whether it holds.\n\n%s\n\nTo check it again at once: narrative check %s\n",
				title(i, r.meta.DisplayName), i.Summary, i.Assertion),
		}
	}
	m.Text += signature(i)
	to := r.route(narrative.NotifyNoSolution, i)
	if kind == narrative.NotifyOpened {
		to = r.route(narrative.NotifyImpasse, i) // nobody was told that it opened
	}
	return r.tell("no_solution", i, kind, m, to, now)
}

// impasseReached tells the admins that the issue waits for a person, and what there is to choose from.
func impasseReached(i narrative.Issue, r rules, why string, now time.Time) []narrative.Notification {
	m := narrative.Message{
		Subject: "[Impasse] " + i.Name(),
		Text:    fmt.Sprintf("%s fails and is at an impasse: it waits for a person.\n\n%s\n%s\n", title(i, r.meta.DisplayName), i.Summary, why) + howToAnswer(i) + signature(i),
	}
	return r.tell(fmt.Sprintf("impasse/%d", i.Version), i, narrative.NotifyImpasse, m, r.route(narrative.NotifyImpasse, i), now)
}

// howToAnswer lists the proposals of the newest round, which a person may choose, and the commands that answer.
func howToAnswer(i narrative.Issue) string {
	var b strings.Builder
	for _, s := range i.Steps {
		if s.Action != narrative.Exec || s.State == narrative.StepApplied || s.State == narrative.StepRejected || s.Round < i.Rounds {
			continue
		}
		names := make([]string, len(s.Solution.Plan))
		for n, action := range s.Solution.Plan {
			names[n] = action.Action
		}
		proposer := s.Case
		if proposer == "" {
			proposer = "a person"
		}
		fmt.Fprintf(&b, "\nStep %s (%s), proposed by %s: %s\n    plan: %s\n", s.ID, s.State, proposer, s.Reason, strings.Join(names, ", "))
		if s.Solution.Error != "" {
			fmt.Fprintf(&b, "    failed: %s\n", strings.ReplaceAll(s.Solution.Error, "\n", "\n        "))
		}
		if s.State == narrative.StepAwaitingApproval {
			fmt.Fprintf(&b, "    to approve it: narrative issue approve %s --step %s --digest %s\n", i.ID, s.ID, s.Digest)
			fmt.Fprintf(&b, "    to reject it: narrative issue reject %s --step %s --reason WHY\n", i.ID, s.ID)
			continue
		}
		fmt.Fprintf(&b, "    to carry it out: narrative issue solve %s --step %s\n", i.ID, s.ID)
	}
	fmt.Fprintf(&b, "\nTo bring a plan of your own: narrative issue solve %s --plan FILE\n", i.ID)
	fmt.Fprintf(&b, "To close it: narrative issue resolve %s\nTo close it for good: narrative issue wont-fix %s --reason WHY\n", i.ID, i.ID)
	return b.String()
}

// resolved tells everybody who was told of the issue that it is over, and how long it lasted. how says what ended it:
// that it passes again, or who closed it.
func resolved(i narrative.Issue, r rules, how string, now time.Time) []narrative.Notification {
	lasted := narrative.Age(i.OpenedAt, now)
	m := narrative.Message{
		Subject: "[Resolved] " + i.Name() + " after " + lasted,
		Text: fmt.Sprintf("%s %s. It lasted %s, from %s to %s.\n\nIt had said: %s\n", title(i, r.meta.DisplayName), how, lasted,
			i.OpenedAt.Format(letterTime), now.Format(letterTime), i.Summary) + signature(i),
	}
	return r.tell("resolved", i, narrative.NotifyResolved, m, i.Told, now)
}

// endedBy is how an issue ends by itself.
func endedBy(i narrative.Issue, in ResolveInput) string {
	switch {
	case in.Removed:
		return "is watched no more: the assertion was removed"
	case in.Gone:
		return "is over: the record is gone"
	case i.Kind == narrative.KindCheckError:
		return "can be checked again"
	}
	return "passes again"
}

// approvalAsked asks the admins to approve or reject the plan that waits for it.
func approvalAsked(i narrative.Issue, r rules, now time.Time) []narrative.Notification {
	m := narrative.Message{
		Subject: "[Approval] " + i.Name(),
		Text:    fmt.Sprintf("%s fails, and a plan to repair it waits for approval.\n\n%s\n", title(i, r.meta.DisplayName), i.Summary) + howToAnswer(i) + signature(i),
	}
	return r.tell("approval/"+i.Awaiting.StepID, i, narrative.NotifyApproval, m, r.route(narrative.NotifyApproval, i), now)
}

// escalated tells more people, or with nil those that follow it, of an issue that lasts; about names the level.
func escalated(i narrative.Issue, r rules, about, why string, to []narrative.Recipient, now time.Time) []narrative.Notification {
	m := narrative.Message{
		Subject: "[Escalated] " + i.Name() + " for " + narrative.Age(i.OpenedAt, now),
		Text:    fmt.Sprintf("%s fails: %s.\n\n%s\n%s\n", title(i, r.meta.DisplayName), why, i.Summary, whatIsKnown(i)) + howToAnswer(i) + signature(i),
	}
	if to == nil {
		to = r.route(narrative.NotifyEscalated, i)
	}
	return r.tell("escalated/"+about, i, narrative.NotifyEscalated, m, to, now)
}

// renotified tells the admins again of what still waits for them.
func renotified(i narrative.Issue, r rules, now time.Time) []narrative.Notification {
	m := narrative.Message{
		Subject: "[Still failing] " + i.Name() + " for " + narrative.Age(i.OpenedAt, now),
		Text:    fmt.Sprintf("%s still fails, after %s.\n\n%s\n%s\n", title(i, r.meta.DisplayName), narrative.Age(i.OpenedAt, now), i.Summary, whatIsKnown(i)) + howToAnswer(i) + signature(i),
	}
	return r.tell(fmt.Sprintf("renotified/%d", i.Version), i, narrative.NotifyRenotified, m, r.route(narrative.NotifyRenotified, i), now)
}

// whatIsKnown says in a line who sees to the issue, and what it waits for.
func whatIsKnown(i narrative.Issue) string {
	known := "Nobody has acknowledged it."
	if a := i.Acknowledged; a != nil {
		known = "Acknowledged" + byWhom(a.By) + " at " + a.At.Format(letterTime) + "."
	}
	switch {
	case i.Awaiting == nil:
		return known
	case i.Awaiting.For == narrative.AwaitingApproval:
		return known + " A plan waits for approval."
	}
	return known + " It waits for a person."
}

// closedBy is how an issue ends by a person, who may know better than the last check.
func closedBy(s narrative.Signal) string {
	how := "was closed as resolved"
	if s.By != "" {
		how += " by " + s.By
	}
	if s.Reason != "" {
		how += " (" + s.Reason + ")"
	}
	return how + "; the checks go on"
}

// occurred tells those who follow an event of an occurrence.
func occurred(o narrative.Occurrence, meta narrative.EventMeta, config narrative.Config, now time.Time) []narrative.Notification {
	return tellOf(o, "opened", narrative.NotifyOpened, meta, config, narrative.Message{
		Subject: "[Detected] " + o.Event,
		Text: fmt.Sprintf("%s was detected.\n\nWhat was detected: %s\n%s\n\nEvent: %s\nOccurrence: %s\n",
			meta.DisplayName, values(o.Summary), values(o.Details), o.Event, o.ID),
	}, now)
}

// responseFailed tells the admins, and those who follow the event, that an occurrence could not be answered.
func responseFailed(o narrative.Occurrence, meta narrative.EventMeta, config narrative.Config, failure string, now time.Time) []narrative.Notification {
	return tellOf(o, "failed", narrative.NotifyImpasse, meta, config, narrative.Message{
		Subject: "[Failed] the response to " + o.Event,
		Text: fmt.Sprintf("%s was detected, and its response failed.\n\nWhat was detected: %s\nWhy it failed: %s\n\nEvent: %s\nOccurrence: %s\n",
			o.Event, values(o.Summary), failure, o.Event, o.ID),
	}, now)
}

func tellOf(o narrative.Occurrence, about string, kind narrative.NotificationKind, meta narrative.EventMeta, config narrative.Config, m narrative.Message, now time.Time) []narrative.Notification {
	var all []narrative.Notification
	for _, to := range narrative.RouteOf(kind, meta.Meta, config, meta.Severity) {
		n := notification("occurrence/"+o.ID+"/"+about, kind, to, m, now)
		n.Digest = config.Digest.OrDefault()
		all = append(all, n)
	}
	return all
}

// values writes what identifies or describes an occurrence.
func values(m map[string]any) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, name+": "+written(m[name]))
	}
	return strings.Join(parts, ", ")
}

// written is a text as it is, and what is none as JSON.
func written(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	if raw, err := json.Marshal(v); err == nil {
		if plain, err := narrative.PlainJSON(raw); err == nil { // < as itself
			return string(plain)
		}
	}
	return fmt.Sprint(v)
}
