package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/config"
)

// The ways a command ends.
const (
	exitDone    = 0
	exitFailed  = 1 // or not found
	exitMisused = 2
	exitFails   = 3 // checked, and it fails
)

// exit is an error of a command's own, with the code that it ends by.
type exit struct {
	code int
	err  error // nil: all was said already
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// misused is an error by which a command ends with 2.
func misused(format string, args ...any) error {
	return &exit{exitMisused, fmt.Errorf(format, args...)}
}

// failed is an error by which a command ends with 1.
func failed(format string, args ...any) error {
	return &exit{exitFailed, fmt.Errorf(format, args...)}
}

// ran gives a command's error its code, where it has none: what is invalid was misuse, the rest failed.
func ran(err error) error {
	var coded *exit
	switch {
	case err == nil || errors.As(err, &coded):
		return err
	case narrative.KindOf(err) == narrative.Invalid:
		return &exit{exitMisused, err}
	}
	return &exit{exitFailed, err}
}

// report prints the error that a command ended with and returns its code. An error without one is cobra's: misuse.
func (p *program) report(err error) int {
	if err == nil {
		return exitDone
	}
	code := exitMisused
	var coded *exit
	if errors.As(err, &coded) {
		code = coded.code
		if coded.err == nil {
			return code
		}
	}
	var mistakes *config.Mistakes
	switch {
	case errors.As(err, &mistakes):
		fmt.Fprintln(p.Stderr, mistakes)
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(p.Stderr, p.name()+": interrupted")
	default:
		fmt.Fprintln(p.Stderr, p.name()+": "+p.called(strings.TrimSpace(err.Error())))
	}
	return code
}

// takes are the arguments of a command, by name: all are required, and there are no others.
func takes(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return misused("%s needs %s; see %s --help", cmd.CommandPath(), strings.Join(names[len(args):], " and "), cmd.CommandPath())
		case len(args) > len(names):
			return misused("%s does not take %q; see %s --help", cmd.CommandPath(), args[len(names)], cmd.CommandPath())
		}
		return nil
	}
}

func commandList(cmd *cobra.Command) (names []string) {
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}

func commandNames(cmd *cobra.Command) string { return strings.Join(commandList(cmd), ", ") }
