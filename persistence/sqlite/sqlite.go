// Package sqlite runs the store's batches on an embedded SQLite file. One connection writes, a few others read; other
// processes may have the file open as well.
package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite" // registers the driver

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

var _ engine.Engine = (*Engine)(nil)

// Engine is an open file.
type Engine struct {
	write *connections // one, whose transactions begin IMMEDIATE
	read  *connections
}

const (
	// pragmas are set on every connection. WAL lets readers go on beside the writer; with synchronous=NORMAL a crash of
	// the machine may lose the last transactions but never tears the file.
	pragmas = "_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=foreign_keys(1)"
	readers = 4

	// A file is tried for half a second in all.
	openAttempts = 10
	openPause    = 10 * time.Millisecond
)

// Open opens the file of a URL sqlite:PATH and makes it, and the folder it lies in, where they are absent.
func Open(ctx context.Context, rawURL string) (*Engine, error) {
	path, err := pathOf(rawURL)
	if err != nil {
		return nil, err
	}
	if err := create(path); err != nil {
		return nil, narrative.Errorf(narrative.Unavailable, "open the database file: %w", err)
	}
	if err := registerFunctions(); err != nil {
		return nil, fmt.Errorf("prepare SQLite: %w", err)
	}
	name := "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + pragmas
	e := &Engine{}
	if e.write, err = connect(name + "&_txlock=immediate"); err != nil {
		return nil, fmt.Errorf("open the database file: %w", err)
	}
	e.write.SetMaxOpenConns(1)
	if e.read, err = connect(name + "&_query_only=1"); err != nil {
		return nil, errors.Join(fmt.Errorf("open the database file: %w", err), e.write.Close())
	}
	e.read.SetMaxOpenConns(readers)
	e.read.SetMaxIdleConns(readers)
	if err := e.try(ctx); err != nil {
		_ = e.Close()
		return nil, explain(ctx, path, err)
	}
	return e, nil
}

func connect(name string) (*connections, error) {
	db, err := sql.Open("sqlite", name)
	return &connections{DB: db, kept: map[string]*sql.Stmt{}}, err
}

// try touches the file, for SQLite opens it lazily. Where several processes make the same file at the same moment, one
// may stumble over what another has just removed; the next attempt finds the file made.
func (e *Engine) try(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		var tables int
		err := e.write.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_master").Scan(&tables)
		if err == nil || attempt == openAttempts || !stumbled(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(attempt) * openPause):
		}
	}
}

func explain(ctx context.Context, path string, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("open the database file: %w", ctx.Err())
	case isNotDatabase(err):
		return narrative.Errorf(narrative.Invalid, "%s is not a SQLite database: name another file, or move that one away", path)
	}
	return narrative.Errorf(narrative.Unavailable, "the database file %s cannot be opened: %w", path, err)
}

func pathOf(rawURL string) (string, error) {
	path, ok := strings.CutPrefix(rawURL, "sqlite:")
	path = strings.TrimPrefix(path, "//")
	switch {
	case !ok || path == "":
		return "", narrative.Errorf(narrative.Invalid, "the database URL must be sqlite:PATH, such as sqlite:.narrative/narrative.db")
	case strings.HasPrefix(path, ":memory:"):
		return "", narrative.Errorf(narrative.Invalid, "the database URL must name a file: sqlite:PATH; a database in memory is not supported")
	case strings.ContainsRune(path, 0):
		return "", narrative.Errorf(narrative.Invalid, "the path of the database URL contains the character \\u0000")
	}
	return path, nil
}

// create makes the file, readable for its owner alone; SQLite gives the files beside it the same rights.
func create(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// registerFunctions teaches SQLite to look for text in any case of any script, where its own lower knows ASCII alone.
// The driver's list of functions is one for the process.
var registerFunctions = sync.OnceValue(func() error {
	return sqlite.RegisterDeterministicScalarFunction("narrative_contains", 2,
		func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
			return strings.Contains(strings.ToLower(textOf(args[0])), strings.ToLower(textOf(args[1]))), nil
		})
})

func textOf(v driver.Value) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}

// Dialect returns SQLite's.
func (e *Engine) Dialect() engine.Dialect {
	return engine.Dialect{
		Name:      "sqlite",
		HasSchema: "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'narrative_schema')",
		Contains:  "narrative_contains(%s, %s)",
		Mark:      mark,
		Unseen:    unseen,
		Rows:      rows,
	}
}

// mark is the highest rowid, which goes up as rows are written, one transaction after the other, and the highest id, for
// where the row of the highest rowid is deleted and the rowid given again.
func mark(table string) string {
	return "SELECT (SELECT COALESCE(MAX(rowid), 0) FROM " + table + ") || ' ' || (SELECT COALESCE(MAX(id), '') FROM " + table + ")"
}

func unseen(mark string) (string, []any, error) {
	number, id, _ := strings.Cut(mark, " ")
	rowid, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return "", nil, narrative.Errorf(narrative.Invalid, "%q is not a mark of this store", mark)
	}
	return "(rowid > ? OR id > ?)", []any{rowid, id}, nil
}

// rows takes a JSON array of rows, each an array.
func rows(placeholder int, columns ...engine.Column) string {
	values := make([]string, len(columns))
	for i, c := range columns {
		values[i] = fmt.Sprintf("value ->> %d AS %s", i, c.Name)
		if c.JSON {
			values[i] = fmt.Sprintf("NULLIF(value ->> %d, '') AS %s", i, c.Name)
		}
	}
	return fmt.Sprintf("(SELECT %s FROM json_each($%d)) AS r", strings.Join(values, ", "), placeholder)
}

// Close closes the file.
func (e *Engine) Close() error {
	return errors.Join(e.read.Close(), e.write.Close())
}
