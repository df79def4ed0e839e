package devserver

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"go.temporal.io/server/common/headers"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
)

// The stamps of a file that carries none of ours.
const (
	stampAbsent  = ""        // there is no file, or nothing in it
	stampUnknown = "unknown" // there is a file, and we did not write it, or not to the end
)

// sqliteMagic begins every SQLite file.
const sqliteMagic = "SQLite format 3\x00"

// readStamp returns the version of the server that made a file, or stampAbsent or stampUnknown. A file that is there
// but cannot be read is an error.
func readStamp(ctx context.Context, path string) (string, error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return stampAbsent, nil
	}
	if err != nil {
		return "", err
	}
	head := make([]byte, len(sqliteMagic))
	n, err := io.ReadFull(file, head)
	_ = file.Close()
	switch {
	case n == 0 && errors.Is(err, io.EOF):
		return stampAbsent, nil
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return "", err
	case !bytes.Equal(head, []byte(sqliteMagic)):
		return stampUnknown, nil
	}
	return queryStamp(ctx, path)
}

// queryStamp reads the stamp of a file that is known to be SQLite's.
func queryStamp(ctx context.Context, path string) (_ string, err error) {
	db, err := sql.Open("sqlite", "file:"+escapePath(path)+"?_pragma=busy_timeout%3d5000")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var tables, stamps int
	err = db.QueryRowContext(ctx, `
		SELECT count(*), coalesce(sum(name = 'devserver_stamp'), 0)
		FROM sqlite_schema
		WHERE type = 'table'`).Scan(&tables, &stamps)
	if err != nil {
		return "", err
	}
	if tables == 0 {
		return stampAbsent, nil
	}
	if stamps == 0 {
		return stampUnknown, nil
	}
	var version string
	err = db.QueryRowContext(ctx, `SELECT server_version FROM devserver_stamp`).Scan(&version)
	if errors.Is(err, sql.ErrNoRows) || (err == nil && version == "") {
		return stampUnknown, nil
	}
	return version, err
}

// writeStamp marks a new file with the version of the server that made it.
func writeStamp(db sqlplugin.AdminDB, version string) error {
	if err := db.Exec(`CREATE TABLE devserver_stamp (server_version TEXT NOT NULL)`); err != nil {
		return err
	}
	return db.Exec(`INSERT INTO devserver_stamp (server_version) VALUES (?)`, version)
}

// setAside renames a file and its companions to temporal.db.set-aside-STAMP, with -2, -3 … when that is taken, and
// says so. The companions go first: what a crash in between leaves behind is set aside in full the next time.
func setAside(path, stamp string, logger *slog.Logger) error {
	target := path + ".set-aside-" + fileSafe(stamp)
	for i := 2; ; i++ {
		taken, err := exists(target)
		if err != nil {
			return fmt.Errorf("devserver: set aside %s: %w", path, err)
		}
		if !taken {
			break
		}
		target = fmt.Sprintf("%s.set-aside-%s-%d", path, fileSafe(stamp), i)
	}
	for _, suffix := range []string{"-wal", "-shm", ""} {
		err := os.Rename(path+suffix, target+suffix)
		if err != nil && (suffix == "" || !errors.Is(err, os.ErrNotExist)) {
			return fmt.Errorf("devserver: set aside %s: %w", path, err)
		}
	}
	logger.Warn("the embedded Temporal server's file was written by another version of it; "+
		"it was set aside and a new one is begun",
		"found_version", stamp, "server_version", headers.ServerVersion, "file", path, "set_aside", target)
	return nil
}

// fileSafe returns a version with everything that does not belong into a file's name replaced.
func fileSafe(version string) string {
	safe := []byte(version)
	for i, c := range safe {
		ok := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '.' || c == '-'
		if !ok {
			safe[i] = '_'
		}
	}
	return string(safe[:min(len(safe), 40)])
}
