package httpapi_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/httpapi"
)

// keys are the keys of a fakeStore, and how often it was asked for one.
type keys struct {
	kept    []narrative.APIKey
	lookups int
	used    []string
}

func (s *fakeStore) KeyByHash(_ context.Context, hash string) (narrative.APIKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lookups++
	for _, k := range s.kept {
		if k.Hash == hash {
			return k, s.fail
		}
	}
	if s.fail != nil {
		return narrative.APIKey{}, s.fail
	}
	return narrative.APIKey{}, narrative.Errorf(narrative.NotFound, "there is no such key")
}

func (s *fakeStore) Keys(context.Context) ([]narrative.APIKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.kept), s.fail
}

func (s *fakeStore) AddKey(_ context.Context, k narrative.APIKey) (narrative.APIKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range s.kept {
		if other.Name == k.Name {
			return narrative.APIKey{}, narrative.Errorf(narrative.Conflict, "there is a key %q already", k.Name)
		}
	}
	k.ID = fmt.Sprintf("k%d", len(s.kept)+1)
	s.kept = append(s.kept, k)
	return k, s.fail
}

func (s *fakeStore) KeyUsed(_ context.Context, id string, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = append(s.used, id+" "+at.Format(time.TimeOnly))
	return nil
}

func (s *fakeStore) RevokeKey(_ context.Context, idOrName string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = slices.DeleteFunc(s.kept, func(k narrative.APIKey) bool { return k.ID == idOrName || k.Name == idOrName })
	return s.fail
}

// give gives the world a key of that name, which is KEY-name.
func (w *world) give(name string, scopes ...narrative.Scope) narrative.APIKey {
	w.mu.Lock()
	defer w.mu.Unlock()
	sum := sha256.Sum256([]byte("KEY-" + name))
	k := narrative.APIKey{ID: "id-" + name, Name: name, Scopes: scopes, CreatedAt: noon, Hash: hex.EncodeToString(sum[:])}
	w.kept = append(w.kept, k)
	return k
}

// clock is a clock that is set by hand.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time          { return noon.Add(time.Duration(c.at.Load())) }
func (c *clock) forward(d time.Duration) { c.at.Add(int64(d)) }

// locked sets up a world that requires keys: one for each scope, of its name.
func locked(t *testing.T, change ...func(*httpapi.Options)) (*world, *clock) {
	t.Helper()
	c := &clock{}
	w := setup(t, append([]func(*httpapi.Options){func(o *httpapi.Options) { o.RequireKey, o.Now, o.RateLimit = true, c.now, -1 }}, change...)...)
	for _, s := range narrative.Scopes {
		w.give(string(s), s)
	}
	w.give("colon", narrative.ScopeAdmin)
	return w, c
}

func bearer(name string) []string { return []string{"Authorization", "Bearer KEY-" + name} }

func TestEveryRouteHasAScope(t *testing.T) {
	t.Parallel()
	scopes, undecided, err := httpapi.Routes()
	if err != nil {
		t.Fatal(err)
	}
	if len(undecided) > 0 {
		t.Errorf("nobody has decided what these routes need; put them into the table of scope.go: %q", undecided)
	}
	var open []string
	for pattern, scope := range scopes {
		if scope == "" {
			open = append(open, pattern)
		}
	}
	for _, pattern := range open {
		if !slices.Contains([]string{"GET /healthz", "GET /readyz", "GET /openapi.json", "GET /docs", "POST /slack/interactions"}, pattern) {
			t.Errorf("%s is open to everybody", pattern)
		}
	}
	for pattern, want := range map[string]string{"GET /metrics": "read", "GET /api/v1/keys": "admin", "POST /api/v1/apply": "admin"} {
		if got := scopes[pattern]; got != want {
			t.Errorf("%s needs %q, want %q", pattern, got, want)
		}
	}
}

