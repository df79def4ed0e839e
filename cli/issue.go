package cli

import (
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

const issuesPath = "/api/v1/issues"

func (p *program) issueCommand() *cobra.Command {
	return group("issue", "Look at issues and send them signals",
		p.issueListCommand(), p.issueShowCommand(), p.issueExplainCommand(), p.issueWatchCommand(),
		p.issueApproveCommand(), p.issueRejectCommand(), p.issueSolveCommand(), p.issueDiagnoseCommand(),
		p.issueAcknowledgeCommand(), p.issueSnoozeCommand(), p.issueCommentCommand(),
		p.issueResolveCommand(), p.issueWontFixCommand(), p.issueReopenCommand())
}

func (p *program) issueListCommand() *cobra.Command {
	var out output
	c := &cobra.Command{Use: "list", Short: "List issues, newest first", Args: takes()}
	list := listFlags(c, "status", "assertion", "record", "severity")
	list.help("status", "open, solution_applied, impasse, resolved or wont_fix")
	list.help("record", "TYPE/ID or ID, such as invoice/42")
	list.help("severity", "info, warning, error or critical")
	list.times(map[string]string{"since": "opened since: 24h, 30d, 2026-01-02 or a full time", "until": "opened until then: likewise"})
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
		rows[n] = []string{i.ID, i.Name(), p.standing(i), string(i.Severity), ago(i.OpenedAt, p.Now()), i.Summary}
	}
	return tabulate(w, []string{"ID", "ISSUE", "STATUS", "SEVERITY", "OPENED", "SUMMARY"}, rows)
}

// standing is an issue's status with what people have said, or are asked, about it.
func (p *program) standing(i narrative.Issue) string {
	var marks []string
	if a := i.Acknowledged; a != nil && (a.Until == nil || a.Until.After(p.Now())) {
		marks = append(marks, "acknowledged")
	}
	if i.SnoozedUntil != nil && i.SnoozedUntil.After(p.Now()) {
		marks = append(marks, "snoozed")
	}
	if i.Awaiting != nil {
		marks = append(marks, "awaiting "+i.Awaiting.For)
	}
	if len(marks) == 0 || i.Status.Closed() {
		return string(i.Status)
	}
	return string(i.Status) + " (" + strings.Join(marks, ", ") + ")"
}

// issue asks for an issue, for a command that goes by how it stands.
func (p *program) issue(cmd *cobra.Command, id string) (i narrative.Issue, err error) {
	c, err := p.client()
	if err != nil {
		return i, err
	}
	r, err := c.get(cmd.Context(), issuePath(id), nil)
	if err != nil {
		return i, err
	}
	return i, r.into(&i)
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
