package cli

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative/service"
)

func TestDoctorLooksAtDevWhereNothingElseIsNamed(t *testing.T) {
	t.Parallel()
	type looked struct {
		Store, Outbox string
		Port          int
	}
	const there = "postgres://db/narrative"
	for name, test := range map[string]struct {
		env  map[string]string
		args []string
		want looked
	}{
		"nothing is set":        {nil, nil, looked{"sqlite:.narrative/narrative.db", ".narrative/outbox", 7233}},
		"dev is elsewhere":      {nil, []string{"--data-dir", "d", "--temporal-port", "7300"}, looked{"sqlite:d/narrative.db", "d/outbox", 7300}},
		"as dev was told":       {map[string]string{"NARRATIVE_DATA_DIR": "d", "NARRATIVE_TEMPORAL_PORT": "7300"}, nil, looked{"sqlite:d/narrative.db", "d/outbox", 7300}},
		"a deployment":          {map[string]string{"NARRATIVE_DATABASE_URL": there, "TEMPORAL_ADDRESS": "t:7233"}, []string{"--data-dir", "d"}, looked{there, "", 0}},
		"a store alone":         {map[string]string{"NARRATIVE_DATABASE_URL": there}, nil, looked{there, "", 0}},
		"dev on another store":  {map[string]string{"NARRATIVE_DATABASE_URL": there}, []string{"--temporal-port", "7300"}, looked{there, "", 7300}},
		"a Temporal alone":      {map[string]string{"TEMPORAL_ADDRESS": "t:7233"}, nil, looked{"", "", 0}},
		"dev on that of others": {map[string]string{"TEMPORAL_ADDRESS": "t:7233"}, []string{"--data-dir", "d"}, looked{"sqlite:d/narrative.db", "d/outbox", 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			for variable, value := range test.env {
				w.env[variable] = value
			}
			var got looked
			w.wiring.doctor = func(_ context.Context, o service.Options) []service.Finding {
				got = looked{filepath.ToSlash(o.DatabaseURL), filepath.ToSlash(o.OutboxDir), o.TemporalPort}
				return nil
			}
			w.run(append([]string{"doctor"}, test.args...)...).is(t, 0, "", "")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("it looks at (-want +got):\n%s", diff)
			}
		})
	}
	setup(t).run("doctor", "--temporal-port", "0").is(t, 2, "", "--temporal-port is 0; expected the port that narrative dev told")
}
