package devserver

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

const testQueue = "devserver-test"

// record is a log that can be read while it is written.
type record struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.String()
}

// logger returns a logger that takes every level.
func (r *record) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(r, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// startServer starts a server that is stopped with the test, without a UI unless the options name a port for one.
func startServer(t *testing.T, o Options) (*Server, *record) {
	t.Helper()
	said := &record{}
	if o.DataDir == "" {
		o.DataDir = t.TempDir()
	}
	if o.UIPort == 0 {
		o.UIPort = -1
	}
	o.Logger = said.logger()
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatalf("Start: %v\n%s", err, said)
	}
	t.Cleanup(s.Stop)
	return s, said
}

// dial returns a client of a frontend that is closed with the test.
func dial(t *testing.T, address string) client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{
		HostPort: address,
		Logger:   sdklog.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil))),
	})
	if err != nil {
		t.Fatalf("dial %s: %v", address, err)
	}
	t.Cleanup(c.Close)
	return c
}

// startWorker runs greet and wait; the returned function stops it.
func startWorker(t *testing.T, c client.Client) (stop func()) {
	t.Helper()
	w := worker.New(c, testQueue, worker.Options{})
	w.RegisterWorkflow(greet)
	w.RegisterWorkflow(wait)
	if err := w.Start(); err != nil {
		t.Fatalf("start worker: %v", err)
	}
	stop = sync.OnceFunc(w.Stop)
	t.Cleanup(stop)
	return stop
}

// greet is the smallest workflow there is.
func greet(_ workflow.Context, name string) (string, error) {
	return "hello, " + name, nil
}

// wait ends when it is signalled.
func wait(ctx workflow.Context) (string, error) {
	var said string
	workflow.GetSignalChannel(ctx, "go").Receive(ctx, &said)
	return said, nil
}

// execute starts a workflow and returns its id.
func execute(t *testing.T, c client.Client, o client.StartWorkflowOptions, wf any, args ...any) client.WorkflowRun {
	t.Helper()
	o.TaskQueue = testQueue
	run, err := c.ExecuteWorkflow(t.Context(), o, wf, args...)
	if err != nil {
		t.Fatalf("start workflow %s: %v", o.ID, err)
	}
	return run
}

// result waits for a workflow's result.
func result(t *testing.T, run client.WorkflowRun) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var got string
	if err := run.Get(ctx, &got); err != nil {
		t.Fatalf("result of %s: %v", run.GetID(), err)
	}
	return got
}

// eventually waits until a condition holds.
func eventually(t *testing.T, within time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", within, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