// TestScopes asks for every route with each key: it is refused by name of the scope that is missing, or let through.
func TestScopes(t *testing.T) {
	t.Parallel()
	scopes, _, err := httpapi.Routes()
	if err != nil {
		t.Fatal(err)
	}
	w, _ := locked(t, func(o *httpapi.Options) {
		o.Apply = func(context.Context, httpapi.Application) (narrative.Applied, error) {
			return narrative.Applied{}, nil
		}
	})
	w.fail = narrative.Errorf(narrative.Unavailable, "let through") // whatever is let through fails harmlessly
	w.check = func(context.Context) (narrative.CheckRun, error) { return narrative.CheckRun{}, w.fail }
	holders := map[string][]string{
		"read": {"read", "operate", "admin"}, "datums:write": {"datums:write", "admin"}, "operate": {"operate", "admin"}, "admin": {"admin"},
	}
	w.fail = nil
	for _, s := range narrative.Scopes { // so that they are remembered when the store fails
		w.get(t, "/api/v1/nothing-at-all", bearer(string(s))...).refuses(t, 404)
		w.get(t, "/api/v1/keys", bearer(string(s))...)
	}
	w.fail = narrative.Errorf(narrative.Unavailable, "let through")
	for pattern, scope := range scopes {
		method, path, _ := strings.Cut(strings.TrimSuffix(pattern, "{$}"), " ")
		path = strings.NewReplacer("{id}", "x", "{name}", "x", "{signal}", "comment", "{channel}", "email").Replace(path)
		if pattern == "GET /metrics" { // which asks the store beside the handler
			continue
		}
		none := w.send(t, method, path, "")
		if scope == "" {
			if none.status == 401 || none.status == 403 {
				t.Errorf("%s: status %d without a key", pattern, none.status)
			}
			continue
		}
		none.refuses(t, 401, "a key is needed: send Authorization: Bearer KEY")
		for _, s := range narrative.Scopes {
			r := w.send(t, method, path, "", bearer(string(s))...)
			if slices.Contains(holders[scope], string(s)) {
				if r.status == 401 || r.status == 403 {
					t.Errorf("%s with %s: status %d: %s", pattern, s, r.status, r.body)
				}
				continue
			}
			r.refuses(t, 403, "needs the scope "+scope, `the key "`+string(s)+`" lacks`, "it has: "+string(s))
			if got := r.header.Get("WWW-Authenticate"); !strings.Contains(got, `error="insufficient_scope", scope="`+scope+`"`) {
				t.Errorf("%s: WWW-Authenticate: %q", pattern, got)
			}
		}
	}
}

func TestWhatIsNoKey(t *testing.T) {
	t.Parallel()
	w, c := locked(t)
	past := noon.Add(-time.Second)
	expired := w.give("expired", narrative.ScopeAdmin)
	w.kept[len(w.kept)-1].ExpiresAt = &past
	for name, test := range map[string]struct {
		header string
		says   string
		code   string
	}{
		"none":             {"", "a key is needed: send Authorization: Bearer KEY", ""},
		"unknown":          {"Bearer KEY-nobody", "this key is not known", "invalid_token"},
		"expired":          {"Bearer KEY-expired", `the key "expired" expired at 2026-03-04T11:59:59Z`, "invalid_token"},
		"the hash":         {"Bearer " + expired.Hash, "this key is not known", "invalid_token"},
		"no key":           {"Bearer ", "is malformed; send Authorization: Bearer KEY", "invalid_token"},
		"two words":        {"Bearer KEY-read KEY-admin", "is malformed", "invalid_token"},
		"too long":         {"Bearer " + strings.Repeat("k", 600), "is malformed", "invalid_token"},
		"without a scheme": {"KEY-admin", "is malformed", "invalid_token"},
		"a foreign scheme": {"Basic YW5uOktFWS1hZG1pbg==", "of the form Basic is not taken here", "invalid_token"},
		"ApiKey elsewhere": {"ApiKey admin:KEY-admin", "is taken on /log/ and /api/datum/ alone", "invalid_token"},
	} {
		var header []string
		if test.header != "" {
			header = []string{"Authorization", test.header}
		}
		r := w.get(t, "/api/v1/issues", header...)
		r.refuses(t, 401, test.says)
		challenge := r.header.Get("WWW-Authenticate")
		if !strings.HasPrefix(challenge, `Bearer realm="narrative"`) || strings.Contains(challenge, "error=") != (test.code != "") || !strings.Contains(challenge, test.code) {
			t.Errorf("%s: WWW-Authenticate: %q", name, challenge)
		}
		for _, secret := range []string{"KEY-admin", "YW5u"} {
			if strings.Contains(r.body, secret) {
				t.Errorf("%s: the answer tells what was shown: %s", name, r.body)
			}
		}
	}
	if r := w.get(t, "/api/v1/issues", "authorization", "bearer KEY-read"); r.status != 200 {
		t.Errorf("the scheme in small letters: status %d: %s", r.status, r.body)
	}
	soon := noon.Add(time.Second)
	w.give("soon", narrative.ScopeRead)
	w.kept[len(w.kept)-1].ExpiresAt = &soon
	if r := w.get(t, "/api/v1/issues", bearer("soon")...); r.status != 200 {
		t.Errorf("status %d: %s", r.status, r.body)
	}
	c.forward(time.Second)
	w.get(t, "/api/v1/issues", bearer("soon")...).refuses(t, 401, "expired at 2026-03-04T12:00:01Z")
}

