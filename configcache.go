package narrative

import (
	"context"
	"sync/atomic"
	"time"
)

// Bounds of a [ConfigCache].
const (
	configFresh   = 400 * time.Millisecond // how old what it answers may be
	configTimeout = 400 * time.Millisecond // of one reading
)

// ConfigCache is the configuration as one process knows it: read again when it is asked for and is older than 0.4 s, so
// that a change is known everywhere within a second. It is safe for concurrent use.
type ConfigCache struct {
	source  ConfigReader
	now     func() time.Time
	held    atomic.Pointer[heldConfig]
	reading chan struct{} // holds one
}

// ConfigReader reads the configuration; a [Store] is one.
type ConfigReader interface {
	Config(ctx context.Context) (Config, error)
}

type heldConfig struct {
	config Config
	known  bool // else it is the error of the last reading
	err    error
	at     time.Time // of the last reading
}

// NewConfigCache returns a cache of what source holds. A nil now is time.Now.
func NewConfigCache(source ConfigReader, now func() time.Time) *ConfigCache {
	if now == nil {
		now = time.Now
	}
	c := &ConfigCache{source: source, now: now, reading: make(chan struct{}, 1)}
	c.held.Store(&heldConfig{})
	return c
}

// Config returns the configuration. While it cannot be read, what was read last is answered, and an error only where
// that is nothing.
func (c *ConfigCache) Config(ctx context.Context) (Config, error) {
	if held := c.held.Load(); c.fresh(held) {
		return held.config, held.err
	}
	select {
	case c.reading <- struct{}{}:
		defer func() { <-c.reading }()
	case <-ctx.Done():
		return Config{}, Errorf(Unavailable, "read the configuration: %w", context.Cause(ctx))
	}
	held := c.held.Load()
	if !c.fresh(held) { // nobody was quicker
		held = c.read(ctx, held)
		c.held.Store(held)
	}
	return held.config, held.err
}

// Forget has it read again when it is next asked for: for who has just changed it.
func (c *ConfigCache) Forget() {
	c.reading <- struct{}{}
	defer func() { <-c.reading }()
	held := *c.held.Load()
	held.at = time.Time{}
	c.held.Store(&held)
}

func (c *ConfigCache) fresh(h *heldConfig) bool {
	age := c.now().Sub(h.at)
	return age >= 0 && age < configFresh
}

// read counts a failure as a reading, so that a store that does not answer is not asked at every call.
func (c *ConfigCache) read(ctx context.Context, before *heldConfig) *heldConfig {
	at := c.now()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), configTimeout)
	defer cancel()
	config, err := c.source.Config(ctx)
	switch {
	case err == nil:
		return &heldConfig{config: config, known: true, at: at}
	case before.known:
		return &heldConfig{config: before.config, known: true, at: at}
	default:
		return &heldConfig{err: err, at: at}
	}
}
