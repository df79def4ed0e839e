//go:build unix

package devserver

import (
	"errors"
	"os"
	"syscall"
)

// lockFile takes an exclusive advisory lock, or returns errLocked.
func lockFile(file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return err
}