func TestTwoAuthorizationHeaders(t *testing.T) {
	t.Parallel()
	w, _ := locked(t)
	request, err := http.NewRequest(http.MethodGet, w.server.URL+"/api/v1/issues", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header["Authorization"] = []string{"Bearer KEY-read", "Bearer KEY-admin"}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != 401 {
		t.Errorf("status %d", response.StatusCode)
	}
}

func TestWhereNoKeyIsNeeded(t *testing.T) {
	t.Parallel()
	w := withIssue(t)
	w.give("ci", narrative.ScopeRead)
	path := "/api/v1/issues/" + issueOne
	for name, test := range map[string]struct {
		header []string
		status int
	}{
		"no key":                 {nil, 200},
		"a good key":             {bearer("ci"), 200},
		"a wrong key":            {bearer("nobody"), 401},
		"the login of a proxy":   {[]string{"Authorization", "Basic YW5uOnB3"}, 200},
		"a key without a scheme": {[]string{"Authorization", "KEY-ci"}, 401},
	} {
		if r := w.get(t, path, test.header...); r.status != test.status {
			t.Errorf("%s: status %d, want %d: %s", name, r.status, test.status, r.body)
		}
	}
	w.post(t, path+"/resolve", "", bearer("ci")...).refuses(t, 403, "operate")
	if r := w.get(t, "/healthz", bearer("nobody")...); r.status != 200 {
		t.Errorf("an open route with a wrong key: status %d", r.status)
	}
}

func TestWhoSaysSo(t *testing.T) {
	t.Parallel()
	w, _ := locked(t)
	w.give("ci", narrative.ScopeOperate)
	issue := anIssue()
	w.issues[issueOne] = issue
	w.issues["closed"] = func() narrative.Issue { i := closedIssue(); i.ID = "closed"; return i }()
	signal, reopen := "/api/v1/issues/"+issueOne+"/comment", "/api/v1/issues/closed/reopen"
	retry, test := "/api/v1/notifications/n1/retry", "/api/v1/channels/email/test"
	for _, s := range []struct{ path, body string }{
		{signal, `{"text":"a","until_not":1}`},
		{signal, `{"text":"a"}`},
		{signal, `{"by":"ann","text":"a"}`},
		{signal, `{"text":"a","by":"ci"}`},
		{signal, `{"by":"","text":"<&>"}`},
		{"/api/v1/issues/" + issueOne + "/resolve", ``},
		{reopen, ``},
		{reopen, `{"by":"ann","reason":"r"}`},
		{retry, ``},
		{retry, `{"by":"ann"}`},
		{test, `{"recipient":"a@example.com"}`},
		{test, `{"recipient":"a@example.com","by":"ann"}`},
	} {
		w.post(t, s.path, s.body, bearer("ci")...)
	}
	want := []string{
		issueOne + ` comment {"by":"ci","text":"a"}`, issueOne + ` comment {"by":"ann via ci","text":"a"}`,
		issueOne + ` comment {"text":"a","by":"ci"}`, issueOne + ` comment {"by":"ci","text":"\u003c\u0026\u003e"}`,
		issueOne + ` resolve {"by":"ci"}`,
		"closed reopen by ci: ", "closed reopen by ann via ci: r",
		"resend n1 by ci", "resend n1 by ann via ci",
		"test email a@example.com by ci", "test email a@example.com by ann via ci",
	}
	if diff := cmp.Diff(want, w.signals); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestTheCallerIsLogged(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	w, _ := locked(t, func(o *httpapi.Options) {
		o.Logger = textLogger(&log)
		o.Apply = func(ctx context.Context, _ httpapi.Application) (narrative.Applied, error) {
			if c := httpapi.CallerOf(ctx); c.Name != "admin" || c.KeyID != "id-admin" || !slices.Equal(c.Scopes, []narrative.Scope{narrative.ScopeAdmin}) {
				t.Errorf("the caller is %+v", c)
			}
			panic("boom")
		}
	})
	w.post(t, "/api/v1/apply", "", bearer("admin")...).refuses(t, 500)
	if !strings.Contains(log.String(), "boom") || !strings.Contains(log.String(), "caller=admin") {
		t.Errorf("logged: %s", log.String())
	}
}

func TestSecurityIsDescribed(t *testing.T) {
	t.Parallel()
	var d struct {
		Components struct {
			SecuritySchemes map[string]struct{ Type, Scheme, In, Name string }
		}
		Paths map[string]map[string]struct {
			Security  []map[string][]string
			Responses map[string]any
		}
	}
	if err := json.Unmarshal([]byte(setup(t).get(t, "/openapi.json").body), &d); err != nil {
		t.Fatal(err)
	}
	if s := d.Components.SecuritySchemes; s["bearer"].Scheme != "bearer" || s["apiKey"].Name != "Authorization" {
		t.Errorf("schemes: %+v", s)
	}
	keys := d.Paths["/api/v1/keys"]["post"]
	if diff := cmp.Diff([]map[string][]string{{"bearer": {"admin"}}}, keys.Security); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, status := range []string{"401", "403", "429"} {
		if keys.Responses[status] == nil {
			t.Errorf("%s is not described", status)
		}
	}
	if open := d.Paths["/healthz"]["get"]; open.Security != nil || open.Responses["401"] != nil {
		t.Errorf("healthz: %+v", open)
	}
}

func TestTheAnswerWithAKeyIsNotKept(t *testing.T) {
	t.Parallel()
	w, store := withSQLite(t)
	const body = `{"name":"shop","scopes":["read"]}`
	if r := w.post(t, "/api/v1/keys", body, "Idempotency-Key", "once"); r.status != 201 {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	w.post(t, "/api/v1/keys", body, "Idempotency-Key", "once").refuses(t, 409, "already")
	if a, err := store.BeginRequest(t.Context(), "", "once", "f", noon); a != nil || err != nil {
		t.Errorf("kept: %v, %v", a, err)
	}
}
