package sql

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
)

const unbalanced = "SELECT id, total, lines_total, note FROM invoices WHERE total <> lines_total ORDER BY id"

func TestEachRowIsARecord(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d database) {
		got, err := violations(t, Args{DSN: d.dsn, Violations: unbalanced + ";", Record: &RecordArgs{Type: "invoice", ID: "id"}})
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 2 {
			t.Fatalf("got %+v", got)
		}
		want := narrative.Violation{
			Record:  narrative.Record{Type: "invoice", ID: "2"},
			Summary: "invoice 2: total=120.00, lines_total=100.50, note=late",
			Details: map[string]any{"id": int64(2), "total": "120.00", "lines_total": "100.50", "note": "late"},
		}
		if strings.HasPrefix(d.dsn, "sqlite:") { // which keeps decimals as floating point numbers
			want.Summary = "invoice 2: total=120, lines_total=100.5, note=late"
			want.Details["total"], want.Details["lines_total"] = int64(120), 100.5
		}
		if diff := cmp.Diff(want, got[0]); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if v, ok := got[1].Details["note"]; !ok || v != nil {
			t.Errorf("NULL is %v", v)
		}
	})
}

func TestAllRowsAreOneVerdict(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d database) {
		v, err := check(t, Args{DSN: d.dsn, Violations: "SELECT id FROM invoices WHERE id > 1 ORDER BY id"})
		want := narrative.Failed("2 rows violate it, the first: id=2").With("count", 2).
			With("rows", []any{map[string]any{"id": int64(2)}, map[string]any{"id": int64(3)}})
		if diff := cmp.Diff(want, v); diff != "" || err != nil {
			t.Errorf("%v (-want +got)\n%s", err, diff)
		}
		v, err = check(t, Args{DSN: d.dsn, Violations: series(t, d, 5000)})
		if err != nil || v.Details["count"] != 5000 || len(v.Details["rows"].([]any)) != maxRows {
			t.Errorf("many: %.300v, %v", v, err)
		}
		v, err = check(t, Args{DSN: d.dsn, Violations: "SELECT id FROM invoices WHERE id > 9"})
		if err != nil || !v.Passed {
			t.Errorf("none: %+v, %v", v, err)
		}
	})
}

func TestABooleanHoldsOrNot(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d database) {
		for query, want := range map[string]bool{
			"SELECT count(*) = 3 FROM invoices": true, "SELECT count(*) = 4 FROM invoices": false,
			"SELECT CAST(1 AS BIGINT)": true, "(SELECT 1 = 1)": true, "-- why\nVALUES (1 = 2) -- ; none": false,
		} {
			if query[0] == '(' && strings.HasPrefix(d.dsn, "sqlite:") {
				continue // PostgreSQL alone reads that
			}
			v, err := check(t, Args{DSN: d.dsn, Holds: query})
			if err != nil || v.Passed != want {
				t.Errorf("%s: %+v, %v", query, v, err)
			}
		}
		for query, want := range map[string]string{
			"SELECT NULL":                            "it answers",
			"SELECT 2":                               "must answer true or false",
			"SELECT 'yes'":                           "must answer true or false",
			"SELECT 1, 2":                            "one column; it asks for 2",
			"SELECT 1 = 1 FROM invoices":             "one row; it answers more",
			"SELECT 1 = 1 FROM invoices WHERE 1 > 2": "one row; it answers none",
			"SELECT nothing":                         "nothing",
		} {
			_, err := check(t, Args{DSN: d.dsn, Holds: query})
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", query, err)
			}
		}
	})
}

func TestEveryRowNeedsAnID(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d database) {
		for query, want := range map[string]string{
			"SELECT total, note FROM invoices WHERE id > 9":        `"id", which the query does not have (it has: total, note)`,
			"SELECT note AS id FROM invoices ORDER BY invoices.id": `the column "id" is NULL`,
			"SELECT '' AS id": `the column "id" is empty`,
		} {
			_, err := violations(t, Args{DSN: d.dsn, Violations: query, Record: &RecordArgs{Type: "invoice", ID: "id"}})
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", query, err)
			}
		}
	})
}

func TestNothingIsWritten(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d database) {
		q := query{pools: newPools(time.Minute), dsn: d.dsn, text: "DELETE FROM invoices"}
		nothing := sink{func([]string) error { return nil }, func(row) (bool, error) { return true, nil }}
		db, done, err := q.pools.use(d.dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		if err := engineOf(d.dsn).stream(context.Background(), db, q, nothing); err == nil {
			t.Error("a delete went through")
		}
		for _, text := range []string{"WITH x AS (SELECT 1) DELETE FROM invoices", "SELECT 1; DELETE FROM invoices"} {
			q.text = text
			if err := q.rows(context.Background(), nothing.begin, nothing.each); err == nil {
				t.Errorf("%s went through", text)
			}
		}
		if v, err := check(t, Args{DSN: d.dsn, Holds: "SELECT count(*) = 3 FROM invoices"}); err != nil || !v.Passed {
			t.Errorf("%+v, %v", v, err)
		}
	})
}

