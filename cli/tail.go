package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

// Bounds of following datums.
const (
	maxTail      = narrative.MaxPage
	tailPause    = time.Second // before connecting again; twice as long each time that nothing is heard, up to
	tailMaxPause = 30 * time.Second
	tailMemory   = 1 << 16 // ids of datums that were printed
)

func (p *program) datumTailCommand() *cobra.Command {
	var out output
	var before int
	c := &cobra.Command{
		Use: "tail", Short: "Print datums as they come, until Ctrl-C", Args: takes(),
		Long: "Print datums as they come, until Ctrl-C; with -o json one JSON object a line. Where the connection is lost, it is\n" +
			"made again and gone on from the last one that was printed. What was left out is said on stderr.",
		Example: "  narrative datum tail --origin payments --min-level warn --note customer=42",
	}
	filter := datumFilterFlags(c, filterFlags)
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
		query, err := filter.values(p.Now())
		if err != nil {
			return err
		}
		query.Set("lines", strconv.Itoa(before))
		api, err := p.client()
		if err != nil {
			return err
		}
		t := &tail{p: p, api: api.streaming(), query: query, asJSON: asJSON, to: cmd.OutOrStdout()}
		return t.follow(cmd.Context())
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

// tail follows datums by server-sent events.
type tail struct {
	p       *program
	api     *client
	query   url.Values
	last    string // the id to go on after; empty: none is known
	printed recent
	asJSON  bool
	to      io.Writer
}

// follow prints what comes until ctx ends. That it cannot begin ends it as well, later that it is refused.
func (t *tail) follow(ctx context.Context) error {
	pause := cmp.Or(t.p.every, tailPause)
	begun, away, next := false, false, pause
	for {
		s, err := t.api.stream(ctx, datumsPath+"/tail", t.query, t.last)
		switch {
		case ctx.Err() != nil:
			return nil
		case notFound(err):
			return failed("the Narrative API at %s is older than this program, and datums cannot be followed there; narrative datum list --watch looks again and again", t.api.base)
		case err != nil && (!begun || refusedForGood(err)):
			return err
		case err != nil && !away:
			fmt.Fprintf(t.p.Stderr, "%s: %v; trying on\n", t.p.name(), err)
		case err == nil && away:
			fmt.Fprintf(t.p.Stderr, "%s: it answers again%s\n", t.p.name(), t.missed())
		}
		begun, away = true, err != nil
		if err == nil {
			heard, err := t.read(s)
			if err != nil && ctx.Err() == nil {
				return err
			}
			if heard {
				next = pause
			}
		}
		if !sleep(ctx, next) {
			return nil
		}
		next = min(2*next, tailMaxPause)
	}
}

// missed says that it is not known what came while nobody listened.
func (t *tail) missed() string {
	if t.last == "" && t.query.Get("lines") == "0" {
		return "; what came meanwhile is not shown"
	}
	return ""
}

// read prints what a connection brings, and tells whether that was anything. Its error is one that the next connection
// would not mend.
func (t *tail) read(s *eventStream) (heard bool, err error) {
	defer s.close()
	for {
		e, err := s.next()
		switch {
		case errors.Is(err, bufio.ErrTooLong):
			return s.heard, failed("an event is larger than %d bytes, and what follows it cannot be shown", maxEvent)
		case err != nil:
			return s.heard, nil
		}
		if err := t.take(e); err != nil {
			return s.heard, err
		}
		if t.last = e.id; t.last != "" {
			t.query.Del("lines")
		}
	}
}

// take prints what an event tells.
func (t *tail) take(e streamEvent) error {
	switch e.name {
	case "datum":
		var d narrative.Datum
		if err := (reply{body: e.data}).into(&d); err != nil {
			return err
		}
		if !t.printed.add(d.ID) {
			return nil
		}
		return t.print(d, e.data)
	case "gap":
		var gap struct{ Text string }
		if err := (reply{body: e.data}).into(&gap); err != nil {
			return err
		}
		fmt.Fprintf(t.p.Stderr, "%s: %s\n", t.p.name(), flat(gap.Text))
	}
	return nil // a newer API may tell of more
}

// print prints a datum.
func (t *tail) print(d narrative.Datum, raw []byte) error {
	screen := screenOf(t.to)
	var line string
	switch {
	case screen.quiet:
		line = plainText(d.ID)
	case t.asJSON:
		var compact bytes.Buffer
		if err := json.Compact(&compact, raw); err != nil {
			return err
		}
		line = compact.String()
	default:
		level := fmt.Sprintf("%-5s", d.Level)
		if screen.colors {
			level = paint(level, string(d.Level))
		}
		line = fmt.Sprintf("%s  %s  %s  %s  %s", d.At.Local().Format("2006-01-02 15:04:05.000"), level, flat(d.Origin), flat(d.Name), flat(string(d.Note)))
	}
	_, err := fmt.Fprintln(screen.to, line)
	return err
}

// recent is the ids that were printed last.
type recent struct {
	ids  map[string]bool
	ring []string
	next int
}

// add remembers an id, and tells whether it is new.
func (r *recent) add(id string) bool {
	if r.ids[id] {
		return false
	}
	if r.ids == nil {
		r.ids = map[string]bool{}
	}
	if len(r.ring) < tailMemory {
		r.ring = append(r.ring, id)
	} else {
		delete(r.ids, r.ring[r.next])
		r.ring[r.next] = id
	}
	r.next = (r.next + 1) % tailMemory
	r.ids[id] = true
	return true
}
