package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

// Bounds of following datums.
const (
	// tailOverlap is how far back each look goes: what is stored a little late, or tells of a moment ago, is not missed.
	tailOverlap = 15 * time.Second
	tailPages   = 40 // of [narrative.MaxPage] at one look; what is more is left out, and said
	maxTail     = narrative.MaxPage
)

func (p *program) datumTailCommand() *cobra.Command {
	var out output
	var before int
	c := &cobra.Command{
		Use: "tail", Short: "Print datums as they come, until Ctrl-C", Args: takes(),
		Long: "Print datums as they come, until Ctrl-C; with -o json one JSON object a line. A datum that tells of a time more\n" +
			"than " + tailOverlap.String() + " ago is not seen.",
		Example: "  narrative datum tail --origin payments --min-level warn",
	}
	filters := filterFlags(c, "origin", "name", "level", "min_level", "thread_id", "q")
	filters.help("level", "exactly this level")
	filters.help("min_level", "this level or a higher one")
	filters.help("q", "text in name, origin or note")
	c.Flags().IntVarP(&before, "lines", "n", 10, fmt.Sprintf("begin with so many that are there, up to %d", maxTail))
	out.flags(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, _ []string) error {
		asJSON, err := out.json()
		if err != nil {
			return err
		}
		if before < 0 || before > maxTail {
			return misused("--lines is %d; expected 0 to %d", before, maxTail)
		}
		query, err := filters.values(p.Now())
		if err != nil {
			return err
		}
		api, err := p.client()
		if err != nil {
			return err
		}
		t := &tail{p: p, api: api, query: query, seen: map[string]time.Time{}, asJSON: asJSON, to: cmd.OutOrStdout()}
		if err := t.begin(cmd.Context(), before); err != nil {
			return err
		}
		return p.follow(cmd.Context(), t.look)
	})
	return c
}

// follow looks again and again until ctx ends or look says that it is over. The first failure is told, and gone on
// from; a refusal ends it.
func (p *program) follow(ctx context.Context, look func(context.Context) (over bool, err error)) error {
	failing := false
	for p.pause(ctx) {
		over, err := look(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case refusedForGood(err):
			return err
		case err != nil && !failing:
			fmt.Fprintf(p.Stderr, "%s: %v; trying on\n", p.name(), err)
		case err == nil && failing:
			fmt.Fprintf(p.Stderr, "%s: it answers again\n", p.name())
		}
		failing = err != nil
		if over && err == nil {
			return nil
		}
	}
	return nil
}

// tail follows datums.
type tail struct {
	p      *program
	api    *client
	query  url.Values
	newest time.Time            // of those printed
	seen   map[string]time.Time // ids of those that the next look may bring again, with their times
	asJSON bool
	to     io.Writer
}

// begin prints the newest that are there, and notes those that the next look would bring.
func (t *tail) begin(ctx context.Context, lines int) error {
	listed, err := t.page(ctx, url.Values{"limit": {fmt.Sprint(max(lines, 1))}})
	if err != nil {
		return err
	}
	t.note(listed.Items)
	newest := t.newest
	there, err := t.all(ctx)
	if err != nil {
		return err
	}
	for _, d := range there {
		if !d.At.After(newest) { // else it has come meanwhile
			t.seen[d.ID] = d.At
		}
	}
	return t.print(listed.Items[:min(lines, len(listed.Items))])
}

// note notes that these are printed. A time of the future does not move on what is looked at.
func (t *tail) note(items []narrative.Datum) {
	for _, d := range items {
		t.seen[d.ID] = d.At
		if d.At.After(t.newest) && d.At.Before(t.p.Now().Add(tailOverlap)) {
			t.newest = d.At
		}
	}
}

// look prints what is new.
func (t *tail) look(ctx context.Context) (bool, error) {
	found, err := t.all(ctx)
	if err != nil {
		return false, err
	}
	var fresh []narrative.Datum
	for _, d := range found {
		if _, ok := t.seen[d.ID]; ok {
			continue
		}
		fresh = append(fresh, d)
	}
	t.note(fresh)
	for id, at := range t.seen {
		if at.Before(t.from()) {
			delete(t.seen, id)
		}
	}
	return false, t.print(fresh)
}

// from is the time from which on datums may be new; zero where there is no measure.
func (t *tail) from() time.Time {
	if t.newest.IsZero() {
		return t.newest
	}
	return t.newest.Add(-tailOverlap)
}

// all returns what may be new, newest first.
func (t *tail) all(ctx context.Context) ([]narrative.Datum, error) {
	more := url.Values{"limit": {fmt.Sprint(narrative.MaxPage)}}
	if from := t.from(); !from.IsZero() {
		more.Set("since", from.UTC().Format(time.RFC3339Nano))
	}
	var found []narrative.Datum
	for range tailPages {
		listed, err := t.page(ctx, more)
		if err != nil {
			return nil, err
		}
		found = append(found, listed.Items...)
		if listed.NextCursor == "" || t.known(listed.Items) {
			return found, nil
		}
		more.Set("cursor", listed.NextCursor)
	}
	fmt.Fprintf(t.p.Stderr, "%s: more than %d datums at once; those before %s are left out\n",
		t.p.name(), len(found), found[len(found)-1].At.Format(time.RFC3339))
	return found, nil
}

// known tells whether a whole page was seen before.
func (t *tail) known(items []narrative.Datum) bool {
	return !slices.ContainsFunc(items, func(d narrative.Datum) bool { _, ok := t.seen[d.ID]; return !ok })
}

func (t *tail) page(ctx context.Context, more url.Values) (listed narrative.Listed[narrative.Datum], err error) {
	query := url.Values{}
	for _, values := range []url.Values{t.query, more} {
		for name := range values {
			query.Set(name, values.Get(name))
		}
	}
	r, err := t.api.get(ctx, datumsPath, query)
	if err != nil {
		return listed, err
	}
	return listed, r.into(&listed)
}

// print prints datums, the newest last.
func (t *tail) print(newestFirst []narrative.Datum) error {
	screen := screenOf(t.to)
	for _, d := range slices.Backward(newestFirst) {
		line := ""
		switch {
		case screen.quiet:
			_, _ = fmt.Fprintln(screen.to, plainText(d.ID))
			continue
		case t.asJSON:
			encoded, err := json.Marshal(d)
			if err != nil {
				return err
			}
			line = string(encoded)
		default:
			level := fmt.Sprintf("%-5s", d.Level)
			if screen.colors {
				level = paint(level, string(d.Level))
			}
			line = fmt.Sprintf("%s  %s  %s  %s  %s", d.At.Local().Format("2006-01-02 15:04:05.000"), level, flat(d.Origin), flat(d.Name), flat(string(d.Note)))
		}
		if _, err := fmt.Fprintln(screen.to, line); err != nil {
			return err
		}
	}
	return nil
}
