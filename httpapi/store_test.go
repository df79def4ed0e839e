package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/httpapi"
	"github.com/narrative-go/narrative/persistence"
)

// withSQLite sets up the API over a real store.
func withSQLite(t *testing.T, change ...func(*httpapi.Options)) (*world, *persistence.Store) {
	t.Helper()
	store := openStore(t, newSQLite(t), persistence.Options{})
	return setup(t, append([]func(*httpapi.Options){func(o *httpapi.Options) { o.Store = store }}, change...)...), store
}

// newSQLite returns the URL of a new database.
func newSQLite(t *testing.T) string {
	t.Helper()
	url := "sqlite:" + filepath.Join(t.TempDir(), "narrative.db")
	if _, _, err := persistence.Migrate(context.Background(), url); err != nil {
		t.Fatal(err)
	}
	return url
}

func openStore(t *testing.T, url string, o persistence.Options) *persistence.Store {
	t.Helper()
	store, err := persistence.Open(context.Background(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func TestDatumsThroughARealStore(t *testing.T) {
	t.Parallel()
	w, _ := withSQLite(t)
	var body strings.Builder
	for i := range 7 {
		fmt.Fprintf(&body, `{"origin":"o","name":"%d","note":{"n":%d},"at":"2026-03-04T11:00:0%d.123456Z"}`+"\n", i, i, i)
	}
	w.post(t, "/api/v1/datums", body.String(), "Content-Type", ndjson).is(t, 200, `{"stored":7,"filtered":0,"refused":0,"errors":[]}`)
	var names []string
	var page struct {
		Items []struct {
			ID, Name string
			At       string
		}
		NextCursor string `json:"next_cursor"`
	}
	for {
		r := w.get(t, "/api/v1/datums?limit=3&cursor="+page.NextCursor)
		page.NextCursor, page.Items = "", nil
		if err := json.Unmarshal([]byte(r.body), &page); err != nil || r.status != 200 {
			t.Fatalf("%v: %s", err, r.body)
		}
		for _, d := range page.Items {
			names = append(names, d.Name)
		}
		if page.NextCursor == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{"6", "5", "4", "3", "2", "1", "0"}, names); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	w.get(t, "/api/v1/datums?cursor="+foreignCursor()).refuses(t, 400)
	w.get(t, "/api/v1/issues?cursor=nonsense").refuses(t, 400)
	w.get(t, "/api/v1/issues/"+issueOne).refuses(t, 404)
	w.get(t, "/api/v1/assertions/none").refuses(t, 404)
	w.get(t, "/api/v1/issues").is(t, 200, `{"items":[]}`)
	w.get(t, "/api/v1/assertions").is(t, 200, `{"items":[]}`)
}

func TestRemoveThroughARealStore(t *testing.T) {
	t.Parallel()
	w, store := withSQLite(t)
	manifest := narrative.Manifest{
		Source:     "s",
		Assertions: []narrative.AssertionMeta{narrative.AssertionMeta{Meta: meta("b")}.WithDefaults()},
		Events:     []narrative.EventMeta{narrative.EventMeta{Meta: meta("e")}.WithDefaults()},
	}
	if _, err := store.Apply(context.Background(), manifest, noon); err != nil {
		t.Fatal(err)
	}
	if r := w.get(t, "/api/v1/assertions/b"); r.status != 200 || !strings.Contains(r.body, `"soft":"","streak":{"passed":0,"failed":0,"errored":0}`) {
		t.Errorf("status %d: %s", r.status, r.body)
	}
	w.send(t, "DELETE", "/api/v1/assertions/e", "").refuses(t, 404)
	for _, path := range []string{"/api/v1/assertions/b", "/api/v1/events/e"} {
		if r := w.send(t, "DELETE", path, ""); r.status != 204 {
			t.Errorf("%s: status %d: %s", path, r.status, r.body)
		}
		w.send(t, "DELETE", path, "").refuses(t, 404)
		w.get(t, path).refuses(t, 404)
	}
	w.get(t, "/api/v1/assertions").is(t, 200, `{"items":[]}`)
	w.get(t, "/api/v1/events").is(t, 200, `{"items":[]}`)
}
