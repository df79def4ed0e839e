package httpapi_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/httpapi"
)

const configPath = "/api/v1/config"

func TestTheConfigurationIsPatched(t *testing.T) {
	t.Parallel()
	w, _ := withSQLite(t)
	const whole = `{"minimum_datum_log_level":"warn","default_datum_ttl":"30d","heartbeat_min_interval":"1s","actions":"run","admins":{"email":["ops@example.com"],"slack":"#ops"},
		"operators":[{"name":"ann","slack":"U0123ABCD"}],"renotify":["1h"],"digest":{"more_than":5,"within":"1m"}}`
	w.get(t, configPath).is(t, 200, `{"minimum_datum_log_level":"info","default_datum_ttl":"30d","heartbeat_min_interval":"1s","actions":"run","admins":{"email":[]}}`)
	r := w.send(t, "PATCH", configPath, `{"minimum_datum_log_level":"warn","admins":{"email":["ops@example.com"],"slack":"#ops"},
		"operators":[{"name":"ann","slack":"U0123ABCD"}],"renotify":["1h"],"digest":{"more_than":5,"within":"1m"}}`, "Content-Type", "application/merge-patch+json")
	r.is(t, 200, whole)
	got := w.get(t, configPath)
	got.is(t, 200, whole)
	if r.header.Get("ETag") == "" || r.header.Get("ETag") != got.header.Get("ETag") {
		t.Errorf("ETag %q, then %q", r.header.Get("ETag"), got.header.Get("ETag"))
	}
	for _, nothing := range []string{`{}`, `{"actions":"run"}`, `{"admins":{}}`, got.body} {
		again := w.send(t, "PATCH", configPath, nothing)
		again.is(t, 200, whole)
		if again.header.Get("ETag") != got.header.Get("ETag") {
			t.Errorf("%s: ETag %q", nothing, again.header.Get("ETag"))
		}
	}
	w.send(t, "PATCH", configPath, `{"minimum_datum_log_level":null,"admins":{"slack":null},"operators":null,"renotify":[],"digest":null,"default_datum_ttl":"0s"}`).
		is(t, 200, `{"minimum_datum_log_level":"info","default_datum_ttl":"0s","heartbeat_min_interval":"1s","actions":"run","admins":{"email":["ops@example.com"]}}`)
}

func TestAPatchIsAnsweredAsGETAnswersIt(t *testing.T) {
	t.Parallel()
	w, _ := withSQLite(t)
	for _, patch := range []string{
		`{}`,
		`{"escalate":[{"after":"1h","notify":{"slack":"#ops"}}]}`,
		`{"escalate":[{"after":"1h","notify":{"email":["a@example.com"]}},{"after":"2h","notify":{"email":[],"slack":"#all"}}],"renotify":["1h"]}`,
		`{"admins":{"email":["o&m@example.com"],"slack":"#ops"},"digest":{"more_than":5}}`,
		`{"webhooks":{"private_addresses":"forbid"}}`,
		`{"operators":[{"name":"\u2028<Ann> & \ud83d\ude00","slack":"U0123ABCD"}]}`,
		`{"operators":[],"escalate":[],"renotify":[],"digest":{},"webhooks":{}}`,
		`{"admins":null,"digest":null,"webhooks":null,"actions":null,"default_datum_ttl":"0s","heartbeat_min_interval":"0s"}`,
	} {
		patched := w.send(t, "PATCH", configPath, patch)
		if patched.status != 200 {
			t.Fatalf("%s: status %d: %s", patch, patched.status, patched.body)
		}
		got := w.get(t, configPath)
		if patched.body != got.body || patched.header.Get("ETag") != got.header.Get("ETag") {
			t.Errorf("%s is answered %s %s\nGET answers %s %s", patch, patched.header.Get("ETag"), patched.body, got.header.Get("ETag"), got.body)
		}
	}
}

func TestWhatAConfigurationCannotBe(t *testing.T) {
	t.Parallel()
	w, _ := withSQLite(t)
	before := w.get(t, configPath)
	r := w.send(t, "PATCH", configPath, `{"actions":"perhaps","action":"run","default_datum_ttl":7,"admins":{"email":["nobody"]},"minimum_datum_log_level":"loud"}`)
	r.refuses(t, 422)
	want := []string{
		"body.action", "body.actions", "body.admins.email[0]", "body.default_datum_ttl", "body.minimum_datum_log_level",
	}
	got := named(t, r)
	for _, field := range want {
		found := false
		for _, g := range got {
			found = found || g == field
		}
		if !found {
			t.Errorf("%s is not named: %q", field, got)
		}
	}
	for body, status := range map[string]int{`{`: 400, ``: 400, `[]`: 422, `null`: 422, `"x"`: 422, `{"admins":7}`: 422, `{"operators":{"ann":1}}`: 422} {
		w.send(t, "PATCH", configPath, body).refuses(t, status)
	}
	w.send(t, "PATCH", configPath, `{}`, "Content-Type", "application/yaml").refuses(t, 415)
	w.get(t, configPath).is(t, 200, before.body)
}

func TestPatchesBuildOnWhatWasSeen(t *testing.T) {
	t.Parallel()
	w, _ := withSQLite(t)
	seen := w.get(t, configPath).header.Get("ETag")
	if r := w.send(t, "PATCH", configPath, `{"actions":"off"}`, "If-Match", seen); r.status != 200 {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	w.send(t, "PATCH", configPath, `{"actions":"run"}`, "If-Match", seen).refuses(t, 412)
	if r := w.send(t, "PATCH", configPath, `{"actions":"run"}`, "If-Match", "*"); r.status != 200 {
		t.Errorf("status %d: %s", r.status, r.body)
	}
}

func TestPatchesAtOnceLoseNothing(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	applied := 0
	w, _ := withSQLite(t, func(o *httpapi.Options) {
		put := o.Put
		o.Put = func(ctx context.Context, m narrative.Manifest) (narrative.Applied, error) {
			a, err := put(ctx, m)
			mu.Lock()
			defer mu.Unlock()
			if a.Config {
				applied++
			}
			return a, err
		}
	})
	patches := []string{`{"actions":"approve"}`, `{"minimum_datum_log_level":"error"}`, `{"default_datum_ttl":"7d"}`, `{"admins":{"slack":"#ops"}}`}
	var all sync.WaitGroup
	for _, patch := range patches {
		all.Go(func() {
			if r := w.send(t, "PATCH", configPath, patch); r.status != 200 {
				t.Errorf("%s: status %d: %s", patch, r.status, r.body)
			}
		})
	}
	all.Wait()
	w.get(t, configPath).is(t, 200, `{"minimum_datum_log_level":"error","default_datum_ttl":"7d","heartbeat_min_interval":"1s","actions":"approve","admins":{"email":[],"slack":"#ops"}}`)
	if applied != len(patches) {
		t.Errorf("%d changes were told of", applied)
	}
}

func TestMergePatchIsThatOfRFC7396(t *testing.T) {
	t.Parallel()
	for _, example := range [][3]string{ // appendix A
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
	} {
		got := httpapi.MergePatch(decoded(t, example[0]), decoded(t, example[1]))
		if diff := cmp.Diff(decoded(t, example[2]), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", fmt.Sprint(example), diff)
		}
	}
}
