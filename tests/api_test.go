package tests

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/narrative-go/narrative/persistence/pgtest"
)

// stores are where a process may keep what it knows: URLs by engine.
var stores = map[string]func(t *testing.T, dir string) string{
	"sqlite":   func(_ *testing.T, dir string) string { return "sqlite:" + filepath.Join(dir, "narrative.db") },
	"postgres": func(t *testing.T, _ string) string { return pgtest.Empty(t) },
}

// caller speaks to the API with a key.
type caller struct {
	t        *testing.T
	url, key string
}

// does sends a request and fails unless the answer has that status; it returns the body and the header.
func (c caller) does(status int, method, path, body string, header ...string) (map[string]any, http.Header) {
	c.t.Helper()
	got, read, answered := c.sends(method, path, body, header...)
	if got != status {
		c.t.Fatalf("%s %s: %d, want %d\n%s", method, path, got, status, read)
	}
	var decoded map[string]any
	_ = json.Unmarshal(read, &decoded) // a list or nothing is nil
	return decoded, answered
}

// sends sends a request and returns what is answered.
func (c caller) sends(method, path, body string, header ...string) (status int, read []byte, answered http.Header) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	for n := 0; n+1 < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	if read, err = io.ReadAll(answer.Body); err != nil {
		c.t.Fatal(err)
	}
	return answer.StatusCode, read, answer.Header
}

// TestAPI does over HTTP what a person does at the terminal, with keys, on both stores.
func TestAPI(t *testing.T) {
	t.Parallel()
	for name, database := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			a := keyed(t, dir, database(t, dir))
			a.scopes()
			a.metas(filepath.Join(dir, "healthy"))
			a.issueOf("healthy")
			a.original()
			a.removal()
		})
	}
}

// keyedAPI is an API that asks for keys, and its callers: ann may do everything, bob may read, and nobody has no key.
type keyedAPI struct {
	t                *testing.T
	ann, bob, nobody caller
}

// keyed starts a process whose API asks for keys, and makes ann's and bob's.
func keyed(t *testing.T, dir, database string) keyedAPI {
	t.Helper()
	env := settings{"NARRATIVE_DATABASE_URL": database, "USER": "root"}
	if out, code := command(t, programBinary, dir, env, "migrate"); code != 0 {
		t.Fatalf("migrate: exit %d\n%s", code, out)
	}
	keyOf := func(who, scope string) string {
		out, code := command(t, programBinary, dir, env, "key", "create", who, "--local", "-o", "json", "--scope", scope)
		var made struct{ Key string }
		if err := json.Unmarshal([]byte(out[strings.IndexByte(out, '{'):strings.LastIndexByte(out, '}')+1]), &made); code != 0 || err != nil || made.Key == "" {
			t.Fatalf("key of %s: exit %d, %v\n%s", who, code, err, out)
		}
		return made.Key
	}
	admin, reader := keyOf("ann", "admin"), keyOf("bob", "read")
	p := launch(t, programBinary, dir, env, "dev", "--require-key", "--listen", "127.0.0.1:0", "--temporal-port", "0", "--ui-port", "0")
	p.waitReady(60 * time.Second)
	return keyedAPI{t, caller{t, p.url, admin}, caller{t, p.url, reader}, caller{t, p.url, ""}}
}

// scopes lets each do what their key allows, and no more than is taken at once.
func (a keyedAPI) scopes() {
	a.t.Helper()
	a.nobody.does(401, "GET", "/api/v1/issues", "")
	caller{a.t, a.nobody.url, "nrt_wrong"}.does(401, "GET", "/api/v1/issues", "")
	a.bob.does(200, "GET", "/api/v1/issues", "")
	a.bob.does(403, "POST", "/api/v1/datums", `{"origin": "o", "name": "n"}`)
	a.ann.does(413, "POST", "/api/v1/datums", `{"origin": "o", "name": "n", "note": "`+strings.Repeat("x", 2<<20)+`"}`)
	a.nobody.does(200, "GET", "/openapi.json", "")
}

