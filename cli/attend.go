package cli

import (
	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

func (p *program) issueAcknowledgeCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "acknowledge ID", Aliases: []string{"ack"}, Short: "Say that you see to an issue: nobody is told again", Args: takes("ID"),
		Long: "Say that you see to an issue: no rounds of diagnosis, and nobody is told again, until it recovers, the time given\n" +
			"passes, or its reason or severity changes.",
	}
	reason := c.Flags().String("reason", "", "what you are doing about it")
	until := c.Flags().String("until", "", "until when: 2027-01-31, a full time, or 2h from now; default until it recovers")
	return p.signalCommand(c, narrative.SignalAcknowledge, "acknowledged", func(_ *cobra.Command, s *narrative.Signal, _ []string) (err error) {
		s.Reason = *reason
		s.Until, err = p.until(*until)
		return err
	})
}

func (p *program) issueSnoozeCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "snooze ID (--until TIME | --for DURATION)", Short: "Leave an issue alone for a while", Args: takes("ID"),
		Example: "  narrative issue snooze ID --for 2h --reason \"the import is running\"",
	}
	until := c.Flags().String("until", "", "until when: 2027-01-31, a full time, or 2h from now")
	duration := c.Flags().String("for", "", "for how long: 90s, 2h or 3d")
	reason := c.Flags().String("reason", "", "why")
	return p.signalCommand(c, narrative.SignalSnooze, "snoozed", func(cmd *cobra.Command, s *narrative.Signal, _ []string) (err error) {
		if (*until == "") == (*duration == "") {
			return misused("%s needs exactly one of --until and --for", cmd.CommandPath())
		}
		s.Reason = *reason
		if *duration == "" {
			s.Until, err = p.until(*until)
			return err
		}
		s.For, err = narrative.ParseDuration(*duration)
		switch {
		case err != nil:
			return misused("--for: %w", err)
		case s.For <= 0:
			return misused("--for is %s; expected a while, such as 2h", s.For)
		}
		return nil
	})
}

func (p *program) issueDiagnoseCommand() *cobra.Command {
	c := &cobra.Command{Use: "diagnose ID", Short: "Begin a round of diagnosis now", Args: takes("ID")}
	reason := c.Flags().String("reason", "", "why")
	return p.signalCommand(c, narrative.SignalDiagnose, "accepted; it is being diagnosed", func(_ *cobra.Command, s *narrative.Signal, _ []string) error {
		s.Reason = *reason
		return nil
	})
}

// reopen is no signal, since a closed issue hears none; the API takes it in the same way.
const reopen narrative.SignalName = "reopen"

func (p *program) issueReopenCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "reopen ID", Short: "Let another issue open where this one, which is closed, kept it away", Args: takes("ID"),
		Long: "Let another issue open where this one, which is closed, kept it away: a won't fix is lifted. The assertion is\n" +
			"checked at once.",
	}
	reason := c.Flags().String("reason", "", "why")
	return p.signalCommand(c, reopen, "reopened; its assertion is being checked", func(_ *cobra.Command, s *narrative.Signal, _ []string) error {
		s.Reason = *reason
		return nil
	})
}
