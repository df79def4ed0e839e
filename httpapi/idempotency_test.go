package httpapi_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/httpapi"
)

func keyed(key string) []string { return []string{"Idempotency-Key", key} }

func TestTheSameRequestIsCarriedOutOnce(t *testing.T) {
	t.Parallel()
	w, store := withSQLite(t)
	const body = `{"origin":"o","datum_name":"n","note":{"a":1}}`
	first := w.post(t, "/log/", body, keyed("k")...)
	again := w.post(t, "/log/", body, keyed("k")...)
	if first.status != 201 || again.status != 201 || first.body != again.body {
		t.Errorf("status %d: %s\nthen %d: %s", first.status, first.body, again.status, again.body)
	}
	if first.header.Get("Idempotent-Replayed") != "" || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("replayed: %q, then %q", first.header.Get("Idempotent-Replayed"), again.header.Get("Idempotent-Replayed"))
	}
	if first.header.Get("Location") == "" || first.header.Get("Location") != again.header.Get("Location") {
		t.Errorf("Location: %q, then %q", first.header.Get("Location"), again.header.Get("Location"))
	}
	for what, r := range map[string]reply{
		"another body":  w.post(t, "/log/", `{"origin":"o","datum_name":"m"}`, keyed("k")...),
		"another path":  w.post(t, "/api/datum/", body, keyed("k")...),
		"another query": w.post(t, "/log/?format=json", body, keyed("k")...),
	} {
		if r.status != 409 {
			t.Errorf("%s: status %d", what, r.status)
		}
		r.refuses(t, 409, `"k" was used for another request`)
	}
	w.post(t, "/log/", body, keyed("other")...)
	if n, err := store.CountDatums(context.Background(), narrative.DatumQuery{Now: noon}); err != nil || n != 2 {
		t.Errorf("%d datums are stored: %v", n, err)
	}
}

func TestARefusalIsKeptAndAFailureIsNot(t *testing.T) {
	t.Parallel()
	w, _ := withSQLite(t)
	w.post(t, "/api/v1/datums", `[{"origin":"o"}]`, keyed("refused")...).refuses(t, 422)
	if r := w.post(t, "/api/v1/datums", `[{"origin":"o"}]`, keyed("refused")...); r.status != 422 || r.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("status %d, replayed %q", r.status, r.header.Get("Idempotent-Replayed"))
	}
	failing := true
	w, _ = withSQLite(t, func(o *httpapi.Options) {
		o.Apply = func(context.Context, httpapi.Application) (narrative.Applied, error) {
			if failing {
				return narrative.Applied{}, narrative.Errorf(narrative.Unavailable, "the store does not answer")
			}
			return narrative.Applied{}, nil
		}
	})
	w.post(t, "/api/v1/apply", "{}", keyed("k")...).refuses(t, 503)
	failing = false
	if r := w.post(t, "/api/v1/apply", "{}", keyed("k")...); r.status != 200 || r.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("status %d: %s", r.status, r.body)
	}
}

func TestAClaimIsGivenUpByAPanic(t *testing.T) {
	t.Parallel()
	panics := true
	w, _ := withSQLite(t, func(o *httpapi.Options) {
		o.Apply = func(context.Context, httpapi.Application) (narrative.Applied, error) {
			if panics {
				panic("boom")
			}
			return narrative.Applied{}, nil
		}
	})
	w.post(t, "/api/v1/apply", "{}", keyed("k")...).refuses(t, 500)
	panics = false
	if r := w.post(t, "/api/v1/apply", "{}", keyed("k")...); r.status != 200 {
		t.Errorf("status %d: %s", r.status, r.body)
	}
}

func TestOfManyAtOnceOneIsCarriedOut(t *testing.T) {
	t.Parallel()
	begun, goOn := make(chan struct{}), make(chan struct{})
	w, _ := withSQLite(t, func(o *httpapi.Options) {
		o.Apply = func(context.Context, httpapi.Application) (narrative.Applied, error) {
			close(begun)
			<-goOn
			return narrative.Applied{Created: []string{"a"}}, nil
		}
	})
	var first reply
	var done sync.WaitGroup
	done.Go(func() { first = w.post(t, "/api/v1/apply", "{}", keyed("k")...) })
	<-begun
	r := w.post(t, "/api/v1/apply", "{}", keyed("k")...)
	r.refuses(t, 409, "being answered")
	if got := r.header.Get("Retry-After"); got != "1" {
		t.Errorf("Retry-After: %q", got)
	}
	close(goOn)
	done.Wait()
	if r := w.post(t, "/api/v1/apply", "{}", keyed("k")...); first.status != 200 || r.body != first.body {
		t.Errorf("status %d: %s; again %d: %s", first.status, first.body, r.status, r.body)
	}
}

