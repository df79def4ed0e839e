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
