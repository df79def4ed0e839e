package persistence_test

import (
	"database/sql"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver
	_ "modernc.org/sqlite"             // the driver
)

// behind runs a statement behind the store's back and returns the first column of its rows.
func behind(t *testing.T, url, statement string) (column []string, err error) {
	t.Helper()
	driver, name := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver = "sqlite"
		name = "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23", " ", "%20").Replace(path) +
			"?_pragma=foreign_keys(1)&_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), statement)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			return nil, err
		}
		column = append(column, value)
	}
	return column, rows.Err()
}

// change changes what the store holds behind its back.
func change(t *testing.T, url, statement string) {
	t.Helper()
	if _, err := behind(t, url, statement); err != nil {
		t.Fatal(err)
	}
}
