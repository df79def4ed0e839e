package cli

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/batteries/datums"
	"github.com/narrative-go/narrative/batteries/heartbeat"
	"github.com/narrative-go/narrative/batteries/http"
	"github.com/narrative-go/narrative/batteries/sql"
	"github.com/narrative-go/narrative/config"
	"github.com/narrative-go/narrative/httpapi"
	"github.com/narrative-go/narrative/persistence"
	"github.com/narrative-go/narrative/persistence/pgtest"
	"github.com/narrative-go/narrative/service"
)

// withPostgres runs the tests, and ends the PostgreSQL server that some of them have started.
type withPostgres struct{ *testing.M }

func (m withPostgres) Run() int { return pgtest.Main(m.M) }

// idle is an operator that does nothing.
type idle struct{ narrative.Operator }

func (idle) Reconcile(context.Context) (narrative.Reconciled, error) {
	return narrative.Reconciled{}, nil
}

// withStore sets up a world whose API stands on a new store of that engine, without Temporal.
func withStore(t *testing.T, engine string) (*world, narrative.Store) {
	t.Helper()
	url := "sqlite:" + filepath.Join(t.TempDir(), "narrative.db")
	if engine == "postgres" {
		url = pgtest.Database(t)
	} else if _, _, err := persistence.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	store, err := persistence.Open(t.Context(), url, persistence.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	reg := narrative.NewRegistry()
	for _, register := range []func(*narrative.Registry){datums.Register, heartbeat.Register, http.Register, sql.Register} {
		register(reg)
	}
	narrative.AddAssertion(reg, "agentwatch.AgentRunning", func(map[string]any) (narrative.Assertion, error) { return nil, nil })
	narrative.AddEvent(reg, "agentwatch.ProcessingFailed", func(map[string]any) (narrative.Event, error) { return nil, nil })
	validator, err := service.Validator(reg)
	if err != nil {
		t.Fatal(err)
	}
	handler, err := httpapi.New(httpapi.Options{
		Store: store, Operator: idle{},
		Ready: func(context.Context) httpapi.Readiness { return httpapi.Readiness{} },
		Parse: func(text []byte) (narrative.Manifest, error) {
			return config.Parse(text, config.Options{Validator: validator})
		},
		Put: func(ctx context.Context, m narrative.Manifest) (narrative.Applied, error) {
			return store.Apply(ctx, m, noon)
		},
		Apply: func(ctx context.Context, a httpapi.Application) (narrative.Applied, error) {
			var files []config.File
			for _, f := range a.Files {
				files = append(files, config.File{Name: f.Name, Source: f.Source, Dir: f.Dir, Text: []byte(f.Text)})
			}
			parse := config.ParseFiles
			if a.Prune {
				parse = config.ParseToPrune
			}
			m, err := parse(files, validator)
			if err != nil {
				return narrative.Applied{}, err
			}
			m.DryRun = a.DryRun
			return store.Apply(ctx, m, noon)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	w := setup(t)
	w.env["NARRATIVE_URL"] = server.URL
	return w, store
}

// fresh runs a command with nothing printed before it.
func (w *world) fresh(args ...string) result {
	w.stdout, w.stderr = buffer{}, buffer{}
	return w.run(args...)
}

// pages are the examples, and the blocks of YAML in the pages, as files in a new folder.
func pages(t *testing.T) map[string]string {
	t.Helper()
	dir, found := t.TempDir(), map[string]string{}
	for _, pattern := range []string{"../README.md", "../docs/*.md", "../docs/batteries/*.md", "../examples/*/*.yaml"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if filepath.Ext(file) == ".yaml" {
				found[file] = file
				continue
			}
			for n, block := range strings.Split(string(text), "```yaml\n")[1:] {
				block, _, _ = strings.Cut(block, "```")
				if !strings.Contains(block, "assertions:") && !strings.Contains(block, "events:") {
					continue
				}
				name := strings.TrimSuffix(filepath.Base(file), ".md") + string(rune('1'+n)) + ".yaml"
				found[name] = filepath.Join(dir, name)
				write(t, found[name], block)
			}
		}
	}
	if len(found) < 7 {
		t.Fatalf("only %d pages were found", len(found))
	}
	return found
}

func TestWhatIsExportedAppliesToNoChange(t *testing.T) {
	t.Parallel()
	all := pages(t)
	for _, engine := range []string{"postgres", "sqlite"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			for name, file := range all {
				t.Run(filepath.Base(name), func(t *testing.T) {
					t.Parallel()
					w, _ := withStore(t, engine)
					w.fresh("diff", "-f", file).is(t, 3, "+ ", "")
					w.fresh("apply", "-f", file, "--source", "page.yaml").is(t, 0, "created", "")
					w.fresh("diff", "-f", file, "--source", "page.yaml", "--prune").is(t, 0, "", "")
					for _, format := range []string{"yaml", "json"} {
						r := w.fresh("export", "-o", format)
						r.is(t, 0, "page.yaml", "")
						exported := filepath.Join(t.TempDir(), "exported.yaml")
						write(t, exported, r.stdout)
						w.fresh("diff", "-f", exported, "--prune").is(t, 0, "", "")
						w.fresh("apply", "-f", exported, "--prune").is(t, 0, "nothing to do\n", "")
					}
				})
			}
		})
	}
}

func TestDiffAndPruneOfSeveralSources(t *testing.T) {
	t.Parallel()
	w, store := withStore(t, "sqlite")
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.yaml")
	const up = "  - {name: %, class: http, every: 5m, args: {url: 'https://x.example'}}\n"
	named := func(names ...string) string {
		text := "assertions:\n"
		for _, name := range names {
			text += strings.ReplaceAll(up, "%", name)
		}
		return text
	}
	write(t, a, named("balance", "old"))
	write(t, b, named("other")+"config: {admins: {email: [ops@example.com]}}\n")
	w.fresh("apply", "-f", dir).is(t, 0, "created    balance, old, other\nchanged    the configuration\n3 created, 0 changed, 0 pruned, 0 unchanged\n", "")
	w.fresh("export").is(t, 2, "", "several sources (a.yaml, b.yaml)")
	w.fresh("export", "--source", "a.yml").is(t, 1, "", `did you mean "a.yaml"?`)
	w.fresh("export", "--source", "b.yaml").is(t, 0, "source: b.yaml\nassertions:\n  - name: other\n", "")

	out := filepath.Join(t.TempDir(), "out")
	w.fresh("export", "-d", out).is(t, 0, filepath.Join(out, "config.yaml"), "")
	w.fresh("diff", "-f", out, "--prune").is(t, 0, "", "")
	w.fresh("export", "-d", out).is(t, 1, "", "is there already; say --force")
	w.fresh("export", "-d", out, "--force").is(t, 0, filepath.Join(out, "a.yaml"), "")

	write(t, a, strings.Replace(named("balance", "other"), "5m", "1m", 1)+"events: [{name: spike, class: datums, every: 1m, args: {window: 10m, at_least: 1}}]\n")
	r := w.fresh("diff", "-f", a)
	r.is(t, 3, "assertions.balance.every: 5m → 1m\nassertions.old: would be removed with --prune\nassertions.other.source: b.yaml → a.yaml\n+ events.spike\n", "")
	w.fresh("diff", "-f", a, "--prune", "-o", "json").is(t, 3, `{"path":"assertions.old","change":"pruned","fields":[]}`, "")
	if metas, _ := store.AssertionMetas(t.Context()); len(metas) != 3 {
		t.Errorf("diff left %d assertions", len(metas))
	}
	w.fresh("apply", "-f", a, "--prune").is(t, 0, "created    spike\nchanged    balance, other\npruned     old\n1 created, 2 changed, 1 pruned, 0 unchanged\n", "")
	write(t, a, named("balance", "other"))
	w.fresh("apply", "-f", a).is(t, 0, "changed    balance\nunchanged  other\n", "")
	w.fresh("diff", "-f", a).is(t, 0, "events.spike: would be removed with --prune\nnothing differs: without --prune they stay as they are\n", "")

	w.stdin = "config: {}\n"
	write(t, b, "config: {}\n")
	w.fresh("validate", "-", b).is(t, 2, "stdin: valid (0 assertions, 0 events)\n", b+`:1:1: config stands at stdin:1:1 already`)
	write(t, b, "config: {}\nassertions:\n  - {nam: x}\n")
	w.fresh("apply", "-f", a, "-f", b).is(t, 2, "", b+`:3:6: "nam" is not a known key`)
	w.fresh("diff", "-f", filepath.Join(dir, "none.yaml")).is(t, 1, "", "there is no file")
}

func TestFilesOfTheSameNameDoNotPruneEachOther(t *testing.T) {
	t.Parallel()
	w, store := withStore(t, "sqlite")
	at := func(name string) string { // a narrative.yaml of another repository each
		file := filepath.Join(t.TempDir(), "narrative.yaml")
		write(t, file, "assertions: [{name: "+name+", class: http, every: 5m, args: {url: 'https://x.example'}}]\n")
		return file
	}
	shop, billing := at("shop"), at("billing")
	w.fresh("apply", "-f", shop).is(t, 0, "created    shop", "")
	for _, command := range []string{"apply", "diff"} {
		w.fresh(command, "-f", billing, "--prune").is(t, 2, "", billing+":1:1: source: is needed to prune")
		w.stdin = "assertions: []\n"
		w.fresh(command, "-f", "-", "--prune").is(t, 2, "", "stdin:1:1: source: is needed to prune")
	}
	w.fresh("apply", "-f", billing, "--source", "billing", "--prune").is(t, 0, "1 created, 0 changed, 0 pruned", "")
	w.fresh("apply", "-f", shop, "--source", "shop", "--prune").is(t, 0, "0 created, 1 changed, 0 pruned", "")
	if metas, err := store.AssertionMetas(t.Context()); len(metas) != 2 {
		t.Errorf("%d assertions are left, %v", len(metas), err)
	}
}

func TestTwoAppliersOneAfterTheOther(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"postgres", "sqlite"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			w, store := withStore(t, engine)
			codes := make(chan result, 4)
			for n := range cap(codes) {
				file := filepath.Join(t.TempDir(), "same.yaml")
				text := "assertions:\n"
				for i := range 40 {
					text += "  - {name: of-" + string(rune('a'+n)) + "-" + string(rune('a'+i%20)) + string(rune('a'+i/20)) + ", class: http, every: 5m, args: {url: 'https://x.example'}}\n"
				}
				write(t, file, text)
				one := setup(t)
				one.env["NARRATIVE_URL"] = w.env["NARRATIVE_URL"]
				go func() { codes <- one.run("apply", "-f", file, "--prune") }()
			}
			for range cap(codes) {
				if r := <-codes; r.code != 0 || !strings.Contains(r.stdout, "40 created, 0 changed") {
					t.Errorf("%+v", r)
				}
			}
			metas, err := store.AssertionMetas(t.Context())
			if err != nil || len(metas) != 40 {
				t.Fatalf("%d assertions are left, %v", len(metas), err)
			}
			for _, m := range metas {
				if m.Name[:4] != metas[0].Name[:4] {
					t.Errorf("%s and %s came from two applies", m.Name, metas[0].Name)
				}
			}
		})
	}
}

func TestSchema(t *testing.T) {
	t.Parallel()
	setup(t).run("schema").is(t, 0, `"$schema": "https://json-schema.org/draft/2020-12/schema"`, "")
}
