package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The inspector is inspected: whatever it must catch is planted, and what it must not.
func TestInspectorCatches(t *testing.T) {
	for file, c := range map[string]struct{ imports, want string }{
		"issue.go":                   {"github.com/google/uuid", "standard library only"},
		"meta.go":                    {module + "/executor", "the root may import nothing else of ours"},
		"executor/run.go":            {module + "/persistence", "executor may import the root and nothing else of ours"},
		"executor/email/send.go":     {module + "/executor/slack", "executor may import the root"},
		"executor/pager/page.go":     {"fmt", "executor/pager is not in the plan"},
		"batteries/http/check.go":    {module + "/batteries/sql", "batteries may import the root"},
		"batteries/http/store.go":    {"github.com/jackc/pgx/v5", "SQL is spoken in"},
		"activities/check.go":        {"go.temporal.io/sdk/client", "Temporal is called from"},
		"workflows/issue.go":         {"net/http", "no I/O"},
		"workflows/check.go":         {module + "/starter", "workflows may import the root, activities"},
		"starter/reconcile.go":       {module + "/activities", "starter may import the root, workflows"},
		"service/run.go":             {module + "/devserver", "service may import"},
		"worker/run.go":              {module + "/cli", "worker may import"},
		"devserver/start.go":         {module + "/cli", "devserver may import"},
		"cli/serve.go":               {module + "/persistence", "cli may import"},
		"cli/temporal_test.go":       {"go.temporal.io/server/temporal", "must not bring the Temporal server"},
		"httpapi/yaml.go":            {"github.com/goccy/go-yaml", "config only"},
		"executor/webhook/mail.go":   {"github.com/wneessen/go-mail", "executor/email only"},
		"persistence/migrate.go":     {"github.com/spf13/cobra", "cli only"},
		"console/api.go":             {"github.com/danielgtaylor/huma/v2", "httpapi only"},
		"activities/case.go":         {"github.com/expr-lang/expr/vm", "diagnosis and the http battery only"},
		"util/strings.go":            {"strings", "util is not in the plan"},
		"cmd/other/main.go":          {"fmt", "cmd/other is not in the plan"},
		"persistence/mysql/mysql.go": {"fmt", "persistence/mysql is not in the plan"},
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			got := planted(t, file, c.imports)
			if len(got) != 1 || !strings.HasPrefix(got[0], file) || !strings.Contains(got[0], c.want) {
				t.Errorf("want one violation of %s about %q, got %q", file, c.want, got)
			}
		})
	}
}

func TestInspectorLetsPass(t *testing.T) {
	for file, imports := range map[string]string{
		"issue.go":                     "encoding/json",
		"issue_test.go":                "github.com/google/go-cmp/cmp",
		"executor/run.go":              module + "/executor/email",
		"persistence/postgres/open.go": module + "/persistence/migrations",
		"persistence/sqlite/open.go":   "modernc.org/sqlite",
		"batteries/all.go":             module + "/batteries/sql",
		"batteries/temporal/run.go":    "go.temporal.io/sdk/client",
		"workflows/issue.go":           module + "/activities",
		"workflows/issue_test.go":      "os",
		"workflows/text.go":            "netip.example/os", // a name that only looks like one
		"service/run.go":               module + "/persistence/postgres",
		"cmd/narrative/main.go":        module + "/devserver",
		"tests/bench.go":               module + "/cli",
		"executor/testdata/x/bad.go":   module + "/cli",
		".narrative/old.go":            module + "/cli",
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			if got := planted(t, file, imports); len(got) != 0 {
				t.Errorf("want nothing, got %q", got)
			}
		})
	}
}

// planted returns the violations in a house of one file.
func planted(t *testing.T, file, imports string) []string {
	t.Helper()
	root := t.TempDir()
	name := filepath.Join(root, filepath.FromSlash(file))
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	source := fmt.Sprintf("package planted\n\nimport _ %q\n", imports)
	if err := os.WriteFile(name, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	violations, _, err := inspect(root)
	if err != nil {
		t.Fatal(err)
	}
	return violations
}
