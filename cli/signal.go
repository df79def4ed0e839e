package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

// maxPlan is the size of the largest plan that is read, in bytes.
const maxPlan = 1 << 20

// signalCommand is a command that sends an issue a signal. fill completes the signal; done says what was accepted.
func (p *program) signalCommand(c *cobra.Command, name narrative.SignalName, done string, fill func(s *narrative.Signal, args []string) error) *cobra.Command {
	var out output
	var by string
	out.flags(c.Flags())
	c.Flags().StringVar(&by, "by", "", "who says so; default NARRATIVE_BY, or the user's name")
	c.RunE = p.does(func(cmd *cobra.Command, args []string) error {
		asJSON, err := out.json()
		if err != nil {
			return err
		}
		s := narrative.Signal{By: p.person(by)}
		if err := fill(&s, args); err != nil {
			return err
		}
		client, err := p.client()
		if err != nil {
			return err
		}
		r, err := client.post(cmd.Context(), issuePath(args[0])+"/"+string(name), s)
		if err != nil {
			return err
		}
		if asJSON {
			return p.printIssue(cmd, &out, r)
		}
		var i narrative.Issue
		if err := r.into(&i); err != nil {
			return err
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s (%s, %s)\n", i.ID, done, oneLine(i.Name()), i.Status)
		return err
	})
	return c
}

// person is who sends a signal.
func (p *program) person(flag string) string {
	for _, name := range []string{flag, p.Env("NARRATIVE_BY"), p.Env("USER")} {
		if name != "" {
			return name
		}
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

func (p *program) issueResolveCommand() *cobra.Command {
	c := &cobra.Command{Use: "resolve ID", Short: "Close an issue as resolved", Args: takes("ID")}
	reason := c.Flags().String("reason", "", "why")
	return p.signalCommand(c, narrative.SignalResolve, "accepted; it is being closed", func(s *narrative.Signal, _ []string) error {
		s.Reason = *reason
		return nil
	})
}

func (p *program) issueWontFixCommand() *cobra.Command {
	c := &cobra.Command{Use: "wont-fix ID --reason REASON", Short: "Close an issue and keep new ones of its kind away", Args: takes("ID")}
	reason := c.Flags().String("reason", "", "why; required")
	until := c.Flags().String("until", "", "until when: 2027-01-31, a full time, or 30d from now; default for ever")
	return p.signalCommand(c, narrative.SignalWontFix, "accepted; it won't be fixed", func(s *narrative.Signal, _ []string) error {
		if *reason == "" {
			return misused("%s needs --reason", c.CommandPath())
		}
		s.Reason = *reason
		if *until == "" {
			return nil
		}
		at, err := parseTime(*until, p.Now(), 1)
		if err != nil {
			return misused("--until is %w", err)
		}
		at = at.UTC().Truncate(time.Second)
		s.Until = &at
		return nil
	})
}

func (p *program) issueSolveCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "solve ID (--step STEP | --plan FILE)", Short: "Carry out a step that was proposed, or a plan of your own", Args: takes("ID"),
		Example: "  narrative issue solve ID --step STEP\n" +
			`  echo '[{"action":"email","args":{"to":"ops@example.com","subject":"look","text":"…"}}]' | narrative issue solve ID --plan -`,
	}
	step := c.Flags().String("step", "", "the id of a step that the issue has (narrative issue show ID lists them)")
	plan := c.Flags().String("plan", "", "a file with a plan as JSON, or - for stdin")
	reason := c.Flags().String("reason", "", "why")
	return p.signalCommand(c, narrative.SignalSolution, "accepted; it is being carried out", func(s *narrative.Signal, _ []string) error {
		if (*step == "") == (*plan == "") {
			return misused("%s needs exactly one of --step and --plan", c.CommandPath())
		}
		s.StepID, s.Reason = *step, *reason
		if *plan == "" {
			return nil
		}
		return p.readPlan(*plan, &s.Plan)
	})
}

func (p *program) readPlan(path string, into *narrative.Plan) error {
	text, err := p.readFile(path, maxPlan)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return misused(`%s is no plan, which is a JSON array such as [{"action": "email", "args": {…}}]: %w`, path, err)
	}
	if len(*into) == 0 {
		return misused("%s is a plan without any action", path)
	}
	return nil
}

// readFile reads a file that the user named, or stdin for -.
func (p *program) readFile(path string, limit int64) ([]byte, error) {
	from := p.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, misused("read the file: %w", err)
		}
		defer f.Close()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, limit+1))
	switch {
	case err != nil:
		return nil, misused("read %s: %w", path, err)
	case int64(len(text)) > limit:
		return nil, misused("%s is larger than %d bytes", path, limit)
	}
	return text, nil
}

func (p *program) issueCommentCommand() *cobra.Command {
	c := &cobra.Command{Use: "comment ID TEXT", Short: "Write on an issue's timeline", Args: takes("ID", "TEXT")}
	return p.signalCommand(c, narrative.SignalComment, "commented", func(s *narrative.Signal, args []string) error {
		s.Text = args[1]
		return nil
	})
}
