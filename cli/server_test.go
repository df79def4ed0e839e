package cli

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/service"
)

func TestDevTellsWhatHappens(t *testing.T) {
	t.Parallel()
	_, api := withAPI(t, map[string][]answer{
		"GET /api/v1/assertions": {{200, `{"items":[{"enabled":true},{"enabled":false}],"next_cursor":"c2"}`}, {200, `{"items":[{"enabled":true}]}`}},
		"GET /api/v1/events":     {{200, `{"items":[]}`}},
	})
	s := &fakeServer{addr: strings.TrimPrefix(api.URL, "http://")}
	s.start = func(context.Context) error {
		s.options.Told(service.Happening{At: noon, Text: "before the banner"})
		return nil
	}
	w := withServer(t, s)
	w.env["NARRATIVE_UI_PORT"] = "8233"
	ctx, interrupt := context.WithCancel(context.Background())
	done := make(chan result)
	go func() {
		done <- w.runUntil(ctx, []string{"dev", "-f", "shop.yaml", "--data-dir", "d", "--temporal-port", "7233", "--ui-port", "8233"}, WithEmbedded(unusedEmbedded))
	}()
	eventually(t, "the banner is out", func() bool { return strings.Contains(w.stdout.String(), "data      d") })
	s.options.Told(service.Happening{At: noon, Text: "invoice 3\nis \x1b[2Jout of balance"})
	interrupt()
	clock := noon.Local().Format("15:04:05")
	(<-done).is(t, 0, `Narrative is ready. Ctrl-C stops it.
  watching  2 assertions (shop.yaml)
  API       `+api.URL+`
  Temporal  http://127.0.0.1:8233 (its server: 127.0.0.1:7233)
  outbox    `+filepath.Join("d", "outbox")+` (no SMTP is configured, so mail is written here)
  data      d

`+clock+`  before the banner
`+clock+"  invoice 3 is \ufffd[2Jout of balance\nstopped; started again, it goes on where it was\n", "")
	if !s.stopped {
		t.Error("the service was not stopped")
	}
	o := s.options
	got := []any{o.API, o.Worker, o.Migrate, o.File, o.DataDir, o.TemporalPort, o.UIPort, o.Listen, o.Insecure, o.Version, o.Embedded != nil}
	want := []any{true, true, true, "shop.yaml", "d", 7233, 8233, "127.0.0.1:8321", false, "1.2.3", true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
}

func TestFlagsWinOverTheEnvironment(t *testing.T) {
	t.Parallel()
	s := &fakeServer{start: func(context.Context) error { return errors.New("enough") }}
	w := withServer(t, s)
	w.env["NARRATIVE_LISTEN"], w.env["NARRATIVE_DATA_DIR"] = "127.0.0.1:1", "from-env"
	w.env["NARRATIVE_SMTP_URL"] = "smtp://mail:25"
	w.runUntil(context.Background(), []string{"dev", "--listen", "127.0.0.1:2"}, WithEmbedded(unusedEmbedded)).is(t, 1, "", "narrative: enough\n")
	if diff := cmp.Diff([]string{"127.0.0.1:2", "from-env", filepath.Join("from-env", "outbox")}, []string{s.options.Listen, s.options.DataDir, s.options.OutboxDir}); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	w = withServer(t, s)
	w.env["NARRATIVE_UI_PORT"] = "many"
	w.runUntil(context.Background(), []string{"dev"}, WithEmbedded(unusedEmbedded)).is(t, 2, "", `NARRATIVE_UI_PORT is "many", which is no good for --ui-port: invalid syntax`)
}

func TestDevOnAnotherTemporal(t *testing.T) {
	t.Parallel()
	s := &fakeServer{start: func(context.Context) error { return errors.New("enough") }}
	w := withServer(t, s)
	w.env["TEMPORAL_ADDRESS"] = "127.0.0.1:7233"
	dir := filepath.Join(t.TempDir(), "data")
	w.run("dev", "--data-dir", dir).is(t, 1, "", "enough")
	if want := "sqlite:" + filepath.Join(dir, "narrative.db"); s.options.DatabaseURL != want {
		t.Errorf("database %q, want %q", s.options.DatabaseURL, want)
	}
}

func TestServeAndWorkerAskForTheirHalf(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s := &fakeServer{addr: "127.0.0.1:1"}
	w := withServer(t, s)
	w.env["NARRATIVE_DATABASE_URL"] = "sqlite:x"
	w.runUntil(ctx, []string{"serve", "--listen", "0.0.0.0:80", "--insecure"}).is(t, 0, "", "serving the API")
	if o := s.options; !o.API || o.Worker || o.Migrate || o.Listen != "0.0.0.0:80" || !o.Insecure || o.DatabaseURL != "sqlite:x" {
		t.Errorf("serve asks for %+v", o)
	}
	w = withServer(t, s)
	w.runUntil(ctx, []string{"worker", "--queue", "a", "--queue", "b", "--log-format", "json"}).is(t, 0, "", `"msg":"working"`)
	if o := s.options; o.API || !o.Worker || !cmp.Equal(o.Queues, []string{"a", "b"}) {
		t.Errorf("worker asks for %+v", o)
	}
}

func TestServerFailures(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		code int
	}{
		"invalid":     {narrative.Errorf(narrative.Invalid, "NARRATIVE_DATABASE_URL must be such"), 2},
		"unavailable": {narrative.Errorf(narrative.Unavailable, "Temporal does not answer"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := withServer(t, &fakeServer{start: func(context.Context) error { return test.err }})
			w.run("serve").is(t, test.code, "", "narrative: "+test.err.Error()+"\n")
			w = withServer(t, failingLater(test.err))
			w.run("worker").is(t, test.code, "", test.err.Error())
		})
	}
}

