package persistence_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence"
	"github.com/narrative-go/narrative/persistence/conformance"
	"github.com/narrative-go/narrative/persistence/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// engines give a test the URL of a new, migrated database of its own.
var engines = map[string]func(testing.TB) string{
	"postgres": pgtest.Database,
	"sqlite":   migratedSQLite,
}

// empties give a test the URL of a new database that was never migrated.
var empties = map[string]func(testing.TB) string{"postgres": pgtest.Empty, "sqlite": emptySQLite}

func emptySQLite(t testing.TB) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "sub folder", "a?b#c%20.db")
}

// migratedSQLite copies a file that was migrated once.
func migratedSQLite(t testing.TB) string {
	t.Helper()
	template, err := sqliteTemplate()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "narrative.db")
	if err := os.WriteFile(path, template, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path
}

var sqliteTemplate = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "narrative-sqlite-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "template.db")
	if _, _, err := persistence.Migrate(context.Background(), "sqlite:"+path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

func open(t testing.TB, url string) *persistence.Store {
	t.Helper()
	return openWith(t, url, persistence.Options{})
}

func openWith(t testing.TB, url string, o persistence.Options) *persistence.Store {
	t.Helper()
	s, err := persistence.Open(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, database := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conformance.Run(t, func(t *testing.T) narrative.Store { return open(t, database(t)) })
		})
	}
}

func TestWithoutFullTextSearchPartsOfWordsAreFound(t *testing.T) {
	t.Parallel()
	s := open(t, migratedSQLite(t))
	if _, err := s.AddDatums(t.Context(), []narrative.Datum{{Origin: "shop", Name: "order.placed", Note: []byte(`{"text":"GRÖSSE 100%"}`)}}); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{"rder.pla": 1, "hop röss": 1, "00%": 1, " ": 1, "order röße": 0, "_rder": 0} {
		if n, err := s.CountDatums(t.Context(), narrative.DatumQuery{Text: text}); err != nil || n != want {
			t.Errorf("with %q, %d datums are found (%v), want %d", text, n, err, want)
		}
	}
}

// TestTwoStoresShareADatabase has two processes' worth of stores at the same database.
func TestTwoStoresShareADatabase(t *testing.T) {
	t.Parallel()
	for name, database := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := database(t)
			stores := []*persistence.Store{open(t, url), open(t, url)}
			failing(t, stores[0], 0)
			var wg sync.WaitGroup
			for i := range 16 {
				wg.Go(func() {
					s := stores[i%2]
					runID := fmt.Sprint("shared-", i)
					state, err := s.BeginCheck(t.Context(), "a", runID)
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := s.RecordCheck(t.Context(), narrative.CheckRecord{Revision: 1, CheckRun: narrative.CheckRun{
						Assertion: "a", RunID: runID, Seq: state.Seq, Outcome: narrative.OutcomeFailed, FinishedAt: time.Now(),
					}}); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			for _, s := range stores {
				unresolved, err := s.UnresolvedIssues(t.Context(), "", 10)
				if err != nil || len(unresolved) != 1 {
					t.Errorf("%d unresolved issues (%v), want 1", len(unresolved), err)
				}
				runs, err := s.CheckRuns(t.Context(), "a", narrative.Page{})
				if err != nil || len(runs.Items) != 17 {
					t.Errorf("%d runs (%v), want 17", len(runs.Items), err)
				}
			}
		})
	}
}
