package activities

import (
	"fmt"
	"strings"
	"time"

	narrative "github.com/narrative-go/narrative"
)

// The functions of this file write what people are told. Each returns one notification a recipient, with a key that
// names the point of the issue's life it tells of, so that it is told once.

func tellAdmins(about string, issue narrative.Issue, kind narrative.NotificationKind, m narrative.Message, admins narrative.Admins, now time.Time) []narrative.Notification {
	var all []narrative.Notification
	for _, address := range admins.Email {
		all = append(all, notification(about, issue.ID, kind, narrative.ChannelEmail, address, m, now))
	}
	return all
}

func notification(about, issueID string, kind narrative.NotificationKind, channel, recipient string, m narrative.Message, now time.Time) narrative.Notification {
	return narrative.Notification{
		ID: narrative.NewID(now), Key: narrative.NotificationKey(about, kind, channel, recipient), IssueID: issueID,
		Kind: kind, Channel: channel, Recipient: recipient, Message: m, State: narrative.NotificationPending, CreatedAt: now,
	}
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
func noSolution(i narrative.Issue, display string, admins narrative.Admins, now time.Time) []narrative.Notification {
	kind := narrative.NotifyNoSolution
	m := narrative.Message{
		Subject: "[Failing] " + i.Name() + ": no solution found",
		Text:    fmt.Sprintf("%s fails, and no solution could be found.\n\n%s\n", title(i, display), i.Summary) + howToAnswer(i),
	}
	if i.Kind == narrative.KindCheckError {
		kind = narrative.NotifyOpened
		m = narrative.Message{
			Subject: "[Unknown] " + i.Assertion + " cannot be checked",
			Text: fmt.Sprintf("%s cannot be checked, so nobody knows whether it holds.\n\n%s\n\nTo check it again at once: narrative check %s\n",
				title(i, display), i.Summary, i.Assertion),
		}
	}
	m.Text += signature(i)
	return tellAdmins("issue/"+i.ID+"/no_solution", i, kind, m, admins, now)
}

// impasseReached tells the admins that the issue waits for a person, and what there is to choose from.
func impasseReached(i narrative.Issue, display, why string, admins narrative.Admins, now time.Time) []narrative.Notification {
	m := narrative.Message{
		Subject: "[Impasse] " + i.Name(),
		Text:    fmt.Sprintf("%s fails and is at an impasse: it waits for a person.\n\n%s\n%s\n", title(i, display), i.Summary, why) + howToAnswer(i) + signature(i),
	}
	return tellAdmins(fmt.Sprintf("issue/%s/impasse/%d", i.ID, i.Version), i, narrative.NotifyImpasse, m, admins, now)
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
func resolved(i narrative.Issue, display, how string, told []narrative.Notification, now time.Time) []narrative.Notification {
	lasted := narrative.Age(i.OpenedAt, now)
	m := narrative.Message{
		Subject: "[Resolved] " + i.Name() + " after " + lasted,
		Text: fmt.Sprintf("%s %s. It lasted %s, from %s to %s.\n\nIt had said: %s\n", title(i, display), how, lasted,
			i.OpenedAt.Format(letterTime), now.Format(letterTime), i.Summary) + signature(i),
	}
	var all []narrative.Notification
	for _, t := range told {
		all = append(all, notification("issue/"+i.ID+"/resolved", i.ID, narrative.NotifyResolved, t.Channel, t.Recipient, m, now))
	}
	return all
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
func approvalAsked(i narrative.Issue, display string, admins narrative.Admins, now time.Time) []narrative.Notification {
	m := narrative.Message{
		Subject: "[Approval] " + i.Name(),
		Text:    fmt.Sprintf("%s fails, and a plan to repair it waits for approval.\n\n%s\n", title(i, display), i.Summary) + howToAnswer(i) + signature(i),
	}
	return tellAdmins("issue/"+i.ID+"/approval/"+i.Awaiting.StepID, i, narrative.NotifyApproval, m, admins, now)
}

// escalated tells more people of an issue that lasts; about names the level.
func escalated(i narrative.Issue, display, about, why string, to narrative.Admins, now time.Time) []narrative.Notification {
	m := narrative.Message{
		Subject: "[Escalated] " + i.Name() + " for " + narrative.Age(i.OpenedAt, now),
		Text:    fmt.Sprintf("%s fails: %s.\n\n%s\n%s\n", title(i, display), why, i.Summary, whatIsKnown(i)) + howToAnswer(i) + signature(i),
	}
	return tellAdmins("issue/"+i.ID+"/escalated/"+about, i, narrative.NotifyEscalated, m, to, now)
}

// renotified tells the admins again of what still waits for them.
func renotified(i narrative.Issue, display string, admins narrative.Admins, now time.Time) []narrative.Notification {
	m := narrative.Message{
		Subject: "[Still failing] " + i.Name() + " for " + narrative.Age(i.OpenedAt, now),
		Text:    fmt.Sprintf("%s still fails, after %s.\n\n%s\n%s\n", title(i, display), narrative.Age(i.OpenedAt, now), i.Summary, whatIsKnown(i)) + howToAnswer(i) + signature(i),
	}
	return tellAdmins(fmt.Sprintf("issue/%s/renotified/%d", i.ID, i.Version), i, narrative.NotifyRenotified, m, admins, now)
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

// responseFailed tells the admins that an occurrence could not be answered.
func responseFailed(o narrative.Occurrence, failure string, admins narrative.Admins, now time.Time) []narrative.Notification {
	m := narrative.Message{
		Subject: "[Failed] the response to " + o.Event,
		Text: fmt.Sprintf("%s was detected, and its response failed.\n\nWhat was detected: %v\nWhy it failed: %s\n\nEvent: %s\nOccurrence: %s\n",
			o.Event, o.Summary, failure, o.Event, o.ID),
	}
	return tellAdmins("occurrence/"+o.ID+"/failed", narrative.Issue{}, narrative.NotifyImpasse, m, admins, now)
}
