package narrative

import (
	"context"
	"errors"
	"time"
)

// How long a batch is tried, and how long is waited between two tries of one that nobody waits for.
const (
	storeTimeout = 30 * time.Second
	firstRetry   = 100 * time.Millisecond
	lastRetry    = 5 * time.Second
)

// worthwhile is how many datums are worth a batch of their own beside another that is being stored: of fewer, each costs
// the store about as much as it would alone. Measured by the bench datums.
const worthwhile = 4

// waiting is a datum on its way, or a call of Flush.
type waiting struct {
	datum Datum
	done  chan<- settled         // nil: nobody waits
	flush chan<- []chan struct{} // receives what to wait for
}

type settled struct {
	datum Datum
	err   error
}

// gathering is the batch that grows.
type gathering struct {
	batch    []waiting
	ready    bool             // it is to be stored as soon as no other is being stored
	pressing bool             // it is to be stored as soon as there is a slot
	due      <-chan time.Time // when it is pressing at the latest
	done     chan struct{}    // closed when it is settled
}

// collect makes batches of what is queued and has them stored. A batch that somebody waits for is ready at once; while
// another is being stored, it grows until it is worthwhile.
func (w *Datums) collect() {
	defer close(w.ended)
	var g gathering
	var open []chan struct{} // of the batches that were handed over
	queue := w.queue
	for queue != nil || len(g.batch) > 0 {
		var in <-chan waiting
		if len(g.batch) < w.o.Batch {
			in = queue
		}
		var slot chan<- struct{}
		if len(g.batch) > 0 && (g.pressing || queue == nil || g.ready && (len(w.slots) == 0 || len(g.batch) >= worthwhile)) {
			slot = w.slots
		}
		select {
		case one, more := <-in:
			switch {
			case !more:
				queue = nil
			case one.flush != nil:
				open = unsettled(open)
				one.flush <- g.flushed(open)
			default:
				w.gather(&g, one)
			}
		case <-g.due:
			g.pressing = true
		case <-w.freed:
		case slot <- struct{}{}:
			open = append(unsettled(open), g.done)
			go w.settle(g.batch, g.done)
			g = gathering{}
		}
	}
	for _, done := range open {
		<-done
	}
}

func (w *Datums) gather(g *gathering, one waiting) {
	if len(g.batch) == 0 {
		g.done = make(chan struct{})
		g.pressing = w.o.Delay < 0
		g.due = time.After(max(w.o.Delay, 0))
	}
	g.batch = append(g.batch, one)
	g.ready = g.ready || one.done != nil
	g.pressing = g.pressing || len(g.batch) >= w.o.Batch
}

// flushed has the batch stored soon, and returns what a flush waits for.
func (g *gathering) flushed(open []chan struct{}) []chan struct{} {
	g.pressing = true
	all := append([]chan struct{}{}, open...)
	if len(g.batch) > 0 {
		all = append(all, g.done)
	}
	return all
}

func unsettled(open []chan struct{}) []chan struct{} {
	left := open[:0]
	for _, done := range open {
		select {
		case <-done:
		default:
			left = append(left, done)
		}
	}
	return left
}

// settle stores a batch, again and again what nobody waits for.
func (w *Datums) settle(batch []waiting, done chan<- struct{}) {
	defer func() {
		<-w.slots
		close(done)
		select {
		case w.freed <- struct{}{}:
		default:
		}
	}()
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		left, err := w.try(batch)
		if len(left) == 0 {
			return
		}
		w.o.Logger.Warn("datums are not stored yet", "datums", len(left), "error", err)
		batch = left
		select {
		case <-time.After(pause):
		case <-w.abort.Done():
			w.lose(len(left), Errorf(Unavailable, "%d datums were given up: %w", len(left), err))
			return
		}
	}
}

// try stores a batch and answers who waits. It returns what is to be tried again, and why.
func (w *Datums) try(batch []waiting) (left []waiting, err error) {
	datums := make([]Datum, len(batch))
	for i, one := range batch {
		datums[i] = one.datum
	}
	ctx, cancel := context.WithTimeout(w.abort, storeTimeout)
	defer cancel()
	stored, err := w.store.AddDatums(ctx, datums)
	switch {
	case err == nil:
		w.stored.Add(int64(len(batch)))
		for i, one := range batch {
			one.settle(stored[i], nil)
		}
		return nil, nil
	case !passing(err) && len(batch) > 1: // one spoils no other
		half := len(batch) / 2
		left, err = w.try(batch[:half])
		more, why := w.try(batch[half:])
		if len(more) > 0 {
			err = why
		}
		return append(left, more...), err
	}
	for _, one := range batch {
		switch {
		case one.done != nil:
			one.settle(Datum{}, err)
		case passing(err):
			left = append(left, one)
		default:
			w.lose(1, err)
		}
	}
	return left, err
}

// passing tells whether what failed may succeed when it is tried again as it is.
func passing(err error) bool {
	switch KindOf(err) {
	case Unavailable, Conflict: // as of two transactions at once
		return true
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func (one waiting) settle(d Datum, err error) {
	if one.done != nil {
		one.done <- settled{d, err}
	}
}
