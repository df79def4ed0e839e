package workflows

import (
	"fmt"
	"strings"
	"time"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/activities"
)

// details is the Markdown that the Temporal UI shows of an issue: where it stands, what it waits for, the proposals with
// their digests, and how to answer from the shell.
func details(s activities.IssueState) string {
	var b strings.Builder
	b.WriteString(fmt.Sprintf("### %s: %s\n\n%s\n\n", s.Name, s.Status, s.Summary))
	b.WriteString(fmt.Sprintf("Open since %s · severity %s · %d rounds of diagnosis\n\n", clock(s.OpenedAt), s.Severity, s.Rounds))
	b.WriteString(fmt.Sprintf("**%s**\n\n", waitsFor(s)))
	if s.Deadline != nil && !s.Status.Closed() {
		b.WriteString(fmt.Sprintf("Next by time: %s at %s\n\n", dueText(s.Deadline.Kind), clock(s.Deadline.At)))
	}
	for _, step := range s.Steps {
		b.WriteString(stepText(step))
	}
	if !s.Status.Closed() {
		b.WriteString("\n```\n" + strings.Join(answers(s), "\n") + "\n```\n")
	}
	return b.String()
}

func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func stepText(step activities.StepLine) string {
	text := fmt.Sprintf("- `%s` %s", step.ID, step.Action)
	if step.Case != "" {
		text += " by " + step.Case
	}
	text += fmt.Sprintf(": %s", step.State)
	if step.Count > 1 {
		text += fmt.Sprintf(" (%d times)", step.Count)
	}
	if step.Reason != "" {
		text += ": " + step.Reason
	}
	if step.Digest != "" && (step.State == narrative.StepProposed || step.State == narrative.StepAwaitingApproval) {
		text += fmt.Sprintf("\n  digest `%s`", step.Digest)
	}
	return text + "\n"
}

// answers are the commands by which a person answers the issue.
func answers(s activities.IssueState) []string {
	commands := []string{"narrative issue explain " + s.ID}
	for _, step := range s.Steps {
		switch {
		case step.State == narrative.StepAwaitingApproval:
			commands = append(commands,
				fmt.Sprintf("narrative issue approve %s --step %s --digest %s", s.ID, step.ID, step.Digest),
				fmt.Sprintf("narrative issue reject %s --step %s --reason WHY", s.ID, step.ID))
		case step.State == narrative.StepProposed && step.Action == narrative.Exec:
			commands = append(commands, fmt.Sprintf("narrative issue solve %s --step %s", s.ID, step.ID))
		}
	}
	for _, answer := range []string{"solve %s --plan FILE", "acknowledge %s", "snooze %s --for 2h", "diagnose %s", "resolve %s", "wont-fix %s --reason WHY"} {
		commands = append(commands, "narrative issue "+fmt.Sprintf(answer, s.ID))
	}
	return commands
}

func dueText(kind narrative.DeadlineKind) string {
	switch kind {
	case narrative.DeadlineVerify:
		return "the solution is verified"
	case narrative.DeadlineApproval:
		return "the missing approval is escalated"
	case narrative.DeadlineAcknowledged:
		return "the acknowledgement ends"
	case narrative.DeadlineSnoozed:
		return "the snooze ends"
	case narrative.DeadlineRenotify:
		return "admins are told again"
	case narrative.DeadlineEscalate:
		return "it is escalated"
	}
	return string(kind)
}

// waitsFor says in a sentence what the issue waits for.
func waitsFor(s activities.IssueState) string {
	switch {
	case s.Status == narrative.StatusResolved:
		return "Resolved."
	case s.Status == narrative.StatusWontFix:
		return "Won't fix."
	case s.Running != nil:
		return "A plan is being carried out."
	case s.Working:
		return "A round of diagnosis is under way."
	}
	text := waitsQuietly(s)
	switch {
	case s.Awaiting != nil && s.Awaiting.For == narrative.AwaitingApproval:
		text += fmt.Sprintf("Waits since %s for a person to approve or reject step %s.", clock(s.Awaiting.Since), s.Awaiting.StepID)
	case s.Awaiting != nil:
		text += fmt.Sprintf("Waits since %s for a person's %s.", clock(s.Awaiting.Since), s.Awaiting.For)
	case s.Status == narrative.StatusSolutionApplied:
		text += "A solution was applied; the next check tells whether it helped."
	case len(s.Steps) > 0 && s.Steps[len(s.Steps)-1].State == narrative.StepPassed:
		text += "Nothing is done for now: " + s.Steps[len(s.Steps)-1].Reason
	default:
		text += "Waits for the next check."
	}
	if s.NextRoundAt != nil && s.Awaiting == nil {
		text += fmt.Sprintf(" No round before %s.", clock(*s.NextRoundAt))
	}
	return text
}

// waitsQuietly says who has asked for quiet.
func waitsQuietly(s activities.IssueState) string {
	text := ""
	if a := s.Acknowledged; a != nil {
		text = "Acknowledged"
		if a.By != "" {
			text += " by " + a.By
		}
		if a.Until != nil {
			text += " until " + clock(*a.Until)
		}
		if a.Reason != "" {
			text += ": " + a.Reason
		}
		text += ". "
	}
	if s.SnoozedUntil != nil {
		text += "Snoozed until " + clock(*s.SnoozedUntil) + ". "
	}
	return text
}
