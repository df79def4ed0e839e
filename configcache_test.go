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
	hangs atomic.Bool
}

func (c *counted) Config(ctx context.Context) (narrative.Config, error) {
	c.reads.Add(1)
	if c.hangs.Load() {
		<-ctx.Done()
		return narrative.Config{}, ctx.Err()
	}
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
		time.Sleep(time.Second) // nobody asks, and whoever does then waits
		same(t, narrative.Warn, must(cache.Config(t.Context())).MinimumDatumLogLevel)
		source.Store(narrative.ErrorLevel)
		for range 10 {
			time.Sleep(100 * time.Millisecond)
			must(cache.Config(t.Context()))
		}
		same(t, narrative.ErrorLevel, must(cache.Config(t.Context())).MinimumDatumLogLevel)
		same(t, 4, source.reads.Load())
		source.Store(narrative.Debug)
		cache.Forget()
		same(t, narrative.Debug, must(cache.Config(t.Context())).MinimumDatumLogLevel)
	})
}

func TestAChangeIsNotHiddenByAReadingThatBeganBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &slow{}
		cache := narrative.NewConfigCache(source, nil)
		go func() { _, _ = cache.Config(t.Context()) }()
		synctest.Wait()
		source.Store(narrative.Warn)
		cache.Forget()
		same(t, narrative.Warn, must(cache.Config(t.Context())).MinimumDatumLogLevel)
		synctest.Wait()
		same(t, narrative.Warn, must(cache.Config(t.Context())).MinimumDatumLogLevel)
	})
}

// slow is a configuration that takes a while to be told as it was.
type slow struct{ changingLevel }

func (s *slow) Config(ctx context.Context) (narrative.Config, error) {
	c, err := s.changingLevel.Config(ctx)
	time.Sleep(100 * time.Millisecond)
	return c, err
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

func TestWhileTheSourceHangsHardlyAnybodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &counted{}
		source.Store(narrative.Warn)
		cache := narrative.NewConfigCache(source, nil)
		must(cache.Config(t.Context()))
		source.hangs.Store(true)
		took := func() time.Duration {
			began := time.Now()
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() { same(t, narrative.Warn, must(cache.Config(t.Context())).MinimumDatumLogLevel) })
			}
			all.Wait()
			return time.Since(began)
		}
		for range 50 {
			time.Sleep(100 * time.Millisecond)
			same(t, 0, took())
		}
		if reads := source.reads.Load(); reads > 15 {
			t.Errorf("%d readings in 5 s", reads)
		}
		time.Sleep(time.Minute)
		same(t, 400*time.Millisecond, took())
		same(t, 0, took())
		time.Sleep(time.Second) // until the last reading has ended
	})
}

func TestWhereNothingIsKnownOneReadingIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &counted{}
		source.hangs.Store(true)
		cache := narrative.NewConfigCache(source, nil)
		began := time.Now()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				_, err := cache.Config(t.Context())
				same(t, "context deadline exceeded", err.Error())
			})
		}
		all.Wait()
		_, err := cache.Config(t.Context())
		same(t, "context deadline exceeded", err.Error())
		same(t, 400*time.Millisecond, time.Since(began))
		same(t, 1, source.reads.Load())
	})
}

func TestTheConfigurationIsToldToWhoseContextIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &slow{}
		source.Store(narrative.Warn)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		same(t, narrative.Warn, must(narrative.NewConfigCache(source, nil).Config(ctx)).MinimumDatumLogLevel)
	})
}
