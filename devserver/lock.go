package devserver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// lockName is the file in the data directory that a running server holds locked. The file stays when it is let go:
// removing it would let two servers lock two files of the same name.
const lockName = "temporal.lock"

// dirLock is a held data directory. The operating system lets go of it when the process dies, however it dies.
type dirLock struct {
	file *os.File
}

// lockDir locks a data directory, or returns ErrDataDirInUse at once when it is locked already.
func lockDir(dir string) (*dirLock, error) {
	file, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("devserver: lock data directory: %w", err)
	}
	if err := lockFile(file); err != nil {
		_ = file.Close()
		if errors.Is(err, errLocked) {
			return nil, fmt.Errorf("%w: another Temporal server runs on %s: "+
				"stop it, or choose another data directory", ErrDataDirInUse, dir)
		}
		return nil, fmt.Errorf("devserver: lock data directory %s: %w", dir, err)
	}
	return &dirLock{file: file}, nil
}

// release lets go of the directory.
func (l *dirLock) release() error {
	return l.file.Close()
}

// errLocked is what lockFile returns for a file that somebody else holds.
var errLocked = errors.New("locked")
