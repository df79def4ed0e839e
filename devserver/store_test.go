package devserver

import (
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.temporal.io/server/common/headers"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	serversql "go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/resolver"
)

// open returns a connection of our own to a file.
func open(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+escapePath(path)+"?_pragma=busy_timeout%3d5000")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// The pragmas of a connection cannot be seen from another; so the server's own is made to write them down.
func TestPragmasTakeEffectOnTheServersConnection(t *testing.T) {
	path := filepath.Join(t.TempDir(), "odd ?#% name.db")
	s := newStore(path)
	if err := s.create(); err != nil {
		t.Fatal(err)
	}
	admin, err := serversql.NewSQLAdminDB(sqlplugin.DbKindUnknown, s.sql, resolver.NewNoopResolver(),
		log.NewNoopLogger(), metrics.NoopMetricsHandler)
	if err != nil {
		t.Fatal(err)
	}
	err = admin.Exec(`
		CREATE TABLE probe AS
		SELECT journal_mode, synchronous, timeout
		FROM pragma_journal_mode, pragma_synchronous, pragma_busy_timeout`)
	if err != nil {
		t.Fatal(err)
	}
	var journal string
	var synchronous, timeout int
	row := open(t, path).QueryRowContext(t.Context(), `SELECT journal_mode, synchronous, timeout FROM probe`)
	if err := row.Scan(&journal, &synchronous, &timeout); err != nil {
		t.Fatal(err)
	}
	if journal != "wal" || synchronous != 1 || timeout != 5000 {
		t.Errorf("want wal, 1 (NORMAL), 5000; got %s, %d, %d", journal, synchronous, timeout)
	}
}

func TestRunningServersFileIsInWALMode(t *testing.T) {
	dir := t.TempDir()
	startServer(t, Options{DataDir: dir})
	var mode string
	row := open(t, filepath.Join(dir, storeName)).QueryRowContext(t.Context(), `PRAGMA journal_mode`)
	if err := row.Scan(&mode); err != nil || mode != "wal" {
		t.Errorf("journal mode: want wal, got %q, %v", mode, err)
	}
}

func TestForeignFileIsSetAside(t *testing.T) {
	for name, plant := range map[string]func(t *testing.T, path string) (suffix string){
		"of another version": func(t *testing.T, path string) string {
			run(t, path, `CREATE TABLE devserver_stamp (server_version TEXT NOT NULL)`,
				`INSERT INTO devserver_stamp (server_version) VALUES ('1.31.0/x')`)
			return "1.31.0_x"
		},
		"without a stamp": func(t *testing.T, path string) string {
			run(t, path, `CREATE TABLE namespaces (id INTEGER)`)
			return stampUnknown
		},
		"that is no database": func(t *testing.T, path string) string {
			if err := os.WriteFile(path, []byte("nothing that SQLite would know"), 0o600); err != nil {
				t.Fatal(err)
			}
			return stampUnknown
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, storeName)
			suffix := plant(t, path)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, said := startServer(t, Options{DataDir: dir})
			after, err := os.ReadFile(path + ".set-aside-" + suffix)
			if err != nil || string(after) != string(before) {
				t.Errorf("the file was not kept as it was: %v", err)
			}
			if n := strings.Count(said.String(), "set aside"); n != 1 {
				t.Errorf("want one warning, got:\n%s", said)
			}
			if stamp, err := readStamp(t.Context(), path); stamp != headers.ServerVersion || err != nil {
				t.Errorf("stamp of the new file: want %s, got %q, %v", headers.ServerVersion, stamp, err)
			}
		})
	}
}

func TestSetAsideNeverOverwrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), storeName)
	for range 3 {
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := setAside(path, "1.0.0", slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
	}
	for _, suffix := range []string{"", "-2", "-3"} {
		if ok, err := exists(path + ".set-aside-1.0.0" + suffix); !ok || err != nil {
			t.Errorf("%s is missing: %v", suffix, err)
		}
	}
}

func TestEmptyFileIsANewStore(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, storeName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, said := startServer(t, Options{DataDir: dir}); said.String() != "" {
		t.Errorf("want silence, got:\n%s", said)
	}
}

func run(t *testing.T, path string, statements ...string) {
	t.Helper()
	db := open(t, path)
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
