package cli

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// output is how an operator's command prints.
type output struct{ format string }

func (o *output) flags(flags *pflag.FlagSet) {
	flags.StringVarP(&o.format, "output", "o", "table", "print a table for people, or json as the API answers it")
}

func (o *output) json() (bool, error) {
	switch o.format {
	case "table":
		return false, nil
	case "json":
		return true, nil
	}
	return false, misused("--output is %q; expected table or json", o.format)
}

// print prints an answer: as it is for json, else by table.
func (o *output) print(cmd *cobra.Command, r reply, table func(w io.Writer) error) error {
	asJSON, err := o.json()
	if err != nil {
		return err
	}
	screen := screenOf(cmd.OutOrStdout())
	if asJSON {
		_, err = fmt.Fprintf(screen.to, "%s\n", strings.TrimRight(string(r.body), "\n"))
		return err
	}
	if screen.quiet {
		return screen.ids(r)
	}
	return table(screen)
}

// tabulate writes rows under a heading, in columns.
func tabulate(w io.Writer, heading []string, rows [][]string) error {
	widths := make([]int, len(heading))
	for n, h := range heading {
		widths[n] = utf8.RuneCountInString(h)
	}
	for _, row := range rows {
		for n, cell := range row {
			row[n] = oneLine(cell)
			widths[n] = max(widths[n], utf8.RuneCountInString(row[n]))
		}
	}
	colors := screenOf(w).colors
	for at, row := range append([][]string{heading}, rows...) {
		if _, err := fmt.Fprintln(w, tableLine(row, widths, heading, colors && at > 0)); err != nil {
			return err
		}
	}
	return nil
}

// tableLine is a row in columns of those widths, two spaces apart.
func tableLine(row []string, widths []int, heading []string, colors bool) string {
	var b strings.Builder
	spaces := 0
	for n, cell := range row {
		text := cell
		if colors && colored[heading[n]] {
			text = paint(cell, cell)
		}
		if cell != "" {
			b.WriteString(strings.Repeat(" ", spaces) + text)
			spaces = 0
		}
		spaces += widths[n] - utf8.RuneCountInString(cell) + 2
	}
	return b.String()
}

// more tells on stderr that a list goes on.
func more(cmd *cobra.Command, cursor string) {
	if cursor != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "there are more; add --cursor %s\n", cursor)
	}
}

// maxCell is how many characters of a text a table shows.
const maxCell = 100

// flat makes one line of a text.
func flat(s string) string { return strings.Join(strings.Fields(plainText(s)), " ") }

// oneLine fits a text into a cell.
func oneLine(s string) string {
	s = flat(s)
	if runes := []rune(s); len(runes) > maxCell {
		return string(runes[:maxCell-1]) + "…"
	}
	return s
}

// plainText takes out what would steer a terminal: texts come from the data that was checked.
func plainText(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return '\ufffd'
		}
		return r
	}, s)
}

// ago says how long ago a time was, roughly.
func ago(then, now time.Time) string {
	d := now.Sub(then)
	if d < 0 {
		return "in " + roughly(-d)
	}
	return roughly(d) + " ago"
}

func roughly(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	default:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
}

func agoOrNever(then *time.Time, now time.Time) string {
	if then == nil {
		return "never"
	}
	return ago(*then, now)
}
