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

// caller speaks to the API with a key.
type caller struct {
	t        *testing.T
	url, key string
}

// does sends a request and fails unless the answer has that status; it returns the body and the header.
func (c caller) does(status int, method, path, body string, header ...string) (map[string]any, http.Header) {
	c.t.Helper()
	r, err := http.NewRequest(method, c.url+path, strings.NewReader(body))
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
	read, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if answer.StatusCode != status {
		c.t.Fatalf("%s %s: %s, want %d\n%s", method, path, answer.Status, status, read)
	}
	var decoded map[string]any
	_ = json.Unmarshal(read, &decoded) // a list or nothing is nil
	return decoded, answer.Header
}

// TestAPI does over HTTP what a person does at the terminal, with keys, on both stores.
func TestAPI(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(t *testing.T, dir string) string{
		"sqlite":   func(_ *testing.T, dir string) string { return "sqlite:" + filepath.Join(dir, "narrative.db") },
		"postgres": func(t *testing.T, _ string) string { return pgtest.Empty(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			wholeAPI(t, dir, database(t, dir))
		})
	}
}

func wholeAPI(t *testing.T, dir, database string) {
	env := settings{"NARRATIVE_DATABASE_URL": database, "USER": "root"}
	if out, code := command(t, programBinary, dir, env, "migrate"); code != 0 {
		t.Fatalf("migrate: exit %d\n%s", code, out)
	}
	keyOf := func(who string, scopes ...string) string {
		out, code := command(t, programBinary, dir, env, append([]string{"key", "create", who, "--local", "-o", "json", "--scope"}, strings.Join(scopes, ","))...)
		var made struct{ Key string }
		if err := json.Unmarshal([]byte(out[strings.IndexByte(out, '{'):strings.LastIndexByte(out, '}')+1]), &made); code != 0 || err != nil || made.Key == "" {
			t.Fatalf("key of %s: exit %d, %v\n%s", who, code, err, out)
		}
		return made.Key
	}
	admin, reader := keyOf("ann", "admin"), keyOf("bob", "read")
	p := launch(t, programBinary, dir, env, "dev", "--require-key", "--listen", "127.0.0.1:0", "--temporal-port", "0", "--ui-port", "0")
	p.waitReady(60 * time.Second)
	ann, bob, nobody := caller{t, p.url, admin}, caller{t, p.url, reader}, caller{t, p.url, ""}

	nobody.does(401, "GET", "/api/v1/issues", "")
	caller{t, p.url, "nrt_wrong"}.does(401, "GET", "/api/v1/issues", "")
	bob.does(200, "GET", "/api/v1/issues", "")
	bob.does(403, "POST", "/api/v1/datums", `{"origin": "o", "name": "n"}`)

	meta := fmt.Sprintf(`{"class": "test.FileExists", "every": "1h", "args": {"path": %q}}`, filepath.Join(dir, "healthy"))
	bob.does(403, "PUT", "/api/v1/assertions/healthy", meta)
	_, header := ann.does(201, "PUT", "/api/v1/assertions/healthy", meta)
	tag := header.Get("ETag")
	ann.does(412, "PUT", "/api/v1/assertions/healthy", meta, "If-Match", `"another"`)
	ann.does(200, "PUT", "/api/v1/assertions/healthy", strings.Replace(meta, "1h", "2h", 1), "If-Match", tag)
	ann.does(412, "PUT", "/api/v1/assertions/healthy", meta, "If-Match", tag)
	ann.does(422, "PUT", "/api/v1/assertions/healthy", strings.Replace(meta, "every", "evry", 1))

	run, _ := ann.does(200, "POST", "/api/v1/assertions/healthy/check", "")
	if run["outcome"] != "failed" {
		t.Errorf("check: %v", run)
	}
	var id string
	await(t, 30*time.Second, "there is an issue", func() error {
		listed, _ := bob.does(200, "GET", "/api/v1/issues?assertion=healthy", "")
		for _, i := range listed["items"].([]any) {
			id, _ = i.(map[string]any)["id"].(string)
		}
		if id == "" {
			return fmt.Errorf("%v", listed)
		}
		return nil
	})
	path := "/api/v1/issues/" + id
	bob.does(403, "POST", path+"/comment", `{"text": "seen"}`)
	ann.does(200, "POST", path+"/comment", `{"text": "seen"}`, "Idempotency-Key", "one")
	_, header = ann.does(200, "POST", path+"/comment", `{"text": "seen"}`, "Idempotency-Key", "one")
	if header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("the second comment was not the first one's answer: %v", header)
	}
	ann.does(409, "POST", path+"/comment", `{"text": "another"}`, "Idempotency-Key", "one")
	story, _ := bob.does(200, "GET", path+"/explain?format=json", "")
	if said := fmt.Sprint(story["entries"]); strings.Count(said, "text:seen") != 1 || !strings.Contains(said, "by:ann") {
		t.Errorf("the comment is not once on the timeline, by its key's name: %s", said)
	}
	ann.does(200, "POST", path+"/resolve", `{"reason": "by hand"}`)
	ann.does(409, "POST", path+"/comment", `{"text": "too late"}`)

	original := []string{"Authorization", "ApiKey ann:" + admin, "Content-Type", "application/json; charset=utf-8"}
	kept, _ := nobody.does(201, "POST", "/log/", `{"origin": "shop", "datum_name": "sale", "note": {"n": 1}, "log_level": "Warn", "ttl": 3600}`, original...)
	if kept["datum_name"] != "sale" {
		t.Errorf("/log/: %v", kept)
	}
	nobody.does(200, "POST", "/log/", `{"origin": "shop", "datum_name": "detail", "log_level": 0}`, original...)
	nobody.does(401, "POST", "/log/", `{"origin": "shop", "datum_name": "detail", "log_level": 0}`)
	listed, _ := nobody.does(200, "GET", "/api/datum/?level=warn", "", original...)
	if objects := listed["objects"].([]any); len(objects) != 1 {
		t.Errorf("/api/datum/: %v", listed)
	}
	ann.does(200, "PATCH", "/api/v1/config", `{"minimum_datum_log_level": "error"}`)
	nobody.does(200, "POST", "/log/", `{"origin": "shop", "datum_name": "sale", "log_level": "warn"}`, original...)
	ann.does(413, "POST", "/api/v1/datums", `{"origin": "o", "name": "n", "note": "`+strings.Repeat("x", 2<<20)+`"}`)
	nobody.does(200, "GET", "/openapi.json", "")
	ann.does(204, "DELETE", "/api/v1/assertions/healthy", "")
	ann.does(204, "DELETE", "/api/v1/keys/bob", "")
	await(t, 20*time.Second, "the revoked key is refused", func() error {
		answer, err := http.NewRequest("GET", p.url+"/api/v1/issues", nil)
		if err != nil {
			return err
		}
		answer.Header.Set("Authorization", "Bearer "+reader)
		got, err := http.DefaultClient.Do(answer)
		if err != nil {
			return err
		}
		got.Body.Close()
		if got.StatusCode != 401 {
			return fmt.Errorf("%s", got.Status)
		}
		return nil
	})
}
