package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

func (p *program) issueShowCommand() *cobra.Command {
	var out output
	c := &cobra.Command{Use: "show ID", Short: "Show an issue, its resolution steps, and how to answer it", Args: takes("ID")}
	out.flags(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, args []string) error {
		r, err := p.ask(cmd, &out, issuePath(args[0]), nil)
		if err != nil {
			return err
		}
		if err := p.printIssue(cmd, &out, r); err != nil {
			return err
		}
		return p.printUndelivered(cmd, &out, args[0])
	})
	return c
}

// printUndelivered prints who could not be told of an issue.
func (p *program) printUndelivered(cmd *cobra.Command, out *output, id string) error {
	if asJSON, err := out.json(); asJSON || err != nil {
		return err
	}
	query := url.Values{"issue": {id}, "state": {string(narrative.NotificationUndelivered)}}
	r, err := p.ask(cmd, out, notificationsPath, query)
	if err != nil {
		return err
	}
	var listed narrative.Listed[narrative.Notification]
	if err := r.into(&listed); err != nil {
		return err
	}
	if len(listed.Items) == 0 {
		return nil
	}
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "\nUNDELIVERED (%s notification retry ID sends one again):\n", p.name())
	for _, n := range listed.Items {
		fmt.Fprintf(w, "  %s  %s to %s by %s, %s: %s\n", n.ID, n.Kind, flat(n.Recipient), n.Channel, ago(n.CreatedAt, p.Now()), flat(became(n)))
	}
	return nil
}

// printIssue prints an answer that is an issue.
func (p *program) printIssue(cmd *cobra.Command, out *output, r reply) error {
	return out.print(cmd, r, func(w io.Writer) error {
		var i narrative.Issue
		if err := r.into(&i); err != nil {
			return err
		}
		lines := [][2]string{
			{"Issue", i.ID},
			{"About", i.Name()},
			{"Status", string(i.Status)},
			{"Severity", string(i.Severity)},
			{"Summary", i.Summary},
			{"Opened", p.when(i.OpenedAt)},
			{"Closed", agoOrNever(i.ResolvedAt, p.Now())},
		}
		lines = append(lines, p.quiet(i)...)
		printHead(w, append(lines, [][2]string{
			{"Awaits", p.awaits(i)},
			{"Rounds", fmt.Sprint(i.Rounds)},
			{"Workflow", i.WorkflowID},
		}...))
		if len(i.Steps) > 0 {
			fmt.Fprintln(w)
			if err := p.stepTable(w, i.Steps); err != nil {
				return err
			}
		}
		p.printAnswers(w, i)
		return nil
	})
}

// printHead prints what a thing is, a line each, in two columns.
func printHead(w io.Writer, lines [][2]string) {
	width := 0
	for _, line := range lines {
		width = max(width, len(line[0])+1)
	}
	for _, line := range lines {
		fmt.Fprintf(w, "%-*s %s\n", width, line[0]+":", flat(line[1]))
	}
}

// when is a time in full, and how far off it is.
func (p *program) when(at time.Time) string {
	return fmt.Sprintf("%s (%s)", at.Format(time.RFC3339), ago(at, p.Now()))
}

// quiet tells of an acknowledgement and a snooze, where there are.
func (p *program) quiet(i narrative.Issue) (lines [][2]string) {
	if a := i.Acknowledged; a != nil {
		text := "by " + orSomebody(a.By) + ", " + p.when(a.At)
		if a.Until != nil {
			text += ", until " + p.when(*a.Until)
		}
		if a.Reason != "" {
			text += ": " + a.Reason
		}
		lines = append(lines, [2]string{"Acknowledged", text})
	}
	if i.SnoozedUntil != nil {
		lines = append(lines, [2]string{"Snoozed", "until " + p.when(*i.SnoozedUntil)})
	}
	return lines
}

func orSomebody(by string) string {
	if by == "" {
		return "somebody"
	}
	return by
}

func (p *program) awaits(i narrative.Issue) string {
	a := i.Awaiting
	if a == nil {
		return "nobody"
	}
	text := "a person's " + a.For
	if a.StepID != "" {
		text += " of step " + a.StepID
	}
	text += ", since " + p.when(a.Since)
	if a.Until != nil {
		text += ", until " + p.when(*a.Until) + ", when it is escalated"
	}
	return text
}

func (p *program) stepTable(w io.Writer, steps []narrative.ResolutionStep) error {
	rows := make([][]string, len(steps))
	for n, s := range steps {
		does := string(s.Action)
		if s.Solution != nil {
			does += ": " + actions(s.Solution.Plan)
		}
		state := string(s.State)
		if s.Count > 1 {
			state += fmt.Sprintf(" ×%d", s.Count)
		}
		rows[n] = []string{s.ID, proposer(s), does, state, ago(s.At, p.Now()), s.Reason}
	}
	return tabulate(w, []string{"STEP", "BY", "DOES", "STATE", "PROPOSED", "REASON"}, rows)
}

func proposer(s narrative.ResolutionStep) string {
	if s.Case == "" {
		return "a person"
	}
	return s.Case
}

// actions names the actions of a plan.
func actions(plan narrative.Plan) string {
	names := make([]string, len(plan))
	for n, a := range plan {
		names[n] = a.Action
	}
	return strings.Join(names, ", ")
}

// printAnswers prints the plans about which a person is asked, and the commands that answer.
func (p *program) printAnswers(w io.Writer, i narrative.Issue) {
	if i.Awaiting == nil {
		return
	}
	var commands []string
	for _, s := range i.Steps {
		switch {
		case i.Awaiting.For == narrative.AwaitingApproval && s.ID == i.Awaiting.StepID:
			commands = append(commands, "approve "+i.ID+" --step "+s.ID+" --digest "+s.Digest, "reject "+i.ID+" --step "+s.ID+" --reason REASON")
		case i.Awaiting.For == narrative.AwaitingChoice && s.State == narrative.StepProposed && s.Action == narrative.Exec:
			commands = append(commands, "solve "+i.ID+" --step "+s.ID)
		default:
			continue
		}
		fmt.Fprintln(w)
		printPlan(w, s)
	}
	if i.Awaiting.For == narrative.AwaitingChoice {
		commands = append(commands, "solve "+i.ID+" --plan FILE", "diagnose "+i.ID, "wont-fix "+i.ID+" --reason REASON")
	}
	fmt.Fprintln(w, "\nTo answer:")
	for _, c := range commands {
		fmt.Fprintln(w, "  "+p.name()+" issue "+flat(c))
	}
}

// printPlan prints a step with all of its plan, for a person to judge by.
func printPlan(w io.Writer, s narrative.ResolutionStep) {
	fmt.Fprintln(w, flat("Step "+s.ID+", proposed by "+proposer(s)+": "+s.Reason))
	fmt.Fprintln(w, "  digest "+flat(s.Digest))
	if s.Solution == nil {
		return
	}
	for n, a := range s.Solution.Plan {
		fmt.Fprintf(w, "  %d. %s\n", n+1, plainText(a.Action+" "+compact(a.Args)+limits(a)))
	}
}

func compact(args json.RawMessage) string {
	var b bytes.Buffer
	if len(args) == 0 || json.Compact(&b, args) != nil {
		return "{}"
	}
	return b.String()
}

// limits tells how an action is tried, where it says so.
func limits(a narrative.Action) string {
	var parts []string
	if a.Timeout > 0 {
		parts = append(parts, "timeout "+a.Timeout.String())
	}
	if a.Retry != nil {
		parts = append(parts, counted(a.Retry.Attempts, "attempt")+" at most")
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}
