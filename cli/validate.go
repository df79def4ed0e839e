package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/config"
)

func (p *program) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use: "validate FILE…", Short: "Find every mistake in a narrative.yaml, without connecting to anything",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return misused("%s needs a FILE; see %s --help", cmd.CommandPath(), cmd.CommandPath())
			}
			return nil
		},
		RunE: p.does(func(cmd *cobra.Command, files []string) error {
			validator, err := p.wiring.validator(p.registry)
			if err != nil {
				return err
			}
			code := exitDone
			for _, file := range files {
				m, err := config.Load(file, validator)
				if err != nil {
					code = max(code, p.report(ran(err)))
					continue
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: valid (%s)\n", file, contents(m))
			}
			if code != exitDone {
				return &exit{code: code}
			}
			return nil
		}),
	}
}

// contents counts what a manifest holds.
func contents(m narrative.Manifest) string {
	return counted(len(m.Assertions), "assertion") + ", " + counted(len(m.Events), "event")
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
