package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

func (p *program) checkCommand() *cobra.Command {
	var out output
	var wait time.Duration
	var dryRun bool
	c := &cobra.Command{
		Use: "check NAME", Short: "Check an assertion, or detect an event, now; ends with 3 when it fails",
		Args: takes("NAME"),
	}
	c.Flags().DurationVar(&wait, "wait", 10*time.Minute, "wait so long for it")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "keep nothing of the check: no run, no issue, no datum")
	out.flags(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, args []string) error {
		if _, err := out.json(); err != nil {
			return err
		}
		client, err := p.client()
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), wait)
		defer cancel()
		told := cmd.ErrOrStderr()
		if p.Terminal {
			told = io.Discard // the line that shows how long it takes says it
		}
		end := p.waiting(ctx, "checking "+flat(args[0]))
		r, err := client.check(ctx, args[0], dryRun, told)
		end()
		if err != nil {
			if ctx.Err() != nil && cmd.Context().Err() == nil {
				return failed("check %s: it is still under way after %s", args[0], wait)
			}
			return err
		}
		return printRun(cmd, &out, r)
	})
	return c
}

// check asks for a check until it was made. Asking again while one is under way joins it.
func (c *client) check(ctx context.Context, name string, dryRun bool, progress io.Writer) (reply, error) {
	kind, query := "assertions", ""
	if dryRun {
		query = "?dry_run=true"
	}
	for {
		r, err := c.post(ctx, "/api/v1/"+kind+"/"+url.PathEscape(name)+"/check"+query, nil)
		switch {
		case notFound(err) && kind == "assertions":
			kind = "events" // names are unique across both
			continue
		case notFound(err):
			return reply{}, failed("there is no assertion or event %q", name)
		case err != nil:
			return reply{}, err
		case r.status != http.StatusAccepted:
			return r, nil
		}
		var underWay struct {
			WorkflowID string `json:"workflow_id"`
		}
		if err := r.into(&underWay); err != nil {
			return reply{}, err
		}
		fmt.Fprintf(progress, "still checking (workflow %s)\n", underWay.WorkflowID)
	}
}

func printRun(cmd *cobra.Command, out *output, r reply) error {
	var run narrative.CheckRun
	if err := r.into(&run); err != nil {
		return err
	}
	err := out.print(cmd, r, func(w io.Writer) error {
		text := fmt.Sprintf("%s: %s", run.Assertion, run.Outcome)
		if run.Summary != "" {
			text += ": " + run.Summary
		}
		_, err := fmt.Fprintf(w, "%s (%s)\n", plainText(text), run.FinishedAt.Sub(run.StartedAt).Round(time.Millisecond))
		return err
	})
	switch {
	case err != nil:
		return err
	case run.Outcome == narrative.OutcomeFailed:
		return &exit{code: exitFails}
	case run.Outcome == narrative.OutcomeErrored:
		return &exit{code: exitFailed}
	}
	return nil
}
