package persistence_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence"
	"github.com/narrative-go/narrative/persistence/pgtest"
)

func TestABadURLIsOneClearSentence(t *testing.T) {
	t.Parallel()
	for url, words := range map[string]string{
		"":                                  "it is empty",
		"mysql://u:s3cret@h/d":              "it begins with mysql://",
		"s3cret":                            "it begins with neither",
		"postgres://":                       "postgres://user:password@host",
		"postgres://u:s3cret/x@h/d":         "percent-encoded",
		"postgres://u:s3cret@h:port/d":      "percent-encoded",
		"postgres://u:%zzs3cret@h/d":        "percent-encoded",
		"postgres://u:s3cret@h/d?sslmode=x": "sslmode",
		"postgres://u:s3cret@h/d?sslrootcert=/s3cret/none&sslmode=verify-full": "cannot be used",
		"postgres://u:s3cret@h/d?pool_max_conns=s3cret":                        "pool_max_conns",
		"sqlite:":         "sqlite:PATH",
		"sqlite::memory:": "must name a file",
	} {
		_, err := persistence.Open(t.Context(), url, persistence.Options{})
		wantError(t, url, err, narrative.Invalid, words)
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: the error shows the password: %v", url, err)
		}
	}
}

func TestAnUnreachableServerIsOneClearSentence(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	_, err = persistence.Open(t.Context(), "postgres://u:s3cret@"+address+"/d", persistence.Options{})
	wantError(t, "refused", err, narrative.Unavailable, address, "connection refused", "check that it runs")
	if strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the error shows the password: %v", err)
	}
	server := pgtest.Empty(t)
	_, err = persistence.Open(t.Context(), server[:strings.LastIndex(server, "/")]+"/nosuch", persistence.Options{})
	wantError(t, "no database", err, narrative.Unavailable, `no database "nosuch"`, "createdb")
}

func TestAServerThatSaysNothingIsNotWaitedForLonger(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = persistence.Open(t.Context(), "postgres://u:s3cret@"+l.Addr().String()+"/d?connect_timeout=1", persistence.Options{})
	wantError(t, "silent", err, narrative.Unavailable, "does not answer")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err = persistence.Open(ctx, "postgres://u:s3cret@"+l.Addr().String()+"/d", persistence.Options{}); !strings.Contains(err.Error(), context.DeadlineExceeded.Error()) {
		t.Errorf("got %v, want the context's error", err)
	}
}

func TestAnUnmigratedDatabaseIsOneClearSentence(t *testing.T) {
	t.Parallel()
	for name, database := range empties {
		_, err := persistence.Open(t.Context(), database(t), persistence.Options{})
		wantError(t, name, err, narrative.Unavailable, "schema version 0", "run narrative migrate")
	}
}

func TestAFileThatIsNoDatabaseIsOneClearSentence(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "letter.txt")
	if err := os.WriteFile(path, []byte(strings.Repeat("Dear Sir or Madam, ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := persistence.Open(t.Context(), "sqlite:"+path, persistence.Options{})
	wantError(t, "a letter", err, narrative.Invalid, path, "not a SQLite database")
	_, err = persistence.Open(t.Context(), "sqlite:"+filepath.Join(path, "below.db"), persistence.Options{})
	wantError(t, "below a file", err, narrative.Unavailable, "open the database file")
	_, err = persistence.Open(t.Context(), "sqlite:"+t.TempDir(), persistence.Options{})
	wantError(t, "a folder", err, narrative.Unavailable, "open the database file")
}

func TestANewFileIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	path := filepath.Join(folder, "narrative.db")
	if _, _, err := persistence.Migrate(t.Context(), "sqlite:"+path); err != nil {
		t.Fatal(err)
	}
	s := open(t, "sqlite:"+path)
	if _, err := s.AddDatums(t.Context(), []narrative.Datum{{Origin: "o", Name: "n"}}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{folder: 0o700, path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", name, got, want)
		}
	}
}

func TestAStoppedServerIsUnavailable(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	s := open(t, url)
	admin := url[:strings.LastIndex(url, "/")] + "/postgres"
	name, _, _ := strings.Cut(url[strings.LastIndex(url, "/")+1:], "?")
	change(t, admin, "ALTER DATABASE "+name+" ALLOW_CONNECTIONS false")
	change(t, admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+name+"'")
	if err := s.Ping(t.Context()); err == nil || narrative.KindOf(err) != narrative.Unavailable {
		t.Errorf("ping: %v of kind %q, want kind unavailable", err, narrative.KindOf(err))
	}
}