func TestALargeAnswerIsNotKept(t *testing.T) {
	t.Parallel()
	calls := 0
	w, _ := withSQLite(t, func(o *httpapi.Options) {
		o.Apply = func(context.Context, httpapi.Application) (a narrative.Applied, _ error) {
			calls++
			for n := range 10_000 {
				a.Created = append(a.Created, fmt.Sprintf("assertion-%d", n))
			}
			return a, nil
		}
	})
	for range 2 {
		if r := w.post(t, "/api/v1/apply", "{}", keyed("k")...); r.status != 200 || len(r.body) < 100_000 {
			t.Errorf("status %d: %.100s", r.status, r.body)
		}
	}
	if calls != 2 {
		t.Errorf("carried out %d times", calls)
	}
}

func TestIdempotencyKeysThatCannotBe(t *testing.T) {
	t.Parallel()
	w, _ := withSQLite(t)
	for _, key := range []string{"", strings.Repeat("k", 256), "schlüssel"} {
		w.post(t, "/log/", `{"origin":"o","datum_name":"n"}`, keyed(key)...).refuses(t, 400, "Idempotency-Key must be 1 to 255")
	}
	w.post(t, "/api/v1/datums", `{"origin":"o","name":"n"}`, "Idempotency-Key", "k", "Content-Type", ndjson).refuses(t, 400, "NDJSON")
	if r := w.get(t, "/api/v1/datums", keyed("")...); r.status != 200 {
		t.Errorf("a GET does not look at it: status %d", r.status)
	}
}

func TestWhatMayPassIsNotReplayed(t *testing.T) {
	t.Parallel()
	refusal, calls := 0, 0
	w, _ := withSQLite(t, func(o *httpapi.Options) {
		o.Apply = func(context.Context, httpapi.Application) (narrative.Applied, error) {
			calls++
			return narrative.Applied{}, huma.NewError(refusal, "not now")
		}
	})
	for status, wanted := range map[int]int{404: 2, 408: 2, 409: 2, 429: 2, 403: 1, 422: 1} {
		refusal, calls = status, 0
		w.post(t, "/api/v1/apply", "{}", keyed(fmt.Sprint(status))...).refuses(t, status, "not now")
		again := w.post(t, "/api/v1/apply", "{}", keyed(fmt.Sprint(status))...)
		again.refuses(t, status, "not now")
		if calls != wanted || (again.header.Get("Idempotent-Replayed") == "true") != (wanted == 1) {
			t.Errorf("%d: carried out %d times, replayed %q", status, calls, again.header.Get("Idempotent-Replayed"))
		}
	}
	if httpapi.Keeps(412) { // which no POST answers today
		t.Error("412 is replayed")
	}
	refusal = 409
	w.post(t, "/api/v1/apply", "{}", keyed("404")...).refuses(t, 409, "not now") // it is carried out anew, and fares otherwise
}

func TestWhoIsOvertakenLeavesTheClaimAlone(t *testing.T) {
	t.Parallel()
	for outcome, refusal := range map[string]error{
		"answers":     nil,
		"gives it up": narrative.Errorf(narrative.Unavailable, "the store does not answer"),
	} {
		t.Run(outcome, func(t *testing.T) {
			t.Parallel()
			c := &clock{}
			begun := make(chan struct{})
			var goOn [2]chan struct{}
			goOn[0], goOn[1] = make(chan struct{}), make(chan struct{})
			calls := 0
			w, _ := withSQLite(t, func(o *httpapi.Options) {
				o.Now = c.now
				o.Apply = func(context.Context, httpapi.Application) (narrative.Applied, error) {
					call := calls // one begins after the other
					if calls++; call > 1 {
						return narrative.Applied{Created: []string{"once more"}}, nil
					}
					begun <- struct{}{}
					<-goOn[call]
					if call == 0 {
						return narrative.Applied{Created: []string{"first"}}, refusal
					}
					return narrative.Applied{Created: []string{"second"}}, nil
				}
			})
			answers := [2]chan reply{make(chan reply, 1), make(chan reply, 1)}
			for n := range answers {
				go func() { answers[n] <- w.post(t, "/api/v1/apply", "{}", keyed("k")...) }()
				<-begun
				c.forward(4 * time.Minute) // longer than any request may take
			}
			c.forward(-4 * time.Minute)
			close(goOn[0])
			<-answers[0]
			if r := w.post(t, "/api/v1/apply", "{}", keyed("k")...); r.status != 409 {
				t.Errorf("while the second is being answered: status %d: %s", r.status, r.body)
			}
			close(goOn[1])
			second := <-answers[1]
			again := w.post(t, "/api/v1/apply", "{}", keyed("k")...)
			if !strings.Contains(second.body, "second") || again.body != second.body || again.header.Get("Idempotent-Replayed") != "true" {
				t.Errorf("the second is answered %s, and again %s", second.body, again.body)
			}
		})
	}
}
