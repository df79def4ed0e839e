package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/httpapi"
)

func (p *program) assertionCommand() *cobra.Command {
	return group("assertion", "Look at assertions and remove them",
		metaListCommand(p, narrative.AssertionKind, []string{"NAME", "CLASS", "WHEN", "ENABLED", "STATE"}, func(a httpapi.Assertion) []string {
			return []string{a.Name, a.Class, cadence(a.Meta), yesNo(a.Enabled), newest(a)}
		}),
		metaShowCommand(p, narrative.AssertionKind, printAssertion),
		p.metaRemoveCommand(narrative.AssertionKind, " and close its issues"))
}

// newest tells how the newest checks ended: the soft state, where there is one.
func newest(a httpapi.Assertion) string {
	switch {
	case a.Streak.Errored > 0:
		return inARow(narrative.OutcomeErrored, a.Streak.Errored)
	case a.Soft != "":
		return a.Soft
	case a.Streak.Failed > 0:
		return inARow(narrative.OutcomeFailed, a.Streak.Failed)
	case a.Streak.Passed > 0:
		return inARow(narrative.OutcomePassed, a.Streak.Passed)
	}
	return "not checked yet"
}

func inARow(o narrative.Outcome, n int) string {
	if n == 1 {
		return string(o)
	}
	return fmt.Sprintf("%s ×%d", o, n)
}

func printAssertion(w io.Writer, a httpapi.Assertion) error {
	lines := append(metaLines(a.Meta), [][2]string{
		{"Fail after", counted(a.FailAfter, "failing check")},
		{"Resolve after", counted(a.ResolveAfter, "passing check")},
		{"Error after", counted(a.ErrorAfter, "errored check")},
		{"Max attempts", fmt.Sprint(a.MaxAttempts)},
		{"Max plans", fmt.Sprintf("%d an hour", a.MaxPlans)},
		{"Max issues", fmt.Sprint(a.MaxIssues)},
		{"Renotify", orElse(joined(a.Renotify, narrative.Duration.String), "the configuration's")},
		{"Escalate", orElse(joined(a.Escalate, escalation), "the configuration's")},
		{"State", newest(a)},
	}...)
	if a.Soft != "" && newest(a) != a.Soft {
		lines = append(lines, [2]string{"Soft", a.Soft})
	}
	printHead(w, lines)
	if len(a.Diagnostics) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	rows := make([][]string, len(a.Diagnostics))
	for n, c := range a.Diagnostics {
		rows[n] = []string{c.Case, orElse(c.When, "always"), caseDoes(c), approval(c), verification(c), c.Reason}
	}
	return tabulate(w, []string{"CASE", "WHEN", "DOES", "APPROVAL", "VERIFIED", "REASON"}, rows)
}

func joined[T any](all []T, text func(T) string) string { return joinedBy(all, ", ", text) }

func joinedBy[T any](all []T, separator string, text func(T) string) string {
	texts := make([]string, len(all))
	for n, one := range all {
		texts[n] = text(one)
	}
	return strings.Join(texts, separator)
}

func escalation(e narrative.Escalation) string {
	text := "after " + e.After.String() + " to " + recipients(e.Notify)
	if e.Unless != "" {
		text += " unless " + e.Unless
	}
	return text
}

// recipients names those who are told.
func recipients(r narrative.Recipients) string {
	return joinedBy(r.List(), " and ", func(one narrative.Recipient) string { return one.Address })
}

// follower is a route in a few words.
func follower(r narrative.Route) string {
	text := recipients(r.Recipients)
	if len(r.Severity) > 0 {
		text += " of " + joinedBy(r.Severity, " and ", func(s narrative.Severity) string { return string(s) })
	}
	return text
}

func caseDoes(c narrative.DeclaredCase) string {
	if c.Pass {
		return string(narrative.Pass)
	}
	text := string(narrative.Exec) + ": " + actions(c.Plan)
	if len(c.Rollback) > 0 {
		text += "; with a rollback"
	}
	return text
}

func approval(c narrative.DeclaredCase) string {
	text := orElse(string(c.Approval), string(narrative.ApprovalNone))
	switch {
	case c.Pass:
		return ""
	case c.ApprovalTimeout > 0:
		text += ", escalated after " + c.ApprovalTimeout.String()
	}
	return text
}

func verification(c narrative.DeclaredCase) string {
	switch {
	case c.Pass:
		return ""
	case c.VerifyAfter > 0:
		return "after " + c.VerifyAfter.String()
	}
	return "by the next check"
}
