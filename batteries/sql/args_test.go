package sql

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
)

func TestArgumentsAreValidated(t *testing.T) {
	t.Parallel()
	reg := narrative.NewRegistry()
	Register(reg)
	for name, tt := range map[string]struct{ args, path, message string }{
		"no dsn":                  {`{"holds":"SELECT 1"}`, "args.dsn", "is required: postgres://… or sqlite:PATH"},
		"another database":        {`{"dsn":"mysql://h","holds":"SELECT 1"}`, "args.dsn", "must begin with postgres:// or sqlite: and name a database"},
		"an empty path":           {`{"dsn":"sqlite:","holds":"SELECT 1"}`, "args.dsn", "must begin with postgres:// or sqlite: and name a database"},
		"no query":                {`{"dsn":"sqlite:x"}`, "args.violations", "give exactly one of violations and holds"},
		"two queries":             {`{"dsn":"sqlite:x","holds":"SELECT 1","violations":"SELECT 1"}`, "args.holds", "give exactly one of violations and holds"},
		"a query that writes":     {`{"dsn":"sqlite:x","holds":"delete FROM x"}`, "args.holds", `must be a query that reads, beginning with SELECT or WITH; not "delete"`},
		"two statements":          {`{"dsn":"sqlite:x","violations":"SELECT ';' /* ; */; SELECT 2"}`, "args.violations", "must be one statement; there is more after the semicolon"},
		"nothing but a comment":   {`{"dsn":"sqlite:x","holds":"-- SELECT 1"}`, "args.holds", "is empty"},
		"a record of a boolean":   {`{"dsn":"sqlite:x","holds":"SELECT 1","record":{"type":"a","id":"b"}}`, "args.record", "only goes with violations"},
		"a record without a type": {`{"dsn":"sqlite:x","violations":"SELECT 1","record":{"id":"b"}}`, "args.record.type", "is required: what a row is, such as invoice"},
		"a record without an id":  {`{"dsn":"sqlite:x","violations":"SELECT 1","record":{"type":"b"}}`, "args.record.id", "is required: the column that identifies a row"},
		"an unknown argument":     {`{"dsn":"sqlite:x","violation":"SELECT 1"}`, "args.violation", `is not a known field; did you mean "violations"? (known: dsn, violations, holds, record, exists, timeout)`},
		"a bad timeout":           {`{"dsn":"sqlite:x","holds":"SELECT 1","timeout":"-1s"}`, "args.timeout", "must not be negative"},
		"exists without a record": {`{"dsn":"sqlite:x","violations":"SELECT 1","exists":"SELECT 1 WHERE 1 = $1"}`, "args.exists", "only goes with record"},
		"exists that writes": {
			`{"dsn":"sqlite:x","violations":"SELECT 1","record":{"type":"a","id":"b"},"exists":"DELETE FROM a WHERE id = $1"}`,
			"args.exists", `must be a query that reads, beginning with SELECT or WITH; not "DELETE"`,
		},
		"exists of no record": {
			`{"dsn":"sqlite:x","violations":"SELECT 1","record":{"type":"a","id":"b"},"exists":"SELECT '$1' -- ?"}`,
			"args.exists", "must ask for one record, by its id, which is $1: SELECT 1 FROM invoices WHERE id = $1",
		},
		"exists with an operator of PostgreSQL's": {
			`{"dsn":"postgres://h/d","violations":"SELECT 1","record":{"type":"a","id":"b"},"exists":"SELECT 1 FROM a WHERE j ? 'k'"}`,
			"args.exists", "must ask for one record, by its id, which is $1: SELECT 1 FROM invoices WHERE id = $1",
		},
		"exists with two parameters": {
			`{"dsn":"postgres://h/d","violations":"SELECT 1","record":{"type":"a","id":"b"},"exists":"SELECT 1 FROM a WHERE id = $1 AND type = $2"}`,
			"args.exists", "has one parameter, the record's id; write $1 wherever it is needed",
		},
		"exists with two marks": {
			`{"dsn":"sqlite:x","violations":"SELECT 1","record":{"type":"a","id":"b"},"exists":"SELECT 1 FROM a WHERE id = ? OR old = ?"}`,
			"args.exists", "has one parameter, the record's id; write $1 wherever it is needed",
		},
		"exists that always has a row": {
			`{"dsn":"sqlite:x","violations":"SELECT 1","record":{"type":"a","id":"b"},"exists":"select count(*) FROM a WHERE id = $1"}`,
			"args.exists", "must have no row where the record is gone, like SELECT 1 FROM invoices WHERE id = $1; SELECT COUNT (…) always has one",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := reg.CheckArgs(narrative.AssertionKind, Class, json.RawMessage(tt.args))
			if diff := cmp.Diff(narrative.Problems{{Path: tt.path, Message: tt.message}}, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	for _, args := range []string{
		`{"dsn":"${env:DB}","violations":"${file:q.sql}"}`,
		`{"dsn":"sqlite:x","violations":"(WITH a AS (SELECT $$;$$, $t$ ; $t$, \"a;b\", [c;d]) TABLE a) ; -- done"}`,
		`{"dsn":"${env:DB}","violations":"SELECT 1","record":{"type":"a","id":"b"},"exists":"SELECT 1 FROM a WHERE id = ?"}`,
		`{"dsn":"${env:DB}","violations":"SELECT 1","record":{"type":"a","id":"b"},"exists":"${file:e.sql}"}`,
		`{"dsn":"postgres://h/d","violations":"SELECT 1","record":{"type":"a","id":"b"},"exists":"SELECT count FROM a WHERE j ? 'k' AND id = $1 OR was=$1"}`,
		`{"dsn":"postgresql://h/d","holds":"/* a /* b */ ; */ VALUES (true)","timeout":"5s"}`,
	} {
		if p := reg.CheckArgs(narrative.AssertionKind, Class, json.RawMessage(args)); len(p) > 0 {
			t.Errorf("%s: %v", args, p)
		}
	}
}

func TestPathsAreSeenFromTheFile(t *testing.T) {
	t.Parallel()
	reg := narrative.NewRegistry()
	Register(reg)
	for dsn, want := range map[string]string{
		"sqlite:shop.db": "sqlite:/srv/shop.db", "sqlite:../a.db": "sqlite:/a.db", "sqlite:/x.db": "sqlite:/x.db",
		"sqlite:${env:DIR}/x.db": "sqlite:${env:DIR}/x.db", "postgres://h/d": "postgres://h/d", "${env:DB}": "${env:DB}",
	} {
		raw, _ := json.Marshal(Args{DSN: dsn, Holds: "SELECT 1"})
		var got Args
		if err := json.Unmarshal(reg.Relocate(narrative.AssertionKind, Class, raw, "/srv"), &got); err != nil || got.DSN != want {
			t.Errorf("%s: %s, %v", dsn, got.DSN, err)
		}
	}
}
