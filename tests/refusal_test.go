package tests

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRefusals starts the real binary with what cannot work: each is refused with one clear sentence that says what to
// do, without a stack trace, and leaves nothing behind.
func TestRefusals(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	const nowhere = "127.0.0.1:9"
	free := []string{"--listen", "127.0.0.1:0", "--temporal-port", "0", "--ui-port", "0"}
	dev := func(args ...string) []string { return append(append([]string{"dev"}, free...), args...) }
	for name, c := range map[string]struct {
		env  settings
		args []string
		code int
		want []string
	}{
		"an unknown flag":              {nil, []string{"dev", "--dta-dir", "x"}, 2, []string{"--dta-dir"}},
		"an unknown command":           {nil, []string{"issue", "expalin", "x"}, 2, []string{"expalin", "explain"}},
		"a port that is none":          {nil, []string{"dev", "--temporal-port", "70000"}, 2, []string{"--temporal-port", "65535"}},
		"a listen address":             {settings{"NARRATIVE_DATABASE_URL": "sqlite:x.db"}, []string{"serve", "--listen", "here"}, 2, []string{"here", "127.0.0.1:8321"}},
		"a public address":             {settings{"NARRATIVE_DATABASE_URL": "sqlite:x.db"}, []string{"serve", "--listen", "0.0.0.0:8321"}, 2, []string{"0.0.0.0:8321", "--insecure"}},
		"a port that is taken":         {nil, []string{"dev", "--listen", taken.Addr().String()}, 1, []string{taken.Addr().String(), "--listen"}},
		"a Temporal port taken":        {nil, dev("--temporal-port", port(taken)), 1, []string{port(taken), "choose another port"}},
		"a trigger that is none":       {nil, dev("--trigger", "chron"), 2, []string{"--trigger", "cron or schedule"}},
		"no database URL":              {nil, []string{"worker"}, 2, []string{"NARRATIVE_DATABASE_URL", "postgres://"}},
		"a database URL":               {settings{"NARRATIVE_DATABASE_URL": "mysql://u:hunter2@x/y"}, []string{"worker"}, 2, []string{"postgres://", "sqlite:PATH"}},
		"a database that is not there": {settings{"NARRATIVE_DATABASE_URL": "postgres://u:hunter2@" + nowhere + "/y"}, []string{"worker"}, 1, []string{nowhere}},
		"a database without tables":    {settings{"NARRATIVE_DATABASE_URL": "sqlite:empty.db"}, []string{"worker"}, 1, []string{"narrative migrate"}},
		"a Temporal that is not there": {settings{"TEMPORAL_ADDRESS": nowhere}, dev(), 1, []string{nowhere, "TEMPORAL_ADDRESS"}},
		"a mail server's URL":          {settings{"NARRATIVE_SMTP_URL": "http://u:hunter2@x"}, dev(), 2, []string{"NARRATIVE_SMTP_URL", "smtp[s]://"}},
		"a sender":                     {settings{"NARRATIVE_MAIL_FROM": "nobody"}, dev(), 2, []string{"NARRATIVE_MAIL_FROM", "nobody"}},
		"a file that is not there":     {nil, dev("-f", "nowhere.yaml"), 1, []string{"nowhere.yaml"}},
		"a file with mistakes":         {nil, dev("-f", "bad.yaml"), 2, []string{"bad.yaml:2:", "bad.yaml:3:", "31 2", "never fires"}},
		"an API that is not there":     {settings{"NARRATIVE_URL": "http://" + nowhere}, []string{"issue", "list"}, 1, []string{nowhere, "narrative dev"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, filepath.Join(dir, "bad.yaml"), "assertions:\n  - {name: UPPER, class: sql, every: 10ms, args: {dsn: \"sqlite:x.db\", holds: SELECT 1}}\n  - {name: b, class: nobody, cron: \"0 0 31 2 *\"}\n")
			out, code := command(t, narrativeBinary, dir, c.env, c.args...)
			if code != c.code {
				t.Errorf("exit code %d; want %d", code, c.code)
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("it does not say %q", want)
				}
			}
			for _, never := range []string{"goroutine ", "panic", "hunter2", ".go:"} {
				if strings.Contains(out, never) {
					t.Errorf("it says %q", never)
				}
			}
			if c.code == 2 {
				if _, err := os.Stat(filepath.Join(dir, ".narrative")); err == nil {
					t.Error("it made .narrative")
				}
			}
			if t.Failed() {
				t.Logf("it says:\n%s", out)
			}
		})
	}
}

func port(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
