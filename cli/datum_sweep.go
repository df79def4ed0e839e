package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// swept is how many datums a sweep removed.
type swept struct {
	Datums int `json:"datums"`
}

func (p *program) datumSweepCommand() *cobra.Command {
	var out output
	c := &cobra.Command{
		Use: "sweep", Short: "Remove the datums that have expired now", Args: takes(),
		Long: "Remove the datums that have expired now. Nobody sees them any more, and a worker removes them by and by without\n" +
			"being asked.",
	}
	out.flags(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, _ []string) error {
		if _, err := out.json(); err != nil {
			return err
		}
		api, err := p.client()
		if err != nil {
			return err
		}
		all, err := p.sweep(cmd.Context(), api)
		if err != nil {
			if all.Datums > 0 {
				fmt.Fprintf(cmd.ErrOrStderr(), "removed %s before it ended\n", counted(all.Datums, "expired datum"))
			}
			return err
		}
		body, err := json.Marshal(all)
		if err != nil {
			return err
		}
		return out.print(cmd, reply{body: body}, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "removed %s\n", counted(all.Datums, "expired datum"))
			return err
		})
	})
	return c
}

// sweep has the API remove batch after batch until there are none left.
func (p *program) sweep(ctx context.Context, api *client) (all swept, err error) {
	defer func() { p.progress("") }()
	for {
		r, err := api.post(ctx, datumsPath+"/sweep", nil)
		if err != nil {
			return all, err
		}
		var batch struct {
			swept
			More bool `json:"more"`
		}
		if err := r.into(&batch); err != nil {
			return all, err
		}
		all.Datums += batch.Datums
		switch {
		case !batch.More:
			return all, nil
		case batch.Datums == 0:
			return all, failed("the API says that there are more datums to remove, and removed none")
		}
		p.progress("removed " + counted(all.Datums, "expired datum") + " so far")
	}
}

// progress puts a text into the line of the terminal on stderr, where there is one, instead of the one before.
func (p *program) progress(text string) {
	if p.Terminal && !p.showing.quiet {
		fmt.Fprint(p.Stderr, "\r\x1b[K"+text)
	}
}
