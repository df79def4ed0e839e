//go:build !unix

package cli

import (
	"os"
	"syscall"
)

// passedOn are the signals that are passed on to the command.
func passedOn() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM} }

// reachesAll tells whether the command has got the signal by itself: a console's interrupt goes to all that use it.
func reachesAll(s os.Signal) bool { return s == os.Interrupt }
