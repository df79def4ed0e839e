// Package pgtest gives tests a PostgreSQL: the one of NARRATIVE_TEST_DATABASE_URL, whose user must be allowed to create
// databases, or else a throwaway server of the test process's own, which needs no more than PostgreSQL's programs to
// be installed. As root on a Debian-like system it installs them itself. It never skips a test: without a server the
// test fails and says what to install.
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
//
//	func TestSomething(t *testing.T) {
//		url := pgtest.Database(t) // migrated, and this test's own
package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/narrative-go/narrative/persistence"
)

// URLVariable names a server to use instead of a throwaway one.
const URLVariable = "NARRATIVE_TEST_DATABASE_URL"

// shared is the server of the test process, once it was asked for.
var shared struct {
	sync.Mutex
	server   *server
	template string
	err      error // of the first attempt, which is not repeated
}

// Main runs the tests and stops the server after them. The server ends with the process anyhow; Main also removes what
// it wrote.
func Main(m *testing.M) int {
	defer stop()
	return m.Run()
}

// Database returns the URL of a new, migrated database, which is dropped after the test.
func Database(t testing.TB) string {
	t.Helper()
	return create(t, true)
}

// Empty returns the URL of a new database without any tables, which is dropped after the test.
func Empty(t testing.TB) string {
	t.Helper()
	return create(t, false)
}

func create(t testing.TB, migrated bool) string {
	t.Helper()
	admin, template, err := start()
	if err != nil {
		t.Fatalf("no PostgreSQL for this test: %v", err)
	}
	name := uniqueName("t")
	sql := "CREATE DATABASE " + name
	if migrated {
		sql += " TEMPLATE " + template
	}
	if err := execute(admin, sql); err != nil {
		t.Fatalf("create a database for this test: %v", err)
	}
	t.Cleanup(func() {
		if err := execute(admin, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			t.Logf("drop the test's database: %v", err)
		}
	})
	return withDatabase(admin, name)
}

// Start is for a program that is no test: it starts the server, or finds it. The server ends with the process; stop ends
// it before, and removes what it wrote.
func Start() (end func(), err error) {
	_, _, err = start()
	return stop, err
}

// StartLasting is Start with a server as PostgreSQL's defaults have it: what it commits outlasts a crash of the machine.
func StartLasting() (end func(), err error) {
	lasting.Store(true)
	defer lasting.Store(false)
	return Start()
}

// New returns the URL of a new, migrated database on the server that Start started.
func New() (string, error) {
	admin, template, err := start()
	if err != nil {
		return "", err
	}
	name := uniqueName("p")
	return withDatabase(admin, name), execute(admin, "CREATE DATABASE "+name+" TEMPLATE "+template)
}

// start starts the server, or finds it, and migrates the template that databases are copied from.
func start() (admin, template string, err error) {
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil && shared.err == nil {
		shared.server, shared.template, shared.err = prepare()
	}
	if shared.err != nil {
		return "", "", shared.err
	}
	return shared.server.url, shared.template, nil
}

func prepare() (*server, string, error) {
	s := &server{url: os.Getenv(URLVariable)}
	if s.url == "" {
		var err error
		if s, err = launch(); err != nil {
			return nil, "", err
		}
	}
	template := uniqueName("template")
	if err := execute(s.url, "CREATE DATABASE "+template); err != nil {
		s.stop()
		return nil, "", err
	}
	if _, _, err := persistence.Migrate(context.Background(), withDatabase(s.url, template)); err != nil {
		s.stop()
		return nil, "", err
	}
	return s, template, nil
}

func stop() {
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		return
	}
	if shared.server.process == nil {
		_ = execute(shared.server.url, "DROP DATABASE IF EXISTS "+shared.template+" WITH (FORCE)")
	}
	shared.server.stop()
	shared.server = nil
}

// execute runs one statement on a connection of its own.
func execute(rawURL, sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, rawURL)
	if err != nil {
		return fmt.Errorf("connect to the test server: %w", err)
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(ctx, sql)
	return err
}

func withDatabase(rawURL, name string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return rawURL
	}
	u.Path = "/" + name
	return u.String()
}

func uniqueName(purpose string) string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return strings.Join([]string{"narrative", purpose, hex.EncodeToString(b[:])}, "_")
}
