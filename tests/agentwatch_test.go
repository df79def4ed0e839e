package tests

import (
	"fmt"
	"net/http"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// agent is the outside agent of the example: while it beats, it tells that it is alive.
type agent struct {
	t    *testing.T
	url  string
	stop chan struct{}
	done chan struct{}
}

// beat lets the agent tell that it is alive until quiet is called.
func beat(t *testing.T, url string) *agent {
	t.Helper()
	a := &agent{t, url, make(chan struct{}), make(chan struct{})}
	tick := time.NewTicker(200 * time.Millisecond)
	go func() {
		defer close(a.done)
		defer tick.Stop()
		for {
			if answer, err := http.Post(a.url+"/api/v1/heartbeats/importer", "application/json", nil); err == nil {
				answer.Body.Close()
			}
			select {
			case <-a.stop:
				return
			case <-tick.C:
			}
		}
	}()
	t.Cleanup(a.quiet)
	return a
}

// quiet ends the agent; it may have ended already.
func (a *agent) quiet() {
	select {
	case <-a.done:
	default:
		close(a.stop)
		<-a.done
	}
}

// agentwatch is the example as a process, with its narrative.yaml at a faster pace.
type agentwatch struct {
	*process
	mails *mailServer
}

func startAgentwatch(t *testing.T) *agentwatch {
	t.Helper()
	dir := t.TempDir()
	content, err := os.ReadFile(filepath.Join("..", "examples", "agentwatch", "narrative.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	faster := strings.NewReplacer("every: 1m", "every: 1s", "quiet_after: 5m", "quiet_after: 5s").Replace(string(content))
	if strings.Count(faster, "every: 1s") != 2 || !strings.Contains(faster, "quiet_after: 5s") {
		t.Fatalf("the pace of the example is not as expected:\n%s", content)
	}
	write(t, filepath.Join(dir, "narrative.yaml"), faster)
	a := &agentwatch{mails: newMailServer(t)}
	a.process = launch(t, agentwatchBinary, dir, settings{"NARRATIVE_SMTP_URL": "smtp://" + a.mails.address}, a.flags()...)
	a.waitReady(60 * time.Second)
	return a
}

func (a *agentwatch) flags() []string {
	return []string{"dev", "--listen", "127.0.0.1:0", "--temporal-port", "0", "--ui-port", "0"}
}

// restart ends the process and starts it again on its data.
func (a *agentwatch) restart() {
	a.t.Helper()
	if err := a.end(os.Interrupt, 10*time.Second); err != nil {
		a.t.Errorf("Ctrl-C: %v; want exit code 0", err)
	}
	a.process = start(a.t, agentwatchBinary, a.cmd.Dir, settings{"NARRATIVE_SMTP_URL": "smtp://" + a.mails.address}, a.flags()...)
}

// run runs a command of the example against the process.
func (a *agentwatch) run(args ...string) {
	a.t.Helper()
	if out, code := command(a.t, agentwatchBinary, a.cmd.Dir, settings{"NARRATIVE_URL": a.url}, args...); code != 0 {
		a.t.Fatalf("%q: exit code %d\n%s", args, code, out)
	}
}

// checked waits for a check that began after now and has the outcome.
func (a *agentwatch) checked(of, outcome string) {
	a.t.Helper()
	began := time.Now()
	await(a.t, 30*time.Second, "a check of "+of+" "+outcome, func() error {
		runs := a.runs(of)
		for _, r := range runs {
			if r.Outcome == outcome && r.StartedAt.After(began) {
				return nil
			}
		}
		return fmt.Errorf("runs %+v", runs)
	})
}

// told waits until the mails to an address are as many of each kind as wanted.
func (a *agentwatch) told(to string, want map[string]int) {
	a.t.Helper()
	await(a.t, 30*time.Second, fmt.Sprintf("%s got %v", to, want), func() error {
		if got := a.mails.kinds(to); fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("it got %v", got)
		}
		return nil
	})
}

// newest waits until the newest issue has the status.
func (a *agentwatch) newest(status string) (found issue) {
	a.t.Helper()
	await(a.t, 30*time.Second, "the newest issue is "+status, func() error {
		all := a.issues("")
		if len(all) == 0 || all[0].Status != status {
			return fmt.Errorf("issues %+v", all)
		}
		found = all[0]
		return nil
	})
	return found
}

// cleanups are what Recovered wrote down.
func (a *agentwatch) cleanups() (notes []string) {
	a.t.Helper()
	var list struct {
		Items []struct {
			Note struct{ Issue string } `json:"note"`
		} `json:"items"`
	}
	a.get("/api/v1/datums?origin=agentwatch&name=cleanup", &list)
	for _, d := range list.Items {
		notes = append(notes, d.Note.Issue)
	}
	return notes
}

// TestAgentGoesQuiet walks the assertion's story: pass; silence, of which devops is told, then the manager, then nobody
// any more; recovery, with its cleanup once and both told; silence again, as a new issue; won't fix, which stays muted
// through pass and fail.
func TestAgentGoesQuiet(t *testing.T) {
	t.Parallel()
	const devops, manager, assertion = "devops@agents.example", "manager@agents.example", "assertions/agent-running"
	a := startAgentwatch(t)
	jobs := filepath.Join(a.cmd.Dir, "jobs")
	if err := os.Mkdir(jobs, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(jobs, "invoices-7.claimed"), "")

	importer := beat(t, a.url)
	a.run("heartbeat", "importer")
	a.run("apply", "-f", "narrative.yaml")
	a.checked(assertion, "passed")
	if got := a.issues(""); len(got) != 0 {
		t.Fatalf("issues %+v although the agent is alive", got)
	}

	importer.quiet()
	a.told(devops, map[string]int{"action": 1})
	a.told(manager, map[string]int{"action": 1})
	await(t, 30*time.Second, "the issue waits", func() error {
		if i := a.newest("solution_applied"); len(i.Steps) != 3 || i.Steps[2].Action != "pass" || i.Steps[2].State != "passed" {
			return fmt.Errorf("issue %+v", i)
		}
		return nil
	})
	for range 2 {
		a.checked(assertion, "failed")
	}
	first := a.newest("solution_applied")
	for n, to := range []string{devops, manager} {
		if m := a.mails.mails()[n]; first.Steps[n].Case != "agent_quiet" || first.Steps[n].State != "applied" || !strings.Contains(m.Header.Get("To"), to) {
			t.Errorf("step %d is %+v and its mail is to %s; want agent_quiet, applied, to %s", n, first.Steps[n], m.Header.Get("To"), to)
		}
	}
	if got := len(a.mails.mails()); got != 2 {
		t.Errorf("%d mails; want 2, and no more while the issue waits", got)
	}

	importer = beat(t, a.url)
	a.told(devops, map[string]int{"action": 1, "resolved": 1})
	a.told(manager, map[string]int{"action": 1, "resolved": 1})
	a.newest("resolved")
	a.checked(assertion, "passed")
	if got := a.cleanups(); len(got) != 1 || got[0] != first.ID {
		t.Errorf("cleanups of %q; want one, of %s", got, first.ID)
	}
	if _, err := os.Stat(filepath.Join(jobs, "invoices-7.queued")); err != nil {
		t.Errorf("the claimed job was not given back: %v", err)
	}

	importer.quiet()
	a.told(manager, map[string]int{"action": 2, "resolved": 1})
	second := a.newest("solution_applied")
	if second.ID == first.ID || len(a.issues("")) != 2 {
		t.Errorf("silence again is issue %s of %+v; want a new one", second.ID, a.issues(""))
	}
	a.run("issue", "wont-fix", second.ID, "--reason", "switched off on purpose")
	a.newest("wont_fix")
	beat(t, a.url).during(func() { a.checked(assertion, "passed") })
	a.checked(assertion, "failed")
	a.checked(assertion, "failed")
	if got := a.issues(""); len(got) != 2 || got[0].Status != "wont_fix" {
		t.Errorf("issues %+v; want the same two, the newer muted", got)
	}
	a.told(devops, map[string]int{"action": 2, "resolved": 1})
	if got := a.cleanups(); len(got) != 1 || len(a.mails.mails()) != 6 || len(a.mails.twice()) != 0 {
		t.Errorf("%d cleanups and %d mails in the end, twice %q; want 1, 6 and none", len(got), len(a.mails.mails()), a.mails.twice())
	}
}

// during has the agent alive while f runs.
func (a *agent) during(f func()) {
	defer a.quiet()
	f()
}

// TestProcessFails walks the event's story: two processes fail, one of them again and again; each is told of once, also
// after a restart.
func TestProcessFails(t *testing.T) {
	t.Parallel()
	const to, event = "processing@agents.example", "events/processing-failed"
	a := startAgentwatch(t)
	beat(t, a.url) // until the restart
	a.run("apply", "-f", "narrative.yaml")
	fails := func(process, why string) {
		a.run("datum", "log", "processing", "failed", "--level", "error", "--note", fmt.Sprintf(`{"process": %q, "error": %q}`, process, why))
	}
	fails("invoices-42", "disk full")
	fails("invoices-42", "disk full")
	fails("letters-7", "no paper")
	a.told(to, map[string]int{"action": 2})
	for _, process := range []string{"invoices-42", "letters-7"} {
		if !slices.ContainsFunc(a.mails.mails(), func(m *mail.Message) bool {
			return strings.HasPrefix(m.Header.Get("Subject"), "Process "+process+" failed")
		}) {
			t.Errorf("no mail is about process %s", process)
		}
	}

	fails("invoices-42", "disk still full")
	a.checked(event, "detected")
	a.restart()
	fails("letters-7", "no paper again")
	a.checked(event, "detected")
	a.checked(event, "detected")
	a.told(to, map[string]int{"action": 2})
}
