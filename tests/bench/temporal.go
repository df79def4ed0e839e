package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/narrative-go/narrative/devserver"
	"github.com/narrative-go/narrative/workflows"
)

// temporalCommand makes this program a Temporal server with its data in the folder that follows.
const temporalCommand = "temporal-server"

// serveTemporal prints the server's address and serves until in, which nobody writes to, is closed.
func serveTemporal(ctx context.Context, dir string, in io.Reader, out io.Writer) error {
	attributes := map[string]enumspb.IndexedValueType{}
	for _, name := range workflows.AttributeNames {
		attributes[name] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	}
	server, err := devserver.Start(ctx, devserver.Options{
		DataDir: dir, UIPort: -1, SearchAttributes: attributes, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	defer server.Stop()
	if _, err := fmt.Fprintln(out, server.Address()); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	return err
}

// startTemporal starts a Temporal server in a process of its own, which ends with stop or with this process, and
// returns its address.
func startTemporal(dir string) (address string, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	cmd := exec.Command(self, temporalCommand, dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = in.Close()
		end(cmd)
	}
	if address, err = bufio.NewReader(out).ReadString('\n'); err != nil {
		stop()
		return "", nil, errors.Join(errors.New("the Temporal server did not start"), err)
	}
	return strings.TrimSpace(address), stop, nil
}

// end waits for a process that was told to end, and kills it when it takes too long.
func end(cmd *exec.Cmd) {
	late := time.AfterFunc(12*time.Second, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	_ = cmd.Wait()
}
