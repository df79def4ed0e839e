package httpapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/httpapi"
	"github.com/narrative-go/narrative/persistence"
)

// fuzzed is the API over a real store, called without a network. Every answer has to be what the description says, and
// none may be a failure of ours.
func fuzzed(f *testing.F) (send func(t *testing.T, method, path, body string) reply) {
	f.Helper()
	address := "sqlite:" + filepath.Join(f.TempDir(), "narrative.db")
	if _, _, err := persistence.Migrate(context.Background(), address); err != nil {
		f.Fatal(err)
	}
	store, err := persistence.Open(context.Background(), address, persistence.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = store.Close() })
	h, err := httpapi.New(httpapi.Options{
		Store: store, Operator: &fakeOperator{}, RateLimit: -1,
		Apply: func(context.Context, httpapi.Application) (narrative.Applied, error) { return narrative.Applied{}, nil },
		Parse: parsing(f),
		Put: func(ctx context.Context, m narrative.Manifest) (narrative.Applied, error) {
			return store.Apply(ctx, m, noon)
		},
		Ready: func(context.Context) httpapi.Readiness { return httpapi.Readiness{} },
	})
	if err != nil {
		f.Fatal(err)
	}
	return func(t *testing.T, method, path, body string) reply {
		t.Helper()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
		r := judged(t, method, path, reply{w.Code, w.Header(), w.Body.String()})
		if r.status >= 500 {
			t.Errorf("status %d: %s", r.status, r.body)
		}
		return r
	}
}

func FuzzCursor(f *testing.F) {
	send := fuzzed(f)
	for n := range 3 {
		_ = n
		if r := send(&testing.T{}, http.MethodPost, "/api/datum/", `{"origin":"o","datum_name":"n"}`); r.status != 201 {
			f.Fatal(r.body)
		}
	}
	for _, cursor := range []string{"", "x", "MXxkYXR1bXN8MXx4", "bmFtZTphYmM", "MXxpc3N1ZXN8OTk5OTk5OTk5OTk5OTk5OTk5fA", "\x00", "%", "\U0001f600"} {
		f.Add(cursor)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		for _, list := range []string{"datums", "issues", "notifications", "assertions", "events"} {
			r := send(t, http.MethodGet, "/api/v1/"+list+"?limit=1&cursor="+url.QueryEscape(cursor), "")
			if r.status != 200 && r.status != 400 {
				t.Errorf("%s: status %d: %s", list, r.status, r.body)
			}
		}
	})
}

func FuzzLog(f *testing.F) {
	send := fuzzed(f)
	for _, body := range []string{
		`{"origin":"o","datum_name":"n","note":{"a":1},"log_level":"Warn","ttl":1.5,"thread_id":"t"}`, `{"origin":"o","datum_name":"n","log_level":4}`,
		`{"origin":"o","datum_name":"n","ttl":1e-300}`, `{"origin":"\ud800","datum_name":"n"}`, `{"origin":"o","datum_name":"n","note":1e999}`, `[]`, `{`, ``,
		`{"origin":"o","origin":7,"datum_name":"n"}`, "{\"origin\":\"\xff\",\"datum_name\":\"n\"}",
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := send(t, http.MethodPost, "/log/", body)
		switch {
		case r.status == 201:
			var o original
			r.into(t, &o)
			if o.ID == "" || o.Origin == "" || o.DatumName == "" || o.LogLevel < 0 || o.LogLevel > 4 || !json.Valid([]byte(o.DatumNoteJSON)) {
				t.Errorf("stored %+v", o)
			}
			if got := send(t, http.MethodGet, o.ResourceURI, ""); got.status != 200 && o.TTL == nil { // it may have expired by now
				t.Errorf("status %d: %s", got.status, got.body)
			}
		case r.status == 200, r.status == 400, r.status == 422, r.status == 413:
		default:
			t.Errorf("status %d: %s", r.status, r.body)
		}
	})
}

func FuzzPatch(f *testing.F) {
	send := fuzzed(f)
	for _, body := range []string{
		`{"actions":"off"}`, `{"admins":{"email":["a@example.com"],"slack":null}}`, `{"default_datum_ttl":"1h"}`, `{"operators":[{"name":"a","slack":"U0123ABCD"}]}`,
		`{"renotify":["1h","1h"],"escalate":[{"after":"2h","notify":{"email":["a@example.com"]}}]}`, `{"a":{"b":{"c":null}}}`, `[]`, `{"admins":"*x"}`,
		`{"actions":"\u2028\ud83d\ude00\/"}`, `{"<<":{"actions":"off"}}`, `{"actions":"off","actions":"run"}`, `{"digest":{"more_than":1e3,"within":"1m"}}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := send(t, http.MethodPatch, configPath, body)
		switch r.status {
		case 200:
			now := send(t, http.MethodGet, configPath, "")
			if now.body != r.body {
				t.Errorf("PATCH answers %s, GET %s", r.body, now.body)
			}
			if again := send(t, http.MethodPatch, configPath, now.body); again.status != 200 || again.body != now.body {
				t.Errorf("what GET answers is not accepted as it is: %d %s", again.status, again.body)
			}
		case 400, 413, 422:
		default:
			t.Errorf("status %d: %s", r.status, r.body)
		}
	})
}
