package cli

import (
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"
)

func (p *program) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Look at the settings, the store and Temporal, and say what to do about what is not well", Args: takes(),
		Long: "Look at the settings, the store (NARRATIVE_DATABASE_URL) and Temporal (TEMPORAL_*), and say what to do about\n" +
			"what is not well. Nothing is changed. The exit code is 1 where anything is not well.",
		RunE: p.does(func(cmd *cobra.Command, _ []string) error {
			o, err := p.serviceOptions(slog.LevelError, "")
			if err != nil {
				return err
			}
			findings := p.wiring.doctor(cmd.Context(), o)
			code := exitDone
			for _, f := range findings {
				mark := "ok  "
				if !f.OK {
					mark, code = "BAD ", exitFailed
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s %-14s %s\n", mark, f.Part, f.Text)
				if f.Do != "" {
					fmt.Fprintf(cmd.OutOrStdout(), "     %-14s %s\n", "", f.Do)
				}
			}
			if code != exitDone {
				return &exit{code: code}
			}
			return nil
		}),
	}
}
