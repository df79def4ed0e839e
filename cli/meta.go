package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

// metaPath is where the API has an assertion or event, or all of them where name is empty.
func metaPath(kind narrative.MetaKind, name string) string {
	path := "/api/v1/" + string(kind) + "s"
	if name != "" {
		path += "/" + url.PathEscape(name)
	}
	return path
}

// metaListCommand lists assertions or events, which T is. row is what a table shows of one.
func metaListCommand[T any](p *program, kind narrative.MetaKind, heading []string, row func(T) []string) *cobra.Command {
	var out output
	c := &cobra.Command{Use: "list", Short: "List " + string(kind) + "s, by name", Args: takes()}
	list := listFlags(c)
	out.flags(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, _ []string) error {
		query, err := list.query(p.Now())
		if err != nil {
			return err
		}
		r, err := p.ask(cmd, &out, metaPath(kind, ""), query)
		if err != nil {
			return err
		}
		return out.print(cmd, r, func(w io.Writer) error {
			var listed narrative.Listed[T]
			if err := r.into(&listed); err != nil {
				return err
			}
			if len(listed.Items) == 0 {
				_, err := fmt.Fprintf(w, "no %ss\n", kind)
				return err
			}
			more(cmd, listed.NextCursor)
			rows := make([][]string, len(listed.Items))
			for n, m := range listed.Items {
				rows[n] = row(m)
			}
			return tabulate(w, heading, rows)
		})
	})
	return c
}

// metaShowCommand shows one assertion or event, which T is, by table.
func metaShowCommand[T any](p *program, kind narrative.MetaKind, table func(io.Writer, T) error) *cobra.Command {
	var out output
	c := &cobra.Command{Use: "show NAME", Short: "Show an " + string(kind) + " with all of its policies", Args: takes("NAME")}
	out.flags(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, args []string) error {
		if err := narrative.ValidName(args[0]); err != nil {
			return err
		}
		r, err := p.ask(cmd, &out, metaPath(kind, args[0]), nil)
		if err != nil {
			return err
		}
		return out.print(cmd, r, func(w io.Writer) error {
			var m T
			if err := r.into(&m); err != nil {
				return err
			}
			return table(w, m)
		})
	})
	return c
}

// metaRemoveCommand removes an assertion or event; means says what else that leads to.
func (p *program) metaRemoveCommand(kind narrative.MetaKind, means string) *cobra.Command {
	c := &cobra.Command{
		Use: "remove NAME", Short: "Remove an " + string(kind) + means, Args: takes("NAME"),
		Long: "Remove an " + string(kind) + means + ". A narrative.yaml that names it brings it back when it is applied again.",
	}
	return p.removing(c, func(name string) string { return metaPath(kind, name) }, func(ctx context.Context, api *client, name string) (string, error) {
		r, err := api.get(ctx, metaPath(kind, name), nil)
		if err != nil {
			return "", err
		}
		var m narrative.Meta
		err = r.into(&m)
		return fmt.Sprintf("Remove the %s %s (class %s, %s, from %s)?", kind, m.Name, m.Class, cadence(m), m.Source), err
	})
}

// removing makes a command remove what stands at a path. At a terminal it asks the question first.
func (p *program) removing(
	c *cobra.Command, path func(name string) string, question func(ctx context.Context, api *client, name string) (string, error),
) *cobra.Command {
	var out output
	var sure bool
	c.Flags().BoolVar(&sure, "yes", false, "do not ask")
	out.flags(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, args []string) error {
		asJSON, err := out.json()
		if err != nil {
			return err
		}
		if err := narrative.ValidName(args[0]); err != nil {
			return err
		}
		if !sure && !p.Terminal {
			return misused("%s needs --yes, since nobody is at a terminal to be asked", cmd.CommandPath())
		}
		api, err := p.client()
		if err != nil {
			return err
		}
		if !sure {
			asked, err := question(cmd.Context(), api, args[0])
			if err != nil {
				return err
			}
			if yes, err := p.confirmed(cmd.Context(), flat(asked)); err != nil || !yes {
				return cmp.Or(err, failed("not removed; nothing was changed"))
			}
		}
		if _, err := api.send(cmd.Context(), http.MethodDelete, path(args[0]), nil); err != nil {
			return err
		}
		if asJSON {
			return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]string{"removed": args[0]})
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: removed\n", args[0])
		return err
	})
	return c
}

// cadence says when a meta is checked.
func cadence(m narrative.Meta) string {
	if m.Every > 0 {
		return "every " + m.Every.String()
	}
	return strings.TrimSpace("cron " + m.Cron + " " + m.Timezone)
}

// metaLines are the lines of what assertions and events have in common.
func metaLines(m narrative.Meta) [][2]string {
	return [][2]string{
		{"Name", m.Name},
		{"Display name", m.DisplayName},
		{"Class", m.Class},
		{"Args", compact(m.Args)},
		{"When", cadence(m)},
		{"Enabled", yesNo(m.Enabled)},
		{"Severity", string(m.Severity)},
		{"Timeout", narrative.Duration(m.CheckTimeout()).String()},
		{"Queue", orElse(m.Queue, narrative.TaskQueue)},
		{"Trigger", orElse(string(m.Trigger), "the deployment's")},
		{"Notify", orElse(joined(m.Notify, follower), "nobody beside the admins")},
		{"Source", m.Source},
	}
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
