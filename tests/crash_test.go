package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// linesOf returns the lines of a file, none when it is not there.
func linesOf(t *testing.T, path string) []string {
	t.Helper()
	content, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(content))
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// planManifest is a meta that fails until the file `healthy` is there, and whose one case has the given plan.
func planManifest(dir, plan string) string {
	return fmt.Sprintf(`
config: {admins: {email: [ops@example.com]}}
assertions:
  - name: healthy
    class: test.FileExists
    every: 2s
    timeout: 10s
    args: {path: %[1]s/healthy}
    diagnostics:
      - case: repair
        when: issue.rounds == 0
        reason: it can be repaired
        plan:
%[2]s
      - case: wait
        when: issue.rounds > 0
        reason: it was repaired once
        pass: true
`, dir, strings.ReplaceAll(plan, "DIR", dir))
}

func devFlags() []string {
	return []string{"dev", "-f", "narrative.yaml", "--listen", "127.0.0.1:0", "--temporal-port", "0", "--ui-port", "0"}
}

// TestKilledInMidPlan kills the process with SIGKILL while the second of three actions runs. The first, whose
// completion was recorded, is not repeated; the second goes on as it may; the issue is not lost.
func TestKilledInMidPlan(t *testing.T) {
	for name, c := range map[string]struct {
		second string
		status string
		want   map[string]int // lines in a file at the end
	}{
		"a repeatable action is repeated and the plan goes on": {
			second: "append_repeatable: {path: DIR/second, line: second}",
			status: "solution_applied",
			want:   map[string]int{"first": 1, "third": 1},
		},
		"an action that may have happened is not repeated": {
			second: "wait_for: {path: DIR/never, started: DIR/second}",
			status: "impasse",
			want:   map[string]int{"first": 1, "second": 1, "third": 0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			plan := "          - append: {path: DIR/first, line: first}\n" +
				"          - " + c.second + "\n" +
				"          - append: {path: DIR/third, line: third}"
			if c.status == "solution_applied" { // a gate to be killed at, which does no harm to repeat
				plan = strings.Replace(plan, "          - append_repeatable", "          - wait_for_repeatable: {path: DIR/gate, started: DIR/second}\n          - append_repeatable", 1)
			}
			write(t, filepath.Join(dir, "narrative.yaml"), planManifest(dir, plan))
			p := start(t, programBinary, dir, nil, devFlags()...)
			await(t, 30*time.Second, "the second action has started", func() error {
				if len(linesOf(t, filepath.Join(dir, "second"))) == 1 {
					return nil
				}
				return fmt.Errorf("not yet")
			})
			_ = p.end(syscall.SIGKILL, 10*time.Second)
			write(t, filepath.Join(dir, "gate"), "")
			p = start(t, programBinary, dir, nil, devFlags()...)
			await(t, 60*time.Second, "the plan ends as "+c.status, func() error {
				all := p.issues("")
				if len(all) == 1 && all[0].Status == c.status {
					return nil
				}
				return fmt.Errorf("issues %+v", all)
			})
			for file, want := range c.want {
				if got := linesOf(t, filepath.Join(dir, file)); len(got) != want {
					t.Errorf("action %s happened %d times; want %d", file, len(got), want)
				}
			}
			write(t, filepath.Join(dir, "healthy"), "")
			await(t, 30*time.Second, "the issue resolves once the assertion passes", func() error {
				if all := p.issues("?status=resolved"); len(all) == 1 {
					return nil
				}
				return fmt.Errorf("issues %+v", p.issues(""))
			})
			if got := linesOf(t, filepath.Join(dir, "healthy.recovered")); len(got) != 1 {
				t.Errorf("Recovered ran %d times; want once", len(got))
			}
		})
	}
}

// secret is planted in an environment variable and in a file.
const secret = "s3cr3t-hunter2-planted"

