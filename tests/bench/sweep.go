package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence"
	"github.com/narrative-go/narrative/persistence/pgtest"
)

// opened is a store and its database, for what no store does.
type opened struct {
	*persistence.Store
	db *sql.DB
}

// bothStores are empty stores of both kinds.
func bothStores(ctx context.Context, dir string) (stores map[string]opened, stop func(), err error) {
	end, err := pgtest.StartLasting()
	if err != nil {
		return nil, nil, err
	}
	stores = map[string]opened{}
	stop = func() {
		for _, store := range stores {
			_ = errors.Join(store.Close(), store.db.Close())
		}
		end()
	}
	url, err := pgtest.New()
	if err != nil {
		return nil, stop, err
	}
	file := filepath.Join(dir, "narrative.db")
	if _, _, err := persistence.Migrate(ctx, "sqlite:"+file); err != nil {
		return nil, stop, err
	}
	for _, one := range []struct{ name, url, driver, database string }{{"PostgreSQL", url, "pgx", url}, {"SQLite", "sqlite:" + file, "sqlite", file}} {
		store, err := persistence.Open(ctx, one.url, persistence.Options{})
		if err != nil {
			return nil, stop, err
		}
		db, err := sql.Open(one.driver, one.database)
		if err != nil {
			return nil, stop, errors.Join(err, store.Close())
		}
		stores[one.name] = opened{store, db}
	}
	return stores, stop, nil
}

// measureSweep looks through the history of a heartbeat, and writes datums while expired ones are removed.
func measureSweep(ctx context.Context, dir string, s size) ([]row, error) {
	stores, stop, err := bothStores(ctx, dir)
	if stop != nil {
		defer stop()
	}
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, name := range []string{"PostgreSQL", "SQLite"} {
		history, err := measureHistory(ctx, stores[name], name, int(listedBeats*s.lists))
		if err != nil {
			return nil, err
		}
		swept, err := measureSwept(ctx, stores[name].Store, name, int(sweptDatums*s.lists))
		if err != nil {
			return nil, err
		}
		rows = append(rows, history, swept)
	}
	return rows, nil
}

func measureHistory(ctx context.Context, store opened, name string, beats int) (row, error) {
	r := row{
		what: fmt.Sprintf("history of %d beats, %s, s", beats, name), compare: alone, bound: bound{"≤", 2}, note: "ten outages among beats every 30 s",
	}
	now := time.Now()
	at := now.Add(-time.Duration(beats)*30*time.Second - 10*time.Hour)
	err := fill(ctx, store.Store, beats, func(n int) narrative.Datum {
		at = at.Add(30 * time.Second)
		if n%(beats/10) == beats/20 {
			at = at.Add(time.Hour)
		}
		return narrative.Datum{Origin: narrative.HeartbeatOrigin, Name: "bench", At: at}
	})
	if err == nil {
		_, err = store.db.ExecContext(ctx, asTold)
	}
	for range rounds {
		if err != nil {
			return r, err
		}
		var took time.Duration
		var uptime narrative.Uptime
		err = timed(&took, func() (err error) {
			uptime, err = store.Uptime(ctx, narrative.UptimeQuery{Name: "bench", Now: now})
			return err
		})
		r.ours = append(r.ours, took.Seconds())
		if err == nil && uptime.Beats != beats {
			err = fmt.Errorf("%d beats were seen, of %d", uptime.Beats, beats)
		}
	}
	return r, err
}

// asTold makes the datums of beats what Beat makes of them, which would take an hour.
const asTold = `
	UPDATE datums
	SET success_before = earlier.success_before
	FROM (SELECT id, LAG(at) OVER (ORDER BY at) AS success_before FROM datums WHERE origin = 'heartbeat' AND name = 'bench') AS earlier
	WHERE datums.id = earlier.id`

// fill writes many datums.
func fill(ctx context.Context, store *persistence.Store, rows int, datum func(n int) narrative.Datum) error {
	batch := make([]narrative.Datum, 0, 5000)
	for n := range rows {
		if batch = append(batch, datum(n)); len(batch) == cap(batch) || n == rows-1 {
			if _, err := store.AddDatums(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return nil
}

// measureSwept writes 1,000 datums a second, twenty at a time, while the sweep removes expired ones.
func measureSwept(ctx context.Context, store *persistence.Store, name string, expired int) (row, error) {
	r := row{
		what: fmt.Sprintf("a write while %d datums are removed, %s, ms, p99.9", expired, name), compare: alone, bound: bound{"≤", 250},
	}
	past := time.Now().Add(-time.Hour)
	if err := fill(ctx, store, expired, func(n int) narrative.Datum {
		d := someDatum(n)
		d.At, d.ExpiresAt = past.Add(-time.Minute), &past
		return d
	}); err != nil {
		return r, err
	}
	sweeping, over := context.WithCancel(ctx)
	var failed error
	var swept int
	go func() {
		defer over()
		swept, failed = sweep(ctx, store)
	}()
	var mu sync.Mutex
	var took []float64
	var writes sync.WaitGroup
	begun := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := 0; sweeping.Err() == nil; n += 20 {
		<-tick.C
		writes.Go(func() {
			batch := make([]narrative.Datum, 20)
			for i := range batch {
				batch[i] = someDatum(n + i)
				batch[i].At = time.Now()
			}
			asked := time.Now()
			_, err := store.AddDatums(ctx, batch)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, milliseconds(time.Since(asked)))
			if err != nil {
				failed = err
			}
		})
	}
	writes.Wait()
	if failed == nil && swept < expired {
		failed = fmt.Errorf("%d datums were removed, of %d", swept, expired)
	}
	r.ours = []float64{quantile(took, 0.999)}
	r.note = fmt.Sprintf("%.0f datums a second, 20 a write", perSecond(20*len(took), time.Since(begun)))
	return r, failed
}

// sweep removes what is expired as the workflow Sweep does.
func sweep(ctx context.Context, store *persistence.Store) (swept int, err error) {
	for {
		n, err := store.SweepDatums(ctx, time.Now(), 1000)
		if swept += n; n == 0 || err != nil {
			return swept, err
		}
	}
}
