package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

func (p *program) heartbeatCommand() *cobra.Command {
	var out output
	var note string
	c := &cobra.Command{
		Use: "heartbeat NAME", Short: "Tell that something is alive", Args: takes("NAME"),
		Example: `  narrative heartbeat nightly-backup --note '{"files": 120}'`,
	}
	c.Flags().StringVar(&note, "note", "", "any JSON")
	out.flags(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, args []string) error {
		if _, err := out.json(); err != nil {
			return err
		}
		if err := narrative.ValidName(args[0]); err != nil {
			return err
		}
		var body any
		if note != "" {
			if !json.Valid([]byte(note)) {
				return misused(`--note must be JSON, such as '{"files": 120}' or '"a text"'`)
			}
			body = json.RawMessage(note)
		}
		client, err := p.client()
		if err != nil {
			return err
		}
		r, err := client.post(cmd.Context(), "/api/v1/heartbeats/"+url.PathEscape(args[0]), body)
		if err != nil {
			return err
		}
		return out.print(cmd, r, func(w io.Writer) error {
			var beat narrative.Datum
			if err := r.into(&beat); err != nil {
				return err
			}
			_, err := fmt.Fprintf(w, "%s: beat at %s\n", plainText(beat.Name), beat.At.Format(time.RFC3339))
			return err
		})
	})
	return c
}
