package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	narrative "github.com/narrative-go/narrative"
)

func TestMain(m *testing.M) {
	testscript.Main(withPostgres{m}, map[string]func(){"narrative": scripted, pluginName: scripted})
}

// scripted is the program as the scripts start it: at a fixed time, in a hurry, and at a terminal where they say so.
func scripted() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(Run(ctx, narrative.NewRegistry(), Process{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Env: os.Getenv,
		Now: func() time.Time { return noon }, Name: calledAs(os.Args[0]), Screen: os.Getenv("AT_A_SCREEN") != "",
	}, WithVersion("1.2.3"), func(p *program) { p.every = 20 * time.Millisecond }))
}

// TestScripts runs testdata/script/*.txtar, each with an API of its own that answers from the script's files: METHOD and
// path, with _ for /, and .json. Of several named .1.json, .2.json and so on, each answers once, and the last for ever.
// A first line "status 404" sets the status, "type text/event-stream" the type. The command `asked N` waits until the API was asked so often. With
// -update-scripts what the commands print becomes what is wanted.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			api := &filedAPI{dir: filepath.Join(env.WorkDir, "api"), times: map[string]int{}}
			server := httptest.NewServer(api)
			env.Defer(server.Close)
			env.Values["api"] = api
			env.Setenv("NARRATIVE_URL", server.URL)
			env.Setenv("USER", "ann")
			env.Setenv("TZ", "UTC")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"asked": asked},
	})
}

// asked waits until the API was asked so often.
func asked(ts *testscript.TestScript, _ bool, args []string) {
	api := ts.Value("api").(*filedAPI)
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		got := api.asked()
		if got >= want {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the API was asked %d times; want %d", got, want)
		}
	}
}

// filedAPI answers from files.
type filedAPI struct {
	dir   string
	mu    sync.Mutex
	total int
	times map[string]int
}

func (a *filedAPI) asked() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.total
}

func (a *filedAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.Method + strings.ReplaceAll(r.URL.Path, "/", "_")
	a.mu.Lock()
	a.total++
	a.times[name]++
	time := a.times[name]
	a.mu.Unlock()
	body, err := a.answer(name, time)
	if err != nil {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"title":"Not Found","status":404,"detail":"there is nothing at `+r.URL.Path+`"}`)
		return
	}
	if first, rest, _ := strings.Cut(body, "\n"); strings.HasPrefix(first, "status ") {
		status, _ := strconv.Atoi(strings.TrimPrefix(first, "status "))
		w.WriteHeader(status)
		body = rest
	} else if strings.HasPrefix(first, "type ") {
		w.Header().Set("Content-Type", strings.TrimPrefix(first, "type "))
		body = rest
	}
	_, _ = io.WriteString(w, body)
}

// answer is the file of the name for that time, or the last one before.
func (a *filedAPI) answer(name string, time int) (string, error) {
	for n := min(time, 9); n > 0; n-- {
		body, err := os.ReadFile(filepath.Join(a.dir, fmt.Sprintf("%s.%d.json", name, n)))
		if !errors.Is(err, os.ErrNotExist) {
			return string(body), err
		}
	}
	body, err := os.ReadFile(filepath.Join(a.dir, name+".json"))
	return string(body), err
}
