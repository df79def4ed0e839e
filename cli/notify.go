package cli

import (
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

func (p *program) notifyCommand() *cobra.Command {
	return group("notify", "Try the channels by which people are told", p.notifyTestCommand())
}

func (p *program) notifyTestCommand() *cobra.Command {
	var out output
	var by string
	c := &cobra.Command{
		Use: "test CHANNEL [RECIPIENT]", Short: "Send a test message, and print the receipt or why it could not be sent",
		Long: "Send a test message by email, slack or webhook on the way that every message goes, from a worker, and print the\n" +
			"receipt, or why it could not be sent. Without a recipient it goes to the first of config.admins by that channel.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 2 {
				return misused("%s needs CHANNEL, and takes RECIPIENT", cmd.CommandPath())
			}
			return nil
		},
	}
	c.Flags().StringVar(&by, "by", "", "who says so; default NARRATIVE_BY, or the user's name")
	out.flags(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, args []string) error {
		asJSON, err := out.json()
		if err != nil {
			return err
		}
		api, err := p.client()
		if err != nil {
			return err
		}
		body := map[string]string{"by": p.person(by)}
		if len(args) == 2 {
			body["recipient"] = args[1]
		}
		r, err := api.post(cmd.Context(), "/api/v1/channels/"+url.PathEscape(args[0])+"/test", body)
		if err != nil {
			return err
		}
		var n narrative.Notification
		if err := r.into(&n); err != nil {
			return err
		}
		if asJSON {
			fmt.Fprintf(cmd.OutOrStdout(), "%s\n", r.body)
		}
		if n.State != narrative.NotificationSent {
			return failed("%s was not told by %s: %s", n.Recipient, n.Channel, flat(n.LastError))
		}
		if !asJSON {
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "told %s by %s: %s\n", flat(n.Recipient), n.Channel, flat(n.Receipt))
		}
		return err
	})
	return c
}