// failingLater is a server that starts and then fails for good.
func failingLater(err error) *fakeServer {
	s := &fakeServer{}
	s.start = func(context.Context) error {
		s.failed <- err
		return nil
	}
	return s
}

func TestServerToldToEndBeforeItHasBegun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	w := withServer(t, &fakeServer{start: func(ctx context.Context) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}})
	w.runUntil(ctx, []string{"serve"}).is(t, 0, "", "")
}

func TestRealServiceRefusesBeforeConnecting(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		env  string
		says string
	}{
		"public address": {[]string{"serve", "--listen", "0.0.0.0:8321"}, "postgres://nowhere.invalid/x", "--insecure"},
		"all addresses":  {[]string{"serve", "--listen", ":8321"}, "postgres://nowhere.invalid/x", "--insecure"},
		"no address":     {[]string{"serve", "--listen", "here"}, "postgres://nowhere.invalid/x", "--listen"},
		"no port":        {[]string{"serve", "--listen", "127.0.0.1:99999"}, "postgres://nowhere.invalid/x", "--listen"},
		"no database":    {[]string{"serve"}, "", "NARRATIVE_DATABASE_URL"},
		"bad database":   {[]string{"worker"}, "mysql://x", "NARRATIVE_DATABASE_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.env["NARRATIVE_DATABASE_URL"] = test.env
			start := time.Now()
			w.run(test.args...).is(t, 2, "", test.says)
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("took %s: it seems to have connected", took)
			}
		})
	}
}

func TestSetupAndMigrate(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.wiring.setup = func(context.Context, service.Options) ([]string, error) { return []string{"NarrativeKind"}, nil }
	w.run("setup").is(t, 0, "made the search attributes NarrativeKind\n", "")
	w = setup(t)
	w.wiring.setup = func(context.Context, service.Options) ([]string, error) { return nil, nil }
	w.run("setup").is(t, 0, "all search attributes already\n", "")
	for said, test := range map[string]struct {
		args      []string
		from, now int
	}{
		"went from version 0 to 2": {nil, 0, 2},
		"is at version 2":          {nil, 2, 2},
		"went from version 2 to 1": {[]string{"--to", "1"}, 2, 1},
	} {
		w := setup(t)
		w.env["NARRATIVE_DATABASE_URL"] = "sqlite:x"
		var asked int
		w.wiring.migrate = func(_ context.Context, _ string, to int) (int, int, error) {
			asked = to
			return test.from, test.now, nil
		}
		w.run(append([]string{"migrate"}, test.args...)...).is(t, 0, "the store "+said+"\n", "")
		if want := map[bool]int{true: 1, false: -1}[test.args != nil]; asked != want {
			t.Errorf("asked for version %d, want %d", asked, want)
		}
	}
}
