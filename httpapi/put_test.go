package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/httpapi"
)

// named are the fields that a refusal names, in order.
func named(t *testing.T, r reply) (fields []string) {
	t.Helper()
	var document struct {
		Errors []struct{ Location, Message string }
	}
	if err := json.Unmarshal([]byte(r.body), &document); err != nil {
		t.Fatal(err)
	}
	for _, e := range document.Errors {
		fields = append(fields, e.Location)
	}
	return fields
}

func TestPutMakesChangesAndLeavesAlone(t *testing.T) {
	t.Parallel()
	w, store := withSQLite(t)
	const path = "/api/v1/assertions/a"
	made := w.send(t, "PUT", path, `{"class":"sql","every":"5m","args":{"limit":3},"diagnostics":[{"case":"wait","pass":true},
		{"case":"tell","plan":[{"email":{"to":"a@example.com","subject":"s \u2028 \ud83d\ude00 \/","text":"t"}}]}]}`)
	if made.status != 201 {
		t.Fatalf("status %d: %s", made.status, made.body)
	}
	got := w.get(t, path)
	if got.body != made.body || got.header.Get("ETag") == "" || got.header.Get("ETag") != made.header.Get("ETag") {
		t.Errorf("PUT answers %s %s\nGET answers %s %s", made.header.Get("ETag"), made.body, got.header.Get("ETag"), got.body)
	}
	again := w.send(t, "PUT", path, got.body) // as GET answers it
	if again.status != 200 || again.body != got.body || again.header.Get("ETag") != got.header.Get("ETag") {
		t.Errorf("what is unchanged: status %d, %s: %s", again.status, again.header.Get("ETag"), again.body)
	}
	changed := w.send(t, "PUT", path, strings.Replace(got.body, `"5m"`, `"6m"`, 1))
	if changed.status != 200 || changed.header.Get("ETag") == got.header.Get("ETag") || !strings.Contains(changed.body, `"every":"6m"`) {
		t.Errorf("what is changed: status %d, %s: %s", changed.status, changed.header.Get("ETag"), changed.body)
	}
	a, err := store.AssertionMeta(context.Background(), "a")
	if err != nil || a.Source != "api" || a.Revision != 2 || !a.Enabled {
		t.Errorf("stored %+v: %v", a, err)
	}
	if !strings.Contains(string(a.Diagnostics[1].Plan[0].Args), "😀") {
		t.Errorf("the plan's arguments are %s", a.Diagnostics[1].Plan[0].Args)
	}
	e := w.send(t, "PUT", "/api/v1/events/e", `{"class":"datums","cron":"*/5 * * * *","timezone":"Europe/Paris","ttl":"6h","source":"by hand"}`)
	if e.status != 201 || !strings.Contains(e.body, `"source":"by hand"`) || e.body != w.get(t, "/api/v1/events/e").body {
		t.Errorf("status %d: %s", e.status, e.body)
	}
}

func TestPutKeepsTheSource(t *testing.T) {
	t.Parallel()
	w, store := withSQLite(t)
	m := narrative.Manifest{Source: "shop.yaml", Assertions: []narrative.AssertionMeta{{Meta: meta("a")}}}
	if _, err := store.Apply(context.Background(), m, noon); err != nil {
		t.Fatal(err)
	}
	r := w.send(t, "PUT", "/api/v1/assertions/a", `{"class":"sql","every":"7m","source":"other"}`)
	if r.status != 200 || !strings.Contains(r.body, `"source":"shop.yaml"`) {
		t.Errorf("status %d: %s", r.status, r.body)
	}
}

func TestPutNamesEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	w, store := withSQLite(t)
	r := w.send(t, "PUT", "/api/v1/assertions/a", `{"name":"b","class":"sql","every":"soon","fail_after":"two","evry":"5m","args":{"dsnn":"x"},"source":7,
		"diagnostics":[{"case":"c","when":"issue.rounds ==","pass":true}]}`)
	r.refuses(t, 422, "did you mean")
	want := []string{
		"body.name", "body.source", "body.every", "body.evry", "body.fail_after", "body.args.dsnn", "body.diagnostics[0].when",
	}
	got := named(t, r)
	for _, field := range want {
		if !strings.Contains(strings.Join(got, " "), field) {
			t.Errorf("%s is not named; these are: %q", field, got)
		}
	}
	if strings.Contains(r.body, "line 1") || strings.Contains(r.body, "assertions[0]") {
		t.Errorf("tells of a file: %s", r.body)
	}
	for body, refusal := range map[string]struct {
		status int
		says   string
	}{
		`{"class":`: {400, "not valid JSON"}, ``: {400, "empty"}, `[]`: {422, "must be a JSON object"}, `7`: {422, "must be a JSON object"},
		`{}`: {422, "class"}, `{"class":"none","every":"1m"}`: {422, "class"}, `{"class":"sql"}`: {422, "every"},
		`{"class":"sql","every":5}`: {422, "every"}, `{"class":"sql","every":"1m","display_name":"a\u0000"}`: {422, "display_name"},
	} {
		w.send(t, "PUT", "/api/v1/assertions/a", body).refuses(t, refusal.status, refusal.says)
	}
	w.send(t, "PUT", "/api/v1/assertions/UPPER", `{"class":"sql","every":"1m"}`).refuses(t, 422, "name")
	w.send(t, "PUT", "/api/v1/assertions/a", `{"class":"sql","every":"1m"}`, "Content-Type", "text/csv").refuses(t, 415)
	if all, err := store.AssertionMetas(context.Background()); err != nil || len(all) != 0 {
		t.Errorf("a refusal stored %v: %v", all, err)
	}
}

