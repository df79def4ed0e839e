package cli

import (
	"fmt"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

// signalCommand is a command that sends an issue a signal. fill completes the signal; done says what was accepted.
func (p *program) signalCommand(c *cobra.Command, name narrative.SignalName, done string, fill func(cmd *cobra.Command, s *narrative.Signal, args []string) error) *cobra.Command {
	var out output
	var by string
	out.flags(c.Flags())
	c.Flags().StringVar(&by, "by", "", "who says so; default NARRATIVE_BY, or the user's name")
	c.RunE = p.does(func(cmd *cobra.Command, args []string) error {
		asJSON, err := out.json()
		if err != nil {
			return err
		}
		s := narrative.Signal{Name: name, By: p.person(by)}
		if err := fill(cmd, &s, args); err != nil {
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
	return p.signalCommand(c, narrative.SignalResolve, "accepted; it is being closed", func(_ *cobra.Command, s *narrative.Signal, _ []string) error {
		s.Reason = *reason
		return nil
	})
}

func (p *program) issueWontFixCommand() *cobra.Command {
	c := &cobra.Command{Use: "wont-fix ID --reason REASON", Short: "Close an issue and keep new ones of its kind away", Args: takes("ID")}
	reason := c.Flags().String("reason", "", "why; required")
	until := c.Flags().String("until", "", "until when: 2027-01-31, a full time, or 30d from now; default for ever")
	return p.signalCommand(c, narrative.SignalWontFix, "accepted; it won't be fixed", func(cmd *cobra.Command, s *narrative.Signal, _ []string) (err error) {
		if *reason == "" {
			return misused("%s needs --reason", cmd.CommandPath())
		}
		s.Reason = *reason
		s.Until, err = p.until(*until)
		return err
	})
}

// until reads the time that a flag --until names; nil where it was not given.
func (p *program) until(flag string) (*time.Time, error) {
	if flag == "" {
		return nil, nil
	}
	at, err := parseTime(flag, p.Now(), 1)
	if err != nil {
		return nil, misused("--until is %w", err)
	}
	at = at.UTC().Truncate(time.Second)
	return &at, nil
}

func (p *program) issueCommentCommand() *cobra.Command {
	c := &cobra.Command{Use: "comment ID TEXT", Short: "Write on an issue's timeline", Args: takes("ID", "TEXT")}
	return p.signalCommand(c, narrative.SignalComment, "commented", func(_ *cobra.Command, s *narrative.Signal, args []string) error {
		s.Text = args[1]
		return nil
	})
}
