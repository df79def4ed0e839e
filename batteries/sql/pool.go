package sql

import (
	"database/sql"
	"sync"
	"time"

	"github.com/narrative-go/narrative"
)

const (
	maxConnections = 4               // to one database at a time
	maxIdle        = 2 * time.Minute // how long a database that is not asked stays connected
)

// pools shares connections: one pool per dsn, closed when it was not used for a while.
type pools struct {
	idle  time.Duration
	mutex sync.Mutex
	open  map[string]*pool
}

type pool struct {
	db      *sql.DB
	users   int
	closing *time.Timer
}

func newPools(idle time.Duration) *pools {
	return &pools{idle: idle, open: map[string]*pool{}}
}

// use returns the database of a dsn, and what to call when done with it.
func (p *pools) use(dsn string) (db *sql.DB, done func(), err error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	one, ok := p.open[dsn]
	if !ok {
		e := engineOf(dsn)
		if e == nil {
			return nil, nil, narrative.Errorf(narrative.Invalid, "the dsn must begin with postgres:// or sqlite: and name a database")
		}
		if db, err = e.open(dsn); err != nil {
			return nil, nil, err
		}
		db.SetMaxOpenConns(maxConnections)
		db.SetConnMaxIdleTime(p.idle)
		one = &pool{db: db}
		p.open[dsn] = one
	}
	one.users++
	if one.closing != nil {
		one.closing.Stop()
		one.closing = nil
	}
	return one.db, func() { p.release(dsn, one) }, nil
}

func (p *pools) release(dsn string, one *pool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if one.users--; one.users > 0 {
		return
	}
	one.closing = time.AfterFunc(p.idle, func() {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		// It may have been taken up again while this waited for the lock.
		if one.users == 0 && p.open[dsn] == one {
			delete(p.open, dsn)
			_ = one.db.Close()
		}
	})
}
