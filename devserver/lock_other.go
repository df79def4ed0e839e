//go:build !unix

package devserver

import "os"

// lockFile does nothing: where there is no flock, SQLite's own locks are the only guard against a second server.
func lockFile(*os.File) error { return nil }
