package cli

import (
	"fmt"
	"io"
	"math"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

func (p *program) heartbeatHistoryCommand() *cobra.Command {
	var out output
	var threshold string
	var limit int
	c := &cobra.Command{
		Use: "history NAME", Short: "Tell when something was up and when it was down, newest first", Args: takes("NAME"),
		Long: "Tell when something was up and when it was down, newest first. A silence longer than the threshold counts as down\n" +
			"from the last beat before it, and a failure from when it was told; both until the next success.",
		Example: "  narrative heartbeat history agent --since 7d --threshold 90s",
	}
	window := filterFlags(c)
	window.times(map[string]string{
		"since": "since: 7d, 2026-01-02 or a full time; default the first beat that is kept", "until": "until then: likewise; default now",
	})
	c.Flags().StringVar(&threshold, "threshold", "", fmt.Sprintf("how long a silence is no outage, such as 90s; default %d times the median distance between beats", narrative.UptimeFactor))
	c.Flags().IntVar(&limit, "limit", narrative.DefaultPage, "at most so many periods, up to "+strconv.Itoa(narrative.MaxPage))
	c.Flags().BoolP(watchFlag, "w", false, "look again every 2s")
	out.flags(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, args []string) error {
		query, err := window.values(p.Now())
		if err != nil {
			return err
		}
		if err := historyQuery(query, args[0], threshold, limit); err != nil {
			return err
		}
		r, err := p.ask(cmd, &out, heartbeatsPath+"/"+url.PathEscape(args[0])+"/history", query)
		if err != nil {
			return err
		}
		return out.print(cmd, r, func(w io.Writer) error {
			var u narrative.Uptime
			if err := r.into(&u); err != nil {
				return err
			}
			if u.Omitted > 0 {
				fmt.Fprintf(cmd.ErrOrStderr(), "%d older periods are left out; they count for the percentage\n", u.Omitted)
			}
			return printUptime(w, args[0], u, p.windowEnd(query))
		})
	})
	return c
}

// historyQuery adds the threshold and the limit to the query, and refuses what cannot be.
func historyQuery(query url.Values, name, threshold string, limit int) error {
	if err := narrative.ValidName(name); err != nil {
		return err
	}
	if limit < 1 || limit > narrative.MaxPage {
		return misused("--limit is %d; expected 1 to %d", limit, narrative.MaxPage)
	}
	query.Set("limit", strconv.Itoa(limit))
	if threshold == "" {
		return nil
	}
	d, err := narrative.ParseDuration(threshold)
	if err != nil || d <= 0 {
		return misused("--threshold is %q; expected a duration such as 90s, 5m or 1h", threshold)
	}
	query.Set("threshold", d.String())
	return nil
}

// windowEnd is until when the period that goes on is looked at.
func (p *program) windowEnd(query url.Values) time.Time {
	until, err := time.Parse(time.RFC3339Nano, query.Get("until"))
	if err != nil || until.After(p.Now()) {
		return p.Now()
	}
	return until
}

// printUptime prints the percentage and below it the periods.
func printUptime(w io.Writer, name string, u narrative.Uptime, end time.Time) error {
	if u.Uptime == nil || len(u.Items) == 0 {
		_, err := fmt.Fprintf(w, "%s: nothing is known; there is no beat in the history\n", name)
		return err
	}
	measure := "too few beats to tell a silence from an outage"
	if u.Threshold > 0 {
		measure = "a silence of more than " + roundly(u.Threshold).String() + " is an outage"
	}
	if _, err := fmt.Fprintf(w, "%s: up %s of the time (%s; %s)\n\n", name, percent(*u.Uptime), counted(u.Beats, "beat"), measure); err != nil {
		return err
	}
	rows := make([][]string, len(u.Items))
	for n, period := range u.Items {
		to, shown := end, "…"
		if period.To != nil {
			to, shown = *period.To, clock(*period.To)
		}
		rows[n] = []string{string(period.State), clock(period.From), shown, narrative.Duration(to.Sub(period.From).Round(time.Second)).String()}
	}
	return tabulate(w, []string{"STATE", "FROM", "TO", "FOR"}, rows)
}

// roundly is a duration to the second, beyond a minute.
func roundly(d narrative.Duration) narrative.Duration {
	if time.Duration(d) >= time.Minute {
		return narrative.Duration(time.Duration(d).Round(time.Second))
	}
	return d
}

func clock(t time.Time) string { return t.Local().Format(time.DateTime) }

// percent is rounded down, so that 100% is said of what was never down alone.
func percent(p float64) string {
	const inexact = 1e-9 // what arithmetic may have lost
	return strconv.FormatFloat(math.Floor(p*100+inexact)/100, 'f', -1, 64) + "%"
}
