package sql

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"slices"
	"strings"
)

// engine knows how to reach one kind of database.
type engine struct {
	open func(dsn string) (*sql.DB, error)
	// stream makes a query in a transaction that cannot write and pours its rows into the sink.
	stream func(ctx context.Context, db *sql.DB, q query, to sink) error
	// alone is the query for the rows of a query that have the id in that column.
	alone func(query, column, id string) (text string, args []any)
	// findsAlone tells whether there is no such row where alone finds none.
	findsAlone func(id string) bool
}

func engineOf(dsn string) *engine {
	switch path, sqlite := strings.CutPrefix(dsn, sqlitePrefix); {
	case sqlite && path != "":
		return &engine{openSQLite, streamSQLite, aloneSQLite, sqliteFindsAlone}
	case strings.HasPrefix(dsn, "postgres://"), strings.HasPrefix(dsn, "postgresql://"):
		return &engine{openPostgres, streamPostgres, alonePostgres, anyFindsAlone}
	}
	return nil
}

// oneLine is the error in one line, with nothing said twice: pgx says on a line each what became of every address that
// it tried.
func oneLine(err error) error {
	var said []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(said, line) {
			said = append(said, line)
		}
	}
	if text := strings.Join(said, " "); text != err.Error() {
		return errors.New(text)
	}
	return err
}

// withoutPassword is the error without the dsn's password, should a driver repeat it.
func withoutPassword(err error, dsn string) error {
	u, parsed := url.Parse(dsn)
	if err == nil || parsed != nil || u.User == nil {
		return err
	}
	password, _ := u.User.Password()
	message := err.Error()
	if password == "" || !strings.Contains(message, password) {
		return err
	}
	return errors.New(strings.ReplaceAll(message, password, "…"))
}
