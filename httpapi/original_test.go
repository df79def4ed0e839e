package httpapi_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	narrative "github.com/narrative-go/narrative"
)

// original is a datum as the original answers it.
type original struct {
	ID             string          `json:"id"`
	Origin         string          `json:"origin"`
	DatumName      string          `json:"datum_name"`
	DatumNoteJSON  string          `json:"datum_note_json"`
	LogLevel       int             `json:"log_level"`
	ThreadID       string          `json:"thread_id"`
	Timestamp      time.Time       `json:"timestamp"`
	ExpirationTime *time.Time      `json:"expiration_time"`
	ResourceURI    string          `json:"resource_uri"`
	Note           json.RawMessage `json:"note"`
	TTL            json.RawMessage `json:"ttl"`
}

func (r reply) into(t *testing.T, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.body), into); err != nil {
		t.Fatalf("%v: %s", err, r.body)
	}
}

func TestLogAnswersTheObjectOrThatItWasFiltered(t *testing.T) {
	t.Parallel()
	w, store := withSQLite(t)
	at := func(d time.Duration) *time.Time { when := noon.Add(d); return &when }
	for name, test := range map[string]struct {
		body string
		want original
	}{
		"the least": {
			`{"origin":"o","datum_name":"n"}`,
			original{DatumNoteJSON: `""`, LogLevel: 2, ExpirationTime: at(30 * 24 * time.Hour)},
		},
		"everything": {
			`{"origin":"o","datum_name":"n","note":{"a": 1},"log_level":"Warn","ttl":1.5,"thread_id":"t"}`,
			original{DatumNoteJSON: `{"a":1}`, LogLevel: 3, ThreadID: "t", ExpirationTime: at(1500 * time.Millisecond), Note: json.RawMessage(`{"a":1}`), TTL: json.RawMessage(`1.5`)},
		},
		"a level by number, a note that is text": {
			`{"origin":"o","datum_name":"n","note":"late","log_level":4}`,
			original{DatumNoteJSON: `"late"`, LogLevel: 4, ExpirationTime: at(30 * 24 * time.Hour), Note: json.RawMessage(`"late"`)},
		},
		"falsy notes are notes, and null is nothing said": {
			`{"origin":"o","datum_name":"n","note":0,"log_level":null,"ttl":null,"thread_id":null}`,
			original{DatumNoteJSON: `0`, LogLevel: 2, ExpirationTime: at(30 * 24 * time.Hour), Note: json.RawMessage(`0`), TTL: json.RawMessage(`null`)},
		},
		"what is given back": {
			`{"origin":"o","datum_name":"n","id":7,"resource_uri":"","timestamp":"2001-01-01T00:00:00","expiration_time":"2001-01-01T00:00:00","datum_note_json":"1"}`,
			original{DatumNoteJSON: `""`, LogLevel: 2, ExpirationTime: at(30 * 24 * time.Hour)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := w.post(t, "/log/", test.body, "Content-Type", "application/json; charset=utf-8")
			if r.status != 201 {
				t.Fatalf("status %d: %s", r.status, r.body)
			}
			var got original
			r.into(t, &got)
			want := test.want
			want.Origin, want.DatumName, want.Timestamp, want.ID, want.ResourceURI = "o", "n", noon, got.ID, "/api/datum/"+got.ID+"/"
			if want.ThreadID == "" {
				want.ThreadID = got.ThreadID
			}
			if diff := cmp.Diff(want, got); diff != "" || got.ID == "" || got.ThreadID == "" {
				t.Errorf("answered (-want +got):\n%s", diff)
			}
			if r.header.Get("Location") != want.ResourceURI {
				t.Errorf("Location: %q", r.header.Get("Location"))
			}
		})
	}
	for _, level := range []string{`"debug"`, `"TRACE"`, `0`, `1`, `1.0`} {
		w.post(t, "/log/", `{"origin":"o","datum_name":"low","log_level":`+level+`}`).is(t, 200, `{"success":true}`)
		if r := w.post(t, "/api/datum/", `{"origin":"o","datum_name":"low","log_level":`+level+`}`); r.status != 201 {
			t.Errorf("whatever the minimum: status %d: %s", r.status, r.body)
		}
	}
	if n, err := store.CountDatums(context.Background(), narrative.DatumQuery{Now: noon, Name: "low"}); err != nil || n != 5 {
		t.Errorf("%d low datums are stored: %v", n, err)
	}
	w.send(t, "PATCH", configPath, `{"minimum_datum_log_level":"error"}`)
	if r := w.post(t, "/log/", `{"origin":"o","datum_name":"n"}`); r.status != 201 {
		t.Errorf("without a level: status %d: %s", r.status, r.body)
	}
	w.post(t, "/log", `{"origin":"o","datum_name":"n","log_level":"warn"}`).is(t, 200, `{"success":true}`)
}

