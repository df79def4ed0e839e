package cli

import (
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

func (p *program) routeCommand() *cobra.Command {
	return group("route", "See who would be told of an assertion or event", p.routeTestCommand())
}

// routed is the API's answer about a route.
type routed struct {
	Severity narrative.Severity `json:"severity"`
	Items    []struct {
		Kind       narrative.NotificationKind `json:"kind"`
		Recipients []narrative.Recipient      `json:"recipients"`
	} `json:"items"`
}

func (p *program) routeTestCommand() *cobra.Command {
	var out output
	var severity, kind string
	c := &cobra.Command{Use: "test NAME", Short: "Print who would be told of an assertion or event, and why", Args: takes("NAME")}
	c.Flags().StringVar(&severity, "severity", "", "info, warning, error or critical; default the assertion's or event's own")
	c.Flags().StringVar(&kind, "kind", "", "only of this: opened, no_solution, impasse, approval, escalated or renotified")
	out.flags(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, args []string) error {
		if err := narrative.ValidName(args[0]); err != nil {
			return err
		}
		query := url.Values{}
		for name, value := range map[string]string{"severity": severity, "kind": kind} {
			if value != "" {
				query.Set(name, value)
			}
		}
		r, err := p.ask(cmd, &out, metaPath(narrative.AssertionKind, args[0])+"/route", query)
		if notFound(err) {
			r, err = p.ask(cmd, &out, metaPath(narrative.EventKind, args[0])+"/route", query)
		}
		if notFound(err) {
			return failed("there is no assertion or event %q", args[0])
		}
		if err != nil {
			return err
		}
		return out.print(cmd, r, func(w io.Writer) error {
			var to routed
			if err := r.into(&to); err != nil {
				return err
			}
			return printRoute(w, args[0], to)
		})
	})
	return c
}

func printRoute(w io.Writer, name string, to routed) error {
	var rows [][]string
	for _, of := range to.Items {
		if len(of.Recipients) == 0 {
			rows = append(rows, []string{string(of.Kind), "nobody", "", "neither config.admins nor notify names anybody for it"})
		}
		for _, one := range of.Recipients {
			address, because := one.Address, one.Because
			if one.Suppressed != "" {
				address, because = "not "+address, one.Suppressed
			}
			rows = append(rows, []string{string(of.Kind), address, one.Channel, because})
		}
	}
	fmt.Fprintf(w, "%s, at severity %s:\n", name, to.Severity)
	if err := tabulate(w, []string{"OF", "TOLD", "BY", "BECAUSE"}, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "Of a recovery, everybody is told who was told of the issue.")
	return err
}
