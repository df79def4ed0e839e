package postgres

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/narrative-go/narrative"
)

func TestAConnectionThatIsNoneIsUnavailableInOneLine(t *testing.T) {
	t.Parallel()
	_, refused := pgconn.Connect(t.Context(), "postgres://u:s3cret@127.0.0.1:1/d")
	for name, test := range map[string]struct {
		err  error
		says string
	}{
		"refused": {refused, "connection refused"},
		"cut":     {fmt.Errorf("error preprocessing batch (prepare): %w", io.ErrUnexpectedEOF), "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := mapped(t.Context(), test.err)
			if narrative.KindOf(err) != narrative.Unavailable || !strings.Contains(err.Error(), test.says) ||
				strings.ContainsAny(err.Error(), "\n\t") {
				t.Errorf("got %q of kind %q", err, narrative.KindOf(err))
			}
		})
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]narrative.ErrorKind{
		"22008": narrative.Invalid, // datetime_field_overflow
		"22021": narrative.Invalid, "22P02": narrative.Invalid, "23514": narrative.Invalid, "54000": narrative.Invalid, "54001": narrative.Invalid,
		"23505": narrative.Conflict, "40001": narrative.Conflict, "23503": narrative.NotFound,
		"08006": narrative.Unavailable, "25006": narrative.Unavailable, "53300": narrative.Unavailable, "57P01": narrative.Unavailable,
		"42P01": narrative.Internal, "XX000": narrative.Internal, "": narrative.Internal,
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			if got := kindOf(&pgconn.PgError{Code: code}); got != want {
				t.Errorf("got %q; want %q", got, want)
			}
		})
	}
}
