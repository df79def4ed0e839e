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

// signature is how every message about an issue ends.
func signature(i narrative.Issue) string {
	return fmt.Sprintf("\nAssertion: %s\nIssue: %s\nSeverity: %s\nOpen since: %s\n\nThe whole story: narrative issue explain %s\n",
		i.Assertion, i.ID, i.Severity, i.OpenedAt.Format("2006-01-02 15:04:05 UTC"), i.ID)
}

// noSolution tells the admins, once an issue, that no case proposed anything. Of a check that cannot be made it says
// just that: there is no case for it.
func noSolution(i narrative.Issue, admins narrative.Admins, now time.Time) []narrative.Notification {
	kind := narrative.NotifyNoSolution
	m := narrative.Message{
		Subject: "[Failing] " + i.Name() + ": no solution found",
		Text:    fmt.Sprintf("%s fails, and no solution could be found.\n\n%s\n", i.Name(), i.Summary) + howToAnswer(i),
	}
	if i.Kind == narrative.KindCheckError {
		kind = narrative.NotifyOpened
		m = narrative.Message{
			Subject: "[Unknown] " + i.Assertion + " cannot be checked",
			Text:    fmt.Sprintf("%s cannot be checked, so nobody knows whether it holds.\n\n%s\n", i.Assertion, i.Summary),
		}
	}
	m.Text += signature(i)
	return tellAdmins("issue/"+i.ID+"/no_solution", i, kind, m, admins, now)
}

// impasseReached tells the admins that the issue waits for a person, and what there is to choose from.
func impasseReached(i narrative.Issue, why string, admins narrative.Admins, now time.Time) []narrative.Notification {
	m := narrative.Message{
		Subject: "[Impasse] " + i.Name(),
		Text:    fmt.Sprintf("%s fails and is at an impasse: it waits for a person.\n\n%s\n%s\n", i.Name(), i.Summary, why) + howToAnswer(i) + signature(i),
	}
	return tellAdmins(fmt.Sprintf("issue/%s/impasse/%d", i.ID, i.Version), i, narrative.NotifyImpasse, m, admins, now)
}

// howToAnswer lists the proposals that a person may choose and the commands that answer.
func howToAnswer(i narrative.Issue) string {
	var b strings.Builder
	for _, s := range i.Steps {
		if s.Action != narrative.Exec || s.State == narrative.StepApplied {
			continue
		}
		names := make([]string, len(s.Solution.Plan))
		for n, action := range s.Solution.Plan {
			names[n] = action.Action
		}
		fmt.Fprintf(&b, "\nStep %s (%s), proposed by %s: %s\n    plan: %s\n", s.ID, s.State, s.Case, s.Reason, strings.Join(names, ", "))
		if s.Solution.Error != "" {
			fmt.Fprintf(&b, "    failed: %s\n", s.Solution.Error)
		}
		fmt.Fprintf(&b, "    to carry it out: narrative issue solve %s --step %s\n", i.ID, s.ID)
	}
	fmt.Fprintf(&b, "\nTo bring a plan of your own: narrative issue solve %s --plan FILE\n", i.ID)
	fmt.Fprintf(&b, "To close it: narrative issue resolve %s, or narrative issue wont-fix %s --reason WHY\n", i.ID, i.ID)
	return b.String()
}

// resolved tells everybody who was told of the issue that it is fixed, and how long it lasted.
func resolved(i narrative.Issue, told []narrative.Notification, now time.Time) []narrative.Notification {
	lasted := narrative.Age(i.OpenedAt, now)
	verb := "passes again"
	if i.Kind == narrative.KindCheckError {
		verb = "can be checked again"
	}
	m := narrative.Message{
		Subject: "[Resolved] " + i.Name() + " after " + lasted,
		Text: fmt.Sprintf("%s %s. It lasted %s, from %s to %s.\n\nIt had said: %s\n", i.Name(), verb, lasted,
			i.OpenedAt.Format("2006-01-02 15:04:05 UTC"), now.Format("2006-01-02 15:04:05 UTC"), i.Summary) + signature(i),
	}
	var all []narrative.Notification
	for _, t := range told {
		all = append(all, notification("issue/"+i.ID+"/resolved", i.ID, narrative.NotifyResolved, t.Channel, t.Recipient, m, now))
	}
	return all
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
