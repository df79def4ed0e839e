package sql

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
)

func invoice(id string) narrative.Record { return narrative.Record{Type: "invoice", ID: id} }

func TestARecordIsCheckedByItself(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d database) {
		for name, query := range map[string]string{
			"as it is":       unbalanced,
			"a semicolon":    unbalanced + " ; -- that is all",
			"a comment":      unbalanced + " -- that is all",
			"a common table": "WITH i AS (" + unbalanced + ") SELECT * FROM i",
			"a limit":        unbalanced + " LIMIT 2",
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				args := Args{DSN: d.dsn, Violations: query, Record: &RecordArgs{Type: "invoice", ID: "id"}}
				all, err := violations(t, args)
				if err != nil || len(all) != 2 {
					t.Fatal(all, err)
				}
				checker := made(t, args).(narrative.RecordChecker)
				for i := range all {
					got, err := checker.CheckRecord(context.Background(), all[i].Record)
					if diff := cmp.Diff(&all[i], got); diff != "" || err != nil {
						t.Errorf("%v (-want +got)\n%s", err, diff)
					}
				}
				for _, r := range []narrative.Record{invoice("1"), invoice("99"), invoice("x"), invoice("\ufffd"), {Type: "order", ID: "2"}} {
					if got, err := checker.CheckRecord(context.Background(), r); got != nil || err != nil {
						t.Errorf("%+v: %+v, %v", r, got, err)
					}
				}
			})
		}
	})
}

func TestARecordIsCheckedWhereTwoColumnsHaveItsName(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d database) {
		checker := made(t, Args{
			DSN: d.dsn, Violations: strings.Replace(unbalanced, "SELECT id", "SELECT id, id", 1), Record: &RecordArgs{Type: "invoice", ID: "id"},
		}).(narrative.RecordChecker)
		if got, err := checker.CheckRecord(context.Background(), invoice("2")); got == nil || got.Record != invoice("2") || err != nil {
			t.Errorf("%+v, %v", got, err)
		}
		if got, err := checker.CheckRecord(context.Background(), invoice("1")); got != nil || err != nil {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestARecordBeyondTheLimitDoesNotViolate(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d database) {
		checker := made(t, Args{DSN: d.dsn, Violations: unbalanced + " LIMIT 1", Record: &RecordArgs{Type: "invoice", ID: "id"}}).(narrative.RecordChecker)
		if got, err := checker.CheckRecord(context.Background(), invoice("2")); got == nil || err != nil {
			t.Errorf("within: %+v, %v", got, err)
		}
		if got, err := checker.CheckRecord(context.Background(), invoice("3")); got != nil || err != nil {
			t.Errorf("beyond: %+v, %v", got, err)
		}
	})
}

// TestARecordOfAnyIDIsFound compares with what a check of all finds.
func TestARecordOfAnyIDIsFound(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d database) {
		queries := []string{
			"SELECT n AS id FROM (VALUES (TIMESTAMP '2026-03-01 12:00:00.5')) AS x(n)", "SELECT timestamptz '2026-03-01 12:00+02' AS id",
			"SELECT date '2026-03-01' AS id", "SELECT 'a  b'::char(8) AS id", "SELECT 0.1::float4 AS id", "SELECT 1e20::float8 AS id", "SELECT 3.0::float8 AS id",
			"SELECT 10.50::numeric AS id", "SELECT true AS id", "SELECT 'abc'::bytea AS id", `SELECT '\xff00'::bytea AS id`, `SELECT 'a\\b'::bytea AS id`,
			"SELECT '{\"a\": 1}'::jsonb AS id", "SELECT '{}'::json AS id", "SELECT '{1,2}'::int[] AS id", "SELECT '10.0.0.1'::inet AS id",
			"SELECT '1 hour'::interval AS id", "SELECT 'infinity'::timestamptz AS id", "SELECT 'x y'::name AS id", `SELECT 5 AS "id"`,
			"SELECT '6F1C1B1E-7f0a-4a53-9d1b-0c6f2d3c9a10'::uuid AS id", "SELECT 'é'::text AS id", "VALUES (1)", "SELECT 'null'::text AS id",
		}
		if strings.HasPrefix(d.dsn, "sqlite:") {
			d.write(t, "CREATE TABLE dated (id DATE, at DATETIME, b BLOB, r REAL, a TEXT, plain)")
			d.write(t, `INSERT INTO dated VALUES ('2026-03-01', '2026-03-01 10:00:00', x'ff00', 3.0, '7', 7)`)
			queries = []string{
				"SELECT id, at FROM dated", "SELECT at AS id, id AS day FROM dated", "SELECT b AS id FROM dated", "SELECT r AS id FROM dated",
				"SELECT a AS id FROM dated", "SELECT plain AS id, at FROM dated", "SELECT 7 AS id", "SELECT '7' AS id", "SELECT 7.5 AS id", "SELECT x'616263' AS id",
				"SELECT 1e20 AS id", "SELECT '2026-03-01T00:00:00Z' AS id", "SELECT char(65533) AS id", "SELECT a || plain AS id FROM dated LIMIT 1",
				"SELECT CAST(x'ff' AS TEXT) AS id",
			}
		}
		for _, query := range queries {
			args := Args{DSN: d.dsn, Violations: query, Record: &RecordArgs{Type: "x", ID: "id"}}
			if query == "VALUES (1)" {
				args.Record.ID = "column1"
			}
			all, err := violations(t, args)
			if err != nil || len(all) != 1 {
				t.Errorf("%s: %+v, %v", query, all, err)
				continue
			}
			got, err := made(t, args).(narrative.RecordChecker).CheckRecord(context.Background(), all[0].Record)
			if diff := cmp.Diff(&all[0], got); diff != "" || err != nil {
				t.Errorf("%s: %v (-want +got)\n%s", query, err, diff)
			}
		}
	})
}

