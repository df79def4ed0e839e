package sql

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgtype"
)

func TestTimesAreReadAsByTheDriver(t *testing.T) {
	t.Parallel()
	types := pgtype.NewMap()
	for _, tt := range []struct {
		oid  uint32
		text string
		fast bool
	}{
		{pgtype.TimestamptzOID, "2026-03-01 10:00:00+00", true},
		{pgtype.TimestamptzOID, "2026-03-01 10:00:00.123456+00", true},
		{pgtype.TimestamptzOID, "2026-03-01 10:00:00.5+02", false},
		{pgtype.TimestamptzOID, "2026-03-01 10:00:00-03:30", false},
		{pgtype.TimestamptzOID, "0044-03-15 10:00:00+00 BC", false},
		{pgtype.TimestamptzOID, "-infinity", false},
		{pgtype.TimestampOID, "2026-03-01 10:00:00", true},
		{pgtype.TimestampOID, "2026-03-01 10:00:00.5", true},
		{pgtype.TimestampOID, "12026-03-01 10:00:00", false},
		{pgtype.DateOID, "2026-03-01", true},
		{pgtype.DateOID, "infinity", false},
		{pgtype.DateOID, "0044-03-15 BC", false},
	} {
		if _, fast := inUTC([]byte(tt.text)); fast != tt.fast {
			t.Errorf("%s: fast is %t", tt.text, fast)
		}
		if want, got := plainByCodec(types, tt.oid, []byte(tt.text)), plainTime(types, tt.oid, []byte(tt.text)); got != want {
			t.Errorf("%s is %v, want %v", tt.text, got, want)
		}
	}
}

func TestTimesAreInUTCWhateverTheSessionSays(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d database) {
		if strings.HasPrefix(d.dsn, "sqlite:") {
			t.Skip("PostgreSQL's types")
		}
		for _, zone := range []string{"UTC", "Asia/Kolkata", "Europe/London"} {
			got, err := violations(t, Args{
				DSN: d.dsn + "&timezone=" + zone, Record: &RecordArgs{Type: "x", ID: "t"},
				Violations: "SELECT '2026-07-01 12:00:00.25+02'::timestamptz AS t, '2026-07-01 12:00'::timestamp AS s, NULL::date AS n",
			})
			if err != nil || len(got) != 1 {
				t.Fatal(got, err)
			}
			want := map[string]any{"t": "2026-07-01T10:00:00.25Z", "s": "2026-07-01T12:00:00Z", "n": nil}
			if diff := cmp.Diff(want, got[0].Details); diff != "" {
				t.Errorf("%s (-want +got)\n%s", zone, diff)
			}
		}
	})
}
