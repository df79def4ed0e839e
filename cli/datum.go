package cli

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

const datumsPath = "/api/v1/datums"

func (p *program) datumCommand() *cobra.Command {
	return group("datum", "Log and list datums", p.datumLogCommand(), p.datumListCommand(), p.datumTailCommand(), p.datumSweepCommand())
}

// datumOut is a datum as the API takes it.
type datumOut struct {
	Origin   string          `json:"origin"`
	Name     string          `json:"name"`
	Note     json.RawMessage `json:"note,omitempty"`
	Level    string          `json:"level,omitempty"`
	ThreadID string          `json:"thread_id,omitempty"`
	TTL      string          `json:"ttl,omitempty"`
}

func (p *program) datumLogCommand() *cobra.Command {
	var out output
	var d datumOut
	var note string
	c := &cobra.Command{
		Use: "log ORIGIN NAME", Short: "Log a datum", Args: takes("ORIGIN", "NAME"),
		Example: `  narrative datum log payments refund --note '{"amount": 12}' --level warn --ttl 7d`,
	}
	c.Flags().StringVar(&note, "note", "", "any JSON")
	c.Flags().StringVar(&d.Level, "level", "", "trace, debug, info, warn or error; default info")
	c.Flags().StringVar(&d.TTL, "ttl", "", "how long it is kept, such as 1h or 30d; default the configuration's")
	c.Flags().StringVar(&d.ThreadID, "thread", "", "ties datums together")
	out.flags(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, args []string) error {
		if _, err := out.json(); err != nil {
			return err
		}
		d.Origin, d.Name = args[0], args[1]
		if note != "" {
			if !json.Valid([]byte(note)) {
				return misused(`--note must be JSON, such as '{"amount": 12}' or '"a text"'`)
			}
			d.Note = json.RawMessage(note)
		}
		client, err := p.client()
		if err != nil {
			return err
		}
		r, err := client.post(cmd.Context(), datumsPath, d)
		if err != nil {
			return err
		}
		return out.print(cmd, r, func(w io.Writer) error {
			var taken struct{ Stored int }
			if err := r.into(&taken); err != nil {
				return err
			}
			said := "stored"
			if taken.Stored == 0 {
				said = "not stored: its level is below the configured minimum"
			}
			_, err := fmt.Fprintln(w, said)
			return err
		})
	})
	return c
}

func (p *program) datumListCommand() *cobra.Command {
	var out output
	var order string
	c := &cobra.Command{
		Use: "list", Short: "List datums, newest first", Args: takes(),
		Example: "  narrative datum list --origin payments --note customer=42 --since 24h",
	}
	list := datumFilterFlags(c, listFlags)
	c.Flags().StringVar(&order, "order", "", "which come first: newest or oldest; default newest")
	list.times(map[string]string{"since": "since: 24h, 30d, 2026-01-02 or a full time", "until": "until then: likewise"})
	out.flags(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, _ []string) error {
		query, err := list.query(p.Now())
		if err != nil {
			return err
		}
		switch order {
		case "":
		case "newest", "oldest":
			query.Set("order", order)
		default:
			return misused("--order is %q; expected newest or oldest", order)
		}
		r, err := p.ask(cmd, &out, datumsPath, query)
		if err != nil {
			return err
		}
		return out.print(cmd, r, func(w io.Writer) error {
			var listed narrative.Listed[narrative.Datum]
			if err := r.into(&listed); err != nil {
				return err
			}
			if len(listed.Items) == 0 {
				_, err := fmt.Fprintln(w, "no datums")
				return err
			}
			more(cmd, listed.NextCursor)
			rows := make([][]string, len(listed.Items))
			for n, d := range listed.Items {
				rows[n] = []string{ago(d.At, p.Now()), string(d.Level), d.Origin, d.Name, d.ThreadID, string(d.Note)}
			}
			return tabulate(w, []string{"AT", "LEVEL", "ORIGIN", "NAME", "THREAD", "NOTE"}, rows)
		})
	})
	return c
}
