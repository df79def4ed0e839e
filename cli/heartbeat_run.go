package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

// The codes by which shells say that a command was not started, and the number that they add a signal's to.
const (
	codeNotFound      = 127
	codeNotExecutable = 126
	codeSignal        = 128
)

func (p *program) heartbeatRunCommand() *cobra.Command {
	var note string
	c := &cobra.Command{
		Use: "run NAME -- COMMAND [ARG…]", Short: "Run a command, and tell of its start and how it ended",
		Long: "Run a command, and tell of its start and how it ended: that it went well, or that it failed, with its exit code and\n" +
			"how long it took. Signals are passed on to it. It ends with the command's exit code: with 127 if there is no such\n" +
			"command, 126 if it cannot be executed, 128+N if signal N ended it.\n\n" +
			"The command is run whether Narrative can be told or not; that it could not be is said on stderr, unless --quiet is.",
		Example: "  0 2 * * *  narrative heartbeat run nightly-backup -- /usr/local/bin/backup --all",
		Args: func(cmd *cobra.Command, args []string) error {
			if dash := cmd.ArgsLenAtDash(); dash != 1 || len(args) < 2 {
				return misused("%s needs NAME, then --, then the command, such as nightly-backup -- ./backup.sh; see %s --help", cmd.CommandPath(), cmd.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: p.completeRun,
	}
	c.Flags().StringVar(&note, "note", "", `a JSON object that is told besides, such as '{"host": "db1"}'`)
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return fmt.Errorf("%w; the command and its flags go after --", err)
	})
	c.RunE = p.does(func(cmd *cobra.Command, args []string) error {
		if err := narrative.ValidName(args[0]); err != nil {
			return err
		}
		given := map[string]json.RawMessage{}
		if note != "" && (json.Unmarshal([]byte(note), &given) != nil || given == nil) {
			return misused(`--note must be a JSON object, such as '{"host": "db1"}'`)
		}
		api, err := p.client()
		if err != nil {
			return err
		}
		r := &beatenRun{p: p, beats: newBeats(p, api, args[0]), note: given, argv: args[1:]}
		return r.run(cmd.Context())
	})
	return c
}

// completeRun completes the name, and leaves the command to the shell.
func (p *program) completeRun(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return completed(cmd, p.heartbeatNames, begun)
}

// beatenRun is a command that is run between two beats.
type beatenRun struct {
	p       *program
	beats   *beats
	note    map[string]json.RawMessage
	argv    []string
	signals chan os.Signal
}

// ending is how a command ended.
type ending struct {
	code   int
	signal string // that ended it; empty: none
	err    error  // why it was not started
	took   time.Duration
}

// run tells of the start while the command runs, and of the end after that. What ends ctx ends the command, and no beat.
func (r *beatenRun) run(ctx context.Context) error {
	r.signals = make(chan os.Signal, 8)
	signal.Notify(r.signals, passedOn()...)
	defer signal.Stop(r.signals)
	unheard := make(chan os.Signal, 1)
	signal.Notify(unheard, syscall.SIGPIPE) // stderr may be gone; without this, a word on it would end the process
	defer signal.Stop(unheard)

	begun := r.beatBeside(context.WithoutCancel(ctx))
	end := r.command(ctx)
	r.say("start", begun())
	telling, stop := r.untilUrged(context.WithoutCancel(ctx))
	defer stop()
	kind := narrative.BeatSuccess
	if end.code != 0 {
		kind = narrative.BeatFail
	}
	waited := r.p.waiting(telling, "telling Narrative how it ended")
	_, err := r.beats.beat(telling, kind, end.note(r.note))
	waited()
	r.say("end", err)
	switch {
	case end.err != nil:
		return &exit{end.code, fmt.Errorf("%s cannot be started: %w", plainText(r.argv[0]), end.err)}
	case end.code != 0:
		return &exit{code: end.code}
	}
	return nil
}

// beatBeside begins to tell of the start. The function it returns waits until that is done or, for it is late, given up.
func (r *beatenRun) beatBeside(ctx context.Context) (wait func() error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	var note any
	if len(r.note) > 0 {
		note = r.note
	}
	go func() {
		_, err := r.beats.beat(ctx, narrative.BeatStart, note)
		done <- err
	}()
	return func() error {
		cancel()
		return <-done
	}
}

// say says that something could not be told.
func (r *beatenRun) say(what string, err error) {
	if err != nil && !r.p.showing.quiet {
		fmt.Fprintln(r.p.Stderr, r.p.called(fmt.Sprintf("%s: the %s of %s could not be told: %v", r.p.name(), what, r.beats.name, err)))
	}
}

// urging are the signals by which a process is asked to end.
var urging = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP}

