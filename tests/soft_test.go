package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/narrative-go/narrative/activities"
)

var temporalAddress = regexp.MustCompile(`its server: ([0-9.:]+)`)

// softs waits until the state of the assertion `healthy` that is not acted upon yet is as wanted, in the API, in what
// `assertion show` prints, and in the result of the newest check's workflow.
func (p *process) softs(want string) {
	p.t.Helper()
	var shown struct {
		Soft string `json:"soft"`
	}
	await(p.t, 30*time.Second, fmt.Sprintf("the soft state is %q", want), func() error {
		p.get("/api/v1/assertions/healthy", &shown)
		if shown.Soft != want {
			return fmt.Errorf("it is %q", shown.Soft)
		}
		return nil
	})
	if out := p.cli(0, "assertion", "show", "healthy"); !strings.Contains(out, want) {
		p.t.Errorf("assertion show lacks %q:\n%s", want, out)
	}
	address := temporalAddress.FindStringSubmatch(p.out.String())
	if address == nil {
		p.t.Fatalf("where Temporal is was not printed:\n%s", p.out)
	}
	temporal, err := client.Dial(client.Options{HostPort: address[1], Logger: quiet{}})
	if err != nil {
		p.t.Fatal(err)
	}
	defer temporal.Close()
	var result activities.CheckOutput
	if err := temporal.GetWorkflow(p.t.Context(), "assertion/healthy/now", "").Get(p.t.Context(), &result); err != nil || result.Soft != want {
		p.t.Errorf("the check's result is %+v (%v); want the soft state %q", result, err, want)
	}
}

// cli runs an operator's command, which is to end with that exit code, and returns what it printed.
func (p *process) cli(code int, args ...string) string {
	p.t.Helper()
	out, got := command(p.t, narrativeBinary, p.cmd.Dir, settings{"NARRATIVE_URL": p.url}, args...)
	if got != code {
		p.t.Errorf("narrative %s: exit code %d; want %d\n%s", strings.Join(args, " "), got, code, out)
	}
	return out
}

// TestSoftState takes three failing checks to open an issue and two passing ones to resolve it; what was counted so far
// is shown, and outlives the process.
func TestSoftState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "narrative.yaml"), `
assertions:
  - {name: healthy, class: test.FileExists, every: 1h, args: {path: `+dir+`/healthy}, fail_after: 3, resolve_after: 2}
`)
	p := start(t, programBinary, dir, nil, devFlags()...)
	p.softs("failed in 1 check; an issue opens after 3 in a row")
	p.cli(3, "check", "healthy")
	p.softs("failed in 2 checks; an issue opens after 3 in a row")
	restart := func() {
		t.Helper()
		if err := p.end(os.Interrupt, 15*time.Second); err != nil {
			t.Errorf("Ctrl-C: %v", err)
		}
		p = start(t, programBinary, dir, nil, devFlags()...)
	}
	restart()
	p.softs("failed in 2 checks; an issue opens after 3 in a row")
	if all := p.issues(""); len(all) != 0 {
		t.Errorf("issues %+v before the third failing check", all)
	}
	p.cli(3, "check", "healthy")
	await(t, 30*time.Second, "the third failing check opens an issue", func() error { return p.oneIssue("open") })
	p.softs("")
	write(t, filepath.Join(dir, "healthy"), "")
	p.cli(0, "check", "healthy")
	p.softs("passed in 1 check; its issue is resolved after 2 in a row")
	restart()
	p.softs("passed in 1 check; its issue is resolved after 2 in a row")
	if err := p.oneIssue("open"); err != nil {
		t.Error(err)
	}
	p.cli(0, "check", "healthy")
	await(t, 30*time.Second, "the second passing check resolves the issue", func() error { return p.oneIssue("resolved") })
	p.softs("")
}