func TestANameOfTheOtherKindIsRefused(t *testing.T) {
	t.Parallel()
	w, _ := withSQLite(t)
	if r := w.send(t, "PUT", "/api/v1/assertions/a", `{"class":"sql","every":"1m"}`); r.status != 201 {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	r := w.send(t, "PUT", "/api/v1/events/a", `{"class":"datums","every":"1m"}`)
	r.refuses(t, 422, "taken by an assertion")
	if diff := cmp.Diff([]string{"body.name"}, named(t, r)); diff != "" {
		t.Error(diff)
	}
}

func TestChangesBuildOnWhatWasSeen(t *testing.T) {
	t.Parallel()
	w, _ := withSQLite(t)
	const path, body = "/api/v1/assertions/a", `{"class":"sql","every":"%dm"}`
	put := func(every int, header ...string) reply {
		return w.send(t, "PUT", path, fmt.Sprintf(body, every), header...)
	}
	put(1, "If-Match", "*").refuses(t, 412, "there is none")
	put(1, "If-Match", `"1-abc"`).refuses(t, 412)
	first := put(1, "If-None-Match", "*")
	if first.status != 201 {
		t.Fatalf("status %d: %s", first.status, first.body)
	}
	put(2, "If-None-Match", "*").refuses(t, 412)
	second := put(2, "If-Match", first.header.Get("ETag"))
	if second.status != 200 {
		t.Fatalf("status %d: %s", second.status, second.body)
	}
	put(3, "If-Match", first.header.Get("ETag")).refuses(t, 412, second.header.Get("ETag"))
	put(3, "If-Match", "W/"+second.header.Get("ETag")).refuses(t, 412)
	if r := put(3, "If-Match", `"x", `+second.header.Get("ETag")); r.status != 200 {
		t.Errorf("one of several: status %d: %s", r.status, r.body)
	}
	if r := put(4, "If-Match", "*"); r.status != 200 {
		t.Errorf("whatever is there: status %d: %s", r.status, r.body)
	}
	w.send(t, "DELETE", path, "", "If-Match", second.header.Get("ETag")).refuses(t, 412)
	now := w.get(t, path).header.Get("ETag")
	if r := w.send(t, "DELETE", path, "", "If-Match", now); r.status != 204 {
		t.Errorf("status %d: %s", r.status, r.body)
	}
	w.send(t, "DELETE", path, "", "If-Match", now).refuses(t, 404)
}

func TestOfManyWhoSawTheSameOneChangesIt(t *testing.T) {
	t.Parallel()
	w, _ := withSQLite(t)
	const path = "/api/v1/assertions/a"
	seen := w.send(t, "PUT", path, `{"class":"sql","every":"1m"}`).header.Get("ETag")
	var mu sync.Mutex
	statuses := map[int]int{}
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			r := w.send(t, "PUT", path, fmt.Sprintf(`{"class":"sql","every":"%dm"}`, n+2), "If-Match", seen)
			mu.Lock()
			defer mu.Unlock()
			statuses[r.status]++
		})
	}
	all.Wait()
	if diff := cmp.Diff(map[int]int{200: 1, 412: 7}, statuses); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}

func TestPutSaysWhenTheStoreFails(t *testing.T) {
	t.Parallel()
	w, _ := withSQLite(t, func(o *httpapi.Options) {
		o.Put = func(context.Context, narrative.Manifest) (narrative.Applied, error) {
			return narrative.Applied{}, narrative.Errorf(narrative.Unavailable, "the store does not answer")
		}
	})
	w.send(t, "PUT", "/api/v1/assertions/a", `{"class":"sql","every":"1m"}`).refuses(t, 503)
	w.send(t, "PATCH", "/api/v1/config", `{"actions":"off"}`).refuses(t, 503)
}

func TestWhoIsOutrunEveryTimeIsToldToTryAgain(t *testing.T) {
	t.Parallel()
	tries := 0
	w, store := withSQLite(t, func(o *httpapi.Options) {
		o.Store = outrun{o.Store}
		o.Put = func(context.Context, narrative.Manifest) (narrative.Applied, error) {
			tries++
			return narrative.Applied{}, narrative.Errorf(narrative.Conflict, "it was changed meanwhile; read it again")
		}
	})
	m := narrative.Manifest{Source: "s", Assertions: []narrative.AssertionMeta{{Meta: meta("there")}}}
	if _, err := store.Apply(context.Background(), m, noon); err != nil {
		t.Fatal(err)
	}
	w.send(t, "PUT", "/api/v1/assertions/a", `{"class":"sql","every":"1m"}`).refuses(t, 409, `"a" was changed by others`, "10 times", "try again")
	w.send(t, "PATCH", configPath, `{"actions":"off"}`).refuses(t, 409, "the configuration was changed by others", "try again")
	if tries != 20 {
		t.Errorf("tried %d times", tries)
	}
	w.send(t, "DELETE", "/api/v1/assertions/there", "", "If-Match", "*").refuses(t, 409, `"there" was changed by others`, "try again")
}

