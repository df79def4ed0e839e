package httpapi_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/narrative-go/narrative/httpapi"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	w, _ := locked(t)
	w.kept = w.kept[3:4] // admin
	r := w.post(t, "/api/v1/keys", `{"name":"shop","scopes":["datums:write","read","read"],"expires_in":"90d"}`, bearer("admin")...)
	var made struct {
		ID, Name, Key string
		Scopes        []string
	}
	if err := json.Unmarshal([]byte(r.body), &made); err != nil || r.status != 201 {
		t.Fatalf("%v: status %d: %s", err, r.status, r.body)
	}
	if !regexp.MustCompile(`^nrt_[A-Za-z0-9_-]{43}$`).MatchString(made.Key) {
		t.Errorf("the key is %q", made.Key)
	}
	if hash := w.kept[1].Hash; len(hash) != 64 || strings.Contains(r.body, hash) {
		t.Errorf("the store keeps %q, told in %s", hash, r.body)
	}
	const shop = `{"id":"k2","name":"shop","scopes":["datums:write","read"],"created_at":"2026-03-04T12:00:00Z","expires_at":"2026-06-02T12:00:00Z","last_used_at":null}`
	const admin = `{"id":"id-admin","name":"admin","scopes":["admin"],"created_at":"2026-03-04T12:00:00Z","expires_at":null,"last_used_at":null}`
	w.get(t, "/api/v1/keys", bearer("admin")...).is(t, 200, `{"items":[`+admin+`,`+shop+`]}`)
	w.get(t, "/api/v1/keys/shop", bearer("admin")...).is(t, 200, shop)
	w.get(t, "/api/v1/keys/k2", bearer("admin")...).is(t, 200, shop)
	if r := w.get(t, "/api/v1/issues", "Authorization", "Bearer "+made.Key); r.status != 200 {
		t.Errorf("the new key: status %d: %s", r.status, r.body)
	}
	w.post(t, "/api/v1/keys", `{"name":"shop","scopes":["read"]}`, bearer("admin")...).refuses(t, 409, `a key "shop" already`)
	if r := w.send(t, "DELETE", "/api/v1/keys/shop", "", bearer("admin")...); r.status != 204 || r.body != "" {
		t.Errorf("status %d: %s", r.status, r.body)
	}
	w.get(t, "/api/v1/issues", "Authorization", "Bearer "+made.Key).refuses(t, 401, "not known") // at once
	w.send(t, "DELETE", "/api/v1/keys/shop", "", bearer("admin")...).refuses(t, 404, `there is no key "shop"`)
	w.get(t, "/api/v1/keys/admni", bearer("admin")...).refuses(t, 404, `did you mean "admin"?`)
	w.get(t, "/api/v1/keys?cursor=***", bearer("admin")...).refuses(t, 400, "cursor")
}

func TestKeyRefusals(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for name, test := range map[string]struct {
		body   string
		status int
		says   []string
	}{
		"nothing":            {``, 422, []string{"body.name", "is required", "body.scopes", "at least one of read, datums:write, operate, admin"}},
		"malformed":          {`{`, 400, []string{"not valid JSON"}},
		"no name":            {`{"name":" ","scopes":["read"]}`, 422, []string{"body.name", "is required"}},
		"a colon":            {`{"name":"a:b","scopes":["read"]}`, 422, []string{"body.name", "colon"}},
		"a line":             {`{"name":"a\nb","scopes":["read"]}`, 422, []string{"body.name", "cannot be printed"}},
		"a zero":             {`{"name":"a\u0000b","scopes":["read"]}`, 422, []string{"body.name", "cannot be stored"}},
		"an id":              {`{"name":"01992f6e-5c1b-7000-8000-000000000001","scopes":["read"]}`, 422, []string{"body.name", "looks like an id"}},
		"a space":            {`{"name":"a ","scopes":["read"]}`, 422, []string{"body.name", "ends with a space"}},
		"a long name":        {`{"name":"` + strings.Repeat("x", 101) + `","scopes":["read"]}`, 422, []string{"body.name", "longer than 100"}},
		"no scope":           {`{"name":"a","scopes":[]}`, 422, []string{"body.scopes", "is required"}},
		"unknown scope":      {`{"name":"a","scopes":["read","datum:write"]}`, 422, []string{"body.scopes[1]", `"datum:write" is no scope; did you mean "datums:write"?`}},
		"expires in nothing": {`{"name":"a","scopes":["read"],"expires_in":"soon"}`, 422, []string{"body.expires_in", "is not a duration"}},
		"expires at once":    {`{"name":"a","scopes":["read"],"expires_in":"0s"}`, 422, []string{"body.expires_in", "more than 0s"}},
		"expired":            {`{"name":"a","scopes":["read"],"expires_at":"2026-03-04T12:00:00Z"}`, 422, []string{"body.expires_at", "lies in the past"}},
		"no time":            {`{"name":"a","scopes":["read"],"expires_at":"tomorrow"}`, 422, []string{"body.expires_at", "is not a time"}},
		"two expiries":       {`{"name":"a","scopes":["read"],"expires_at":"2027-01-01T00:00:00Z","expires_in":"1d"}`, 422, []string{"body.expires_at", "not both"}},
		"unknown field":      {`{"name":"a","scope":["read"]}`, 422, []string{"body.scope", `did you mean "scopes"`}},
		"ill-typed":          {`{"name":"a","scopes":"read"}`, 422, []string{"body.scopes"}},
	} {
		t.Run(name, func(t *testing.T) {
			w.post(t, "/api/v1/keys", test.body).refuses(t, test.status, test.says...)
			if len(w.kept) != 0 {
				t.Errorf("made %v", w.kept)
			}
		})
	}
}

func TestKeysAreAllDifferent(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		k, key, err := httpapi.NewKey(httpapi.KeyInput{Name: "a", Scopes: []string{"read"}}, noon)
		if err != nil || seen[key] || seen[k.Hash] {
			t.Fatalf("%v: %s", err, key)
		}
		seen[key], seen[k.Hash] = true, true
	}
}
