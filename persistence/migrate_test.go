package persistence_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence"
	"github.com/narrative-go/narrative/persistence/engine"
	"github.com/narrative-go/narrative/persistence/migrations"
	"github.com/narrative-go/narrative/persistence/postgres"
	"github.com/narrative-go/narrative/persistence/sqlite"
)

// latest is the version that this program expects.
const latest = 6

func TestMigrationsGoUpDownAndUpAgain(t *testing.T) {
	t.Parallel()
	for name, database := range empties {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := database(t)
			wantVersions(t, url, 0, latest)
			wantVersions(t, url, latest, latest)
			first := schemaOf(t, url)
			if err := persistence.MigrateDown(t.Context(), url, 0); err != nil {
				t.Fatal(err)
			}
			if left := schemaOf(t, url); left != "narrative_schema" {
				t.Errorf("after all the way down there is still %q", left)
			}
			wantVersions(t, url, 0, latest)
			if again := schemaOf(t, url); again != first {
				t.Errorf("up again made %q, want %q", again, first)
			}
			for _, table := range append(slices.Clone(tables), "notification_batches", "posts", "api_requests", "heartbeats") {
				if !strings.Contains(" "+first+" ", " "+table+" ") {
					t.Errorf("there is no table %s", table)
				}
			}
		})
	}
}

func wantVersions(t *testing.T, url string, from, to int) {
	t.Helper()
	gotFrom, gotTo, err := persistence.Migrate(t.Context(), url)
	if err != nil || gotFrom != from || gotTo != to {
		t.Fatalf("migrated from %d to %d (%v), want from %d to %d", gotFrom, gotTo, err, from, to)
	}
}

// tables are the tables of the first release, but that of the schema's version.
var tables = []string{
	"meta_names", "assertion_metas", "event_metas", "narrative_config", "check_runs", "issues", "issue_entries",
	"resolution_steps", "solutions", "violations", "occurrences", "datums", "notifications", "handoffs", "api_keys", "action_runs",
}

func TestWhatAStoreHoldsOutlivesMigrations(t *testing.T) {
	t.Parallel()
	for name, database := range empties {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := database(t)
			before := ofVersion1(t, name, url)
			wantVersions(t, url, 1, latest)
			wantKept(t, url, before)
			wantMigrated(t, open(t, url))
			change(t, url, "INSERT INTO action_runs (solution_id, idx, rollback, action, state, attempts, started_at, receipt, error) "+
				"SELECT solution_id, idx, TRUE, action, state, attempts, started_at, receipt, error FROM action_runs WHERE solution_id = 'solution'")
			change(t, url, "UPDATE event_metas SET removed_at = updated_at")
			if err := persistence.MigrateDown(t.Context(), url, 1); err != nil {
				t.Fatal(err)
			}
			wantKept(t, url, before)
			enabled, err := behind(t, url, "SELECT name FROM event_metas WHERE enabled")
			if err != nil || len(enabled) != 0 {
				t.Errorf("an event that was removed is back: %v (%v)", enabled, err)
			}
			wantVersions(t, url, 1, latest)
			wantKept(t, url, before)
		})
	}
}

// ofVersion1 makes a store as the first release did, with a row or more in each table, and returns how many.
func ofVersion1(t *testing.T, name, url string) map[string]string {
	t.Helper()
	steps, err := migrations.Steps(name)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("testdata/0001_data.sql")
	if err != nil {
		t.Fatal(err)
	}
	at := "1767323045000001"
	if name == "postgres" {
		at = "'2026-01-02 03:04:05.000001Z'"
	}
	e := engineOf(t, name, url)
	defer e.Close()
	if err := e.Tx(t.Context(), func(tx engine.Tx) error {
		return tx.Script(t.Context(), "CREATE TABLE narrative_schema (version INTEGER NOT NULL PRIMARY KEY);"+
			"INSERT INTO narrative_schema (version) VALUES (1);"+steps[0].Up+regexp.MustCompile(`\bAT\b`).ReplaceAllString(string(data), at))
	}); err != nil {
		t.Fatal(err)
	}
	return rowsOf(t, url)
}

