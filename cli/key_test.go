package cli

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/httpapi"
	"github.com/narrative-go/narrative/service"
)

const madeKey = `{"id":"k1","name":"shop","scopes":["datums:write","read"],"created_at":"2026-03-04T12:00:00Z","expires_at":"2026-06-02T12:00:00Z","last_used_at":null,"key":"nrt_x"}`

func TestKeyCreate(t *testing.T) {
	t.Parallel()
	w, api := withAPI(t, map[string][]answer{"POST /api/v1/keys": {{201, madeKey}}})
	r := w.run("key", "create", "shop", "--scope", "datums:write", "--scope", "read", "--expires", "90d")
	r.is(t, 0, "nrt_x", "made the key shop (datums:write, read), which expires 2026-06-02 12:00 UTC; it is shown this once and kept nowhere")
	if r.stdout != "nrt_x\n" {
		t.Errorf("stdout is %q, want the key alone", r.stdout)
	}
	again := setup(t)
	again.env = w.env
	again.run("key", "create", "shop", "--scope", "operate,read", "--expires", "2027-01-31", "-o", "json").is(t, 0, madeKey+"\n", "")
	w.run("key", "create", "shop")
	want := []string{
		`POST /api/v1/keys {"name":"shop","scopes":["datums:write","read"],"expires_in":"90d"}`,
		`POST /api/v1/keys {"name":"shop","scopes":["operate","read"],"expires_at":"2027-01-31T00:00:00Z"}`,
		`POST /api/v1/keys {"name":"shop","scopes":["read"]}`,
	}
	if diff := cmp.Diff(want, api.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestKeyCreateLocal(t *testing.T) {
	t.Parallel()
	var kept narrative.APIKey
	var url string
	withStore := func(t *testing.T) *world {
		w := setup(t)
		w.wiring.addKey = func(_ context.Context, o service.Options, k narrative.APIKey) (narrative.APIKey, error) {
			url, kept = o.DatabaseURL, k
			k.ID = "k1"
			return k, nil
		}
		return w
	}
	w := withStore(t)
	w.env["NARRATIVE_DATABASE_URL"] = "postgres://db/narrative"
	r := w.run("key", "create", "ops", "--local")
	r.is(t, 0, "nrt_", "made the key ops (admin), which never expires")
	if !regexp.MustCompile(`^nrt_[A-Za-z0-9_-]{43}\n$`).MatchString(r.stdout) {
		t.Errorf("stdout is %q", r.stdout)
	}
	if url != "postgres://db/narrative" || kept.Name != "ops" || len(kept.Hash) != 64 || !cmp.Equal(kept.Scopes, []narrative.Scope{narrative.ScopeAdmin}) {
		t.Errorf("%s keeps %+v", url, kept)
	}
	w = withStore(t)
	w.env["NARRATIVE_DATABASE_URL"] = "sqlite:x"
	r = w.run("key", "create", "ops", "--local", "--scope", "read", "--expires", "1d", "-o", "json")
	var made httpapi.CreatedKey
	if err := json.Unmarshal([]byte(r.stdout), &made); err != nil || made.ID != "k1" || !strings.HasPrefix(made.Key, "nrt_") || !made.ExpiresAt.Equal(noon.Add(24*time.Hour)) {
		t.Errorf("%v: %+v: %s", err, made, r.stdout)
	}

	dir := t.TempDir()
	withStore(t).run("key", "create", "ops", "--local", "--data-dir", dir).is(t, 2, "", "NARRATIVE_DATABASE_URL is not set, and there is no store of narrative dev at "+filepath.Join(dir, "narrative.db"))
	write(t, filepath.Join(dir, "narrative.db"), "")
	withStore(t).run("key", "create", "ops", "--local", "--data-dir", dir).is(t, 0, "nrt_", "made the key ops")
	if url != "sqlite:"+filepath.Join(dir, "narrative.db") {
		t.Errorf("it is kept in %s", url)
	}
}

// TestTheFirstKey puts the first key into a real store, and has a real service find it.
func TestTheFirstKey(t *testing.T) {
	t.Setenv("TEMPORAL_ADDRESS", "127.0.0.1:9") // which Temporal's own client reads
	url := "sqlite:" + filepath.Join(t.TempDir(), "narrative.db")
	world := func() *world {
		w := setup(t)
		w.env["NARRATIVE_DATABASE_URL"] = url
		return w
	}
	serve := []string{"serve", "--listen", "0.0.0.0:0"}
	world().run("key", "create", "ops", "--local").is(t, 1, "", "narrative migrate")
	world().run(serve...).is(t, 2, "", "--insecure")
	world().run("migrate").is(t, 0, "version", "")
	world().run(serve...).is(t, 2, "", "the store has no key yet")
	world().run(append(serve, "--require-key")...).is(t, 2, "", "narrative key create NAME --local")
	world().run("key", "create", "ops", "--local", "--expires", "1h").is(t, 0, "nrt_", "made the key ops")
	world().run("key", "create", "ops", "--local").is(t, 1, "", `there is a key "ops" already`)
	// From here on it goes on to Temporal, which is not there.
	world().run(serve...).is(t, 1, "", "Temporal does not answer")
	world().run(append(serve, "--require-key")...).is(t, 1, "", "Temporal does not answer")
	world().run(append(serve, "--insecure")...).is(t, 1, "", "Temporal does not answer")
}

func TestKeyMisuse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"nothing":       {[]string{"key"}, "narrative key needs a command: one of create, list, revoke"},
		"no name":       {[]string{"key", "create"}, "narrative key create needs NAME"},
		"bad expiry":    {[]string{"key", "create", "a", "--expires", "soon"}, `--expires is "soon"; expected a day`},
		"bad name":      {[]string{"key", "create", "a:b", "--local"}, "name: must not contain a colon"},
		"empty name":    {[]string{"key", "create", "", "--local"}, "name: is required"},
		"unknown scope": {[]string{"key", "create", "a", "--local", "--scope", "reed"}, `"reed" is no scope; did you mean "read"?`},
		"expired":       {[]string{"key", "create", "a", "--local", "--expires", "2020-01-01"}, "expires_at: lies in the past"},
		"revoke what":   {[]string{"key", "revoke"}, "narrative key revoke needs NAME"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.env["NARRATIVE_DATABASE_URL"] = "sqlite:" + filepath.Join(t.TempDir(), "none.db")
			w.run(test.args...).is(t, 2, "", test.says)
		})
	}
}