func TestLogRefusals(t *testing.T) {
	t.Parallel()
	w, store := withSQLite(t)
	for name, test := range map[string]struct {
		body   string
		status int
		says   []string
	}{
		"no JSON":         {`origin=o`, 400, []string{"not valid JSON"}},
		"nothing":         {``, 400, []string{"empty"}},
		"a list":          {`[{"origin":"o","datum_name":"n"}]`, 422, []string{"must be a JSON object"}},
		"text":            {`"o"`, 422, []string{"must be a JSON object"}},
		"nothing in it":   {`{}`, 422, []string{"body.origin", "body.datum_name", "is required"}},
		"unknown level":   {`{"origin":"o","datum_name":"n","log_level":"loud"}`, 422, []string{"body.log_level", "loud"}},
		"level 99":        {`{"origin":"o","datum_name":"n","log_level":99}`, 422, []string{"body.log_level", "99"}},
		"level 1.5":       {`{"origin":"o","datum_name":"n","log_level":1.5}`, 422, []string{"body.log_level"}},
		"level -1":        {`{"origin":"o","datum_name":"n","log_level":-1}`, 422, []string{"body.log_level"}},
		"level true":      {`{"origin":"o","datum_name":"n","log_level":true}`, 422, []string{"body.log_level"}},
		"level empty":     {`{"origin":"o","datum_name":"n","log_level":""}`, 422, []string{"body.log_level"}},
		"level of a list": {`{"origin":"o","datum_name":"n","log_level":["warn"]}`, 422, []string{"body.log_level"}},
		"ttl as text":     {`{"origin":"o","datum_name":"n","ttl":"60"}`, 422, []string{"body.ttl", "seconds"}},
		"ttl zero":        {`{"origin":"o","datum_name":"n","ttl":0}`, 422, []string{"body.ttl"}},
		"ttl negative":    {`{"origin":"o","datum_name":"n","ttl":-1}`, 422, []string{"body.ttl"}},
		"ttl too large":   {`{"origin":"o","datum_name":"n","ttl":1e30}`, 422, []string{"body.ttl"}},
		"ttl beyond":      {`{"origin":"o","datum_name":"n","ttl":1e999}`, 422, []string{"body.ttl"}},
		"origin a number": {`{"origin":7,"datum_name":"n"}`, 422, []string{"body.origin", "must be a string"}},
		"origin too long": {`{"origin":"` + strings.Repeat("o", 256) + `","datum_name":"n"}`, 422, []string{"body.origin", "256 bytes"}},
		"origin null":     {`{"origin":null,"datum_name":"n"}`, 422, []string{"body.origin", "is required"}},
		"zero character":  {`{"origin":"o\u0000","datum_name":"n"}`, 422, []string{"body.origin", "u0000"}},
		"in the note":     {`{"origin":"o","datum_name":"n","note":"\u0000"}`, 422, []string{"body.note"}},
		"unknown field":   {`{"origin":"o","datum_name":"n","datumname":"n"}`, 422, []string{"body.datumname", "datum_name"}},
		"all at once":     {`{"origin":7,"log_level":9,"ttl":"x"}`, 422, []string{"body.origin", "body.datum_name", "body.log_level", "body.ttl"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/log/", "/api/datum/"} {
				w.post(t, path, test.body).refuses(t, test.status, test.says...)
			}
		})
	}
	w.post(t, "/log/", `<a/>`, "Content-Type", "application/xml").refuses(t, 415)
	w.get(t, "/log/").refuses(t, 405)
	w.post(t, "/log/more", `{}`).refuses(t, 404)
	if n, err := store.CountDatums(context.Background(), narrative.DatumQuery{Now: noon}); err != nil || n != 0 {
		t.Errorf("refusals stored %d datums: %v", n, err)
	}
}

// originalPage is a page of the original's list.
type originalPage struct {
	Meta struct {
		Limit, Offset int
		Next          *string
		Previous      *string
		TotalCount    int `json:"total_count"`
	}
	Objects []original
}

