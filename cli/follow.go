package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

func (p *program) issueWatchCommand() *cobra.Command {
	var out output
	c := &cobra.Command{
		Use: "watch ID", Short: "Print what happens to an issue, as it happens, until it is closed", Args: takes("ID"),
		Long: "Print an issue's timeline, and what is added to it, until the issue is closed or Ctrl-C; with -o json one entry a\n" +
			"line as JSON.",
	}
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
		f := &following{p: p, api: api, id: args[0], asJSON: asJSON, to: cmd.OutOrStdout()}
		over, err := f.look(cmd.Context())
		if over || err != nil {
			return err
		}
		return p.follow(cmd.Context(), f.look)
	})
	return c
}

// following is an issue whose timeline is followed.
type following struct {
	p      *program
	api    *client
	id     string
	asJSON bool
	to     io.Writer
	shown  int // the number of the last entry that was printed
}

// look prints what is new on the timeline and tells whether the issue is closed.
func (f *following) look(ctx context.Context) (over bool, err error) {
	r, err := f.api.get(ctx, issuePath(f.id)+"/explain", url.Values{"format": {"json"}})
	if err != nil {
		return false, err
	}
	var story struct {
		Issue   narrative.Issue   `json:"issue"`
		Entries []narrative.Entry `json:"entries"`
	}
	if err := r.into(&story); err != nil {
		return false, err
	}
	first := f.shown == 0
	if first && !f.asJSON {
		fmt.Fprintf(f.to, "%s  %s\n", flat(story.Issue.Name()), f.p.standing(story.Issue))
	}
	for _, e := range story.Entries {
		if e.Number <= f.shown {
			continue
		}
		if err := f.print(e); err != nil {
			return false, err
		}
		f.shown = e.Number
	}
	if !story.Issue.Status.Closed() {
		return false, nil
	}
	if !f.asJSON {
		fmt.Fprintf(f.to, "%s is %s\n", flat(story.Issue.Name()), story.Issue.Status)
	}
	return true, nil
}

func (f *following) print(e narrative.Entry) error {
	if f.asJSON {
		encoded, err := json.Marshal(e)
		if err == nil {
			_, err = fmt.Fprintf(screenOf(f.to).to, "%s\n", encoded)
		}
		return err
	}
	text := flat(e.Text)
	if e.By != "" {
		text = flat(e.By) + ": " + text
	}
	_, err := fmt.Fprintf(f.to, "%s  %-12s  %s\n", e.At.Local().Format("2006-01-02 15:04:05"), e.Kind, text)
	return err
}

// refusedForGood tells whether asking again leads nowhere: the API answers, and will have none of it.
func refusedForGood(err error) bool {
	var document *problem
	if !errors.As(err, &document) {
		return false
	}
	return document.Status >= 400 && document.Status < 500 && document.Status != http.StatusTooManyRequests
}