// outrun is a store in which somebody else always was faster.
type outrun struct{ narrative.Store }

func (outrun) RemoveRevision(_ context.Context, name string, _ int64, _ time.Time) error {
	return narrative.Errorf(narrative.Conflict, "%q was changed meanwhile; read it again", name)
}

// meddling is a store in which somebody else changes what was applied at once.
type meddling struct {
	narrative.Store
	then func()
}

func (m meddling) Apply(ctx context.Context, manifest narrative.Manifest, now time.Time) (narrative.Applied, error) {
	applied, err := m.Store.Apply(ctx, manifest, now)
	m.then()
	return applied, err
}

func TestAChangeIsAnsweredAsItWasMadeWhateverOthersDoNext(t *testing.T) {
	t.Parallel()
	_, store := withSQLite(t)
	ctx := context.Background()
	w := setup(t, func(o *httpapi.Options) {
		o.Store = meddling{store, func() {
			other := meta("a")
			other.Every = narrative.Duration(time.Hour)
			c := narrative.DefaultConfig()
			c.Actions = narrative.ActionsOff
			if _, err := store.Apply(ctx, narrative.Manifest{Source: "o", Config: &c, Assertions: []narrative.AssertionMeta{{Meta: other}}}, noon); err != nil {
				t.Error(err)
			}
		}}
	})
	put := w.send(t, "PUT", "/api/v1/assertions/a", `{"class":"sql","every":"5m","args":{}}`)
	if put.status != 201 || !strings.Contains(put.body, `"every":"5m"`) {
		t.Errorf("status %d: %s", put.status, put.body)
	}
	w.send(t, "PUT", "/api/v1/assertions/a", `{"class":"sql","every":"7m","args":{}}`, "If-Match", put.header.Get("ETag")).refuses(t, 412)
	patched := w.send(t, "PATCH", configPath, `{"actions":"approve"}`)
	if patched.status != 200 || !strings.Contains(patched.body, `"actions":"approve"`) {
		t.Errorf("status %d: %s", patched.status, patched.body)
	}
	w.send(t, "PATCH", configPath, `{"actions":"run"}`, "If-Match", patched.header.Get("ETag")).refuses(t, 412)

	w = setup(t, func(o *httpapi.Options) {
		o.Store = meddling{store, func() { _ = store.RemoveMeta(ctx, "b", noon) }}
	})
	if put := w.send(t, "PUT", "/api/v1/assertions/b", `{"class":"sql","every":"5m","args":{}}`); put.status != 201 {
		t.Errorf("what somebody removes next: status %d: %s", put.status, put.body)
	}
}

func TestARelativePathIsRefusedWhereNothingSaysWhatItIsRelativeTo(t *testing.T) {
	t.Parallel()
	w, store := withSQLite(t)
	for body, want := range map[string][]string{
		`{"class":"sql","every":"5m","args":{"dsn":"${file:secret}"}}`:                                  {"body.args.dsn"},
		`{"class":"sql","every":"5m","args":{"dsn":"sqlite:shop.db"}}`:                                  {"body.args.dsn"},
		`{"class":"sql","every":"5m","args":{"limit":3,"dsn":"sqlite:../shop.db"},"severity":"urgent"}`: {"body.severity", "body.args.dsn"},
	} {
		for _, path := range []string{"/api/v1/assertions/a", "/api/v1/events/a"} {
			if strings.Contains(path, "events") {
				body = strings.Replace(body, `"sql"`, `"datums"`, 1)
			}
			r := w.send(t, "PUT", path, body)
			r.refuses(t, 422, "holds a relative path", "write an absolute one")
			if diff := cmp.Diff(want, named(t, r), cmpopts.SortSlices(strings.Compare)); diff != "" {
				t.Errorf("%s of %s names (-want +got):\n%s", path, body, diff)
			}
		}
	}
	r := w.send(t, "PUT", "/api/v1/assertions/a", `{"class":"sql","every":"5m","diagnostics":[{"case":"c","plan":[{"webhook":{"url":"https://x.example/${file:token}"}}]}]}`)
	r.refuses(t, 422, "holds a relative path")
	if diff := cmp.Diff([]string{"body.diagnostics[0].plan[0].webhook.url"}, named(t, r)); diff != "" {
		t.Errorf("of an action it names (-want +got):\n%s", diff)
	}
	if all, err := store.AssertionMetas(t.Context()); err != nil || len(all) > 0 {
		t.Errorf("stored %v: %v", all, err)
	}
	if r := w.send(t, "PUT", "/api/v1/assertions/a", `{"class":"sql","every":"5m","args":{"dsn":"sqlite:/srv/shop.db"}}`); r.status != 201 {
		t.Errorf("an absolute path: status %d: %s", r.status, r.body)
	}
}
