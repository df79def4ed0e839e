package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

const notificationsPath = "/api/v1/notifications"

func (p *program) notificationCommand() *cobra.Command {
	return group("notification", "Look at who was told what, and tell them again", p.notificationListCommand(), p.notificationRetryCommand())
}

func (p *program) notificationListCommand() *cobra.Command {
	var out output
	c := &cobra.Command{Use: "list", Short: "List who was told what, newest first", Args: takes()}
	list := listFlags(c, "issue", "state", "channel", "kind")
	list.help("issue", "only of the issue with this ID")
	list.help("state", "pending, sent, undelivered or suppressed")
	list.help("channel", "email, slack or webhook")
	list.help("kind", "opened, no_solution, impasse, approval, escalated, renotified, resolved, action or test")
	list.times(map[string]string{"since": "made since: 24h, 30d, 2026-01-02 or a full time", "until": "made until then: likewise"})
	out.flags(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, _ []string) error {
		query, err := list.query(p.Now())
		if err != nil {
			return err
		}
		r, err := p.ask(cmd, &out, notificationsPath, query)
		if err != nil {
			return err
		}
		return out.print(cmd, r, func(w io.Writer) error {
			var listed narrative.Listed[narrative.Notification]
			if err := r.into(&listed); err != nil {
				return err
			}
			if len(listed.Items) == 0 {
				_, err := fmt.Fprintln(w, "no notifications")
				return err
			}
			more(cmd, listed.NextCursor)
			return p.notificationTable(w, listed.Items)
		})
	})
	return c
}

func (p *program) notificationTable(w io.Writer, all []narrative.Notification) error {
	rows := make([][]string, len(all))
	for n, one := range all {
		rows[n] = []string{one.ID, one.Channel, one.Recipient, string(one.Kind), string(one.State), ago(one.CreatedAt, p.Now()), became(one), one.Message.Subject}
	}
	return tabulate(w, []string{"ID", "CHANNEL", "TO", "KIND", "STATE", "MADE", "RECEIPT OR REASON", "SUBJECT"}, rows)
}

// became is the receipt of a notification, or why there is none.
func became(n narrative.Notification) string {
	switch {
	case n.State == narrative.NotificationSuppressed:
		return n.Suppressed
	case n.LastError != "":
		return counted(n.Attempts, "attempt") + "; " + n.LastError
	}
	return n.Receipt
}

func (p *program) notificationRetryCommand() *cobra.Command {
	var out output
	var all bool
	var by string
	c := &cobra.Command{
		Use: "retry ID… | --all", Short: "Have undelivered notifications sent again",
		Args: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 0) != all {
				return misused("%s takes either IDs or --all", cmd.CommandPath())
			}
			return nil
		},
	}
	c.Flags().BoolVar(&all, "all", false, "all that are undelivered, up to 500 at a time")
	c.Flags().StringVar(&by, "by", "", "who says so; default NARRATIVE_BY, or the user's name")
	out.flags(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, ids []string) error {
		asJSON, err := out.json()
		if err != nil {
			return err
		}
		api, err := p.client()
		if err != nil {
			return err
		}
		if all {
			if ids, err = undelivered(cmd, api); err != nil {
				return err
			}
		}
		var refused error
		for _, id := range ids {
			if _, err := api.post(cmd.Context(), notificationsPath+"/"+url.PathEscape(id)+"/retry", map[string]string{"by": p.person(by)}); err != nil {
				if !all {
					return err
				}
				refused = err // of the others it may be possible still
				continue
			}
			if !asJSON {
				fmt.Fprintf(cmd.OutOrStdout(), "%s: is sent again\n", id)
			}
		}
		if asJSON {
			return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string][]string{"retried": ids})
		}
		if len(ids) == 0 {
			fmt.Fprintln(cmd.OutOrStdout(), "nothing is undelivered")
		}
		return refused
	})
	return c
}

// undelivered returns the ids of undelivered notifications, one of each message, oldest first.
func undelivered(cmd *cobra.Command, api *client) ([]string, error) {
	r, err := api.get(cmd.Context(), notificationsPath, url.Values{"state": {string(narrative.NotificationUndelivered)}, "limit": {fmt.Sprint(narrative.MaxPage)}})
	if err != nil {
		return nil, err
	}
	var listed narrative.Listed[narrative.Notification]
	if err := r.into(&listed); err != nil {
		return nil, err
	}
	ids, seen := []string{}, map[string]bool{}
	for _, n := range listed.Items {
		if n.Kind != narrative.NotifyTest && !seen[n.Batch] {
			seen[n.Batch] = true
			ids = append(ids, n.ID)
		}
	}
	slices.Reverse(ids) // the oldest first, so that a recovery follows what it ends
	return ids, nil
}
