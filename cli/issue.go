package cli

import (
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

const issuesPath = "/api/v1/issues"

func (p *program) issueCommand() *cobra.Command {
	return group("issue", "Look at issues and send them signals",
		p.issueListCommand(), p.issueShowCommand(), p.issueExplainCommand(), p.issueResolveCommand(),
		p.issueWontFixCommand(), p.issueSolveCommand(), p.issueCommentCommand())
}

func (p *program) issueListCommand() *cobra.Command {
	var out output
	c := &cobra.Command{Use: "list", Short: "List issues, newest first", Args: takes()}
	list := listFlags(c, "status", "assertion", "record", "severity")
	list.help("status", "open, solution_applied, impasse, resolved or wont_fix")
	list.help("record", "TYPE/ID or ID, such as invoice/42")
	list.help("severity", "info, warning, error or critical")
	list.times(map[string]string{"since": "opened since: 24h, 30d, 2026-01-02 or a full time"})
	out.flags(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, _ []string) error {
		query, err := list.query(p.Now())
		if err != nil {
			return err
		}
		r, err := p.ask(cmd, &out, issuesPath, query)
		if err != nil {
			return err
		}
		return out.print(cmd, r, func(w io.Writer) error {
			var listed narrative.Listed[narrative.Issue]
			if err := r.into(&listed); err != nil {
				return err
			}
			if len(listed.Items) == 0 {
				_, err := fmt.Fprintln(w, "no issues")
				return err
			}
			more(cmd, listed.NextCursor)
			return p.issueTable(w, listed.Items)
		})
	})
	return c
}

func (p *program) issueTable(w io.Writer, issues []narrative.Issue) error {
	rows := make([][]string, len(issues))
	for n, i := range issues {
		rows[n] = []string{i.ID, i.Name(), string(i.Status), string(i.Severity), ago(i.OpenedAt, p.Now()), i.Summary}
	}
	return tabulate(w, []string{"ID", "ISSUE", "STATUS", "SEVERITY", "OPENED", "SUMMARY"}, rows)
}

// ask gets a path for a command that prints by out.
func (p *program) ask(cmd *cobra.Command, out *output, path string, query url.Values, header ...string) (reply, error) {
	if _, err := out.json(); err != nil {
		return reply{}, err
	}
	c, err := p.client()
	if err != nil {
		return reply{}, err
	}
	return c.get(cmd.Context(), path, query, header...)
}

func issuePath(id string) string { return issuesPath + "/" + url.PathEscape(id) }

func (p *program) issueShowCommand() *cobra.Command {
	var out output
	c := &cobra.Command{Use: "show ID", Short: "Show an issue and its resolution steps", Args: takes("ID")}
	out.flags(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, args []string) error {
		r, err := p.ask(cmd, &out, issuePath(args[0]), nil)
		if err != nil {
			return err
		}
		return p.printIssue(cmd, &out, r)
	})
	return c
}

// printIssue prints an answer that is an issue.
func (p *program) printIssue(cmd *cobra.Command, out *output, r reply) error {
	return out.print(cmd, r, func(w io.Writer) error {
		var i narrative.Issue
		if err := r.into(&i); err != nil {
			return err
		}
		for _, line := range [][2]string{
			{"Issue", i.ID},
			{"About", i.Name()},
			{"Status", string(i.Status)},
			{"Severity", string(i.Severity)},
			{"Summary", i.Summary},
			{"Opened", fmt.Sprintf("%s (%s)", i.OpenedAt.Format(time.RFC3339), ago(i.OpenedAt, p.Now()))},
			{"Closed", agoOrNever(i.ResolvedAt, p.Now())},
			{"Awaits", awaits(i)},
			{"Rounds", fmt.Sprint(i.Rounds)},
			{"Workflow", i.WorkflowID},
		} {
			fmt.Fprintf(w, "%-9s %s\n", line[0]+":", oneLine(line[1]))
		}
		if len(i.Steps) == 0 {
			return nil
		}
		fmt.Fprintln(w)
		return p.stepTable(w, i.Steps)
	})
}

func awaits(i narrative.Issue) string {
	if i.Awaiting == nil {
		return "nobody"
	}
	return "a person's " + i.Awaiting.For
}

func (p *program) stepTable(w io.Writer, steps []narrative.ResolutionStep) error {
	rows := make([][]string, len(steps))
	for n, s := range steps {
		by := s.Case
		if by == "" {
			by = "a person"
		}
		does := string(s.Action)
		if s.Solution != nil {
			actions := make([]string, len(s.Solution.Plan))
			for a, action := range s.Solution.Plan {
				actions[a] = action.Action
			}
			does += ": " + strings.Join(actions, ", ")
		}
		state := string(s.State)
		if s.Count > 1 {
			state += fmt.Sprintf(" ×%d", s.Count)
		}
		rows[n] = []string{s.ID, by, does, state, ago(s.At, p.Now()), s.Reason}
	}
	return tabulate(w, []string{"STEP", "BY", "DOES", "STATE", "PROPOSED", "REASON"}, rows)
}

func (p *program) issueExplainCommand() *cobra.Command {
	var out output
	c := &cobra.Command{Use: "explain ID", Short: "Tell an issue's whole story", Args: takes("ID")}
	out.flags(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, args []string) error {
		asJSON, err := out.json()
		if err != nil {
			return err
		}
		format := "text"
		if asJSON {
			format = "json"
		}
		r, err := p.ask(cmd, &out, issuePath(args[0])+"/explain", url.Values{"format": {format}})
		if err != nil {
			return err
		}
		return out.print(cmd, r, func(w io.Writer) error {
			_, err := io.WriteString(w, plainText(string(r.body)))
			return err
		})
	})
	return c
}
