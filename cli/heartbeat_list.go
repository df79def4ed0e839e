package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

func (p *program) heartbeatListCommand() *cobra.Command {
	var out output
	c := &cobra.Command{Use: "list", Short: "List what beats, by name, with when it did last", Args: takes()}
	list := listFlags(c)
	out.flags(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, _ []string) error {
		query, err := list.query(p.Now())
		if err != nil {
			return err
		}
		r, err := p.ask(cmd, &out, heartbeatsPath, query)
		if err != nil {
			return err
		}
		return out.print(cmd, r, func(w io.Writer) error {
			var listed narrative.Listed[narrative.Heartbeat]
			if err := r.into(&listed); err != nil {
				return err
			}
			if len(listed.Items) == 0 {
				_, err := fmt.Fprintln(w, "no heartbeats")
				return err
			}
			more(cmd, listed.NextCursor)
			rows := make([][]string, len(listed.Items))
			for n, h := range listed.Items {
				rows[n] = []string{
					h.Name, string(h.Kind), p.agoOrNothing(h.LastSuccess), p.agoOrNothing(h.LastStart), p.agoOrNothing(h.LastFail), noteText(h.Note),
				}
			}
			return tabulate(w, []string{"NAME", "LAST", "SUCCESS", "START", "FAIL", "NOTE"}, rows)
		})
	})
	return c
}

func (p *program) heartbeatRemoveCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "remove NAME", Short: "Forget something that beats, and its history", Args: takes("NAME"),
		Long: "Forget something that beats, and its history. When it beats again, it is known again. An assertion that watches it fails\n" +
			"from then on, as never.",
	}
	return p.removing(c, func(name string) string { return beatPath(name, narrative.BeatSuccess) },
		func(_ context.Context, _ *client, name string) (string, error) {
			return "Remove the heartbeat " + name + " and its history?", nil
		})
}

func (p *program) agoOrNothing(then *time.Time) string {
	if then == nil {
		return ""
	}
	return ago(*then, p.Now())
}

// noteText is a note in a table; none is nothing.
func noteText(note []byte) string {
	if string(note) == "null" {
		return ""
	}
	return string(note)
}

// heartbeatNames are the names of what beats.
func (p *program) heartbeatNames(ctx context.Context) (all []string) {
	for _, h := range candidates[narrative.Heartbeat](ctx, p, heartbeatsPath) {
		all = append(all, described(h.Name, "last: "+string(h.Kind)))
	}
	return all
}
