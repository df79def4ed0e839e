package tests

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestDoctor asks how a deployment is: without anything set, with a store and a Temporal but no worker, and with all.
func TestDoctor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	database := "sqlite:" + filepath.Join(dir, "narrative.db")
	temporal := temporalServer(t)
	doctor := func(env settings, code int, want ...string) {
		t.Helper()
		out, got := command(t, narrativeBinary, dir, env, "doctor")
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("the doctor does not say %q:\n%s", w, out)
			}
		}
		if got != code {
			t.Errorf("exit code %d; want %d\n%s", got, code, out)
		}
	}
	doctor(settings{"TEMPORAL_ADDRESS": "127.0.0.1:9"}, 1,
		"BAD  configuration", "NARRATIVE_DATABASE_URL is not set", "BAD  temporal", "start Temporal, or set TEMPORAL_ADDRESS")
	env := settings{"NARRATIVE_DATABASE_URL": database, "TEMPORAL_ADDRESS": temporal}
	doctor(env, 1, "ok   configuration", "BAD  store", "narrative migrate", "search attributes are missing", "narrative setup",
		"namespace default keeps history for 3d", "no worker polls the task queue narrative", "start `narrative worker`")
	for _, args := range [][]string{{"migrate"}, {"setup"}} {
		if out, code := command(t, narrativeBinary, dir, env, args...); code != 0 {
			t.Fatalf("%s: exit code %d\n%s", args[0], code, out)
		}
	}
	launch(t, narrativeBinary, dir, env, "worker")
	start(t, narrativeBinary, dir, env, "serve", "--listen", "127.0.0.1:0")
	doctor(env, 0, "ok   store", "the search attributes are there", "pollers on the task queue narrative-notify")
	doctor(settings{"NARRATIVE_DATABASE_URL": database, "TEMPORAL_ADDRESS": temporal, "TEMPORAL_NAMESPACE": "elsewhere"}, 1,
		"namespace elsewhere", "temporal operator namespace create")
}
