package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestMisuse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"unknown command":        {[]string{"isue"}, `narrative: narrative has no command "isue"; did you mean "issue"?`},
		"unknown nested command": {[]string{"issue", "lst"}, `narrative issue has no command "lst"; did you mean "list"?`},
		"group without command":  {[]string{"datum"}, "narrative datum needs a command: one of list, log"},
		"unknown flag":           {[]string{"issue", "list", "--colour"}, "unknown flag: --colour"},
		"bad flag value":         {[]string{"dev", "--temporal-port", "many"}, "temporal-port"},
		"missing argument":       {[]string{"check"}, "narrative check needs NAME"},
		"two missing arguments":  {[]string{"datum", "log"}, "needs ORIGIN and NAME"},
		"too many arguments":     {[]string{"version", "please"}, `does not take "please"`},
		"bad output":             {[]string{"issue", "list", "-o", "xml"}, `--output is "xml"; expected table or json`},
		"bad limit":              {[]string{"issue", "list", "--limit", "0"}, "--limit is 0; expected 1 to 500"},
		"bad time":               {[]string{"issue", "list", "--since", "yesterday"}, `--since is "yesterday"; expected a day`},
		"bad note":               {[]string{"datum", "log", "o", "n", "--note", "{"}, "--note must be JSON"},
		"no reason":              {[]string{"issue", "wont-fix", "x"}, "needs --reason"},
		"bad until":              {[]string{"issue", "wont-fix", "x", "--reason", "r", "--until", "soon"}, `--until is "soon"`},
		"neither step nor plan":  {[]string{"issue", "solve", "x"}, "exactly one of --step and --plan"},
		"no plan file":           {[]string{"issue", "solve", "x", "--plan", "/no/such/file"}, "no such file"},
		"approve unseen":         {[]string{"issue", "approve", "i1"}, "needs --digest, since nobody is at a terminal to look at the plan; narrative issue show i1 tells"},
		"approve a step unseen":  {[]string{"issue", "approve", "i1", "--step", "s1"}, "needs --digest"},
		"reject without reason":  {[]string{"issue", "reject", "i1", "--step", "s1"}, "needs --reason"},
		"acknowledge for ever":   {[]string{"issue", "ack", "i1", "--until", "ever"}, `--until is "ever"; expected a day`},
		"snooze for ever":        {[]string{"issue", "snooze", "i1"}, "exactly one of --until and --for"},
		"snooze twice":           {[]string{"issue", "snooze", "i1", "--for", "2h", "--until", "2h"}, "exactly one of --until and --for"},
		"snooze a while":         {[]string{"issue", "snooze", "i1", "--for", "a while"}, `--for: "a while" is not a duration such as`},
		"snooze into the past":   {[]string{"issue", "snooze", "i1", "--for", "-2h"}, "--for is -2h; expected a while"},
		"assertion nothing":      {[]string{"assertion"}, "narrative assertion needs a command: one of list, remove, show"},
		"event nothing":          {[]string{"event", "drop", "e"}, `narrative event has no command "drop"`},
		"show no name":           {[]string{"assertion", "show", "No Name"}, `name "No Name" must be`},
		"remove no name":         {[]string{"event", "remove", "..", "--yes"}, `name ".." must be`},
		"remove unasked":         {[]string{"assertion", "remove", "balance"}, "narrative assertion remove needs --yes, since nobody is at a terminal to be asked"},
		"apply nothing":          {[]string{"apply"}, "needs -f FILE"},
		"diff nothing":           {[]string{"diff"}, "needs -f FILE"},
		"export as what":         {[]string{"export", "-o", "table"}, `--output is "table"; expected yaml or json`},
		"export one and all":     {[]string{"export", "--source", "a", "-d", "b"}, "give either --source or --dir"},
		"validate nothing":       {[]string{"validate"}, "needs a FILE"},
		"migrate no database":    {[]string{"migrate"}, "NARRATIVE_DATABASE_URL"},
		"migrate below zero":     {[]string{"migrate", "--to", "-3"}, "--to is -3"},
		"dev without Temporal":   {[]string{"dev"}, "built without the embedded Temporal server; set TEMPORAL_ADDRESS"},
		"bad log level":          {[]string{"serve", "--log-level", "loud"}, `--log-level is "loud"`},
		"bad log format":         {[]string{"worker", "--log-format", "xml"}, `--log-format is "xml"`},
		"empty queue":            {[]string{"worker", "--queue", ""}, "--queue"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			setup(t).run(test.args...).is(t, 2, "", test.says)
		})
	}
}

