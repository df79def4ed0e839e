package devserver

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// serveEnv names the data directory of a server that this test binary is to run instead of its tests.
const serveEnv = "DEVSERVER_TEST_SERVE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(serveEnv); dir != "" {
		serve(dir)
		return
	}
	os.Exit(m.Run())
}

// serve runs a server until the process is killed.
func serve(dir string) {
	began := time.Now()
	s, err := Start(context.Background(), Options{DataDir: dir})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println("address", s.Address(), time.Since(began).Round(time.Millisecond))
	select {}
}

// serveElsewhere runs a server in a process of its own and returns its address and the process.
func serveElsewhere(t *testing.T, dir string) (string, *exec.Cmd) {
	t.Helper()
	cmd := exec.Command(os.Args[0]) //nolint:noctx // killed below
	cmd.Env = append(os.Environ(), serveEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	words := strings.Fields(line)
	if err != nil || len(words) != 3 || words[0] != "address" {
		t.Fatalf("the server elsewhere said %q: %v", line, err)
	}
	t.Logf("a process of its own: started in %s", words[2])
	return words[1], cmd
}

func TestWorkGoesOnAfterAKill(t *testing.T) {
	dir := t.TempDir()
	address, process := serveElsewhere(t, dir)
	c := dial(t, address)
	stop := startWorker(t, c)
	execute(t, c, client.StartWorkflowOptions{ID: "waiting"}, wait)
	execute(t, c, client.StartWorkflowOptions{ID: "cron", CronSchedule: "@every 1s"}, greet, "cron")
	eventually(t, 30*time.Second, "the cron workflow has run", func() bool { return runs(t, c, "cron") > 1 })
	reportMemory(t, process.Process.Pid)
	if err := process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = process.Wait()
	stop()
	c.Close()

	s, said := startServer(t, Options{DataDir: dir})
	c = dial(t, s.Address())
	startWorker(t, c)
	if err := c.SignalWorkflow(t.Context(), "waiting", "", "go", "on"); err != nil {
		t.Fatalf("signal the workflow that waited: %v", err)
	}
	if got := result(t, c.GetWorkflow(t.Context(), "waiting", "")); got != "on" {
		t.Errorf("the workflow that waited: want %q, got %q", "on", got)
	}
	before := runs(t, c, "cron")
	eventually(t, 30*time.Second, "the cron workflow runs again", func() bool { return runs(t, c, "cron") > before })
	if said.String() != "" {
		t.Errorf("the start after the kill said:\n%s", said)
	}
}

// runs returns how many runs of a workflow there are.
func runs(t *testing.T, c client.Client, id string) int64 {
	t.Helper()
	n, err := c.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{
		Query: fmt.Sprintf("WorkflowId = '%s' AND ExecutionStatus != 'Running'", id),
	})
	if err != nil {
		t.Fatalf("count runs of %s: %v", id, err)
	}
	return n.GetCount()
}

// reportMemory says how much memory a server takes, and fails when it is more than anybody would expect.
func reportMemory(t *testing.T, pid int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Logf("memory is not known here: %v", err)
		return
	}
	for line := range strings.Lines(string(status)) {
		var kb int
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kb); n != 1 {
			continue
		}
		t.Logf("resident: %d MB", kb/1024)
		if kb > 300*1024 {
			t.Errorf("resident: %d MB; expected less than 300", kb/1024)
		}
	}
}
