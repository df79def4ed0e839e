// Command program is a user's own Narrative program, with classes made for the tests: what they see and do is in
// files, so that a test can watch it across crashes.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/batteries/datums"
	"github.com/narrative-go/narrative/batteries/heartbeat"
	"github.com/narrative-go/narrative/batteries/http"
	"github.com/narrative-go/narrative/batteries/sql"
	"github.com/narrative-go/narrative/cli"
	"github.com/narrative-go/narrative/devserver"
)

func main() {
	reg := narrative.NewRegistry()
	datums.Register(reg)
	heartbeat.Register(reg)
	http.Register(reg)
	sql.Register(reg)
	narrative.AddAssertion(reg, "test.FileExists", func(a fileArgs) (narrative.Assertion, error) { return a, nil })
	narrative.AddAssertion(reg, "test.Leaky", func(a leakyArgs) (narrative.Assertion, error) { return a, nil })
	narrative.AddEvent(reg, "test.Lines", func(a fileArgs) (narrative.Event, error) { return lines(a), nil })
	narrative.AddAction(reg, "append", appendLine)
	narrative.AddAction(reg, "append_repeatable", appendLine, narrative.Repeatable())
	narrative.AddAction(reg, "wait_for", waitFor)
	narrative.AddAction(reg, "wait_for_repeatable", waitFor, narrative.Repeatable())
	cli.Main(reg, cli.WithEmbedded(devserver.Embedded), cli.WithStore(crashAt))
}

type fileArgs struct {
	Path string `json:"path"`
}

// Check passes while the file exists.
func (a fileArgs) Check(context.Context) (narrative.Verdict, error) {
	if _, err := os.Stat(a.Path); err != nil {
		return narrative.Failed("%s is not there", a.Path), nil
	}
	return narrative.Passed("%s is there", a.Path), nil
}

// Recovered leaves a line beside the file.
func (a fileArgs) Recovered(_ context.Context, i narrative.Issue) error {
	return appendLine(context.Background(), appendArgs{Path: a.Path + ".recovered", Line: i.ID})
}

type leakyArgs struct {
	Secret string `json:"secret"`
	Error  bool   `json:"error"`
}

// Check tells its secret wherever it can.
func (a leakyArgs) Check(ctx context.Context) (narrative.Verdict, error) {
	if err := narrative.Log(ctx, narrative.Datum{Origin: "leaky", Name: "leak", Note: []byte(fmt.Sprintf("%q", "note "+a.Secret))}); err != nil {
		return narrative.Verdict{}, err
	}
	if a.Error {
		return narrative.Verdict{}, errors.New("no entry with " + a.Secret)
	}
	return narrative.Failed("found %s", a.Secret).With("detail", a.Secret).With(a.Secret, 1), nil
}

// DiagnosticCases tell it as well: in an error, and in a plan.
func (a leakyArgs) DiagnosticCases() []narrative.DiagnosticCase {
	return []narrative.DiagnosticCase{
		{Name: "errs", Diagnose: func(context.Context, narrative.Issue) (*narrative.ResolutionStep, error) {
			return nil, errors.New("cannot log in with " + a.Secret)
		}},
		{Name: "plans", Diagnose: func(context.Context, narrative.Issue) (*narrative.ResolutionStep, error) {
			return narrative.ExecStep("log in with "+a.Secret, narrative.Do("append", appendArgs{Path: "never", Line: a.Secret})), nil
		}},
	}
}

type lines fileArgs

// Detect notices each line of the file.
func (a lines) Detect(context.Context) ([]narrative.Occurrence, error) {
	content, err := os.ReadFile(a.Path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var found []narrative.Occurrence
	for line := range splitLines(string(content)) {
		found = append(found, narrative.Occurrence{Summary: map[string]any{"line": line}, Details: map[string]any{"length": len(line)}})
	}
	return found, err
}

func splitLines(s string) func(func(string) bool) {
	return func(yield func(string) bool) {
		start := 0
		for i := range s {
			if s[i] == '\n' {
				if !yield(s[start:i]) {
					return
				}
				start = i + 1
			}
		}
	}
}

type appendArgs struct {
	Path string `json:"path"`
	Line string `json:"line"`
}

// appendLine leaves a line in a file: what a test counts.
func appendLine(_ context.Context, a appendArgs) error {
	f, err := os.OpenFile(a.Path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, a.Line)
	return errors.Join(err, f.Close())
}

type waitArgs struct {
	Path    string `json:"path"`
	Started string `json:"started"`
}

// waitFor says that it started and waits until the file is there.
func waitFor(ctx context.Context, a waitArgs) error {
	if err := appendLine(ctx, appendArgs{Path: a.Started, Line: "started"}); err != nil {
		return err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(a.Path); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