func engineOf(t *testing.T, name, url string) engine.Engine {
	t.Helper()
	var e engine.Engine
	var err error
	if name == "postgres" {
		e, err = postgres.Open(t.Context(), url, postgres.Options{})
	} else {
		e, err = sqlite.Open(t.Context(), url)
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func rowsOf(t *testing.T, url string) map[string]string {
	t.Helper()
	counts := map[string]string{}
	for _, table := range tables {
		rows, err := behind(t, url, "SELECT CAST(COUNT(*) AS text) FROM "+table)
		if err != nil || rows[0] == "0" {
			t.Fatalf("%s has %v rows (%v), want at least one", table, rows, err)
		}
		counts[table] = rows[0]
	}
	return counts
}

func wantKept(t *testing.T, url string, before map[string]string) {
	t.Helper()
	if diff := cmp.Diff(before, rowsOf(t, url)); diff != "" {
		t.Errorf("rows (-before +after):\n%s", diff)
	}
}

// wantMigrated looks at what a store of the first release is now.
func wantMigrated(t *testing.T, s *persistence.Store) {
	t.Helper()
	at := time.Date(2026, 1, 2, 3, 4, 5, 1000, time.UTC)
	meta, err := s.AssertionMeta(t.Context(), "a")
	if err != nil || meta.MaxPlans != 10 || meta.Streak != (narrative.Streak{Failed: 2, LastSeq: 8}) || len(meta.Renotify)+len(meta.Escalate) != 0 {
		t.Errorf("the meta is %+v (%v)", meta, err)
	}
	config, err := s.Config(t.Context())
	if err != nil || config.Actions != narrative.ActionsRun || config.MinimumDatumLogLevel != narrative.Warn {
		t.Errorf("the configuration is %+v (%v)", config, err)
	}
	story, err := s.Story(t.Context(), "issue")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range story.Notifications {
		if n.Batch != n.Key {
			t.Errorf("notification %s is part of %q, want a message of its own", n.Key, n.Batch)
		}
	}
	if got := story.Issue.NotifiedAt; got == nil || !got.Equal(at) {
		t.Errorf("people were told at %v, want %v", got, at)
	}
	runs := map[string][]narrative.ActionRun{"step": {{
		SolutionID: "solution", Action: "webhook", State: narrative.ActionFailed, Attempts: 3, StartedAt: at, FinishedAt: &at, Error: "no such host",
	}}}
	if diff := cmp.Diff(runs, story.Actions); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
	for _, text := range []string{"shop", "placed", "/srv/größe", "second"} {
		if found, err := s.Datums(t.Context(), narrative.DatumQuery{Text: text}, narrative.Page{}); err != nil || len(found.Items) != 1 || found.Items[0].ID != "told" {
			t.Errorf("with %q, %v is found (%v)", text, found.Items, err)
		}
	}
	listed, err := s.Heartbeats(t.Context(), narrative.Page{})
	if err != nil || len(listed.Items) != 1 || !listed.Items[0].LastSuccess.Equal(at) {
		t.Errorf("the heartbeats are %+v (%v)", listed.Items, err)
	}
	backup, err := s.Heartbeat(t.Context(), "backup", at)
	if err != nil || string(backup.Note) != `{"files":7}` {
		t.Errorf("of the heartbeat is known %+v (%v)", backup, err)
	}
	unasked := at.Add(time.Hour)
	if _, err := s.ChangeIssue(t.Context(), "issue", 5, "", func(i *narrative.Issue) (narrative.Effects, error) {
		i.Steps[0].UnaskedAt = &unasked
		return narrative.Effects{}, nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ChangeIssue(t.Context(), "issue", 6, "", func(i *narrative.Issue) (narrative.Effects, error) {
		if len(i.UnaskedPlans) != 1 || !i.UnaskedPlans[0].Equal(unasked) {
			t.Errorf("plans were begun unasked at %v, want %v", i.UnaskedPlans, unasked)
		}
		return narrative.Effects{}, nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestManyMayMigrateAtOnce(t *testing.T) {
	t.Parallel()
	for name, database := range empties {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := database(t)
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					if _, to, err := persistence.Migrate(t.Context(), url); err != nil || to != latest {
						t.Errorf("migrated to %d: %v", to, err)
					}
				})
				wg.Go(func() {
					self := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMigrateInAProcessOfItsOwn$")
					self.Env = append(os.Environ(), "NARRATIVE_MIGRATE="+url)
					if out, err := self.CombinedOutput(); err != nil {
						t.Errorf("a process of its own: %v\n%s", err, out)
					}
				})
			}
			wg.Wait()
			if err := open(t, url).Ping(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestMigrateInAProcessOfItsOwn is what TestManyMayMigrateAtOnce starts; by itself it has nothing to migrate.
func TestMigrateInAProcessOfItsOwn(t *testing.T) {
	if url := os.Getenv("NARRATIVE_MIGRATE"); url != "" {
		if _, _, err := persistence.Migrate(t.Context(), url); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADatabaseOfAnotherVersionIsRefused(t *testing.T) {
	t.Parallel()
	for name, database := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := database(t)
			s := open(t, url)
			change(t, url, "UPDATE narrative_schema SET version = 1000")
			_, opened := persistence.Open(t.Context(), url, persistence.Options{})
			_, _, migrated := persistence.Migrate(t.Context(), url)
			for what, err := range map[string]error{
				"open": opened, "ping": s.Ping(t.Context()), "migrate": migrated, "down": persistence.MigrateDown(t.Context(), url, 0),
			} {
				wantError(t, what, err, narrative.Unavailable, "version 1000, newer than")
			}
			change(t, url, "UPDATE narrative_schema SET version = 0")
			wantError(t, "not migrated", s.Ping(t.Context()), narrative.Unavailable, "run narrative migrate")
			if version, err := s.SchemaVersion(t.Context()); err != nil || version != 0 {
				t.Errorf("version %d (%v), want 0", version, err)
			}
		})
	}
}

func TestAVersionThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	url := emptySQLite(t)
	for _, to := range []int{-1, latest + 1} {
		wantError(t, "down", persistence.MigrateDown(t.Context(), url, to), narrative.Invalid, "from 0 to")
	}
}

func wantError(t *testing.T, what string, err error, kind narrative.ErrorKind, words ...string) {
	t.Helper()
	if err == nil || narrative.KindOf(err) != kind {
		t.Errorf("%s: got %v of kind %q, want kind %q", what, err, narrative.KindOf(err), kind)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%s: %q does not say %q", what, err, w)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%s: %q is more than one line", what, err)
	}
}

// schemaOf lists the tables and indices of a database.
func schemaOf(t *testing.T, url string) string {
	t.Helper()
	names := `
		SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = 'public' AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = c.oid)
		ORDER BY 1`
	if strings.HasPrefix(url, "sqlite:") {
		names = "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
	}
	rows, err := behind(t, url, names)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(rows, " ")
}
