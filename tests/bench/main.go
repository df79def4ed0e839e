package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	narrative "github.com/narrative-go/narrative"
)

// rounds is how many samples each figure has.
const rounds = 5

// within bounds the whole run, whatever hangs.
const within = 20 * time.Minute

// errBound is what run returns when a figure is beyond its bound.
var errBound = errors.New("a figure is beyond its bound")

// size is how much is measured.
type size struct {
	turns  int           // of checks, for a sample
	window time.Duration // in which ticks are counted
	mails  int           // in a batch
	settle time.Duration // from ready until memory is read
	issues int           // opened in one check
	metas  int           // applied together
	// applies is how often they are.
	applies int
	lists   float64 // the part of the lists' full length
}

var (
	quick = size{turns: 2, window: 1500 * time.Millisecond, mails: 4, settle: time.Second, issues: 50, metas: 300, applies: 1, lists: 0.1}
	full  = size{turns: 8, window: 10 * time.Second, mails: 20, settle: 5 * time.Second, issues: 1000, metas: 1000, applies: 5, lists: 1}
)

// measurement makes some rows of the table, in a folder of its own.
type measurement struct {
	name string
	make func(ctx context.Context, dir string, s size) ([]row, error)
}

var measurements = []measurement{
	{"checks", measureChecks},
	{"cron", measureTicks(narrative.TriggerCron)},
	{"schedule", measureTicks(narrative.TriggerSchedule)},
	{"mail", measureMail},
	{"records", measureRecords},
	{"issues", measureIssues},
	{"apply", measureApply},
	{"lists", measureLists},
	{"datums", measureDatums},
	{"sweep", measureSweep},
	{"dev", measureDev},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return
	case errors.Is(err, errBound):
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(2)
}

// run prints the table to out and what it is doing to progress.
func run(ctx context.Context, args []string, out, progress io.Writer) error {
	if len(args) == 2 && args[0] == temporalCommand {
		return serveTemporal(ctx, args[1], os.Stdin, out)
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(progress)
	_ = flags.Bool("quick", true, "measure for some two minutes; the default")
	long := flags.Bool("full", false, "measure for some minutes")
	only := flags.String("only", "", "measure only this: "+names())
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is not understood", flags.Args())
	}
	s := quick
	if *long {
		s = full
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	dir, err := os.MkdirTemp("", "narrative-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	rows, err := measureAll(ctx, dir, s, *only, progress)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, versions())
	if err := printTable(out, rows); err != nil {
		return err
	}
	if beyond(rows) {
		return errBound
	}
	return nil
}

// measureAll makes all rows, those that are beyond their bound a second time.
func measureAll(ctx context.Context, dir string, s size, only string, progress io.Writer) ([]row, error) {
	var all []row
	for _, m := range measurements {
		if only != "" && m.name != only {
			continue
		}
		var rows []row
		for try := 1; try == 1 || try == 2 && beyond(rows); try++ {
			begun := time.Now()
			folder := filepath.Join(dir, fmt.Sprint(m.name, try))
			if err := os.Mkdir(folder, 0o700); err != nil {
				return nil, err
			}
			var err error
			if rows, err = m.make(ctx, folder, s); err != nil {
				return nil, fmt.Errorf("measure %s: %w", m.name, err)
			}
			fmt.Fprintf(progress, "%s: measured in %s\n", m.name, time.Since(begun).Round(time.Second))
			if beyond(rows) {
				fmt.Fprintf(progress, "%s: beyond a bound, try %d of 2\n", m.name, try)
			}
			_ = os.RemoveAll(folder) // else with the rest
		}
		all = append(all, rows...)
	}
	if all == nil {
		return nil, fmt.Errorf("there is nothing by the name %s; there are: %s", only, names())
	}
	return all, nil
}

func names() string {
	var names []string
	for _, m := range measurements {
		names = append(names, m.name)
	}
	return strings.Join(names, ", ")
}

// versions says what was measured with.
func versions() string {
	said := fmt.Sprintf("%s %s/%s, %d CPUs", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Path == "go.temporal.io/server" || d.Path == "go.temporal.io/sdk" {
				said += ", " + d.Path + " " + d.Version
			}
		}
	}
	return said
}

// await asks every few milliseconds until ready is true.
func await(ctx context.Context, atMost time.Duration, what string, ready func() bool) error {
	deadline := time.Now().Add(atMost)
	for !ready() {
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %s until %s", atMost, what)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// pause waits, or returns why ctx ended before.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