// TestSecretsStayInside plants secrets where a check, a diagnostic plan and an error use them, and greps everything
// that the process leaves behind: Temporal's histories, the store, the outbox, what was printed.
func TestSecretsStayInside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "token"), secret+"-file\n")
	write(t, filepath.Join(dir, "narrative.yaml"), `
config: {admins: {email: [ops@example.com]}}
assertions:
  - name: leaks
    class: test.Leaky
    every: 1s
    args: {secret: "${env:PLANTED}"}
    diagnostics:
      - case: tell
        when: issue.rounds == 0
        reason: it leaks
        plan:
          - append: {path: `+dir+`/told, line: "${env:PLANTED} ${file:token} {{.Verdict.Summary}}"}
          - email: {to: ops@example.com, subject: "leak", text: "the secret is ${env:PLANTED}"}
          - webhook: {url: "http://127.0.0.1:9/${env:PLANTED}", headers: {Authorization: "Bearer ${file:token}"}}
            retry: {attempts: 1}
  - name: errs
    class: test.Leaky
    every: 1s
    error_after: 1
    args: {secret: "${env:PLANTED}", error: true}
  - name: database
    class: sql
    every: 1s
    error_after: 1
    args: {dsn: "postgres://user:${env:PLANTED}@127.0.0.1:9/none", holds: SELECT true}
`)
	env := settings{"PLANTED": secret}
	p := start(t, programBinary, dir, env, append(devFlags(), "--log-level", "debug")...)
	await(t, 60*time.Second, "the plan ran up to its failing webhook, and errors were told", func() error {
		if i := p.issues("?assertion=leaks"); len(i) != 1 || i[0].Status != "impasse" {
			return fmt.Errorf("issues %+v", i)
		}
		if i := p.issues("?assertion=errs"); len(i) != 1 || i[0].Kind != "check_error" {
			return fmt.Errorf("issues %+v", i)
		}
		if i := p.issues("?assertion=database"); len(i) != 1 {
			return fmt.Errorf("issues %+v", i)
		}
		if letters := outbox(t, filepath.Join(dir, ".narrative", "outbox")); count(letters, "opened") != 2 || count(letters, "impasse") != 1 {
			return fmt.Errorf("mails %+v", letters)
		}
		return nil
	})
	if err := p.end(os.Interrupt, 10*time.Second); err != nil {
		t.Errorf("Ctrl-C: %v", err)
	}
	if got := linesOf(t, filepath.Join(dir, "told")); len(got) < 2 || got[0] != secret || got[1] != secret+"-file" {
		t.Errorf("the action got %q; want both secrets", got)
	}
	if strings.Contains(p.out.String(), secret) {
		t.Errorf("the secret was printed:\n%s", p.out)
	}
	err := filepath.WalkDir(filepath.Join(dir, ".narrative"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(content), secret) {
			at := strings.Index(string(content), secret)
			t.Errorf("the secret is in %s, near %q", path, content[max(0, at-200):min(len(content), at+100)])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestEventIsAnsweredOnce notices two lines of a file, answers each once, also after a restart, and a third later.
func TestEventIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "lines"), "one\ntwo\n")
	write(t, filepath.Join(dir, "narrative.yaml"), `
events:
  - name: lines
    class: test.Lines
    every: 1s
    ttl: 7d
    args: {path: `+dir+`/lines}
    respond:
      - append: {path: `+dir+`/answered, line: "{{.Summary.line}}:{{.Details.length}}"}
`)
	p := start(t, programBinary, dir, nil, devFlags()...)
	answered := func(want int) func() error {
		return func() error {
			if got := linesOf(t, filepath.Join(dir, "answered")); len(got) != want {
				return fmt.Errorf("answered %q", got)
			}
			return nil
		}
	}
	await(t, 30*time.Second, "both lines are answered", answered(2))
	_ = p.end(syscall.SIGKILL, 10*time.Second)
	write(t, filepath.Join(dir, "lines"), "one\ntwo\nthree\n")
	start(t, programBinary, dir, nil, devFlags()...)
	await(t, 45*time.Second, "the third line is answered, and no other again", answered(3))
}
