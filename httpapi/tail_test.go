package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/httpapi"
	"github.com/narrative-go/narrative/persistence"
)

// follower reads server-sent events.
type follower struct {
	t      *testing.T
	events chan [3]string // id, event, data
	begin  string         // the id that it goes on from while nothing has come
}

func (w *world) follow(t *testing.T, query string, header ...string) *follower {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.server.URL+"/api/v1/datums/tail"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s, %s", answer.Status, answer.Header.Get("Content-Type"))
	}
	f := &follower{t: t, events: make(chan [3]string, 1000)}
	begun := make(chan struct{})
	go func() {
		defer close(f.events)
		var one [3]string
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				one[0] = value
			case "event":
				one[1] = value
			case "data":
				one[2] = value
			case "":
				switch {
				case one[2] != "":
					f.events <- one
				case one[0] != "":
					f.begin = one[0]
					close(begun)
				}
				one = [3]string{}
			}
		}
	}()
	select {
	case <-begun:
	case <-ctx.Done():
		t.Fatal("it does not begin")
	}
	return f
}

// names returns the names of the next datums.
func (f *follower) names(n int) (names []string) {
	f.t.Helper()
	for len(names) < n {
		one, ok := <-f.events
		if !ok {
			f.t.Fatalf("it ended after %q", names)
		}
		var d narrative.Datum
		if err := json.Unmarshal([]byte(one[2]), &d); err != nil || one[1] != "datum" || one[0] != d.ID {
			f.t.Fatalf("%v: %q", err, one)
		}
		names = append(names, d.Name)
	}
	return names
}

func TestFollowersSeeEachDatumOnce(t *testing.T) {
	t.Parallel()
	w, _ := withSQLite(t)
	for n := range 3 {
		w.post(t, "/api/v1/datums", fmt.Sprintf(`{"origin":"o","name":"before-%d"}`, n))
	}
	all, some := w.follow(t, "?lines=2"), w.follow(t, "?note.n=7")
	var body strings.Builder
	want := []string{"before-1", "before-2"}
	for n := range 1200 { // more than a page
		fmt.Fprintf(&body, `{"origin":"o","name":"%d","note":{"n":%d},"at":"2020-01-01T00:00:00Z"}`+"\n", n, n)
		want = append(want, fmt.Sprint(n))
	}
	w.post(t, "/api/v1/datums", body.String(), "Content-Type", ndjson)
	seen := map[string]int{}
	for _, name := range all.names(len(want)) {
		seen[name]++
	}
	for _, name := range want {
		if seen[name] != 1 {
			t.Errorf("%s came %d times", name, seen[name])
		}
	}
	if got := some.names(1); got[0] != "7" {
		t.Errorf("of those whose n is 7 it tells %q", got)
	}
	time.Sleep(1200 * time.Millisecond) // it looks again for what was stored late
	w.post(t, "/api/v1/datums", `{"origin":"o","name":"last"}`)
	if got := all.names(1); got[0] != "last" {
		t.Errorf("then came %q", got)
	}
}

func TestAFollowerGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	w, store := withSQLite(t)
	var ids []string
	for n := range 3 {
		d, err := store.AddDatums(context.Background(), []narrative.Datum{{Origin: "o", Name: fmt.Sprint(n), At: noon}})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, d[0].ID)
		time.Sleep(2 * time.Millisecond)
	}
	if got := strings.Join(w.follow(t, "", "Last-Event-ID", ids[0]).names(2), " "); got != "1 2" {
		t.Errorf("it tells %q", got)
	}
	nothingYet := w.follow(t, "?name=later")
	w.post(t, "/api/v1/datums", `{"origin":"o","name":"later"}`)
	if got := w.follow(t, "?name=later", "Last-Event-ID", nothingYet.begin).names(1); got[0] != "later" {
		t.Errorf("who had seen nothing is told %q", got)
	}
}

func TestAFollowerFromTheFutureGoesOnFromNow(t *testing.T) {
	t.Parallel()
	w, _ := withSQLite(t)
	f := w.follow(t, "", "Last-Event-ID", "ffffffff-ffff-7fff-bfff-ffffffffffff")
	w.post(t, "/api/v1/datums", `{"origin":"o","name":"now"}`)
	if got := f.names(1); got[0] != "now" {
		t.Errorf("it tells %q", got)
	}
}

// crowded is a store of datums that come by the thousand, in memory. A mark is how many there are.
type crowded struct {
	narrative.Store
	mu     sync.Mutex
	datums []narrative.Datum
}

func (s *crowded) come(name string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		prefix, _, _ := strings.Cut(narrative.FirstID(time.Now()), "-7")
		s.datums = append(s.datums, narrative.Datum{ID: fmt.Sprintf("%s-7000-8000-%012d", prefix, len(s.datums)), Name: name})
	}
}

