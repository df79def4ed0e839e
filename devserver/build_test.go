package devserver

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The server builds with this version of otel/log and no other; a dependency elsewhere that asks for a later one would
// raise it and break the build of everything that has the server in it.
func TestServersFragileDependencyIsWhereItMustBe(t *testing.T) {
	for name, at := range map[string]struct {
		dir  string
		args []string
		env  string
	}{
		"this module":            {".", nil, "GOWORK=off"},
		"the workspace":          {".", nil, "GOWORK="},
		"the program, by itself": {"../cmd/narrative", []string{"-mod=mod", "-modfile=" + copyMod(t, "../cmd/narrative")}, "GOWORK=off"},
	} {
		t.Run(name, func(t *testing.T) {
			const module, want = "go.opentelemetry.io/otel/log", "v0.20.0"
			args := append([]string{"list", "-m", "-f", "{{.Version}}"}, at.args...)
			cmd := exec.CommandContext(t.Context(), "go", append(args, module)...)
			cmd.Dir = at.dir
			cmd.Env = append(cmd.Environ(), at.env)
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
			}
			if got := strings.TrimSpace(string(out)); got != want {
				t.Errorf("%s: want %s, got %s", module, want, got)
			}
		})
	}
}

// copyMod copies a module's go.mod and go.sum to where the go command may complete them, and returns the former's path.
func copyMod(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && (name == "go.mod" || !os.IsNotExist(err)) {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(to, "go.mod")
}
