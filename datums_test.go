package narrative_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrative-go/narrative"
)

// kept is a store that keeps datums in memory.
type kept struct {
	narrative.DatumStore

	mu      sync.Mutex
	batches [][]narrative.Datum
	failing error  // answered while it is set
	refused string // the name of a datum that is found fault with
	fault   error  // what is answered then; default Invalid
	tries   int
	takes   time.Duration // to store a batch
}

func (k *kept) AddDatums(ctx context.Context, d []narrative.Datum) ([]narrative.Datum, error) {
	k.mu.Lock()
	takes := k.takes
	k.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tries++
	if k.failing != nil {
		return nil, k.failing
	}
	for _, one := range d {
		if one.Name == k.refused {
			return nil, cmp.Or(k.fault, narrative.Errorf(narrative.Invalid, "%s is refused", one.Name))
		}
	}
	k.batches = append(k.batches, d)
	return d, nil
}

func (k *kept) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failing = err
}

func (k *kept) sizes() (sizes []int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, b := range k.batches {
		sizes = append(sizes, len(b))
	}
	return sizes
}

func (k *kept) names() map[string]int {
	k.mu.Lock()
	defer k.mu.Unlock()
	names := map[string]int{}
	for _, b := range k.batches {
		for _, d := range b {
			names[d.Name]++
		}
	}
	return names
}

func datumOf(name string) narrative.Datum { return narrative.Datum{Origin: "o", Name: name} }

// changingLevel is a configuration that can change.
type changingLevel struct{ atomic.Value }

func (l *changingLevel) Config(context.Context) (narrative.Config, error) {
	c := narrative.DefaultConfig()
	c.MinimumDatumLogLevel, _ = l.Load().(narrative.Level)
	return c, nil
}

func TestDatumsThatNobodyWaitsForAreStoredTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &kept{}
		w := narrative.NewDatums(store, narrative.DatumsOptions{Batch: 100, Delay: time.Second})
		for i := range 250 {
			succeed(t, w.Log(t.Context(), datumOf(fmt.Sprint(i))))
		}
		time.Sleep(999 * time.Millisecond)
		synctest.Wait()
		same(t, []int{100, 100}, store.sizes())
		time.Sleep(time.Millisecond)
		synctest.Wait()
		same(t, []int{100, 100, 50}, store.sizes())
		succeed(t, w.Close(t.Context()))
		same(t, narrative.Counts{Stored: 250}, w.Counts())
	})
}

func TestADatumThatSomebodyWaitsForIsStoredAtOnceAndWithOthersWhileTheStoreIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &kept{takes: time.Second}
		w := narrative.NewDatums(store, narrative.DatumsOptions{Delay: time.Hour, Writers: 1})
		began := time.Now()
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				if i > 0 {
					time.Sleep(time.Millisecond)
				}
				stored, err := w.Add(t.Context(), datumOf(fmt.Sprint(i)))
				succeed(t, err)
				same(t, fmt.Sprint(i), stored.Name)
			})
		}
		all.Wait()
		same(t, 2*time.Second, time.Since(began))
		same(t, []int{1, 49}, store.sizes())
		succeed(t, w.Close(t.Context()))
	})
}

func TestWhoeverWritesWaitsWhileTheQueueIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &kept{takes: 20 * time.Second}
		w := narrative.NewDatums(store, narrative.DatumsOptions{Batch: 1, Queue: 1, Writers: 1})
		for i := range 3 { // being stored, in the batch that waits, and on the queue
			succeed(t, w.Log(t.Context(), datumOf(fmt.Sprint(i))))
			synctest.Wait()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		same(t, &failure{narrative.Unavailable, "the queue of datums is full: context deadline exceeded"}, failureOf(w.Log(ctx, datumOf("late"))))
		succeed(t, w.Close(t.Context()))
		same(t, map[string]int{"0": 1, "1": 1, "2": 1}, store.names())
	})
}

func TestFlushReturnsOnceAllBeforeItIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &kept{takes: time.Second}
		w := narrative.NewDatums(store, narrative.DatumsOptions{Batch: 2, Delay: time.Hour})
		for i := range 5 {
			succeed(t, w.Log(t.Context(), datumOf(fmt.Sprint(i))))
		}
		succeed(t, w.Flush(t.Context()))
		same(t, 5, len(store.names()))
		succeed(t, w.Flush(t.Context()))
		succeed(t, w.Close(t.Context()))
	})
}

func TestWhileTheStoreDoesNotAnswerNothingIsLostAndWhoWaitsIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &kept{}
		store.fail(narrative.Errorf(narrative.Unavailable, "the store is away"))
		w := narrative.NewDatums(store, narrative.DatumsOptions{})
		succeed(t, w.Log(t.Context(), datumOf("logged")))
		_, err := w.Add(t.Context(), datumOf("added"))
		same(t, &failure{narrative.Unavailable, "the store is away"}, failureOf(err))
		time.Sleep(time.Minute)
		store.fail(nil)
		succeed(t, w.Close(t.Context()))
		same(t, map[string]int{"logged": 1}, store.names())
		same(t, narrative.Counts{Stored: 1}, w.Counts())
	})
}

func TestCloseGivesUpWhenItsTimeEndsAndSaysHowManyAreLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &kept{}
		store.fail(narrative.Errorf(narrative.Unavailable, "the store is away"))
		w := narrative.NewDatums(store, narrative.DatumsOptions{})
		for i := range 3 {
			succeed(t, w.Log(t.Context(), datumOf(fmt.Sprint(i))))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		same(t, "3 datums were given up: the store is away", w.Close(ctx).Error())
		same(t, narrative.Counts{Lost: 3}, w.Counts())
		same(t, &failure{narrative.Unavailable, "the writer of datums is closed"}, failureOf(w.Log(t.Context(), datumOf("late"))))
		succeed(t, w.Close(t.Context()))
	})
}

func TestOneBadDatumSpoilsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &kept{refused: "bad"}
		w := narrative.NewDatums(store, narrative.DatumsOptions{})
		for _, name := range []string{"a", "bad", "b"} {
			succeed(t, w.Log(t.Context(), datumOf(name)))
		}
		same(t, "bad is refused", w.Flush(t.Context()).Error())
		same(t, map[string]int{"a": 1, "b": 1}, store.names())
		same(t, &failure{narrative.Invalid, "note: contains the character \\u0000, which cannot be stored"},
			failureOf(w.Log(t.Context(), narrative.Datum{Origin: "o", Name: "n", Note: json.RawMessage(`"\u0000"`)})))
		succeed(t, w.Close(t.Context()))
	})
}

func TestWhatNobodyCanStoreStopsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &kept{refused: "bad", fault: errors.New("out of range")}
		w := narrative.NewDatums(store, narrative.DatumsOptions{Delay: time.Second})
		for n := range 1000 {
			name := fmt.Sprint(n)
			if n == 123 {
				name = "bad"
			}
			succeed(t, w.Log(t.Context(), datumOf(name)))
		}
		same(t, "out of range", w.Close(t.Context()).Error())
		same(t, 999, len(store.names()))
		same(t, narrative.Counts{Stored: 999, Lost: 1}, w.Counts())
		if store.tries > 21 { // a batch, and two for each half that has it
			t.Errorf("the store was asked %d times", store.tries)
		}
	})
}

func TestWhatMayPassIsTriedAgain(t *testing.T) {
	for name, err := range map[string]error{
		"a store that does not answer": narrative.Errorf(narrative.Unavailable, "away"),
		"a conflict":                   fmt.Errorf("add datums: %w", narrative.Errorf(narrative.Conflict, "two at once")),
		"a time that ran out":          fmt.Errorf("not waited for: %w", context.DeadlineExceeded),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &kept{}
				store.fail(err)
				w := narrative.NewDatums(store, narrative.DatumsOptions{})
				succeed(t, w.Log(t.Context(), datumOf("a")))
				succeed(t, w.Log(t.Context(), datumOf("b")))
				time.Sleep(time.Minute)
				store.fail(nil)
				succeed(t, w.Close(t.Context()))
				same(t, narrative.Counts{Stored: 2}, w.Counts())
			})
		})
	}
}

func TestWhoseContextIsOverWritesAsLongAsThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &kept{}
		w := narrative.NewDatums(store, narrative.DatumsOptions{Config: narrative.NewConfigCache(&changingLevel{}, nil)})
		over, cancel := context.WithCancel(t.Context())
		cancel()
		for n := range 1000 {
			succeed(t, w.Log(over, datumOf(fmt.Sprint(n))))
		}
		succeed(t, w.Close(t.Context()))
		same(t, 1000, len(store.names()))
	})
}

func TestTheMinimumLevelHoldsForWhatIsLoggedAndNotForWhatIsAdded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, minimum := &kept{}, &changingLevel{}
		minimum.Store(narrative.Warn)
		w := narrative.NewDatums(store, narrative.DatumsOptions{Config: minimum})
		succeed(t, w.Log(t.Context(), datumOf("quiet")))
		_, err := w.Add(t.Context(), datumOf("added"))
		succeed(t, err)
		minimum.Store(narrative.Info)
		succeed(t, w.Log(t.Context(), datumOf("loud")))
		succeed(t, w.Close(t.Context()))
		same(t, map[string]int{"added": 1, "loud": 1}, store.names())
		same(t, narrative.Counts{Stored: 2, Filtered: 1}, w.Counts())
	})
}

func TestWhatADatumLeavesOutIsGivenToIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := narrative.NewDatums(&kept{}, narrative.DatumsOptions{})
		d, err := w.Add(t.Context(), datumOf("n"))
		succeed(t, err)
		expires := time.Now().Add(30 * 24 * time.Hour)
		same(t, narrative.Datum{Origin: "o", Name: "n", Level: narrative.Info, At: time.Now(), ExpiresAt: &expires}, d)
		ago := time.Now().Add(-40 * 24 * time.Hour)
		d, err = w.Add(t.Context(), narrative.Datum{Origin: "o", Name: "n", At: ago})
		succeed(t, err)
		same(t, narrative.Datum{Origin: "o", Name: "n", Level: narrative.Info, At: ago, ExpiresAt: &expires}, d)
		succeed(t, w.Close(t.Context()))
	})
}

func TestNothingIsLostOrDoubledBesideFlushAndClose(t *testing.T) {
	store := &kept{}
	w := narrative.NewDatums(store, narrative.DatumsOptions{Batch: 7, Queue: 20})
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 500 {
				if i%50 == g {
					succeed(t, w.Flush(t.Context()))
				}
				if i%3 == 0 {
					_, err := w.Add(t.Context(), datumOf(fmt.Sprint(g, i)))
					succeed(t, err)
					continue
				}
				succeed(t, w.Log(t.Context(), datumOf(fmt.Sprint(g, i))))
			}
		})
	}
	all.Wait()
	succeed(t, w.Close(t.Context()))
	names := store.names()
	same(t, 4000, len(names))
	for name, times := range names {
		if times != 1 {
			t.Errorf("%s is there %d times", name, times)
		}
	}
}

// succeed fails the test on an error.
func succeed(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}
