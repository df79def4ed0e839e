package httpapi_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"testing"
	"time"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/httpapi"
)

func TestAKeyIsRememberedForAMoment(t *testing.T) {
	t.Parallel()
	w, c := locked(t)
	for range 20 {
		if r := w.get(t, "/api/v1/issues", bearer("read")...); r.status != 200 {
			t.Fatalf("status %d: %s", r.status, r.body)
		}
	}
	if w.lookups != 1 {
		t.Errorf("the store was asked %d times", w.lookups)
	}
	if err := w.RevokeKey(context.Background(), "read"); err != nil { // by another process
		t.Fatal(err)
	}
	if r := w.get(t, "/api/v1/issues", bearer("read")...); r.status != 200 {
		t.Errorf("status %d: it was to be remembered", r.status)
	}
	c.forward(httpapi.KeyFresh)
	w.get(t, "/api/v1/issues", bearer("read")...).refuses(t, 401, "not known")
	w.fail = narrative.Errorf(narrative.Unavailable, "the store does not answer")
	r := w.get(t, "/api/v1/issues", bearer("operate")...)
	r.refuses(t, 503, "the key could not be verified")
	if r.header.Get("Retry-After") == "" {
		t.Error("it does not say when to come again")
	}
}

func TestUseIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	w, c := locked(t)
	used := func() []string {
		w.mu.Lock()
		defer w.mu.Unlock()
		return slices.Clone(w.used)
	}
	await := func(want ...string) {
		t.Helper()
		for deadline := time.Now().Add(5 * time.Second); !slices.Equal(used(), want); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("noted %q, want %q", used(), want)
			}
		}
	}
	for range 13 { // a minute
		w.get(t, "/api/v1/issues", bearer("read")...)
		if c.now() == noon {
			await("id-read 12:00:00")
		}
		c.forward(5 * time.Second)
	}
	await("id-read 12:00:00", "id-read 12:01:00")
	at := c.now()
	w.mu.Lock()
	w.giveUsed("elsewhere", at)
	w.mu.Unlock()
	w.get(t, "/api/v1/issues", bearer("elsewhere")...)
	w.get(t, "/api/v1/issues", bearer("read")...)
	c.forward(time.Minute)
	w.get(t, "/api/v1/issues", bearer("read")...)
	await("id-read 12:00:00", "id-read 12:01:00", "id-read "+c.now().Format(time.TimeOnly)) // and nothing between
}

// giveUsed gives the world a key that was used just now, by another process; the store is locked.
func (w *world) giveUsed(name string, used time.Time) {
	sum := sha256.Sum256([]byte("KEY-" + name))
	w.kept = append(w.kept, narrative.APIKey{
		ID: "id-" + name, Name: name, Scopes: []narrative.Scope{narrative.ScopeRead}, LastUsedAt: &used, Hash: hex.EncodeToString(sum[:]),
	})
}
