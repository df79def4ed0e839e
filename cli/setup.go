package cli

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"
)

func (p *program) setupCommand() *cobra.Command {
	return &cobra.Command{
		Use: "setup", Short: "Make the search attributes that Narrative's workflows use in Temporal; safe to repeat", Args: takes(),
		RunE: p.does(func(cmd *cobra.Command, _ []string) error {
			o, err := p.serviceOptions(slog.LevelWarn, "")
			if err != nil {
				return err
			}
			made, err := p.wiring.setup(cmd.Context(), o)
			if err != nil {
				return err
			}
			said := "Temporal has all search attributes already"
			if len(made) > 0 {
				said = "made the search attributes " + strings.Join(made, ", ")
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), said)
			return err
		}),
	}
}
