// Package migrations holds the steps that make a database what the store expects: for each engine files
// NUMBER_NAME.up.sql and NUMBER_NAME.down.sql, numbered from 1 without gaps. A file that has landed is never changed;
// what comes later is a new one.
package migrations

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed postgres/*.sql sqlite/*.sql
var files embed.FS

// Step is one numbered change of the schema. Its number is its place in the list, from 1.
type Step struct {
	Name string // such as 0001_ground
	Up   string // SQL that makes the change
	Down string // SQL that takes it back
}

// Steps returns the steps of an engine, postgres or sqlite, in order.
func Steps(engine string) ([]Step, error) {
	ups, err := fs.Glob(files, engine+"/*.up.sql") // sorted by name
	if err != nil || len(ups) == 0 {
		return nil, fmt.Errorf("there are no migrations for %q", engine)
	}
	steps := make([]Step, len(ups))
	for i, up := range ups {
		s := Step{Name: strings.TrimSuffix(path.Base(up), ".up.sql")}
		if !strings.HasPrefix(s.Name, fmt.Sprintf("%04d_", i+1)) {
			return nil, fmt.Errorf("migration %s stands where number %04d should", up, i+1)
		}
		if s.Up, err = read(up); err != nil {
			return nil, err
		}
		if s.Down, err = read(path.Join(engine, s.Name+".down.sql")); err != nil {
			return nil, err
		}
		steps[i] = s
	}
	return steps, nil
}

func read(name string) (string, error) {
	b, err := files.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("read migration: %w", err)
	}
	return string(b), nil
}
