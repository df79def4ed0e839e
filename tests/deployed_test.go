package tests

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"go.temporal.io/sdk/client"

	"github.com/narrative-go/narrative/persistence/pgtest"
)

// deployed is the deployment of docker-compose.yml without containers: the same program, commands and environment, with
// loopback addresses where the file has its services' names.
type deployed struct {
	*types.Project
	t    *testing.T
	dir  string
	more settings // what narrative.env would hold
}

// environment is a service's.
func (d *deployed) environment(service string) settings {
	env := settings{}
	for k, v := range d.Services[service].Environment {
		if v != nil {
			env[k] = *v
		}
	}
	for k, v := range d.more {
		env[k] = v
	}
	return env
}

// once runs a service that others wait for.
func (d *deployed) once(service string) {
	d.t.Helper()
	if out, code := command(d.t, imageBinary, d.dir, d.environment(service), d.Services[service].Command...); code != 0 {
		d.t.Fatalf("%s: exit code %d\n%s", service, code, out)
	}
}

// launch starts a process of a service, on any port where it listens.
func (d *deployed) launch(service string) *process {
	d.t.Helper()
	args := slices.Clone(d.Services[service].Command)
	for i, a := range args {
		args[i] = strings.ReplaceAll(a, "0.0.0.0:8321", "127.0.0.1:0")
	}
	return launch(d.t, imageBinary, d.dir, d.environment(service), args...)
}

// healthy runs the health check of a service whose API is at url.
func (d *deployed) healthy(service, url string) error {
	d.t.Helper()
	env := d.environment(service)
	env["NARRATIVE_URL"] = url
	if out, code := command(d.t, imageBinary, d.dir, env, d.Services[service].HealthCheck.Test[2:]...); code != 0 {
		return fmt.Errorf("%s is not healthy: exit code %d\n%s", service, code, out)
	}
	return nil
}

// slowYAML is an assertion whose check takes so long that a worker can be killed in the middle of it.
const slowYAML = `
source: slow
assertions:
  - name: slow
    class: sql
    every: 3s
    timeout: 50s
    args: {dsn: "${env:SLOW_DATABASE_URL}", holds: SELECT count(*) = 1 FROM pg_sleep(1.5)}
`

// TestDeployment runs the shop through the processes of docker-compose.yml: PostgreSQL for the store, Temporal in its
// own process, `migrate`, `setup`, `serve` and two workers apart. A worker is killed in the middle of a check: the other
// goes on, no check is made twice in one tick, and no mail comes twice.
func TestDeployment(t *testing.T) {
	t.Parallel()
	dir, mails, temporal, database := shop(t), newMailServer(t), temporalServer(t), pgtest.Empty(t)
	d := &deployed{t: t, dir: dir, more: settings{"SLOW_DATABASE_URL": database}, Project: deployment(t, settings{
		"NARRATIVE_DATABASE_URL": database, "TEMPORAL_ADDRESS": temporal, "NARRATIVE_SMTP_URL": "smtp://" + mails.address,
	})}
	d.once("migrate")
	d.once("setup")
	var workers []*process
	for range *d.Services["worker"].Deploy.Replicas {
		workers = append(workers, d.launch("worker"))
	}
	api := d.launch("serve")
	api.waitReady(60 * time.Second)
	for _, service := range []string{"serve", "worker"} {
		if err := d.healthy(service, api.url); err != nil {
			t.Error(err)
		}
	}

	write(t, filepath.Join(dir, "slow.yaml"), slowYAML)
	for _, file := range []string{"narrative.yaml", "slow.yaml"} {
		if out, code := command(t, imageBinary, dir, settings{"NARRATIVE_URL": api.url}, "apply", "-f", file); code != 0 {
			t.Fatalf("apply %s: exit code %d\n%s", file, code, out)
		}
	}
	reached := func(status string, kinds map[string]int) func() error {
		return func() error {
			if got := api.issues("?status=" + status); len(got) != 3 {
				return fmt.Errorf("%d issues are %s: %+v", len(got), status, got)
			}
			for kind, want := range kinds {
				if got := mails.kinds("billing@shop.example"); got[kind] != want {
					return fmt.Errorf("mails by kind: %v", got)
				}
			}
			return nil
		}
	}
	await(t, 30*time.Second, "each wrong invoice has an applied solution and a mail", reached("solution_applied", map[string]int{"action": 3}))

	killed := killInMidCheck(t, temporal, "assertion/slow", workers)
	execute(t, filepath.Join(dir, "shop.db"), "UPDATE invoices SET total = lines_total")
	await(t, 60*time.Second, "all are resolved and told by the worker that is left", reached("resolved", map[string]int{"action": 3, "resolved": 3}))
	await(t, 60*time.Second, "the check that was cut off is made by the worker that is left", func() error {
		for _, r := range api.runs("assertions/slow") {
			if r.RunID == killed && r.Outcome == "passed" {
				return nil
			}
		}
		return fmt.Errorf("runs %+v", api.runs("assertions/slow"))
	})
	onceATick(t, api.runs("assertions/slow"), 3*time.Second)
	onceATick(t, api.runs("assertions/invoices-balance"), 5*time.Second)
	if again := mails.twice(); len(again) > 0 {
		t.Errorf("%d mails came, these twice: %q", len(mails.mails()), again)
	}
	_ = api.end(syscall.SIGTERM, 15*time.Second)
	if d.healthy("serve", api.url) == nil {
		t.Error("serve is called healthy although it has ended")
	}
}

