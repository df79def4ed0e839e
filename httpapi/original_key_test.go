package httpapi_test

import (
	"log/slog"
	"strings"
	"testing"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/httpapi"
)

func TestTheOriginalsKeys(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	w, _ := locked(t, func(o *httpapi.Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	w.give("shop", narrative.ScopeDatums)
	w.give("viewer", narrative.ScopeRead)
	const datum = `{"origin":"o","datum_name":"n"}`
	for name, test := range map[string]struct {
		path, header string
		status       int
	}{
		"header":             {"/log/", "ApiKey shop:KEY-shop", 201},
		"small letters":      {"/log/", "apikey shop:KEY-shop", 201},
		"bearer":             {"/log/", "Bearer KEY-shop", 201},
		"query":              {"/log/?username=shop&api_key=KEY-shop", "", 201},
		"datum":              {"/api/datum/", "ApiKey shop:KEY-shop", 201},
		"datum by query":     {"/api/datum/?username=shop&api_key=KEY-shop", "", 201},
		"another's name":     {"/log/", "ApiKey viewer:KEY-shop", 401},
		"no name":            {"/log/", "ApiKey :KEY-shop", 401},
		"no key":             {"/log/", "ApiKey shop", 401},
		"nothing":            {"/log/", "", 401},
		"key alone in query": {"/log/?api_key=KEY-shop", "", 401},
		"two in query":       {"/log/?username=shop&api_key=KEY-shop&api_key=KEY-admin", "", 401},
		"wrong in query":     {"/log/?username=viewer&api_key=KEY-shop", "", 401},
		"missing scope":      {"/log/", "ApiKey viewer:KEY-viewer", 403},
		"not elsewhere":      {"/api/v1/datums?username=shop&api_key=KEY-shop", "", 401},
	} {
		var header []string
		if test.header != "" {
			header = []string{"Authorization", test.header}
		}
		r := w.post(t, test.path, datum, header...)
		if r.status != test.status {
			t.Errorf("%s: status %d, want %d: %s", name, r.status, test.status, r.body)
		}
		if challenges := r.header.Values("WWW-Authenticate"); r.status == 401 && name != "not elsewhere" && (len(challenges) != 2 || !strings.HasPrefix(challenges[1], "ApiKey ")) {
			t.Errorf("%s: WWW-Authenticate: %q", name, challenges)
		}
		if strings.Contains(r.body, "KEY-") {
			t.Errorf("%s: a key is told: %s", name, r.body)
		}
	}
	w.server.Close()
	if strings.Contains(log.String(), "KEY-") || !strings.Contains(log.String(), "caller=shop") {
		t.Errorf("logged: %s", log.String())
	}
}

func TestTheOriginalsKeyIsNoFilter(t *testing.T) {
	t.Parallel()
	w, store := withSQLite(t)
	k, key, err := httpapi.NewKey(httpapi.KeyInput{Name: "viewer", Scopes: []string{"read"}}, noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.AddKey(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	if r := w.get(t, "/api/datum/?username=viewer&api_key="+key); r.status != 200 || strings.Contains(r.body, key) {
		t.Errorf("status %d: %s", r.status, r.body)
	}
}