func TestWhatIsWrongWithAQueryIsToldOfARecordAsWell(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d database) {
		for query, want := range map[string]string{
			"SELECT total FROM invoices": `record.id names the column "id"`,
			"SELECT nothing":             "ask the database: ",
		} {
			checker := made(t, Args{DSN: d.dsn, Violations: query, Record: &RecordArgs{Type: "invoice", ID: "id"}}).(narrative.RecordChecker)
			if got, err := checker.CheckRecord(context.Background(), invoice("2")); got != nil || err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %+v, %v", query, got, err)
			}
		}
		start := time.Now()
		checker := made(t, Args{
			DSN: d.dsn, Violations: "SELECT count(*) AS id FROM (" + series(t, d, 1_000_000_000) + ") x",
			Record: &RecordArgs{Type: "invoice", ID: "id"}, Timeout: narrative.Duration(300 * time.Millisecond),
		}).(narrative.RecordChecker)
		if _, err := checker.CheckRecord(context.Background(), invoice("2")); err == nil || !strings.Contains(err.Error(), "took too long") || time.Since(start) > 10*time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}

func TestARecordExistsOrIsGone(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d database) {
		queries := []string{"SELECT 1 FROM invoices WHERE id = $1", "SELECT note FROM invoices WHERE CAST(id AS TEXT) = $1 OR CAST(id AS TEXT) = $1;"}
		if strings.HasPrefix(d.dsn, "sqlite:") {
			queries = append(queries, "SELECT 1 FROM invoices WHERE id = ?", "SELECT 1 FROM invoices WHERE id = ?1 OR id = ?1")
		}
		for _, query := range queries {
			finder, ok := made(t, Args{DSN: d.dsn, Violations: unbalanced, Record: &RecordArgs{Type: "invoice", ID: "id"}, Exists: query}).(narrative.RecordFinder)
			if !ok {
				t.Fatal("it has no Exists")
			}
			for r, want := range map[narrative.Record]bool{invoice("1"): true, invoice("99"): false, {Type: "order", ID: "99"}: true} {
				if got, err := finder.Exists(context.Background(), r); got != want || err != nil {
					t.Errorf("%s: %+v: %t, %v", query, r, got, err)
				}
			}
		}
		broken := made(t, Args{DSN: d.dsn, Violations: unbalanced, Record: &RecordArgs{Type: "invoice", ID: "id"}, Exists: "SELECT nothing WHERE $1 = '1'"})
		if _, err := broken.(narrative.RecordFinder).Exists(context.Background(), invoice("1")); err == nil || !strings.HasPrefix(err.Error(), "tell whether invoice 1 exists: ask the database: ") {
			t.Errorf("got %v", err)
		}
	})
}

func TestOnlyAnExistsQueryFindsRecords(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args            Args
		checks, findsIt bool
	}{
		"records":         {Args{Violations: "SELECT 1 AS id", Record: &RecordArgs{"invoice", "id"}}, true, false},
		"records, exists": {Args{Violations: "SELECT 1 AS id", Record: &RecordArgs{"invoice", "id"}, Exists: "SELECT 1 WHERE 1 = $1"}, true, true},
		"rows":            {Args{Violations: "SELECT 1 AS id"}, false, false},
		"a boolean":       {Args{Holds: "SELECT 1"}, false, false},
	} {
		tt.args.DSN = "sqlite:x"
		got := made(t, tt.args)
		if _, ok := got.(narrative.RecordChecker); ok != tt.checks {
			t.Errorf("%s checks a record: %t", name, ok)
		}
		if _, ok := got.(narrative.RecordFinder); ok != tt.findsIt {
			t.Errorf("%s finds a record: %t", name, ok)
		}
	}
}

func TestWhatIsNotWantedIsNotDescribed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d database) {
		all := made(t, Args{DSN: d.dsn, Violations: unbalanced, Record: &RecordArgs{Type: "invoice", ID: "id"}}).(records)
		var got []narrative.Violation
		for v, err := range all.SelectViolations(context.Background(), func(r narrative.Record) bool { return r.ID == "3" }) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, v)
		}
		if len(got) != 2 || !cmp.Equal(got[0], narrative.Violation{Record: invoice("2")}) || len(got[1].Details) != 4 || got[1].Summary == "" {
			t.Errorf("got %+v", got)
		}
	})
}
