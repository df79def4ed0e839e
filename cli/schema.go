package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/narrative-go/narrative/config"
)

func (p *program) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of narrative.yaml, with the classes and actions of this program, for editors",
		Args: takes(),
		RunE: p.does(func(cmd *cobra.Command, _ []string) error {
			validator, err := p.wiring.validator(p.registry)
			if err != nil {
				return err
			}
			schema, err := config.Schema(validator)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", schema)
			return err
		}),
	}
}