func TestHelpIsNoMisuse(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"--help"}, {"issue", "--help"}, {"help", "check"}} {
		if r := setup(t).run(args...); r.code != 0 || r.stderr != "" || r.stdout == "" {
			t.Errorf("%v: %+v", args, r)
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	setup(t).run("version").is(t, 0, "narrative 1.2.3 "+runtime.Version(), "")
}

func TestBadURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"localhost:8321", "ftp://host", "http://", "http://h?x=1", "::"} {
		w := setup(t)
		w.env["NARRATIVE_URL"] = url
		w.run("issue", "list").is(t, 2, "", "NARRATIVE_URL is")
	}
}

func TestUnreachableSaysWhatToDo(t *testing.T) {
	t.Parallel()
	w, api := withAPI(t, nil)
	api.Close()
	w.run("issue", "list").is(t, 1, "", "cannot be reached (connection refused): start it with narrative dev, or set NARRATIVE_URL")
}

func TestWhatIsNoAPI(t *testing.T) {
	t.Parallel()
	w, _ := withAPI(t, map[string][]answer{"GET /api/v1/issues": {{502, "<html>"}}})
	w.run("issue", "list").is(t, 1, "", "is no Narrative API")
	w, _ = withAPI(t, map[string][]answer{"GET /api/v1/issues": {{200, "<html>"}}})
	w.run("issue", "list").is(t, 1, "", "no Narrative API")
}

func TestKeyIsSent(t *testing.T) {
	t.Parallel()
	w, api := withAPI(t, map[string][]answer{"GET /api/v1/issues": {{401, `{"status":401,"detail":"a key is needed"}`}}})
	w.env["NARRATIVE_API_KEY"] = "k1"
	w.run("issue", "list").is(t, 1, "", "narrative: a key is needed; set NARRATIVE_API_KEY")
	if got := api.header.Get("Authorization"); got != "Bearer k1" {
		t.Errorf("Authorization: %q", got)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.yaml"), filepath.Join(dir, "bad.yaml")
	write(t, good, "config: {minimum_datum_log_level: info}\n")
	write(t, bad, "assertions:\n  - nam: x\n    klass: y\n")
	setup(t).run("validate", good).is(t, 0, good+": valid (0 assertions, 0 events)\n", "")
	r := setup(t).run("validate", bad, good)
	r.is(t, 2, good+": valid", bad+":2:5: ")
	r.is(t, 2, good+": valid", bad+":3:5: ")
	setup(t).run("validate", filepath.Join(dir, "none.yaml")).is(t, 1, "", "narrative: there is no file")
}

func TestSecretsInFilesAreWarnedOf(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "shop.yaml")
	write(t, file, "config: {admins: {webhook: ['https://x:hunter2@pager.example']}}\n")
	warning := file + ":1:29: warning: webhook[0] holds a password as it is, which is kept"
	setup(t).run("validate", file).is(t, 0, file+": valid", warning)
	setup(t).run("validate", file, "--quiet").is(t, 0, "", "")
	enough := withServer(t, &fakeServer{start: func(context.Context) error { return errors.New("enough") }})
	enough.runUntil(t.Context(), []string{"dev", "-f", file}, WithEmbedded(unusedEmbedded)).is(t, 1, "", warning)
	w, _ := withStore(t, "sqlite")
	w.fresh("diff", "-f", file).is(t, 3, "config.admins.webhook", "")
	w.fresh("apply", "-f", file).is(t, 0, "changed    the configuration", warning)
	write(t, file, "config: {admin: {password: hunter2}}\n")
	r := setup(t).run("validate", file)
	r.is(t, 2, "", file+":1:28: warning: password holds a secret")
	r.is(t, 2, "", file+`:1:10: "admin" is not a known key`)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
