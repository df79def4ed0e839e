package persistence_test

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence"
)

// latest is the version that this program expects.
const latest = 2

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
			for _, table := range []string{
				"assertion_metas", "event_metas", "narrative_config", "check_runs", "issues", "issue_entries", "resolution_steps",
				"solutions", "violations", "occurrences", "datums", "notifications", "handoffs", "api_keys", "action_runs",
			} {
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