func TestTheOriginalsListHasItsPages(t *testing.T) {
	t.Parallel()
	w, store := withSQLite(t)
	var datums []narrative.Datum
	for n := range 1203 {
		level := narrative.Info
		if n%100 == 0 {
			level = narrative.Warn
		}
		datums = append(datums, narrative.Datum{Origin: "o", Name: fmt.Sprint(n), Level: level, At: noon.Add(time.Duration(n-2000) * time.Second)})
	}
	if _, err := store.AddDatums(context.Background(), datums); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("secret"))
	k := narrative.APIKey{Name: "ann", Hash: hex.EncodeToString(sum[:]), Scopes: []narrative.Scope{narrative.ScopeRead}, CreatedAt: noon}
	if _, err := store.AddKey(context.Background(), k); err != nil {
		t.Fatal(err)
	}
	page := func(query string) (p originalPage) {
		t.Helper()
		r := w.get(t, "/api/datum/"+query)
		if r.status != 200 || strings.Contains(r.body, "secret") {
			t.Fatalf("%s: status %d: %.300s", query, r.status, r.body)
		}
		r.into(t, &p)
		return p
	}
	p := page("?username=ann&api_key=secret")
	if len(p.Objects) != 20 || p.Objects[0].DatumName != "1202" || p.Meta.TotalCount != 1203 || p.Meta.Limit != 20 || p.Meta.Previous != nil {
		t.Errorf("first page: %d of %+v", len(p.Objects), p.Meta)
	}
	if p.Meta.Next == nil || *p.Meta.Next != "/api/datum/?limit=20&offset=20" {
		t.Fatalf("next: %v", p.Meta.Next)
	}
	p = page(strings.TrimPrefix(*p.Meta.Next, "/api/datum/"))
	if p.Objects[0].DatumName != "1182" || p.Meta.Offset != 20 || *p.Meta.Previous != "/api/datum/?limit=20&offset=0" {
		t.Errorf("second page: %s, %+v", p.Objects[0].DatumName, p.Meta)
	}
	p = page("?limit=0&offset=3")
	if len(p.Objects) != 1000 || p.Objects[0].DatumName != "1199" || p.Objects[999].DatumName != "200" || p.Meta.Limit != 1000 {
		t.Errorf("as many as there are: %d, %+v", len(p.Objects), p.Meta)
	}
	p = page("?limit=1000&offset=1003")
	if len(p.Objects) != 200 || p.Meta.Next != nil {
		t.Errorf("the last page: %d, %+v", len(p.Objects), p.Meta)
	}
	p = page("?level=WaRn&format=json&limit=5")
	if len(p.Objects) != 5 || p.Meta.TotalCount != 13 || p.Objects[0].LogLevel != 3 || *p.Meta.Next != "/api/datum/?level=WaRn&limit=5&offset=5" {
		t.Errorf("of one level: %+v", p.Meta)
	}
	for query, says := range map[string]string{
		"?level=loud": "loud", "?limit=-1": "limit", "?limit=x": "limit", "?offset=10001": "offset", "?origin=o": "origin", "?order_by=id": "order_by",
	} {
		w.get(t, "/api/datum/"+query).refuses(t, 400, says)
	}
}

func TestTheOriginalsDatumsById(t *testing.T) {
	t.Parallel()
	w, _ := withSQLite(t)
	var ids []string
	for n := range 3 {
		var o original
		w.post(t, "/api/datum/", fmt.Sprintf(`{"origin":"o","datum_name":"%d"}`, n)).into(t, &o)
		ids = append(ids, o.ID)
	}
	var one original
	w.get(t, "/api/datum/"+ids[1]+"/").into(t, &one)
	if one.DatumName != "1" || one.Note != nil {
		t.Errorf("got %+v", one)
	}
	if r := w.get(t, "/api/datum/"+ids[1]); r.status != 200 {
		t.Errorf("without the slash: status %d: %s", r.status, r.body)
	}
	var set struct {
		Objects  []original
		NotFound []string `json:"not_found"`
	}
	w.get(t, "/api/datum/set/"+ids[2]+";none;"+ids[0]+"/").into(t, &set)
	if len(set.Objects) != 2 || set.Objects[0].DatumName != "2" || set.Objects[1].DatumName != "0" {
		t.Errorf("got %+v", set)
	}
	if diff := cmp.Diff([]string{"none"}, set.NotFound); diff != "" {
		t.Error(diff)
	}
	for _, path := range []string{"/api/datum/none/", "/api/datum/%00/", "/api/datum/a%2Fb/"} {
		w.get(t, path).refuses(t, 404)
	}
	w.get(t, "/api/datum/set/"+strings.Repeat("a;", 501)+"a/").refuses(t, 400, "at most 500")
	w.get(t, "/api/").is(t, 200, `{"datum":{"list_endpoint":"/api/datum/","schema":"/api/datum/schema/"}}`)
	if r := w.get(t, "/api/datum/schema/"); r.status != 200 || !strings.Contains(r.body, `"log_level"`) {
		t.Errorf("status %d: %s", r.status, r.body)
	}
	for _, method := range []string{"PUT", "PATCH", "DELETE"} {
		w.send(t, method, "/api/datum/"+ids[0]+"/", "").refuses(t, 405)
	}
}

func TestWithoutAKeyIsUnauthenticatedWhateverTheLevel(t *testing.T) {
	t.Parallel()
	w, _ := locked(t)
	for _, level := range []string{"trace", "error"} {
		body := `{"origin":"o","datum_name":"n","log_level":"` + level + `"}`
		w.post(t, "/log/", body).refuses(t, 401)
		w.post(t, "/log", body).refuses(t, 401)
	}
	w.get(t, "/api/datum").refuses(t, 401)
}
