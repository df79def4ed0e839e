package narrative_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrative-go/narrative"
)

// counted is a configuration that counts how often it is read.
type counted struct {
	changingLevel
	reads atomic.Int64
	away  atomic.Bool
}

func (c *counted) Config(ctx context.Context) (narrative.Config, error) {
	c.reads.Add(1)
	if c.away.Load() {
		return narrative.Config{}, errors.New("away")
	}
	return c.changingLevel.Config(ctx)
}

func TestAChangedConfigurationIsKnownWithinASecondAtTwoReadsASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &counted{}
		source.Store(narrative.Info)
		cache := narrative.NewConfigCache(source, nil)
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				_, err := cache.Config(t.Context())
				succeed(t, err)
			})
		}
		all.Wait()
		same(t, 1, source.reads.Load())
		source.Store(narrative.Warn)
		time.Sleep(500 * time.Millisecond)
		c, err := cache.Config(t.Context())
		succeed(t, err)
		same(t, narrative.Warn, c.MinimumDatumLogLevel)
		source.Store(narrative.Debug)
		cache.Forget()
		c, err = cache.Config(t.Context())
		succeed(t, err)
		same(t, narrative.Debug, c.MinimumDatumLogLevel)
	})
}

func TestWhileTheConfigurationCannotBeReadTheLastOneHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &counted{}
		source.Store(narrative.Warn)
		source.away.Store(true)
		cache := narrative.NewConfigCache(source, nil)
		_, err := cache.Config(t.Context())
		same(t, "away", err.Error())
		source.away.Store(false)
		time.Sleep(time.Second)
		_, err = cache.Config(t.Context())
		succeed(t, err)
		source.away.Store(true)
		time.Sleep(time.Second)
		c, err := cache.Config(t.Context())
		succeed(t, err)
		same(t, narrative.Warn, c.MinimumDatumLogLevel)
	})
}
