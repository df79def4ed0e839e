package cli

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	beatPosted  = "POST /api/v1/heartbeats/job"
	startPosted = "POST /api/v1/heartbeats/job/start"
	failPosted  = "POST /api/v1/heartbeats/job/fail"
)

// withBeats sets up a world whose API takes the beats of job.
func withBeats(t *testing.T) (*world, *fakeAPI) {
	t.Helper()
	taken := []answer{{201, `{}`}}
	return withAPI(t, map[string][]answer{beatPosted: taken, startPosted: taken, failPosted: taken})
}

// hastily runs a command that waits for next to nothing before it tries again.
func (w *world) hastily(args ...string) result {
	return w.runUntil(context.Background(), args, func(p *program) { p.every = time.Millisecond })
}

func TestARunIsToldOfAndEndsAsItsCommandDoes(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "script")
	write(t, script, "echo run by sh: $1; exit 4\n")
	if err := os.Chmod(script, 0o755); err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(t.TempDir(), "plain")
	write(t, plain, "")
	for name, test := range map[string]struct {
		command        []string
		code           int
		stdout, stderr string
		told           string
	}{
		"it goes well":                  {[]string{"sh", "-c", "cat; echo out; echo err >&2"}, 0, "in\nout\n", "err\n", beatPosted + ` {"duration":"0s","exit_code":0}`},
		"it fails":                      {[]string{"sh", "-c", "exit 3"}, 3, "", "", failPosted + ` {"duration":"0s","exit_code":3}`},
		"a signal ends it":              {[]string{"sh", "-c", "kill -KILL $$"}, 137, "", "", failPosted + ` {"duration":"0s","exit_code":137,"signal":"killed"}`},
		"there is none":                 {[]string{"no-such-command"}, 127, "", "narrative: no-such-command cannot be started: executable file not found in $PATH\n", failPosted + ` {"duration":"0s","error":"executable file not found in $PATH","exit_code":127}`},
		"there is none at a path":       {[]string{"/no/such"}, 127, "", "narrative: /no/such cannot be started: no such file or directory\n", failPosted + ` {"duration":"0s","error":"no such file or directory","exit_code":127}`},
		"it is not executable":          {[]string{plain}, 126, "", "narrative: " + plain + " cannot be started: permission denied\n", failPosted + ` {"duration":"0s","error":"permission denied","exit_code":126}`},
		"it is a folder":                {[]string{"/"}, 126, "", "narrative: / cannot be started: is a directory\n", failPosted + ` {"duration":"0s","error":"is a directory","exit_code":126}`},
		"it is a script without #!":     {[]string{script, "one"}, 4, "run by sh: one\n", "", failPosted + ` {"duration":"0s","exit_code":4}`},
		"its flags are not narrative's": {[]string{"echo", "--quiet", "-o", "--", "x"}, 0, "--quiet -o -- x\n", "", beatPosted + ` {"duration":"0s","exit_code":0}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, api := withBeats(t)
			w.stdin = "in\n"
			r := w.run(append([]string{"heartbeat", "run", "job", "--"}, test.command...)...)
			if diff := cmp.Diff(result{test.code, test.stdout, test.stderr}, r, cmp.AllowUnexported(result{})); diff != "" {
				t.Errorf("ended (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{startPosted, test.told}, api.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

func TestANoteIsToldBesidesHowARunEnded(t *testing.T) {
	t.Parallel()
	w, api := withBeats(t)
	w.run("heartbeat", "run", "job", "--note", `{"host": "db1", "n": 12345678901234567890, "exit_code": "?"}`, "--", "true").is(t, 0, "", "")
	want := []string{
		startPosted + ` {"exit_code":"?","host":"db1","n":12345678901234567890}`,
		beatPosted + ` {"duration":"0s","exit_code":0,"host":"db1","n":12345678901234567890}`,
	}
	if diff := cmp.Diff(want, api.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestARunIsRefusedBeforeItsCommandIsRun(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "touched")
	for stderr, args := range map[string][]string{
		"narrative: narrative heartbeat run needs NAME, then --, then the command":   {},
		"needs NAME, then --, then the command, such":                                {"job", "touch", file},
		"NAME, then --, then the command, such as":                                   {"job", "touch", "--", file},
		", then --, then the command, such as nightly":                               {"job", "--"},
		"narrative: unknown shorthand flag: 'c' in -c; the command and its flags go": {"job", "sh", "-c", "touch " + file},
		`narrative: name "A job" must be`:                                            {"A job", "--", "touch", file},
		`narrative: --note must be a JSON object, such as '{"host": "db1"}'`:         {"job", "--note", `"text"`, "--", "touch", file},
		`--note must be a JSON object, such as '{"host": "db1"}'` + "\n":             {"job", "--note", `null`, "--", "touch", file},
	} {
		w, api := withBeats(t)
		w.run(append([]string{"heartbeat", "run"}, args...)...).is(t, 2, "", stderr)
		if len(api.asked) > 0 {
			t.Errorf("asked %v", api.asked)
		}
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the command was run")
	}
}

func TestACommandIsRunThoughNarrativeIsAway(t *testing.T) {
	t.Parallel()
	w, api := withBeats(t)
	api.Close()
	r := w.hastily("heartbeat", "run", "job", "--", "sh", "-c", "echo out; exit 5")
	r.is(t, 5, "out\n", "narrative: the start of job could not be told: the Narrative API at "+api.URL+" cannot be reached (connection refused)")
	r.is(t, 5, "out\n", "narrative: the end of job could not be told: the Narrative API at")
	w.stdout, w.stderr = buffer{}, buffer{}
	if r := w.hastily("heartbeat", "run", "job", "--quiet", "--", "sh", "-c", "echo out; exit 5"); r != (result{5, "out\n", ""}) {
		t.Errorf("%+v", r)
	}
}

func TestWhatIsNotAnsweredIsToldAgain(t *testing.T) {
	t.Parallel()
	w, api := withAPI(t, map[string][]answer{
		startPosted: {{201, `{}`}},
		beatPosted:  {{503, `{"status":503,"detail":"away"}`}, {503, `{"status":503,"detail":"away"}`}, {201, `{}`}},
	})
	w.hastily("heartbeat", "run", "job", "--", "true").is(t, 0, "", "")
	beat := beatPosted + ` {"duration":"0s","exit_code":0}`
	if diff := cmp.Diff([]string{startPosted, beat, beat, beat}, api.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestWhatIsRefusedIsNotToldAgain(t *testing.T) {
	t.Parallel()
	refused := []answer{{401, `{"status":401,"detail":"a key is needed"}`}}
	w, api := withAPI(t, map[string][]answer{startPosted: refused, beatPosted: refused})
	w.hastily("heartbeat", "run", "job", "--", "true").is(t, 0, "", "the end of job could not be told: a key is needed; set NARRATIVE_API_KEY")
	if diff := cmp.Diff([]string{startPosted, beatPosted + ` {"duration":"0s","exit_code":0}`}, api.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// TestAStartThatHangsDelaysNothing has an API that answers the start only once the command has ended.
func TestAStartThatHangsDelaysNothing(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ended")
	var order []string // of answers, which come one after the other
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/start") {
			eventually(t, "the command has ended", func() bool { _, err := os.Stat(file); return err == nil })
		}
		order = append(order, r.URL.Path)
		w.WriteHeader(http.StatusCreated)
	}))
	defer api.Close()
	w := setup(t)
	w.env["NARRATIVE_URL"] = api.URL
	w.run("heartbeat", "run", "job", "--", "touch", file).is(t, 0, "", "")
	if diff := cmp.Diff([]string{"/api/v1/heartbeats/job/start", "/api/v1/heartbeats/job"}, order); diff != "" {
		t.Errorf("answered (-want +got):\n%s", diff)
	}
}

func TestWhatEndsARunEndsItsCommand(t *testing.T) {
	t.Parallel()
	w, api := withBeats(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan result, 1)
	go func() {
		ended <- w.runUntil(ctx, []string{"heartbeat", "run", "job", "--", "sh", "-c", `trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done`})
	}()
	eventually(t, "the command runs", func() bool { return w.stdout.String() != "" })
	stop()
	if r := <-ended; r != (result{9, "ready\n", ""}) {
		t.Errorf("%+v", r)
	}
	if diff := cmp.Diff([]string{startPosted, failPosted + ` {"duration":"0s","exit_code":9}`}, api.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}