// killInMidCheck waits until one of the workers makes a check of the workflow, kills it, and returns the run that was cut
// off.
func killInMidCheck(t *testing.T, temporal, workflowID string, workers []*process) (runID string) {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: temporal, Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	await(t, 30*time.Second, "a worker makes a check", func() error {
		d, err := c.DescribeWorkflowExecution(t.Context(), workflowID, "")
		if err != nil {
			return err
		}
		for _, a := range d.PendingActivities {
			for _, w := range workers {
				if strings.HasPrefix(a.LastWorkerIdentity, strconv.Itoa(w.cmd.Process.Pid)+"@") {
					_ = w.end(syscall.SIGKILL, 10*time.Second)
					runID = d.WorkflowExecutionInfo.Execution.RunId
					return nil
				}
			}
		}
		return fmt.Errorf("pending: %v", d.PendingActivities)
	})
	return runID
}

// checkRun is a check run as the API shows it.
type checkRun struct {
	Outcome     string    `json:"outcome"`
	ScheduledAt time.Time `json:"scheduled_at"`
	StartedAt   time.Time `json:"started_at"`
	WorkflowID  string    `json:"workflow_id"`
	RunID       string    `json:"run_id"`
}

// runs are the checks of assertions/NAME, or the detections of events/NAME, newest first.
func (p *process) runs(of string) []checkRun {
	p.t.Helper()
	var list struct {
		Items []checkRun `json:"items"`
	}
	p.get("/api/v1/"+of+"/runs?limit=500", &list)
	return list.Items
}

// onceATick fails the test where two runs are of one workflow run, or where the trigger made two in one tick.
func onceATick(t *testing.T, runs []checkRun, interval time.Duration) {
	t.Helper()
	seen := map[string]bool{}
	var later time.Time
	for _, r := range runs {
		if seen[r.RunID] {
			t.Errorf("workflow run %s was recorded twice: %+v", r.RunID, runs)
		}
		seen[r.RunID] = true
		if strings.HasSuffix(r.WorkflowID, "/now") {
			continue // asked for, and so of no tick
		}
		if !later.IsZero() && later.Sub(r.ScheduledAt) < interval/2 {
			t.Errorf("checks scheduled at %s and %s are of one tick of %s", r.ScheduledAt, later, interval)
		}
		later = r.ScheduledAt
	}
	if later.IsZero() {
		t.Errorf("no tick made a check: %+v", runs)
	}
}
