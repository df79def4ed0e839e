package tests

import (
	"os"
	"path/filepath"
	"testing"
)

// module is the import path of the house; "" stands for its root package below.
const module = "github.com/narrative-go/narrative"

// A room is a top-level folder, or a package of its own right beneath one.
type room struct {
	may     []string // rooms it may import, besides what is beneath the importing package
	anyOf   bool     // its packages may import each other in every direction
	parts   []string // the only packages beneath it; nil means that any may be there
	open    bool     // it may import every room
	stdOnly bool     // it imports the standard library and nothing else
}

// plan is the house: every room, and whom it may import. An arrow that is not here is a decision; so is a new room.
var plan = map[string]room{
	"": {stdOnly: true},

	"executor": {may: []string{""}, parts: []string{"email", "slack", "webhook"}},
	"persistence": {
		may: []string{""}, anyOf: true,
		parts: []string{"postgres", "sqlite", "engine", "migrations", "pgtest", "conformance"},
	},
	"activities":    {may: []string{""}},
	"batteries":     {may: []string{""}},
	"httpapi":       {may: []string{""}},
	"console":       {may: []string{""}},
	"config":        {may: []string{""}},
	"diagnosis":     {may: []string{""}},
	"narrativetest": {may: []string{""}},

	"workflows": {may: []string{"", "activities"}},
	"worker":    {may: []string{"", "activities", "workflows"}},
	"starter":   {may: []string{"", "workflows"}},

	"service": {may: []string{
		"", "executor", "persistence", "activities", "batteries", "httpapi", "console", "config", "diagnosis",
		"workflows", "worker", "starter",
	}},
	"devserver":     {may: []string{"", "service"}}, // so that `dev` takes it as it is
	"cli":           {may: []string{"", "service", "config", "httpapi"}},
	"cmd/narrative": {may: []string{"", "batteries", "cli", "devserver"}},
	"examples":      {may: []string{"", "batteries", "cli", "devserver", "service", "narrativetest"}},
	"tests":         {open: true},
}

// A restriction keeps packages that are not ours, and everything beneath them, to a few rooms or out of one.
type restriction struct {
	imports []string
	only    []string // the rooms or packages that may import them, with what is beneath
	never   []string // or those that may not
	tests   bool     // binds test files, too
	why     string
}

var restrictions = []restriction{
	{
		imports: []string{"github.com/jackc/pgx", "github.com/Masterminds/squirrel", "modernc.org/sqlite"},
		only:    []string{"persistence", "batteries/sql", "tests"},
		why:     "SQL is spoken in persistence and the sql battery only",
	},
	{
		imports: []string{"go.temporal.io/sdk/client"},
		only:    []string{"starter", "worker", "service", "devserver", "batteries/temporal", "tests"},
		why:     "Temporal is called from starter, worker, service, devserver and the temporal battery only",
	},
	{
		imports: []string{"go.temporal.io/server", "github.com/temporalio/ui-server"},
		only:    []string{"devserver", "cmd/narrative", "tests"}, tests: true,
		why: "importing the library must not bring the Temporal server along",
	},
	{
		imports: []string{"os", "net", "database/sql", "io/fs", "io/ioutil", "syscall", "crypto/rand", "math/rand"},
		never:   []string{"workflows"},
		why:     "workflow code does no I/O and has no randomness of its own",
	},
	{
		imports: []string{"github.com/wneessen/go-mail"}, only: []string{"executor/email", "tests"},
		why: "mail is sent by executor/email only",
	},
	{
		imports: []string{"github.com/slack-go/slack"}, only: []string{"executor/slack"}, tests: true,
		why: "Slack's library stands behind an interface of ours in executor/slack",
	},
	{
		imports: []string{"github.com/emersion/go-smtp"}, only: []string{"executor/email/smtpfake", "executor/email", "tests"}, tests: true,
		why: "a mail server is for tests only",
	},
	{
		imports: []string{"github.com/danielgtaylor/huma"}, only: []string{"httpapi"},
		why: "the API is described in httpapi only",
	},
	{imports: []string{"github.com/spf13/cobra"}, only: []string{"cli"}, why: "commands are made in cli only"},
	{imports: []string{"github.com/goccy/go-yaml"}, only: []string{"config"}, why: "YAML is parsed in config only"},
	{
		imports: []string{"github.com/expr-lang/expr"}, only: []string{"diagnosis", "batteries/http"},
		why: "expressions are evaluated in diagnosis and the http battery only",
	},
}

func TestEveryImportIsInThePlan(t *testing.T) {
	violations, files, err := inspect(repository(t))
	if err != nil {
		t.Fatal(err)
	}
	if files == 0 {
		t.Fatal("no source file was found")
	}
	for _, v := range violations {
		t.Error(v)
	}
}

// repository returns the root of the house: the nearest folder above that has a go.work.
func repository(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no go.work in any folder above")
		}
		dir = filepath.Dir(dir)
	}
}
