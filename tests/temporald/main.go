// Command temporald is a Temporal server in a process of its own, with nothing of Narrative's in it. It prints its
// address and runs until SIGTERM.
//
//	temporald DATA-DIR
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/narrative-go/narrative/devserver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "temporald:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	if len(args) != 1 {
		return errors.New("it needs the folder for its data")
	}
	server, err := devserver.Start(ctx, devserver.Options{DataDir: args[0], UIPort: -1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer server.Stop()
	fmt.Fprintln(stdout, server.Address())
	<-ctx.Done()
	return nil
}
