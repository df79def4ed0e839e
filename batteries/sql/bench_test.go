package sql

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/pgtest"
)

// manyInvoices is a table of a million rows, of which 100 are late and 200,000 do not balance.
const manyInvoices = `CREATE TABLE invoices AS SELECT n AS id, (n % 1000)::numeric(12,2) AS total,
	(n % 1000 + CASE WHEN n % 5 = 0 THEN 1 ELSE 0 END)::numeric(12,2) AS lines_total,
	n % 10000 = 0 AS late, now() AS at FROM generate_series(1, 1000000) n`

func setupMany(b *testing.B) (dsn string, conn *pgx.Conn) {
	b.Helper()
	dsn = pgtest.Empty(b)
	conn, err := pgx.Connect(context.Background(), dsn)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close(context.Background()) })
	for _, statement := range []string{manyInvoices, "ALTER TABLE invoices ADD PRIMARY KEY (id)", "VACUUM ANALYZE invoices"} {
		if _, err := conn.Exec(context.Background(), statement); err != nil {
			b.Fatal(err)
		}
	}
	return dsn, conn
}

func manyRecords(b *testing.B, dsn, query string) records {
	b.Helper()
	over, err := Args{DSN: dsn, Violations: query, Record: &RecordArgs{Type: "invoice", ID: "id"}}.assertion(newPools(maxIdle))
	if err != nil {
		b.Fatal(err)
	}
	return over.(records)
}

// BenchmarkViolations compares a record assertion of which some violations, or all, are wanted with the bare query
// through pgx.
func BenchmarkViolations(b *testing.B) {
	dsn, conn := setupMany(b)
	for _, tt := range []struct {
		rows  int
		where string
	}{{100, "late"}, {200_000, "total <> lines_total"}, {1_000_000, "true"}} {
		query := "SELECT id, total, lines_total, at FROM invoices WHERE " + tt.where
		b.Run(fmt.Sprintf("%d/bare", tt.rows), func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				if count, err := bare(conn, query); err != nil || count != tt.rows {
					b.Fatal(count, err)
				}
			}
		})
		for _, wanted := range slices.Compact([]int{min(tt.rows, 10_000), tt.rows}) {
			b.Run(fmt.Sprintf("%d/wanted/%d", tt.rows, wanted), func(b *testing.B) {
				b.ReportAllocs()
				over := manyRecords(b, dsn, query)
				for range b.N {
					count := 0
					for _, err := range over.SelectViolations(context.Background(), func(narrative.Record) bool { return count < wanted }) {
						if err != nil {
							b.Fatal(err)
						}
						count++
					}
					if count != tt.rows {
						b.Fatal(count)
					}
				}
			})
		}
	}
}

func bare(conn *pgx.Conn, query string) (count int, err error) {
	rows, err := conn.Query(context.Background(), query)
	if err != nil {
		return 0, err
	}
	for rows.Next() {
		count++
	}
	return count, rows.Err()
}

// BenchmarkCheckRecord asks for one of the million.
func BenchmarkCheckRecord(b *testing.B) {
	dsn, _ := setupMany(b)
	over := manyRecords(b, dsn, "SELECT id, total, lines_total, at FROM invoices WHERE total <> lines_total ORDER BY at")
	b.ResetTimer()
	for range b.N {
		if v, err := over.CheckRecord(context.Background(), narrative.Record{Type: "invoice", ID: "555555"}); v == nil || err != nil {
			b.Fatal(v, err)
		}
	}
}
