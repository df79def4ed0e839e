package sqlite

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/narrative-go/narrative"
)

func isNotDatabase(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == codes.SQLITE_NOTADB
}

// stumbled tells whether an error may be gone at once.
func stumbled(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff {
	case codes.SQLITE_IOERR, codes.SQLITE_BUSY, codes.SQLITE_LOCKED:
		return true
	}
	return false
}

// mapped gives a driver's error narrative's kind. Those of the context pass through, and so does what has a kind.
func mapped(ctx context.Context, err error) error {
	var known *narrative.Error
	var problems narrative.Problems
	switch {
	case err == nil || errors.As(err, &known) || errors.As(err, &problems):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("the database was not waited for: %w", ctx.Err())
	}
	var e *sqlite.Error
	if errors.As(err, &e) {
		return narrative.Errorf(kindOf(e.Code()), "the database refused: %w", err)
	}
	return narrative.Errorf(narrative.Internal, "the database: %w", err)
}

func kindOf(code int) narrative.ErrorKind {
	switch code {
	case codes.SQLITE_CONSTRAINT_UNIQUE, codes.SQLITE_CONSTRAINT_PRIMARYKEY:
		return narrative.Conflict
	case codes.SQLITE_CONSTRAINT_FOREIGNKEY:
		return narrative.NotFound
	case codes.SQLITE_CONSTRAINT_CHECK, codes.SQLITE_CONSTRAINT_NOTNULL, codes.SQLITE_TOOBIG:
		return narrative.Invalid
	}
	switch code & 0xff { // the rest of an extended code only says more
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED, codes.SQLITE_CANTOPEN, codes.SQLITE_FULL, codes.SQLITE_IOERR,
		codes.SQLITE_READONLY, codes.SQLITE_NOTADB, codes.SQLITE_CORRUPT:
		return narrative.Unavailable
	}
	return narrative.Internal
}
