package sql

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/pgtest"
)

func TestMain(m *testing.M) {
	_ = stdlib.GetDefaultDriver() // registers "pgx", with which the tests write
	os.Exit(pgtest.Main(m))
}

const invoices = `CREATE TABLE invoices (id BIGINT PRIMARY KEY, total NUMERIC(12,2), lines_total NUMERIC(12,2), note TEXT);
	INSERT INTO invoices VALUES (1, 100.00, 100.00, NULL), (2, 120.00, 100.50, 'late'), (3, 9.10, 10, NULL)`

// database is one to ask, and a way to change it behind the battery's back.
type database struct {
	dsn   string
	write func(t *testing.T, statement string)
}

// onBoth runs the test on a database of each engine with the invoices in it.
func onBoth(t *testing.T, test func(t *testing.T, d database)) {
	t.Helper()
	for name, open := range map[string]func(*testing.T) (dsn, driver, address string){
		"sqlite": func(t *testing.T) (string, string, string) {
			path := filepath.Join(t.TempDir(), "shop %?#.db")
			return "sqlite:" + path, "sqlite", "file:" + filepath.Dir(path) + "/shop%20%25%3F%23.db"
		},
		"postgres": func(t *testing.T) (string, string, string) {
			url := pgtest.Empty(t)
			return url, "pgx", url
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn, driver, address := open(t)
			db, err := sql.Open(driver, address)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			d := database{dsn: dsn, write: func(t *testing.T, statement string) {
				t.Helper()
				if _, err := db.Exec(statement); err != nil {
					t.Fatal(err)
				}
			}}
			for _, statement := range splitStatements(invoices) {
				d.write(t, statement)
			}
			test(t, d)
		})
	}
}

func splitStatements(s string) []string {
	var all []string
	start := 0
	for i, c := range s {
		if c == ';' {
			all = append(all, s[start:i])
			start = i + 1
		}
	}
	return append(all, s[start:])
}

// made is an assertion made as the registry makes it.
func made(t *testing.T, a Args) any {
	t.Helper()
	reg := narrative.NewRegistry()
	Register(reg)
	raw, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	if p := reg.CheckArgs(narrative.AssertionKind, Class, raw); len(p) > 0 {
		t.Fatal(p)
	}
	assertion, err := reg.Assertion(Class, raw)
	if err != nil {
		t.Fatal(err)
	}
	return assertion
}

func check(t *testing.T, a Args) (narrative.Verdict, error) {
	t.Helper()
	assertion, ok := made(t, a).(narrative.Assertion)
	if !ok {
		t.Fatal("it has no Check")
	}
	return assertion.Check(context.Background())
}

// violations are what a record assertion yields, and the error it ends with.
func violations(t *testing.T, a Args) (all []narrative.Violation, err error) {
	t.Helper()
	assertion, ok := made(t, a).(narrative.RecordAssertion)
	if !ok {
		t.Fatal("it has no Violations")
	}
	for v, err := range assertion.Violations(context.Background()) {
		if err != nil {
			return all, err
		}
		all = append(all, v)
	}
	return all, nil
}

func series(t *testing.T, d database, n int) string {
	t.Helper()
	return fmt.Sprintf("WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < %d) SELECT n FROM s", n)
}
