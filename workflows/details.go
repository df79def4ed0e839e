package workflows

import (
	"fmt"
	"strings"
	"time"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/activities"
)

// details is the Markdown that the Temporal UI shows of an issue: where it stands, what it waits for and how to answer
// from the shell.
func details(s activities.IssueState) string {
	var b strings.Builder
	b.WriteString(fmt.Sprintf("### %s: %s\n\n%s\n\n", s.Name, s.Status, s.Summary))
	b.WriteString(fmt.Sprintf("Open since %s · severity %s · %d rounds of diagnosis\n\n", s.OpenedAt.UTC().Format(time.RFC3339), s.Severity, s.Rounds))
	b.WriteString(fmt.Sprintf("**%s**\n\n", waitsFor(s)))
	for _, step := range s.Steps {
		b.WriteString(fmt.Sprintf("- `%s` %s", step.ID, step.Action))
		if step.Case != "" {
			b.WriteString(fmt.Sprintf(" by %s", step.Case))
		}
		b.WriteString(fmt.Sprintf(": %s", step.State))
		if step.Count > 1 {
			b.WriteString(fmt.Sprintf(" (%d times)", step.Count))
		}
		if step.Reason != "" {
			b.WriteString(fmt.Sprintf(": %s", step.Reason))
		}
		b.WriteByte('\n')
	}
	if !s.Status.Closed() {
		b.WriteString(fmt.Sprintf("\n```\nnarrative issue explain %[1]s\nnarrative issue solve %[1]s --step STEP\nnarrative issue resolve %[1]s\nnarrative issue wont-fix %[1]s --reason WHY\n```\n", s.ID))
	}
	return b.String()
}

func waitsFor(s activities.IssueState) string {
	switch {
	case s.Status == narrative.StatusResolved:
		return "Resolved."
	case s.Status == narrative.StatusWontFix:
		return "Won't fix."
	case s.Awaiting != nil:
		return "Waits for a person's " + s.Awaiting.For + "."
	case s.Running != nil:
		return "A plan is being carried out."
	case s.Working:
		return "A round of diagnosis is under way."
	case len(s.Steps) > 0 && s.Steps[len(s.Steps)-1].State == narrative.StepPassed:
		return "Nothing is done for now: " + s.Steps[len(s.Steps)-1].Reason
	case s.Status == narrative.StatusSolutionApplied:
		return "A solution was applied; the next check tells whether it helped."
	}
	return "Waits for the next check."
}
