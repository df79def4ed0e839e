package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	narrative "github.com/narrative-go/narrative"
)

const ndjson = "application/x-ndjson"

func TestAddDatum(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) *time.Time { when := noon.Add(d); return &when }
	for name, test := range map[string]struct {
		body string
		want narrative.Datum
	}{
		"the least": {
			`{"origin":"o","name":"n"}`,
			narrative.Datum{Origin: "o", Name: "n", Note: json.RawMessage("null"), Level: narrative.Info, At: noon, ExpiresAt: at(30 * 24 * time.Hour)},
		},
		"everything": {
			`{"origin":"o","name":"n","note":{"a":1},"level":"WARN","thread_id":"t","ttl":"1h","at":"2026-03-04T10:00:00+01:00"}`,
			narrative.Datum{Origin: "o", Name: "n", Note: json.RawMessage(`{"a":1}`), Level: narrative.Warn, ThreadID: "t", At: noon.Add(-3 * time.Hour), ExpiresAt: at(time.Hour)},
		},
		"after a byte order mark": {
			"\ufeff" + `{"origin":"o","name":"n"}`,
			narrative.Datum{Origin: "o", Name: "n", Note: json.RawMessage("null"), Level: narrative.Info, At: noon, ExpiresAt: at(30 * 24 * time.Hour)},
		},
		"the largest note": {
			`{"origin":"o","name":"n","note":"` + strings.Repeat("x", 1<<20-2) + `"}`,
			narrative.Datum{Origin: "o", Name: "n", Note: json.RawMessage(`"` + strings.Repeat("x", 1<<20-2) + `"`), Level: narrative.Info, At: noon, ExpiresAt: at(30 * 24 * time.Hour)},
		},
		"expires_at instead": {
			`{"origin":"o","name":"n","expires_at":"2026-03-05T12:00:00Z"}`,
			narrative.Datum{Origin: "o", Name: "n", Note: json.RawMessage("null"), Level: narrative.Info, At: noon, ExpiresAt: at(24 * time.Hour)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.post(t, "/api/v1/datums", test.body).is(t, 200, `{"stored":1,"filtered":0,"refused":0,"errors":[]}`)
			if diff := cmp.Diff([]narrative.Datum{test.want}, w.datums); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAddDatumWithoutDefaultTTLNeverExpires(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.config.DefaultDatumTTL = 0
	w.post(t, "/api/v1/datums", `{"origin":"o","name":"n"}`).is(t, 200, `{"stored":1,"filtered":0,"refused":0,"errors":[]}`)
	if w.datums[0].ExpiresAt != nil {
		t.Errorf("expires at %v", w.datums[0].ExpiresAt)
	}
}

func TestAddDatumBelowMinimumIsFiltered(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.post(t, "/api/v1/datums", `{"origin":"o","name":"n","level":"debug"}`).is(t, 200, `{"stored":0,"filtered":1,"refused":0,"errors":[]}`)
	if len(w.datums) != 0 {
		t.Errorf("stored %v", w.datums)
	}
}

func TestAddDatumRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body   string
		status int
		says   []string
	}{
		"malformed JSON":     {`{"origin":`, 400, []string{"not valid JSON"}},
		"nothing":            {``, 400, []string{"empty"}},
		"not an object":      {`"origin"`, 422, []string{"JSON object"}},
		"no origin":          {`{"name":"n"}`, 422, []string{"origin: is required"}},
		"two mistakes":       {`{"level":"loud","name":"n"}`, 422, []string{"origin: is required", "level: ", "trace"}},
		"unknown field":      {`{"origin":"o","name":"n","orig":"x"}`, 422, []string{"orig", `did you mean`}},
		"wrong type":         {`{"origin":7,"name":"n"}`, 422, []string{"origin: must be a string"}},
		"level as number":    {`{"origin":"o","name":"n","level":2}`, 422, []string{"level: must be a string"}},
		"ttl no duration":    {`{"origin":"o","name":"n","ttl":"soon"}`, 422, []string{"ttl: ", "90s"}},
		"ttl zero":           {`{"origin":"o","name":"n","ttl":"0s"}`, 422, []string{"ttl: "}},
		"ttl as number":      {`{"origin":"o","name":"n","ttl":60}`, 422, []string{"ttl: must be a string"}},
		"ttl and expiry":     {`{"origin":"o","name":"n","ttl":"1h","expires_at":"2027-01-01T00:00:00Z"}`, 422, []string{"expires_at: "}},
		"expiry in the past": {`{"origin":"o","name":"n","expires_at":"2020-01-01T00:00:00Z"}`, 422, []string{"expires_at: lies in the past"}},
		"at no time":         {`{"origin":"o","name":"n","at":"yesterday"}`, 422, []string{"at: "}},
		"zero character":     {`{"origin":"o","name":"n\u0000"}`, 422, []string{"name: ", "u0000"}},
		"origin too long":    {`{"origin":"` + strings.Repeat("o", 256) + `","name":"n"}`, 422, []string{"origin: is 256 bytes long"}},
		"note too large":     {`{"origin":"o","name":"n","note":"` + strings.Repeat("x", 1<<20-1) + `"}`, 422, []string{"note: is 1048577 bytes"}},
		"body too large":     {`{"origin":"o","name":"n","note":"` + strings.Repeat("x", 1<<20+64<<10) + `"}`, 413, []string{"larger than"}},
		"not UTF-8":          {"{\"origin\":\"o\",\"name\":\"\xff\"}", 400, []string{"not valid UTF-8"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.post(t, "/api/v1/datums", test.body).refuses(t, test.status, test.says...)
			if len(w.datums) != 0 {
				t.Errorf("stored %v", w.datums)
			}
		})
	}
}

func TestAddDatumOfAnotherTypeIsRefused(t *testing.T) {
	t.Parallel()
	setup(t).post(t, "/api/v1/datums", `origin=o`, "Content-Type", "text/csv").refuses(t, 415, "application/json")
}

func TestArrayIsAllOrNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.post(t, "/api/v1/datums", `[{"origin":"o","name":"1"},{"origin":"o","name":"2","level":"trace"},{"origin":"o","name":"3"}]`).
		is(t, 200, `{"stored":2,"filtered":1,"refused":0,"errors":[]}`)
	r := w.post(t, "/api/v1/datums", `[{"origin":"o","name":"4"},{"origin":"o"},7]`, "X-Request-Id", "r1")
	r.refuses(t, 422)
	r.is(t, 422, `{"title":"Unprocessable Entity","status":422,"detail":"nothing of the array is stored, since the datum at 2 is refused: name: is required",
		"instance":"urn:narrative:request:r1",
		"stored":0,"filtered":0,"refused":2,"errors":[{"line":2,"error":"name: is required"},{"line":3,"error":"a datum must be a JSON object"}]}`)
	w.post(t, "/api/v1/datums", `[]`).is(t, 200, `{"stored":0,"filtered":0,"refused":0,"errors":[]}`)
	if diff := cmp.Diff([]int{2}, w.batches); diff != "" {
		t.Errorf("batches (-want +got):\n%s", diff)
	}
}

