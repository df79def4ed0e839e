package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // registers the driver "sqlite", which has no other way in

	"github.com/narrative-go/narrative"
)

const sqlitePrefix = "sqlite:"

// engine knows how to reach one kind of database.
type engine struct {
	open func(dsn string) (*sql.DB, error)
	// begin looks at the database and starts a transaction that cannot write.
	begin func(ctx context.Context, db *sql.DB, dsn string) (*sql.Tx, error)
}

func engineOf(dsn string) *engine {
	switch path, sqlite := strings.CutPrefix(dsn, sqlitePrefix); {
	case sqlite && path != "":
		return &engine{openSQLite, beginSQLite}
	case strings.HasPrefix(dsn, "postgres://"), strings.HasPrefix(dsn, "postgresql://"):
		return &engine{openPostgres, beginPostgres}
	}
	return nil
}

func openPostgres(dsn string) (*sql.DB, error) {
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		// The parser's error repeats the dsn.
		return nil, narrative.Errorf(narrative.Invalid, "the dsn is not a PostgreSQL URL such as postgres://user:password@host:5432/database")
	}
	c.RuntimeParams["default_transaction_read_only"] = "on"
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "narrative"
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 10 * time.Second
	}
	// The extended protocol refuses several statements; nothing is prepared, so that poolers in between do not mind.
	c.DefaultQueryExecMode = pgx.QueryExecModeExec
	db := stdlib.OpenDB(*c)
	db.SetMaxIdleConns(2)
	return db, nil
}

func beginPostgres(ctx context.Context, db *sql.DB, _ string) (*sql.Tx, error) {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		// A little more than the context has, whose end says better what happened; it is for when nobody is left to
		// cancel the query.
		ms := time.Until(deadline).Milliseconds() + 1000
		if _, err := tx.ExecContext(ctx, fmt.Sprintf("SET LOCAL statement_timeout = %d", max(ms, 1))); err != nil {
			return nil, errors.Join(err, tx.Rollback())
		}
	}
	return tx, nil
}

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

func beginSQLite(ctx context.Context, db *sql.DB, dsn string) (*sql.Tx, error) {
	path := strings.TrimPrefix(dsn, sqlitePrefix)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, narrative.Errorf(narrative.NotFound, "there is no SQLite file %s", path)
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, narrative.Errorf(narrative.Invalid, "%s is a folder, not a SQLite file", path)
	}
	return db.BeginTx(ctx, nil)
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
