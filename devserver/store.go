package devserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/headers"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/resolver"
	sqliteschema "go.temporal.io/server/schema/sqlite"
)

// storeName is the file in the data directory that holds all of the server's state.
const storeName = "temporal.db"

// store is the SQLite file, as the server wants to hear of it.
type store struct {
	path string
	sql  *config.SQL
}

// opens counts the stores opened by this process; see newStore.
var opens atomic.Int64

// openStore returns the store in the data directory, new or as it was left, with its namespace as the options want it.
// A file that this version of the server did not write is set aside first.
func openStore(ctx context.Context, o Options) (*store, error) {
	path := filepath.Join(o.DataDir, storeName)
	stamp, err := readStamp(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("devserver: read the stamp of %s: %w", path, err)
	}
	if stamp != stampAbsent && stamp != headers.ServerVersion {
		if err := setAside(path, stamp, o.Logger); err != nil {
			return nil, err
		}
		stamp = stampAbsent
	}
	s := newStore(path)
	if stamp == stampAbsent {
		if err := s.create(); err != nil {
			return nil, fmt.Errorf("devserver: create %s: %w", path, err)
		}
	}
	if err := s.ensureNamespace(ctx, o); err != nil {
		return nil, fmt.Errorf("devserver: prepare namespace %s: %w", o.Namespace, err)
	}
	return s, nil
}

// newStore describes a file. What is not among SQLite's own URI parameters, the server's plugin turns into a PRAGMA of
// its one connection.
//
// The plugin keeps that connection for the life of the process, by the text of its address, even after the server has
// stopped. The parameter "setup", which means nothing unless it is "true", makes every address a different one: else a
// second Start after the file was replaced would write to the file that is gone.
func newStore(path string) *store {
	return &store{path: path, sql: &config.SQL{
		PluginName:   sqlite.PluginName,
		DatabaseName: escapePath(path),
		ConnectAttributes: map[string]string{
			"mode":               "rwc",
			"setup":              "start-" + strconv.FormatInt(opens.Add(1), 10),
			"busy_timeout":       "5000",
			"journal_mode":       "wal",
			"journal_size_limit": strconv.Itoa(32 << 20),
			"synchronous":        "normal",
		},
	}}
}

// escapePath keeps a path whole inside a file: URI.
func escapePath(path string) string {
	return strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(filepath.ToSlash(path))
}

// create makes the server's tables, and the stamp last: a file whose making was cut short has none. Nobody but the owner
// may read it, nor the companions that SQLite gives the same permissions.
func (s *store) create() error {
	file, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if err := sqliteschema.SetupSchema(s.sql); err != nil {
		return err
	}
	db, err := sql.NewSQLAdminDB(sqlplugin.DbKindUnknown, s.sql, resolver.NewNoopResolver(), log.NewNoopLogger(),
		metrics.NoopMetricsHandler)
	if err != nil {
		return err
	}
	return errors.Join(writeStamp(db, headers.ServerVersion), db.Close())
}

// exists reports whether there is something at a path.
func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