func TestKeyList(t *testing.T) {
	t.Parallel()
	const listed = `{"items":[
		{"id":"k1","name":"old","scopes":["read"],"created_at":"2026-03-01T12:00:00Z","expires_at":"2026-03-04T11:00:00Z","last_used_at":"2026-03-04T10:59:00Z"},
		{"id":"k2","name":"ops","scopes":["admin"],"created_at":"2026-03-04T11:00:00Z","expires_at":null,"last_used_at":null}],"next_cursor":"c2"}`
	w, api := withAPI(t, map[string][]answer{"GET /api/v1/keys": {{200, listed}}})
	w.run("key", "list", "--limit", "2").is(t, 0, `NAME  SCOPES  MADE    EXPIRY          LAST USED  ID
old   read    3d ago  expired 1h ago  1h ago     k1
ops   admin   1h ago  never expires   never      k2
`, "there are more; add --cursor c2")
	if diff := cmp.Diff([]string{"GET /api/v1/keys?limit=2"}, api.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	w, _ = withAPI(t, map[string][]answer{"GET /api/v1/keys": {{200, `{"items":[]}`}}})
	w.run("key", "list").is(t, 0, "no keys; narrative key create NAME --local makes the first\n", "")
	w, _ = withAPI(t, map[string][]answer{"GET /api/v1/keys": {{200, listed}}})
	w.run("key", "list", "-o", "json").is(t, 0, listed, "")
}

func TestKeyRevoke(t *testing.T) {
	t.Parallel()
	w, api := withAPI(t, map[string][]answer{"DELETE /api/v1/keys/the shop": {{204, ""}}})
	w.run("key", "revoke", "the shop").is(t, 0, "the shop: revoked\n", "")
	if diff := cmp.Diff([]string{"DELETE /api/v1/keys/the shop"}, api.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	w, _ = withAPI(t, map[string][]answer{"DELETE /api/v1/keys/x": {{404, `{"status":404,"detail":"there is no key \"x\""}`}}})
	w.run("key", "revoke", "x").is(t, 1, "", `there is no key "x"`)
	w, _ = withAPI(t, map[string][]answer{"DELETE /api/v1/keys/x": {{403, `{"status":403,"detail":"this needs the scope admin"}`}}})
	w.run("key", "revoke", "x").is(t, 1, "", "this needs the scope admin; set NARRATIVE_API_KEY to a key that may")
}

func TestSecurityFlagsReachTheService(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s := &fakeServer{addr: "127.0.0.1:1"}
	w := withServer(t, s)
	w.env["NARRATIVE_REQUIRE_KEY"], w.env["NARRATIVE_TLS_KEY"] = "true", "k.pem"
	w.runUntil(ctx, []string{"serve", "--tls-cert", "c.pem"}).is(t, 0, "", `url=https://127.0.0.1:1`)
	if o := s.options; !o.RequireKey || o.Insecure || o.TLSCert != "c.pem" || o.TLSKey != "k.pem" {
		t.Errorf("serve asks for %+v", o)
	}
	w = withServer(t, s)
	w.runUntil(ctx, []string{"dev", "--require-key", "--data-dir", t.TempDir()}, WithEmbedded(unusedEmbedded)).is(t, 0, "ready", "")
	if o := s.options; !o.RequireKey {
		t.Errorf("dev asks for %+v", o)
	}
}

func TestDevDoesNotCountWithoutAKey(t *testing.T) {
	t.Parallel()
	_, api := withAPI(t, map[string][]answer{"GET /api/v1/assertions": {{401, `{"status":401,"detail":"a key is needed"}`}}})
	s := &fakeServer{addr: strings.TrimPrefix(api.URL, "http://")}
	ctx, cancel := context.WithCancel(context.Background())
	w := withServer(t, s)
	done := make(chan result)
	go func() {
		done <- w.runUntil(ctx, []string{"dev", "--require-key", "--data-dir", "d"}, WithEmbedded(unusedEmbedded))
	}()
	eventually(t, "the banner is out", func() bool { return strings.Contains(w.stdout.String(), "data      d") })
	cancel()
	(<-done).is(t, 0, "  watching  what the store holds\n", "")
}

func TestBadCertificates(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "text.pem")
	if err := os.WriteFile(text, []byte("no PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"a certificate alone": {[]string{"--tls-cert", text}, "give both --tls-cert and --tls-key, or neither"},
		"a key alone":         {[]string{"--tls-key", text}, "give both --tls-cert and --tls-key, or neither"},
		"no such file":        {[]string{"--tls-cert", filepath.Join(dir, "none"), "--tls-key", text}, "--tls-cert " + filepath.Join(dir, "none") + " cannot be read: no such file"},
		"no PEM":              {[]string{"--tls-cert", text, "--tls-key", text}, "--tls-cert " + text + " and --tls-key " + text + " are no certificate with its key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.env["NARRATIVE_DATABASE_URL"] = "postgres://nowhere.invalid/x"
			w.run(append([]string{"serve", "--listen", "127.0.0.1:0"}, test.args...)...).is(t, 2, "", test.says)
		})
	}
}