// metas puts an assertion, which fails, and changes it: only what was seen before can be replaced.
func (a keyedAPI) metas(missing string) {
	a.t.Helper()
	const path = "/api/v1/assertions/healthy"
	meta := fmt.Sprintf(`{"class": "test.FileExists", "every": "1h", "args": {"path": %q}}`, missing)
	a.bob.does(403, "PUT", path, meta)
	_, header := a.ann.does(201, "PUT", path, meta)
	tag := header.Get("ETag")
	a.ann.does(412, "PUT", path, meta, "If-Match", `"another"`)
	a.ann.does(200, "PUT", path, strings.Replace(meta, "1h", "2h", 1), "If-Match", tag)
	a.ann.does(412, "PUT", path, meta, "If-Match", tag)
	a.ann.does(422, "PUT", path, strings.Replace(meta, "every", "evry", 1))
	if run, _ := a.ann.does(200, "POST", path+"/check", ""); run["outcome"] != "failed" {
		a.t.Errorf("check: %v", run)
	}
}

// issueOf comments on the assertion's issue, once however often that is sent, and resolves it, after which it takes no
// comments.
func (a keyedAPI) issueOf(assertion string) {
	a.t.Helper()
	var id string
	await(a.t, 30*time.Second, "there is an issue", func() error {
		listed, _ := a.bob.does(200, "GET", "/api/v1/issues?assertion="+assertion, "")
		for _, i := range listed["items"].([]any) {
			id, _ = i.(map[string]any)["id"].(string)
		}
		if id == "" {
			return fmt.Errorf("%v", listed)
		}
		return nil
	})
	path := "/api/v1/issues/" + id
	a.bob.does(403, "POST", path+"/comment", `{"text": "seen"}`)
	a.ann.does(200, "POST", path+"/comment", `{"text": "seen"}`, "Idempotency-Key", "one")
	_, header := a.ann.does(200, "POST", path+"/comment", `{"text": "seen"}`, "Idempotency-Key", "one")
	if header.Get("Idempotent-Replayed") != "true" {
		a.t.Errorf("the second comment was not the first one's answer: %v", header)
	}
	a.ann.does(409, "POST", path+"/comment", `{"text": "another"}`, "Idempotency-Key", "one")
	story, _ := a.bob.does(200, "GET", path+"/explain?format=json", "")
	if said := fmt.Sprint(story["entries"]); strings.Count(said, "text:seen") != 1 || !strings.Contains(said, "by:ann") {
		a.t.Errorf("the comment is not once on the timeline, by its key's name: %s", said)
	}
	a.ann.does(200, "POST", path+"/resolve", `{"reason": "by hand"}`)
	a.ann.does(409, "POST", path+"/comment", `{"text": "too late"}`)
}

// original makes the calls that programs of the original make.
func (a keyedAPI) original() {
	a.t.Helper()
	ann := []string{"Authorization", "ApiKey ann:" + a.ann.key, "Content-Type", "application/json; charset=utf-8"}
	kept, _ := a.nobody.does(201, "POST", "/log/", `{"origin": "shop", "datum_name": "sale", "note": {"n": 1}, "log_level": "Warn", "ttl": 3600}`, ann...)
	if kept["datum_name"] != "sale" {
		a.t.Errorf("/log/: %v", kept)
	}
	a.nobody.does(200, "POST", "/log/", `{"origin": "shop", "datum_name": "detail", "log_level": 0}`, ann...)
	a.nobody.does(401, "POST", "/log/", `{"origin": "shop", "datum_name": "detail", "log_level": 0}`)
	listed, _ := a.nobody.does(200, "GET", "/api/datum/?level=warn", "", ann...)
	if objects := listed["objects"].([]any); len(objects) != 1 {
		a.t.Errorf("/api/datum/: %v", listed)
	}
	a.ann.does(200, "PATCH", "/api/v1/config", `{"minimum_datum_log_level": "error"}`)
	a.nobody.does(200, "POST", "/log/", `{"origin": "shop", "datum_name": "sale", "log_level": "warn"}`, ann...)
}

// removal removes the assertion, and bob's key, which is refused soon after.
func (a keyedAPI) removal() {
	a.t.Helper()
	a.ann.does(204, "DELETE", "/api/v1/assertions/healthy", "")
	a.ann.does(204, "DELETE", "/api/v1/keys/bob", "")
	await(a.t, 20*time.Second, "the revoked key is refused", func() error {
		if got, _, _ := a.bob.sends("GET", "/api/v1/issues", ""); got != 401 {
			return fmt.Errorf("it is answered %d", got)
		}
		return nil
	})
}
