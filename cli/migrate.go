package cli

import (
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"
)

func (p *program) migrateCommand() *cobra.Command {
	var to int
	c := &cobra.Command{
		Use: "migrate", Short: "Bring the store to what this program expects; safe to repeat", Args: takes(),
	}
	c.Flags().IntVar(&to, "to", -1, "take it back to this version instead; 0 empties it for good")
	c.RunE = p.does(func(cmd *cobra.Command, _ []string) error {
		if cmd.Flags().Changed("to") && to < 0 {
			return misused("--to is %d; expected 0 or more", to)
		}
		o, err := p.serviceOptions(slog.LevelWarn, "")
		if err != nil {
			return err
		}
		if o.DatabaseURL == "" {
			return misused("%s needs NARRATIVE_DATABASE_URL: postgres://… or sqlite:PATH", cmd.CommandPath())
		}
		from, now, err := p.wiring.migrate(cmd.Context(), o.DatabaseURL, to)
		if err != nil {
			return err
		}
		said := fmt.Sprintf("the store went from version %d to %d", from, now)
		if from == now {
			said = fmt.Sprintf("the store is at version %d", now)
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), said)
		return err
	})
	return c
}
