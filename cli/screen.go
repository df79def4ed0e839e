package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// showing is what the flags say about how much is printed, and how.
type showing struct{ quiet, plain bool }

func (s *showing) flags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.BoolVar(&s.quiet, "quiet", false, "print errors alone, and of lists the ids alone")
	flags.BoolVar(&s.plain, "no-color", false, "print without colors (or NO_COLOR, or TERM=dumb)")
}

// screen is where a command's result goes.
type screen struct {
	to     io.Writer
	colors bool
	quiet  bool // what is written is dropped; ids are not written, but said
}

// Write writes, unless the screen is quiet.
func (s *screen) Write(p []byte) (int, error) {
	if s.quiet {
		return len(p), nil
	}
	return s.to.Write(p)
}

// wanted are the commands that are called for what they print, which is never left out.
var wanted = map[string]bool{"export": true, "schema": true, "version": true, "key create": true, "doctor": true}

// screen is where the command prints.
func (p *program) screen(cmd *cobra.Command, to io.Writer) *screen {
	path := strings.TrimPrefix(cmd.CommandPath(), cmd.Root().CommandPath()+" ")
	return &screen{to: to, colors: p.colors(), quiet: p.showing.quiet && !wanted[path]}
}

// colors tells whether tables are colored: for a person who looks at them and did not say no (https://no-color.org).
func (p *program) colors() bool {
	return p.Screen && !p.showing.plain && p.Env("NO_COLOR") == "" && p.Env("TERM") != "dumb"
}

// show directs what a command prints: the result by its screen, and hints nowhere where it is to be quiet. Errors are
// reported past it.
func (p *program) show(cmd *cobra.Command) {
	cmd.Root().SetOut(p.screen(cmd, p.Stdout))
	if p.showing.quiet {
		cmd.Root().SetErr(io.Discard)
	}
}

// screenOf is the screen that a writer is; another is one without colors.
func screenOf(w io.Writer) *screen {
	if s, ok := w.(*screen); ok {
		return s
	}
	return &screen{to: w}
}

// ids prints the ids, or names, of a list that the API answered, a line each; of what is no list, nothing.
func (s *screen) ids(r reply) error {
	var listed struct {
		Items []struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"items"`
	}
	if json.Unmarshal(r.body, &listed) != nil {
		return nil
	}
	for _, item := range listed.Items {
		id := item.ID
		if id == "" {
			id = item.Name
		}
		if id == "" {
			continue
		}
		if _, err := fmt.Fprintln(s.to, plainText(id)); err != nil {
			return err
		}
	}
	return nil
}

// The colors of a terminal, by their codes.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	blue   = "34"
	dim    = "2"
	bold   = "1"
)

// hues are the colors of what a cell may begin with.
var hues = map[string]string{
	"open": yellow, "solution_applied": blue, "impasse": red, "resolved": green, "wont_fix": dim,
	"info": "", "warning": yellow, "warn": yellow, "error": red, "critical": bold + ";" + red, "debug": dim, "trace": dim,
	"passed": green, "failed": red, "errored": red, "detected": yellow, "not_detected": dim,
	"up": green, "down": red,
	"pending": yellow, "sent": green, "undelivered": red, "suppressed": dim,
	"proposed": yellow, "awaiting_approval": yellow, "running": blue, "applied": green, "unknown": red, "rolled_back": yellow, "rejected": dim,
}

// colored are the headings of the columns that have colors.
var colored = map[string]bool{"STATUS": true, "SEVERITY": true, "STATE": true, "OUTCOME": true, "LEVEL": true}

// paint colors a text by the first word of what it says.
func paint(text, says string) string {
	word, _, _ := strings.Cut(says, " ")
	hue := hues[word]
	if hue == "" {
		return text
	}
	return "\x1b[" + hue + "m" + text + "\x1b[0m"
}
