package sql

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
)

func detected(t *testing.T, a EventArgs) ([]narrative.Occurrence, error) {
	t.Helper()
	reg := narrative.NewRegistry()
	Register(reg)
	raw, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	if p := reg.CheckArgs(narrative.EventKind, Class, raw); len(p) > 0 {
		t.Fatal(p)
	}
	event, err := reg.Event(Class, raw)
	if err != nil {
		t.Fatal(err)
	}
	return event.Detect(context.Background())
}

func TestEachRowIsAnOccurrence(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d database) {
		const query = "SELECT id, note FROM invoices WHERE id > 1 ORDER BY id"
		got, err := detected(t, EventArgs{DSN: d.dsn, Rows: query, Identify: []string{"id"}})
		want := []narrative.Occurrence{
			{Summary: map[string]any{"id": int64(2)}, Details: map[string]any{"id": int64(2), "note": "late"}},
			{Summary: map[string]any{"id": int64(3)}, Details: map[string]any{"id": int64(3), "note": nil}},
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got)\n%s", err, diff)
		}
		got, err = detected(t, EventArgs{DSN: d.dsn, Rows: query})
		if err != nil || len(got) != 2 || !cmp.Equal(got[0].Summary, got[0].Details) {
			t.Errorf("all columns: %+v, %v", got, err)
		}
		if got, err = detected(t, EventArgs{DSN: d.dsn, Rows: "SELECT id FROM invoices WHERE id > 9"}); err != nil || len(got) != 0 {
			t.Errorf("none: %+v, %v", got, err)
		}
	})
}

func TestOccurrencesAreBounded(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d database) {
		if got, err := detected(t, EventArgs{DSN: d.dsn, Rows: series(t, d, maxOccurrences)}); err != nil || len(got) != maxOccurrences {
			t.Errorf("%d, %v", len(got), err)
		}
		if _, err := detected(t, EventArgs{DSN: d.dsn, Rows: series(t, d, 1_000_000_000)}); err == nil || !strings.Contains(err.Error(), "more than the 10000 rows") {
			t.Errorf("too many: %v", err)
		}
	})
}

func TestColumnsThatIdentifyAreFound(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d database) {
		for _, tt := range []struct{ query, identify, want string }{
			{"SELECT total FROM invoices", "toal", `identify names the column "toal", which the query does not have; did you mean "total"? (it has: total)`},
			{"SELECT id, total AS id FROM invoices", "id", `two columns of the query are called "id"`},
			{"SELECT nothing FROM invoices", "id", "ask the database: "},
		} {
			if _, err := detected(t, EventArgs{DSN: d.dsn, Rows: tt.query, Identify: []string{tt.identify}}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v", tt.query, err)
			}
		}
	})
}

func TestEventArgumentsAreValidated(t *testing.T) {
	t.Parallel()
	reg := narrative.NewRegistry()
	Register(reg)
	for args, want := range map[string]narrative.Problem{
		`{"rows":"SELECT 1"}`:                                   {Path: "args.dsn", Message: "is required: postgres://… or sqlite:PATH"},
		`{"dsn":"sqlite:x"}`:                                    {Path: "args.rows", Message: "is required: a query whose rows are occurrences"},
		`{"dsn":"sqlite:x","rows":"DROP TABLE x"}`:              {Path: "args.rows", Message: `must be a query that reads, beginning with SELECT or WITH; not "DROP"`},
		`{"dsn":"sqlite:x","rows":"SELECT 1","identify":[""]}`:  {Path: "args.identify[0]", Message: "must name a column"},
		`{"dsn":"sqlite:x","rows":"SELECT 1","identify":"id"}`:  {Path: "args.identify", Message: "must be a list, not string"},
		`{"dsn":"sqlite:x","rows":"SELECT 1","timeout":"-1s"}`:  {Path: "args.timeout", Message: "must not be negative"},
		`{"dsn":"sqlite:x","rows":"SELECT 1","violations":"x"}`: {Path: "args.violations", Message: "is not a known field (known: dsn, rows, identify, timeout)"},
		`{"dsn":"sqlite:x","rows":"SELECT 1","identify":["a","a"]}`: {
			Path: "args.identify[1]", Message: `names the column "a" again`,
		},
	} {
		got := reg.CheckArgs(narrative.EventKind, Class, json.RawMessage(args))
		if diff := cmp.Diff(narrative.Problems{want}, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", args, diff)
		}
	}
	moved := reg.Relocate(narrative.EventKind, Class, json.RawMessage(`{"dsn":"sqlite:shop.db","rows":"SELECT 1"}`), "/srv")
	if string(moved) != `{"dsn":"sqlite:/srv/shop.db","rows":"SELECT 1"}` {
		t.Errorf("moved to %s", moved)
	}
}