func TestALongQueryIsInterrupted(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d database) {
		start := time.Now()
		_, err := check(t, Args{
			DSN: d.dsn, Violations: "SELECT count(*) FROM (" + series(t, d, 1_000_000_000) + ") x",
			Timeout: narrative.Duration(300 * time.Millisecond),
		})
		if err == nil || !strings.Contains(err.Error(), "took too long") || time.Since(start) > 10*time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}

func TestRowsAreStreamed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d database) {
		assertion := made(t, Args{DSN: d.dsn, Violations: series(t, d, 1_000_000_000), Record: &RecordArgs{Type: "n", ID: "n"}})
		count := 0
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		for _, err := range assertion.(narrative.RecordAssertion).Violations(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			if count++; count == 5 {
				break
			}
		}
		if count != 5 || ctx.Err() != nil {
			t.Errorf("%d rows, %v", count, ctx.Err())
		}
	})
}

func TestAnErrorHalfWayIsTheChecks(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d database) {
		query := "SELECT id, 1 / (3 - id) AS part FROM invoices"
		if strings.HasPrefix(d.dsn, "sqlite:") { // to which a division by zero is NULL
			query = "SELECT id, CASE WHEN id = 3 THEN json('{') END AS part FROM invoices"
		}
		assertion := made(t, Args{DSN: d.dsn, Violations: query, Record: &RecordArgs{Type: "invoice", ID: "id"}}).(narrative.RecordAssertion)
		var found []string
		var failure error
		for v, err := range assertion.Violations(context.Background()) {
			if failure != nil {
				t.Fatal("it goes on after its error")
			}
			if failure = err; err == nil {
				found = append(found, v.Record.ID)
			} else if v.Record != (narrative.Record{}) {
				t.Errorf("the error is of %+v", v.Record)
			}
		}
		if !cmp.Equal(found, []string{"1", "2"}) || failure == nil || !strings.HasPrefix(failure.Error(), "ask the database: ") {
			t.Errorf("found %v, %v", found, failure)
		}
	})
}

func TestValuesAreWrittenAsPeopleReadThem(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d database) {
		if strings.HasPrefix(d.dsn, "sqlite:") {
			t.Skip("PostgreSQL's types")
		}
		got, err := violations(t, Args{DSN: d.dsn, Record: &RecordArgs{Type: "x", ID: "u"}, Violations: `SELECT
			'6f1c1b1e-7f0a-4a53-9d1b-0c6f2d3c9a10'::uuid AS u, 1::smallint AS i, 1.5::float8 AS f, 10.50::numeric AS n, true AS b,
			'2026-03-01 12:00:00.5+02'::timestamptz AS t, '2026-03-01'::date AS d, '{"a": 1}'::jsonb AS j, 'abc'::bytea AS x,
			'\xff00'::bytea AS y, '{1,2}'::int[] AS a, '1 hour'::interval AS v`})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]any{
			"u": "6f1c1b1e-7f0a-4a53-9d1b-0c6f2d3c9a10", "i": int64(1), "f": 1.5, "n": "10.50", "b": true,
			"t": "2026-03-01T10:00:00.5Z", "d": "2026-03-01T00:00:00Z", "j": `{"a": 1}`, "x": "abc", "y": `\xff00`, "a": "{1,2}", "v": "01:00:00",
		}
		if diff := cmp.Diff(want, got[0].Details); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if got[0].Record.ID != want["u"] {
			t.Errorf("id %q", got[0].Record.ID)
		}
	})
}

func TestAFileThatIsNotThereIsNotMade(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "absent.db")
	_, err := check(t, Args{DSN: "sqlite:" + path, Holds: "SELECT 1"})
	if err == nil || !strings.Contains(err.Error(), "there is no SQLite file "+path) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("it was made")
	}
	if _, err := check(t, Args{DSN: "sqlite:" + filepath.Dir(path), Holds: "SELECT 1"}); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("a folder: %v", err)
	}
}

func TestErrorsHoldNoPassword(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{"postgres://u:s3cret@127.0.0.1:1/db", "postgres://u:s3cret@127.0.0.1:bad/db", "postgres://u:s3cret@h/db?sslmode=nonsense"} {
		_, err := check(t, Args{DSN: dsn, Holds: "SELECT 1", Timeout: narrative.Duration(2 * time.Second)})
		if err == nil || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v", err)
		}
	}
}

func TestPoolsAreSharedAndClosed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d database) {
		p := newPools(20 * time.Millisecond)
		first, doneFirst, err := p.use(d.dsn)
		if err != nil {
			t.Fatal(err)
		}
		second, doneSecond, err := p.use(d.dsn)
		if err != nil || first != second {
			t.Fatalf("not shared: %v", err)
		}
		doneFirst()
		doneSecond()
		for deadline := time.Now().Add(5 * time.Second); first.Ping() == nil; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("not closed")
			}
		}
	})
}
