package narrative

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of a [ConfigCache], by the age of what it holds: since the reading began.
const (
	configFresh   = 400 * time.Millisecond // from then on it is read again
	configHeld    = time.Second            // until then nobody waits for that
	configTimeout = 400 * time.Millisecond // of one reading
)

// ConfigCache is the configuration as one process knows it. It is read again, once at a time, when it is asked for and is
// older than 0.4 s; who asks waits for that only where the reading before began a second ago or more. So a change is known
// everywhere within a second while the source answers, and while it does not, hardly anybody waits. It is safe for
// concurrent use.
type ConfigCache struct {
	source ConfigReader
	now    func() time.Time
	held   atomic.Pointer[configReading] // the last that is done

	mu      sync.Mutex
	reading *configReading // under way; nil: none
}

// ConfigReader reads the configuration; a [Store] is one.
type ConfigReader interface {
	Config(ctx context.Context) (Config, error)
}

// configReading is one reading, and what is known after it once done is closed.
type configReading struct {
	done   chan struct{}
	at     time.Time // when it began
	config Config
	err    error // where nothing is known
}

// NewConfigCache returns a cache of what source holds. A nil now is time.Now.
func NewConfigCache(source ConfigReader, now func() time.Time) *ConfigCache {
	if now == nil {
		now = time.Now
	}
	c := &ConfigCache{source: source, now: now}
	c.held.Store(&configReading{err: Errorf(Unavailable, "the configuration is not read yet")})
	return c
}

// Config returns the configuration. While it cannot be read, what was read last is answered, and an error only where
// that is nothing. It waits 0.4 s at most, whether ctx ends or not.
func (c *ConfigCache) Config(ctx context.Context) (Config, error) {
	held := c.held.Load()
	if c.age(held) >= configFresh {
		next := c.next(ctx)
		if held.err != nil || c.age(held) >= configHeld {
			<-next.done
			held = next
		}
	}
	return held.config, held.err
}

// Forget has it read again when it is next asked for: for who has just changed it.
func (c *ConfigCache) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	held := *c.held.Load()
	held.at = time.Time{}
	c.held.Store(&held)
	c.reading = nil // it may bring what was before
}

// age is how long ago a reading began; after the clock was set back it is very old.
func (c *ConfigCache) age(r *configReading) time.Duration {
	if age := c.now().Sub(r.at); age >= 0 {
		return age
	}
	return math.MaxInt64
}

// next returns the reading under way, and begins it where there is none.
func (c *ConfigCache) next(ctx context.Context) *configReading {
	c.mu.Lock()
	defer c.mu.Unlock()
	held := c.held.Load()
	switch {
	case c.reading != nil:
		return c.reading
	case c.age(held) < configFresh: // somebody was quicker
		return held
	}
	c.reading = &configReading{done: make(chan struct{}), at: c.now()}
	go c.read(context.WithoutCancel(ctx), c.reading, held)
	return c.reading
}

// read counts a failure as a reading, so that a source that does not answer is not asked at every call.
func (c *ConfigCache) read(ctx context.Context, r, before *configReading) {
	ctx, cancel := context.WithTimeout(ctx, configTimeout)
	defer cancel()
	defer close(r.done)
	r.config, r.err = c.source.Config(ctx)
	switch {
	case r.err == nil:
	case before.err == nil:
		r.config, r.err = before.config, nil
	default:
		r.at = c.now() // who asks meanwhile is not to wait again for nothing
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reading == r { // nobody has it forgotten
		c.reading = nil
		c.held.Store(r)
	}
}
