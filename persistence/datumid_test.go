package persistence

import (
	"slices"
	"sync"
	"testing"
	"time"
)

func TestDatumIDsGoUp(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	for name, clock := range map[string][]time.Duration{
		"while the clock goes on":     {0, time.Microsecond, time.Millisecond, time.Second},
		"while it stands":             {0, 0, 0, 0},
		"while it goes back a little": {0, -time.Millisecond, -500 * time.Millisecond, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ids datumIDs
			var all []string
			for n, at := range clock {
				all = append(all, ids.next(1+100*n, noon.Add(at))...)
			}
			if !slices.IsSorted(all) || len(slices.Compact(slices.Clone(all))) != len(all) {
				t.Errorf("%q do not go up", all)
			}
			for _, id := range all {
				if len(id) != 36 || id[14] != '7' || id[8] != '-' || id[13] != '-' || id[18] != '-' || id[23] != '-' || id[19] < '8' || id[19] > 'b' {
					t.Errorf("%s is no UUID of version 7", id)
				}
			}
		})
	}
}

func TestDatumIDsFollowAClockThatWasSetBack(t *testing.T) {
	t.Parallel()
	var ids datumIDs
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	wrong := ids.next(1, noon.Add(time.Hour))[0]
	if right := ids.next(1, noon)[0]; right >= wrong || right[:13] != "019cb8b8-1e00" {
		t.Errorf("after %s came %s", wrong, right)
	}
}

func TestDatumIDsOfManyAreDifferent(t *testing.T) {
	t.Parallel()
	var ids datumIDs
	var mu sync.Mutex
	seen := map[string]bool{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				some := ids.next(10, time.Now())
				mu.Lock()
				for _, id := range some {
					seen[id] = true
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(seen) != 8000 {
		t.Errorf("of 8000 ids %d are different", len(seen))
	}
}
