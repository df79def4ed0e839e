package httpapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/httpapi"
)

// beat is what a beat is answered with, but for what the store gives.
type beat struct {
	ID, Origin, Name string
	Note             json.RawMessage
	Level            string
	At               time.Time
	ExpiresAt        *time.Time `json:"expires_at"`
	Stored           bool
}

func TestBeat(t *testing.T) {
	t.Parallel()
	expires := noon.Add(30 * 24 * time.Hour)
	long := strings.Repeat("x", narrative.MaxDatumNote)
	for body, note := range map[string]string{
		"": "null", `{"files": 120}`: `{"files":120}`, `"done"`: `"done"`, "[1]": "[1]",
		"disk full\n": `"disk full"`, `{"files":`: `"{\"files\":"`, "a\x00\xff<b": `"a��<b"`, `"\u0000"`: `"\"\\u0000\""`, "\ufeff7": "7",
		`"` + long[2:] + `"`: `"` + long[2:] + `"`, `"` + long + `"`: `"\"` + long[:64<<10-1] + `…"`, long + long: `"` + long[:64<<10] + `…"`,
	} {
		w, _ := withSQLite(t)
		w.send(t, "PATCH", configPath, `{"minimum_datum_log_level":"error"}`) // heartbeats are stored all the same
		r := w.post(t, "/api/v1/heartbeats/nightly-backup", body)
		var got beat
		if err := json.Unmarshal([]byte(r.body), &got); err != nil || r.status != 201 || got.ID == "" {
			t.Fatalf("status %d, %v: %s", r.status, err, r.body)
		}
		got.ID = ""
		want := beat{Origin: "heartbeat", Name: "nightly-backup", Note: json.RawMessage(note), Level: "info", At: noon, ExpiresAt: &expires, Stored: true}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%.100q (-want +got):\n%.1000s", body, diff)
		}
	}
}

func TestEveryWayToBeat(t *testing.T) {
	t.Parallel()
	c := &clock{}
	w, _ := withSQLite(t, func(o *httpapi.Options) { o.Now = c.now })
	for n, way := range []struct {
		method, path string
		status       int
		said         string
	}{
		{"POST", "", 201, `"name":"job"`},
		{"GET", "", 200, `"stored":false`}, // at the same moment
		{"GET", "/start", 201, `"name":"job/start"`},
		{"POST", "/fail", 201, `"level":"error"`},
		{"HEAD", "", 201, ""},
		{"HEAD", "/fail", 201, ""},
	} {
		if n > 1 {
			c.forward(time.Minute)
		}
		r := w.send(t, way.method, "/api/v1/heartbeats/job"+way.path, "")
		if r.status != way.status || !strings.Contains(r.body, way.said) {
			t.Errorf("%s %s: status %d: %s", way.method, way.path, r.status, r.body)
		}
	}
	w.get(t, "/api/v1/heartbeats").is(t, 200, `{"items":[{"name":"job","last_success":"2026-03-04T12:03:00Z","last_start":"2026-03-04T12:01:00Z",
		"last_fail":"2026-03-04T12:04:00Z","kind":"fail","note":null,"fail_note":null}]}`)
	w.get(t, "/api/v1/heartbeats/job/history?threshold=1h").is(t, 200, `{"uptime":75,"threshold":"1h","beats":2,"omitted":0,"items":[
		{"state":"down","from":"2026-03-04T12:04:00Z","to":null},{"state":"up","from":"2026-03-04T12:03:00Z","to":"2026-03-04T12:04:00Z"},
		{"state":"down","from":"2026-03-04T12:02:00Z","to":"2026-03-04T12:03:00Z"},{"state":"up","from":"2026-03-04T12:00:00Z","to":"2026-03-04T12:02:00Z"}]}`)
	w.get(t, "/api/v1/heartbeats/job/history?until=2026-03-04T11:00:00Z").is(t, 200, `{"uptime":null,"threshold":"0s","beats":0,"omitted":0,"items":[]}`)
	w.get(t, "/api/v1/heartbeats/never/history").refuses(t, 404, `heartbeat "never" has never beat`)
	if r := w.send(t, "DELETE", "/api/v1/heartbeats/job", ""); r.status != 204 || r.body != "" {
		t.Errorf("removed: status %d: %s", r.status, r.body)
	}
	w.send(t, "DELETE", "/api/v1/heartbeats/job", "").refuses(t, 404, `heartbeat "job" has never beat`)
	w.get(t, "/api/v1/heartbeats/job/history").refuses(t, 404)
}

func TestAPageOfAnotherOriginDoesNotBeat(t *testing.T) {
	t.Parallel()
	w, store := withSQLite(t)
	w.get(t, "/api/v1/heartbeats/a", "Sec-Fetch-Site", "cross-site").refuses(t, 403, "another origin")
	if r := w.get(t, "/api/v1/heartbeats/a", "Sec-Fetch-Site", "none"); r.status != 201 {
		t.Errorf("typed in by hand: status %d", r.status)
	}
	if n, err := store.CountDatums(context.Background(), narrative.DatumQuery{Now: noon}); err != nil || n != 1 {
		t.Errorf("%d beats are stored: %v", n, err)
	}
}

func TestWhatIsCalledHistoryBeats(t *testing.T) {
	t.Parallel()
	w, _ := withSQLite(t, func(o *httpapi.Options) { o.RateLimit = 0.1 }) // one request at once
	for _, name := range []string{"history", "start", "fail"} {
		w.get(t, "/api/v1/heartbeats/"+name, "Sec-Fetch-Site", "cross-site").refuses(t, 403, "another origin")
		if r := w.get(t, "/api/v1/heartbeats/"+name); r.status != 201 {
			t.Errorf("%s: status %d: %s", name, r.status, r.body)
		}
	}
	w.get(t, "/api/v1/heartbeats/history/history", "Sec-Fetch-Site", "cross-site").is(t, 200, `{"uptime":100,"threshold":"0s","beats":1,"omitted":0,
		"items":[{"state":"up","from":"2026-03-04T12:00:00Z","to":null}]}`)
	w.get(t, "/api/v1/heartbeats/history/history").refuses(t, 429)
}

func TestBeatRefusals(t *testing.T) {
	t.Parallel()
	w, store := withSQLite(t)
	for name, test := range map[string]struct {
		path, body string
		status     int
		says       string
	}{
		"a bad name":  {"Nightly%20Backup", "", 422, `name "Nightly Backup" must be 1 to 63 of`},
		"a long name": {strings.Repeat("x", 64), "", 422, "must be 1 to 63 of"},
		"a query":     {"a?note=1", "", 400, "note"},
	} {
		t.Run(name, func(t *testing.T) {
			w.post(t, "/api/v1/heartbeats/"+test.path, test.body).refuses(t, test.status, test.says)
			if n, err := store.CountDatums(context.Background(), narrative.DatumQuery{Now: noon}); err != nil || n != 0 {
				t.Errorf("%d are stored: %v", n, err)
			}
		})
	}
	w.get(t, "/api/v1/heartbeats/a/history?threshold=soon").refuses(t, http.StatusBadRequest, "threshold: ")
}
