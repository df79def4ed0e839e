package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// watchFlag is the flag of commands that can go on looking.
const watchFlag = "watch"

// watchEvery is how long watching waits between two looks.
const watchEvery = 2 * time.Second

// clearScreen moves to the upper left corner and clears what is below.
const clearScreen = "\x1b[H\x1b[2J"

// repeated runs a command once, or again and again where it has the flag watch and it was given, until ctx ends.
func (p *program) repeated(cmd *cobra.Command, args []string, run func(*cobra.Command, []string) error) error {
	if again, err := cmd.Flags().GetBool(watchFlag); err != nil || !again {
		return run(cmd, args)
	}
	if f := cmd.Flags().Lookup("cursor"); f != nil && f.Changed {
		return misused("--watch looks at the first page; it takes no --cursor")
	}
	var shown bytes.Buffer
	screen := p.screen(cmd, &shown)
	cmd.Root().SetOut(screen)
	if !p.Screen { // hints would come again and again
		cmd.Root().SetErr(io.Discard)
	}
	changes := changes{seen: map[string]bool{}}
	failing := false
	for first := true; ; first = false {
		shown.Reset()
		err := run(cmd, args)
		switch {
		case cmd.Context().Err() != nil:
			return nil // which is how watching ends
		case err != nil && first:
			return err
		case err != nil:
			if !failing { // told once, and gone on from: what answers may be starting again
				fmt.Fprintf(p.Stderr, "%s: %v; trying on\n", p.name(), err)
			}
		case p.Screen:
			fmt.Fprintf(p.Stdout, "%s%s\n%s\n", clearScreen, shown.String(), p.watching())
		default:
			changes.print(p.Stdout, shown.String())
		}
		failing = err != nil
		if !p.pause(cmd.Context()) {
			return nil
		}
	}
}

// watching is the line below what is watched.
func (p *program) watching() string {
	return fmt.Sprintf("%s  (every %s; Ctrl-C ends it)", p.Now().Local().Format(time.TimeOnly), cmp.Or(p.every, watchEvery))
}

// pause waits for the next look; false where ctx ended.
func (p *program) pause(ctx context.Context) bool {
	timer := time.NewTimer(cmp.Or(p.every, watchEvery))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// changes prints the lines that were not there the last time.
type changes struct{ seen map[string]bool }

// relative is how long ago something was, which changes all the time and is no change.
var relative = regexp.MustCompile(`\bin \d+[smhd]\b|\b\d+[smhd] ago\b|  +`)

func (c *changes) print(w io.Writer, text string) {
	now := map[string]bool{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		key := relative.ReplaceAllString(line, " ")
		if !c.seen[key] && line != "" {
			fmt.Fprintln(w, line)
		}
		now[key] = true
	}
	c.seen = now
}
