package httpapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/httpapi"
)

func TestTooManyWrongKeys(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	w, c := locked(t, func(o *httpapi.Options) { o.Logger = textLogger(&log) })
	w.get(t, "/api/v1/issues", bearer("read")...)
	for n := range 20 + 20 { // the last are looked up all the same, for others may come from the same address
		w.get(t, "/api/v1/issues", bearer(fmt.Sprint("guess", n))...).refuses(t, 401)
	}
	asked := w.lookups
	r := w.get(t, "/api/v1/issues", bearer("guess")...)
	r.refuses(t, 429, "too many wrong keys came from this address")
	if got := r.header.Get("Retry-After"); got != "60" {
		t.Errorf("Retry-After: %q", got)
	}
	if w.lookups != asked {
		t.Error("the store was asked nevertheless")
	}
	w.get(t, "/api/v1/issues").refuses(t, 401) // who shows none guesses none
	c.forward(30 * time.Second)                // beyond what is fresh
	if r := w.get(t, "/api/v1/issues", bearer("read")...); r.status != 200 {
		t.Errorf("who was known before is kept out: status %d: %s", r.status, r.body)
	}
	if r := w.get(t, "/api/v1/issues", bearer("operate")...); r.status != 200 {
		t.Errorf("who was not known before is kept out, with a good key: status %d: %s", r.status, r.body)
	}
	if got := strings.Count(log.String(), "too many wrong keys"); got != 1 {
		t.Errorf("logged %d times: %s", got, log.String())
	}
	if strings.Contains(log.String(), "KEY-") {
		t.Errorf("a key is in the log: %s", log.String())
	}
}

func TestSoManyKeysASecondAreLookedUpForAddressesThatAreRefused(t *testing.T) {
	t.Parallel()
	w, c := locked(t)
	guess := func() int { return w.get(t, "/api/v1/issues", bearer("guess")...).status }
	for range 20 + 20 {
		guess()
	}
	if status := guess(); status != 429 {
		t.Fatalf("where all look-ups are used up: status %d", status)
	}
	c.forward(time.Second)
	for range 100 { // nothing is looked up of these
		w.get(t, "/api/v1/issues", "Authorization", "Bearer").refuses(t, 429, "too many wrong keys")
		w.get(t, "/api/v1/issues", "Authorization", "Basic YTpi").refuses(t, 429)
	}
	asked := w.lookups
	if r := w.get(t, "/api/v1/issues", bearer("read")...); r.status != 200 {
		t.Errorf("a good key, while there is room: status %d: %s", r.status, r.body)
	}
	statuses := map[int]int{}
	for range 12 {
		statuses[guess()]++
	}
	if diff := cmp.Diff(map[int]int{401: 9, 429: 3}, statuses); diff != "" || w.lookups != asked+10 {
		t.Errorf("%d were looked up; statuses (-want +got):\n%s", w.lookups-asked, diff)
	}
}

func TestWhoShowsNoKeyMayNotAskWithoutEnd(t *testing.T) {
	t.Parallel()
	w, c := locked(t, func(o *httpapi.Options) { o.RateLimit = 2 })
	for range 4 {
		w.get(t, "/api/v1/issues").refuses(t, 401, "a key is needed")
	}
	r := w.get(t, "/api/v1/issues")
	r.refuses(t, 429, "2 requests a second")
	if got := r.header.Get("Retry-After"); got != "1" {
		t.Errorf("Retry-After: %q", got)
	}
	w.post(t, "/log/", `{"origin":"o","datum_name":"n"}`).refuses(t, 429)
	if r := w.get(t, "/api/v1/issues", bearer("read")...); r.status != 200 {
		t.Errorf("a good key from the same address: status %d: %s", r.status, r.body)
	}
	if r := w.get(t, "/healthz"); r.status != 200 {
		t.Errorf("what needs no key: status %d: %s", r.status, r.body)
	}
	c.forward(time.Second)
	w.get(t, "/api/v1/issues").refuses(t, 401)
}

func TestAnExpiredKeyIsNoGuess(t *testing.T) {
	t.Parallel()
	w, _ := locked(t)
	past := noon.Add(-time.Hour)
	w.give("old", narrative.ScopeRead)
	w.kept[len(w.kept)-1].ExpiresAt = &past
	for range 30 {
		w.get(t, "/api/v1/issues", bearer("old")...).refuses(t, 401, "expired")
	}
}
