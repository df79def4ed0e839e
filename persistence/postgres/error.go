package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/narrative-go/narrative"
)

// code returns the SQLSTATE of an error of the server's, or "".
func code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// deadlocked tells whether a transaction was given up for another and may be made again.
func deadlocked(err error) bool {
	return code(err) == "40P01" || code(err) == "40001"
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
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return narrative.Errorf(kindOf(server), "the database refused: %w", err)
	}
	if lost(err) {
		return narrative.Errorf(narrative.Unavailable, "the database does not answer: %s", reason(err))
	}
	return narrative.Errorf(narrative.Internal, "the database: %w", err)
}

// lost tells whether there is no connection to the server, or none any more.
func lost(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

func kindOf(e *pgconn.PgError) narrative.ErrorKind {
	switch e.Code {
	case "23505", "40001", "40P01": // unique_violation, serialization_failure, deadlock_detected
		return narrative.Conflict
	case "23503": // foreign_key_violation
		return narrative.NotFound
	case "23514": // check_violation
		return narrative.Invalid
	case "25006": // read_only_sql_transaction: the server is a standby now
		return narrative.Unavailable
	}
	switch class := e.Code[:min(2, len(e.Code))]; class {
	case "08", "53", "57", "58": // connection, resources, operator intervention, system
		return narrative.Unavailable
	case "22", "54": // data, such as a time out of range, and limits of the program
		return narrative.Invalid
	}
	return narrative.Internal
}