func TestNDJSONTakesEachLineAlone(t *testing.T) {
	t.Parallel()
	w := setup(t)
	lines := []string{
		`{"origin":"o","name":"1"}`, ``, `{"origin":`, `{"origin":"o","name":"2","level":"trace"}`,
		`{"origin":"o","name":"` + strings.Repeat("x", 1<<20+64<<10) + `"}`, `{"origin":"o","name":"3"}`,
	}
	w.post(t, "/api/v1/datums", strings.Join(lines, "\n"), "Content-Type", ndjson).
		is(t, 200, `{"stored":2,"filtered":1,"refused":2,"errors":[
			{"line":3,"error":"is not valid JSON: unexpected EOF"},{"line":5,"error":"the line is longer than 1114112 bytes"}]}`)
}

func TestNDJSONOfOtherPrograms(t *testing.T) {
	t.Parallel()
	largest := `{"origin":"o","name":"n","note":"` + strings.Repeat("x", 1<<20-2) + `"` + strings.Repeat(" ", 64<<10-33) + "}"
	if len(largest) != 1<<20+64<<10 {
		t.Fatalf("the line has %d bytes", len(largest))
	}
	for name, test := range map[string]struct{ body, want string }{
		"a byte order mark": {"\ufeff{\"origin\":\"o\",\"name\":\"1\"}\n{\"origin\":\"o\",\"name\":\"2\"}", `{"stored":2,"filtered":0,"refused":0,"errors":[]}`},
		"CRLF":              {largest + "\r\n\r\n" + largest + "\r\n", `{"stored":2,"filtered":0,"refused":0,"errors":[]}`},
		"not UTF-8": {
			"{\"origin\":\"\xff\",\"name\":\"1\"}\n{\"origin\":\"o\",\"name\":\"2\",\"thread_id\":\"\xc3\"}\n{\"origin\":\"o\",\"name\":\"3\"}",
			`{"stored":1,"filtered":0,"refused":2,"errors":[{"line":1,"error":"is not valid UTF-8"},{"line":2,"error":"is not valid UTF-8"}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			setup(t).post(t, "/api/v1/datums", test.body, "Content-Type", ndjson).is(t, 200, test.want)
		})
	}
}

func TestNDJSONIsBoundOnlyByTheLine(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var body strings.Builder
	for i := range 2500 {
		fmt.Fprintf(&body, `{"origin":"o","name":"%d","note":"%s"}`+"\n", i, strings.Repeat("x", 1000))
	}
	w.post(t, "/api/v1/datums", body.String(), "Content-Type", ndjson+"; charset=utf-8").
		is(t, 200, `{"stored":2500,"filtered":0,"refused":0,"errors":[]}`)
	if len(w.datums) != 2500 || slices.Max(w.batches) > 1000 {
		t.Errorf("%d datums in batches of %d", len(w.datums), w.batches)
	}
}

func TestNDJSONErrorsAreBounded(t *testing.T) {
	t.Parallel()
	r := setup(t).post(t, "/api/v1/datums", strings.Repeat("{}\n", 150), "Content-Type", ndjson)
	r.refuses(t, 422)
	var got struct {
		Refused int
		Errors  []any
	}
	if err := json.Unmarshal([]byte(r.body), &got); err != nil {
		t.Fatal(err)
	}
	if got.Refused != 150 || len(got.Errors) != 100 {
		t.Errorf("refused %d with %d errors, want 150 with 100", got.Refused, len(got.Errors))
	}
}

func TestNDJSONLineThatTheStoreRefusesSpoilsNoOther(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.addDatums = func(batch []narrative.Datum) error {
		for _, d := range batch {
			if d.Name == "bad" {
				return narrative.Errorf(narrative.Invalid, "the store will not have it")
			}
		}
		return nil
	}
	body := `{"origin":"o","name":"1"}` + "\n" + `{"origin":"o","name":"bad"}` + "\n" + `{"origin":"o","name":"3"}`
	w.post(t, "/api/v1/datums", body, "Content-Type", ndjson).
		is(t, 200, `{"stored":2,"filtered":0,"refused":1,"errors":[{"line":2,"error":"the store will not have it"}]}`)
}

func TestStreamThatBreaksOffSaysWhatWasStored(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.addDatums = func([]narrative.Datum) error {
		if len(w.batches) > 0 {
			return narrative.Errorf(narrative.Unavailable, "the store does not answer")
		}
		return nil
	}
	body := strings.Repeat(`{"origin":"o","name":"1"}`+"\n", 1500)
	w.post(t, "/api/v1/datums", body, "Content-Type", ndjson).
		refuses(t, http.StatusServiceUnavailable, "the store does not answer; 1000 datums before were stored")
}

func TestListDatums(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.datums = []narrative.Datum{{ID: "1", Origin: "o", Name: "n", Level: narrative.Info, ThreadID: "t", At: noon}}
	w.get(t, "/api/v1/datums?origin=o&name=n&level=Info&min_level=warn&thread_id=t&since=2026-01-01T00:00:00Z&until=2026-02-01T01:00:00%2B01:00&q=x&limit=7&cursor="+nextCursor).
		is(t, 200, `{"items":[{"id":"1","origin":"o","name":"n","note":null,"level":"info","thread_id":"t","at":"2026-03-04T12:00:00Z","expires_at":null}],"next_cursor":"`+nextCursor+`"}`)
	want := narrative.DatumQuery{
		Origin: "o", Name: "n", ThreadID: "t", Level: narrative.Info, MinLevel: narrative.Warn, Text: "x", Now: noon,
		Since: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC),
	}
	if diff := cmp.Diff(want, w.datumQuery); diff != "" {
		t.Errorf("query (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(narrative.Page{Limit: 7, Cursor: nextCursor}, w.page); diff != "" {
		t.Errorf("page (-want +got):\n%s", diff)
	}
}

func TestListDatumsRefusals(t *testing.T) {
	t.Parallel()
	for query, says := range map[string]string{
		"limit=0":                   "limit",
		"limit=501":                 "limit",
		"limit=many":                "limit",
		"level=loud":                "level: level must be one of",
		"min_level=loud":            "min_level",
		"since=yesterday":           `since: "yesterday" is not a time such as 2026-01-02T15:04:05Z`,
		"orig=o":                    "orig",
		"origin=%00":                "origin",
		"origin=%zz":                "query is malformed",
		"cursor=" + foreignCursor(): "cursor",
	} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			setup(t).get(t, "/api/v1/datums?"+query).refuses(t, 400, says)
		})
	}
}

func TestEmptyListIsNoNull(t *testing.T) {
	t.Parallel()
	w := setup(t)
	if r := w.get(t, "/api/v1/datums"); !strings.Contains(r.body, `"items":[]`) {
		t.Errorf("items are not []: %s", r.body)
	}
	if w.page.Limit != 50 {
		t.Errorf("limit %d, want 50 by default", w.page.Limit)
	}
}
