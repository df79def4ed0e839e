package sql

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"strings"

	_ "modernc.org/sqlite" // registers the driver "sqlite", which has no other way in

	"github.com/narrative-go/narrative"
)

const sqlitePrefix = "sqlite:"

func openSQLite(dsn string) (*sql.DB, error) {
	path := strings.TrimPrefix(dsn, sqlitePrefix)
	at := url.URL{
		Scheme: "file", OmitHost: true, Path: path,
		RawQuery: "mode=ro&_pragma=busy_timeout(5000)&_pragma=query_only(1)",
	}
	db, err := sql.Open("sqlite", at.String())
	if err != nil {
		return nil, err
	}
	// Opening a file costs little, and one that was replaced must not be read on.
	db.SetMaxIdleConns(0)
	return db, nil
}

func streamSQLite(ctx context.Context, db *sql.DB, q query, to sink) error {
	if err := checkFile(strings.TrimPrefix(q.dsn, sqlitePrefix)); err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // there is nothing to commit
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	rows, err := tx.QueryContext(ctx, q.text, q.args...)
	if err != nil {
		return err
	}
	// Where it stops early, closing the rows alone would read all that are left.
	defer func() { giveUp(); _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	if err := to.begin(columns); err != nil {
		return err
	}
	return readSQLite(rows, columns, to)
}

// checkFile says more of a file that cannot be opened than SQLite would.
func checkFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return narrative.Errorf(narrative.NotFound, "there is no SQLite file %s", path)
	case err != nil:
		return err
	case info.IsDir():
		return narrative.Errorf(narrative.Invalid, "%s is a folder, not a SQLite file", path)
	}
	return nil
}

func readSQLite(rows *sql.Rows, columns []string, to sink) error {
	values, into := make(sqliteRow, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if more, err := to.each(row{columns, values}); err != nil || !more {
			return err
		}
	}
	return rows.Err()
}

// sqliteRow is a row as the driver made it.
type sqliteRow []any

func (s sqliteRow) value(column int) any { return plain(s[column]) }
