package httpapi_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	narrative "github.com/narrative-go/narrative"
)

func TestBeat(t *testing.T) {
	t.Parallel()
	expires := noon.Add(30 * 24 * time.Hour)
	for body, note := range map[string]string{"": "null", `{"files": 120}`: `{"files": 120}`, `"done"`: `"done"`, "[1]": "[1]"} {
		w := setup(t)
		w.config.MinimumDatumLogLevel = narrative.ErrorLevel // heartbeats are stored all the same
		w.post(t, "/api/v1/heartbeats/nightly-backup", body).is(t, 201,
			`{"id":"","origin":"heartbeat","name":"nightly-backup","note":`+note+`,"level":"info","thread_id":"","at":"2026-03-04T12:00:00Z","expires_at":"2026-04-03T12:00:00Z"}`)
		want := []narrative.Datum{{
			Origin: narrative.HeartbeatOrigin, Name: "nightly-backup", Note: json.RawMessage(note), Level: narrative.Info, At: noon, ExpiresAt: &expires,
		}}
		if diff := cmp.Diff(want, w.datums); diff != "" {
			t.Errorf("%q: stored (-want +got):\n%s", body, diff)
		}
	}
}

func TestBeatRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		path, body string
		status     int
		says       string
	}{
		"a bad name":     {"Nightly%20Backup", "", 422, `name "Nightly Backup" must be 1 to 63 of`},
		"a long name":    {strings.Repeat("x", 64), "", 422, "must be 1 to 63 of"},
		"malformed JSON": {"a", `{"files":`, 400, "not valid JSON"},
		"zero character": {"a", `"\u0000"`, 422, "note: contains the character"},
		"too large":      {"a", `"` + strings.Repeat("x", 1<<20) + `"`, 413, "larger than"},
		"a query":        {"a?note=1", "", 400, "note"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.post(t, "/api/v1/heartbeats/"+test.path, test.body).refuses(t, test.status, test.says)
			if len(w.datums) != 0 {
				t.Errorf("stored %v", w.datums)
			}
		})
	}
	w := setup(t)
	w.post(t, "/api/v1/heartbeats/a", "note=1", "Content-Type", "text/csv").refuses(t, 415, "application/json")
	w.fail = narrative.Errorf(narrative.Unavailable, "the database does not answer")
	w.post(t, "/api/v1/heartbeats/a", "").refuses(t, 503, "does not answer")
}
