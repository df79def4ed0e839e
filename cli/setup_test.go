package cli

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/service"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// result is how a command ended.
type result struct {
	code           int
	stdout, stderr string
}

// is fails unless the command ended with that code, and stdout and stderr hold the text (empty: nothing at all).
func (r result) is(t *testing.T, code int, stdout, stderr string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit %d, want %d\nstdout: %s\nstderr: %s", r.code, code, r.stdout, r.stderr)
	}
	for _, stream := range []struct{ name, got, want string }{{"stdout", r.stdout, stdout}, {"stderr", r.stderr, stderr}} {
		if stream.want == "" && stream.got != "" || !strings.Contains(stream.got, stream.want) {
			t.Errorf("%s is %q, want %q", stream.name, stream.got, stream.want)
		}
	}
	if strings.Contains(r.stderr, "Usage:") || strings.Contains(r.stderr, "goroutine ") {
		t.Errorf("stderr dumps usage or a trace: %s", r.stderr)
	}
}

// buffer is output that can be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// world is what commands run in.
type world struct {
	env      map[string]string
	stdin    string
	terminal bool // a person types stdin
	wiring   wiring
	stdout   buffer
	stderr   buffer
}

func setup(t *testing.T) *world {
	t.Helper()
	return &world{env: map[string]string{"USER": "ann"}, wiring: realWiring()}
}

func (w *world) run(args ...string) result { return w.runUntil(context.Background(), args) }

func (w *world) runUntil(ctx context.Context, args []string, options ...Option) result {
	process := Process{
		Args: args, Stdin: strings.NewReader(w.stdin), Stdout: &w.stdout, Stderr: &w.stderr, Terminal: w.terminal,
		Env: func(name string) string { return w.env[name] }, Now: func() time.Time { return noon },
	}
	options = append(options, WithVersion("1.2.3"), func(p *program) { p.wiring = w.wiring })
	code := Run(ctx, narrative.NewRegistry(), process, options...)
	return result{code, w.stdout.String(), w.stderr.String()}
}

// fakeAPI answers what it was told to and remembers what it was asked.
type fakeAPI struct {
	*httptest.Server
	mu      sync.Mutex
	asked   []string // METHOD PATH?QUERY BODY
	header  http.Header
	answers map[string][]answer // by METHOD PATH; the last one repeats
}

type answer struct {
	status int
	body   string
}

// withAPI sets up a world whose API answers so.
func withAPI(t *testing.T, answers map[string][]answer) (*world, *fakeAPI) {
	t.Helper()
	a := &fakeAPI{answers: answers}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	w := setup(t)
	w.env["NARRATIVE_URL"] = a.URL
	return w, a
}

func (a *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	query := ""
	if r.URL.RawQuery != "" {
		query = "?" + r.URL.RawQuery
	}
	a.asked = append(a.asked, strings.TrimSpace(r.Method+" "+r.URL.Path+query+" "+string(body)))
	a.header = r.Header
	key := r.Method + " " + r.URL.Path
	left := a.answers[key]
	if len(left) == 0 && key == "GET /api/v1/notifications" {
		left = []answer{{200, `{"items":[]}`}} // which every issue that is shown is asked for
	}
	if len(left) == 0 {
		left = []answer{{404, `{"title":"Not Found","status":404,"detail":"there is nothing at ` + r.URL.Path + `"}`}}
	}
	if len(left) > 1 {
		a.answers[key] = left[1:]
	}
	w.Header().Set("ETag", `"e1"`)
	w.WriteHeader(left[0].status)
	_, _ = io.WriteString(w, left[0].body)
}

// fakeServer is a service that only pretends.
type fakeServer struct {
	options service.Options
	addr    string
	start   func(context.Context) error
	failed  chan error
	stopped bool
}

var _ server = (*fakeServer)(nil)

func (s *fakeServer) Start(ctx context.Context) error {
	if s.start != nil {
		return s.start(ctx)
	}
	return nil
}

func (s *fakeServer) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failed:
		return err
	}
}

func (s *fakeServer) Stop()                      { s.stopped = true }
func (s *fakeServer) Addr() string               { return s.addr }
func (s *fakeServer) MetricsAddr() string        { return s.options.MetricsListen }
func (s *fakeServer) UIURL() string              { return "http://127.0.0.1:8233" }
func (s *fakeServer) TemporalAddress() string    { return "127.0.0.1:7233" }
func (s *fakeServer) Outbox() (string, []string) { return s.options.OutboxDir, []string{"email"} }

// withServer sets up a world whose service is the given one.
func withServer(t *testing.T, s *fakeServer) *world {
	t.Helper()
	w := setup(t)
	s.failed = make(chan error, 1)
	w.wiring.newService = func(o service.Options) (server, error) {
		s.options = o
		return s, nil
	}
	return w
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func unusedEmbedded(context.Context, service.EmbeddedOptions) (service.EmbeddedServer, error) {
	panic("the fake service starts no Temporal")
}