func (s *crowded) MarkDatums(context.Context) (narrative.DatumMark, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return narrative.DatumMark(strconv.Itoa(len(s.datums))), nil
}

func (s *crowded) ArrivedDatums(_ context.Context, q narrative.DatumQuery, after string, limit int) (some []narrative.Datum, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	mark, _ := strconv.Atoi(string(q.Unseen))
	for _, d := range s.datums[mark:] {
		if d.ID > after && len(some) < limit {
			some = append(some, d)
		}
	}
	return some, nil
}

func TestAFollowerIsNotToldWhatWasThereBefore(t *testing.T) {
	t.Parallel()
	store := &crowded{}
	w := setup(t, func(o *httpapi.Options) { o.Store = store })
	store.come("old", 25_000)
	f := w.follow(t, "")
	time.Sleep(1200 * time.Millisecond) // it looks for what was stored late
	store.come("new", 1)
	if got := f.names(1); got[0] != "new" {
		t.Errorf("it tells %q", got)
	}
}

func TestWhatIsLeftOutIsSaidOnce(t *testing.T) {
	t.Parallel()
	store := &crowded{}
	w := setup(t, func(o *httpapi.Options) { o.Store = store })
	f := w.follow(t, "")
	store.come("many", 45_000)
	f.names(20_000)
	if one := <-f.events; one[1] != "gap" || !strings.Contains(one[2], "more than 20000 datums came at once") {
		t.Fatalf("then came %q", one)
	}
	time.Sleep(1200 * time.Millisecond) // it looks for what was stored late
	store.come("last", 1)
	if got := f.names(1); got[0] != "last" {
		t.Errorf("then came %q", got)
	}
}

func TestWhatIsStoredLateIsToldOnce(t *testing.T) {
	t.Parallel()
	url := newSQLite(t)
	late := openStore(t, url, persistence.Options{Now: func() time.Time { return time.Now().Add(-20 * time.Second) }})
	w, _ := withSQLite(t, func(o *httpapi.Options) { o.Store = openStore(t, url, persistence.Options{}) })
	f := w.follow(t, "")
	w.post(t, "/api/v1/datums", `{"origin":"o","name":"1"}`)
	f.names(1)
	if _, err := late.AddDatums(context.Background(), []narrative.Datum{{Origin: "o", Name: "late", At: noon}}); err != nil {
		t.Fatal(err)
	}
	if got := f.names(1); got[0] != "late" {
		t.Errorf("it tells %q", got)
	}
	time.Sleep(1200 * time.Millisecond) // it looks again
	w.post(t, "/api/v1/datums", `{"origin":"o","name":"2"}`)
	if got := f.names(1); got[0] != "2" {
		t.Errorf("then came %q", got)
	}
}

func TestFollowingEndsWithTheProcess(t *testing.T) {
	t.Parallel()
	ending := make(chan struct{})
	w, _ := withSQLite(t, func(o *httpapi.Options) { o.Ending = ending })
	f := w.follow(t, "")
	close(ending)
	if one, more := <-f.events; more {
		t.Errorf("there came %q", one)
	}
}

func TestWhatCannotBeFollowed(t *testing.T) {
	t.Parallel()
	w, _ := withSQLite(t)
	w.get(t, "/api/v1/datums/tail?level=loud").refuses(t, 400, "level")
	w.get(t, "/api/v1/datums/tail?lines=501").refuses(t, 400, "lines")
	w.get(t, "/api/v1/datums/tail?note.a[=1").refuses(t, 400, "note")
	w.get(t, "/api/v1/datums/tail", "Last-Event-ID", "7").refuses(t, 400, "Last-Event-ID")
}

func TestSweptDatumsAreCounted(t *testing.T) {
	t.Parallel()
	c := &clock{}
	w, _ := withSQLite(t, func(o *httpapi.Options) { o.Now = c.now })
	for range 3 {
		w.post(t, "/api/v1/datums", `{"origin":"o","name":"n","ttl":"1m"}`)
	}
	w.post(t, "/api/v1/datums", `{"origin":"o","name":"n","ttl":"1h"}`)
	c.forward(time.Minute)
	w.post(t, "/api/v1/datums/sweep", "").is(t, 200, `{"datums":3,"more":false}`)
	w.post(t, "/api/v1/datums/sweep", "").is(t, 200, `{"datums":0,"more":false}`)
}

func TestASweepEndsWithTheProcess(t *testing.T) {
	t.Parallel()
	ending := make(chan struct{})
	close(ending)
	w := setup(t, func(o *httpapi.Options) { o.Store, o.Ending = endless{}, ending })
	w.post(t, "/api/v1/datums/sweep", "").is(t, 200, `{"datums":1000,"more":true}`)
}

// endless is a store where there is always more to sweep.
type endless struct{ narrative.Store }

func (endless) SweepDatums(_ context.Context, _ time.Time, limit int) (int, error) { return limit, nil }
