package cli

import (
	"io"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

func (p *program) eventCommand() *cobra.Command {
	return group("event", "Look at events and remove them",
		metaListCommand(p, narrative.EventKind, []string{"NAME", "CLASS", "WHEN", "ENABLED", "HANDLED FOR"}, func(e narrative.EventMeta) []string {
			return []string{e.Name, e.Class, cadence(e.Meta), yesNo(e.Enabled), lifetime(e)}
		}),
		metaShowCommand(p, narrative.EventKind, printEvent),
		p.metaRemoveCommand(narrative.EventKind, ""))
}

// lifetime is how long an occurrence stays handled.
func lifetime(e narrative.EventMeta) string {
	if e.TTL == 0 {
		return "ever"
	}
	return e.TTL.String()
}

func printEvent(w io.Writer, e narrative.EventMeta) error {
	printHead(w, append(metaLines(e.Meta), [][2]string{
		{"Handled for", lifetime(e)},
		{"Responds", orElse(actions(e.Respond), "by its class alone")},
	}...))
	return nil
}