// untilUrged returns a context that a second signal ends: the first may be the one that ended the command.
func (r *beatenRun) untilUrged(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		for urged := 0; urged < 2; {
			select {
			case s := <-r.signals:
				if slices.Contains(urging, s) {
					urged++
				}
			case <-ctx.Done():
				return
			}
		}
		cancel()
	}()
	return ctx, cancel
}

// command runs the command to its end.
func (r *beatenRun) command(ctx context.Context) ending {
	begun := r.p.Now()
	c, err := r.p.startCommand(r.argv)
	if err != nil {
		return notStarted(err)
	}
	done := make(chan struct{})
	go func() {
		_ = c.Wait() // the state says it all
		close(done)
	}()
	ended := ctx.Done()
	for {
		select {
		case s := <-r.signals:
			if !reachesAll(s) {
				_ = c.Process.Signal(s) // fails where it has ended
			}
		case <-ended:
			ended = nil
			if cause := context.Cause(ctx); cause == context.Canceled || !errors.Is(cause, context.Canceled) { // else a signal's, which is passed on
				_ = c.Process.Signal(syscall.SIGTERM)
			}
		case <-done:
			return endingOf(c.ProcessState, r.p.Now().Sub(begun))
		}
	}
}

// startCommand starts the command as a shell would: a script that does not say by what it is run is run by sh.
func (p *program) startCommand(argv []string) (*exec.Cmd, error) {
	c := p.commandOf(argv)
	err := c.Start()
	if errors.Is(err, syscall.ENOEXEC) {
		c = p.commandOf(append([]string{"/bin/sh", c.Path}, argv[1:]...))
		err = c.Start()
	}
	return c, err
}

func (p *program) commandOf(argv []string) *exec.Cmd {
	c := exec.Command(argv[0], argv[1:]...)
	if errors.Is(c.Err, exec.ErrDot) { // who has the current folder in PATH wants it
		c.Err = nil
	}
	c.Stdin, c.Stdout, c.Stderr = p.Stdin, p.Stdout, p.Stderr
	return c
}

// notStarted is the ending of a command that was not started.
func notStarted(err error) ending {
	e := ending{code: codeNotExecutable, err: err}
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		e.code = codeNotFound
	}
	var search *exec.Error // whose text names the package and quotes the command
	var path *fs.PathError
	switch {
	case errors.As(err, &search):
		e.err = search.Err
	case errors.As(err, &path):
		e.err = path.Err
	}
	return e
}

func endingOf(state *os.ProcessState, took time.Duration) ending {
	e := ending{code: state.ExitCode(), took: took}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		e.code, e.signal = codeSignal+int(status.Signal()), status.Signal().String()
	}
	return e
}

// note is what is told of the ending, with what was given besides.
func (e ending) note(given map[string]json.RawMessage) map[string]any {
	note := map[string]any{}
	for name, value := range maps.All(given) {
		note[name] = value
	}
	note["exit_code"], note["duration"] = e.code, narrative.Duration(e.took.Round(time.Millisecond))
	if e.signal != "" {
		note["signal"] = e.signal
	}
	if e.err != nil {
		note["error"] = e.err.Error()
	}
	return note
}
