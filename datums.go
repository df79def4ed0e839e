package narrative

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// DatumsOptions are the optional parts of a [Datums].
type DatumsOptions struct {
	// Config says the minimum level and how long datums are kept: a [ConfigCache], as a rule. Default: those of a new
	// store.
	Config ConfigReader
	// Delay is how long a datum that nobody waits for may be held back for others to be stored together with it;
	// 0 means 5 ms, a negative one not at all.
	Delay time.Duration
	// Batch is how many datums are stored together at most; 0 means 1,000.
	Batch int
	// Queue is how many may wait to be stored. While it is full, Log and Add wait. 0 means 10,000.
	Queue int
	// Writers is how many batches are stored at once at most; 0 means 2.
	Writers int
	// Logger is told of datums that could not be stored. It must not be one that writes to these datums. Default: none.
	Logger *slog.Logger
	Now    func() time.Time // default time.Now
}

func (o DatumsOptions) withDefaults() DatumsOptions {
	o.Delay = cmp.Or(o.Delay, 5*time.Millisecond)
	o.Batch = max(cmp.Or(o.Batch, 1000), 1)
	o.Queue = max(cmp.Or(o.Queue, 10_000), 1)
	o.Writers = max(cmp.Or(o.Writers, 2), 1)
	if o.Config == nil {
		o.Config = usualConfig{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

type usualConfig struct{}

func (usualConfig) Config(context.Context) (Config, error) { return DefaultConfig(), nil }

// How long a batch is tried, and how long is waited between two tries of one that nobody waits for.
const (
	storeTimeout = 30 * time.Second
	firstRetry   = 100 * time.Millisecond
	lastRetry    = 5 * time.Second
)

// Datums writes datums to a store, many at a time: what several goroutines write at the same moment goes in one
// transaction. It is safe for concurrent use, bounded in what it holds, and to be closed with Close. What it holds is
// lost with the process: for what must not be, there is Add.
type Datums struct {
	store interface {
		AddDatums(context.Context, []Datum) ([]Datum, error)
	}
	o DatumsOptions

	closing sync.RWMutex // held for reading while something is put on the queue
	closed  bool
	queue   chan waiting
	slots   chan struct{} // one for each batch that is being stored
	ended   chan struct{} // closed when all is stored
	abort   context.Context
	giveUp  context.CancelFunc

	stored, filtered, lost atomic.Int64
	mu                     sync.Mutex
	refusals               []error // of Log, since the last Flush; a few
}

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

// NewDatums returns a writer to the store.
func NewDatums(store DatumStore, o DatumsOptions) *Datums {
	w := &Datums{store: store, o: o.withDefaults(), ended: make(chan struct{})}
	w.queue = make(chan waiting, w.o.Queue)
	w.slots = make(chan struct{}, w.o.Writers)
	w.abort, w.giveUp = context.WithCancel(context.Background())
	go w.collect()
	return w
}

// Log writes a datum where its level reaches the configured minimum, and returns as soon as it is queued. What At and
// ExpiresAt leave out is now, and the configured time later. A datum that cannot be stored as it is is refused at once
// with what is wrong. While the store does not answer, it is tried again and again, so that a datum may be stored twice
// where an answer was lost.
func (w *Datums) Log(ctx context.Context, d Datum) error {
	d, err := w.completed(ctx, d)
	if err != nil {
		return err
	}
	config, err := w.o.Config.Config(ctx)
	if err != nil {
		return err
	}
	if d.Level.Rank() < config.MinimumDatumLogLevel.Rank() {
		w.filtered.Add(1)
		return nil
	}
	return w.enqueue(ctx, waiting{datum: d})
}

// Add stores a datum whatever its level, and returns it as it is stored once it is. Where ctx ends first, or the store
// fails, it may have been stored all the same.
func (w *Datums) Add(ctx context.Context, d Datum) (Datum, error) {
	d, err := w.completed(ctx, d)
	if err != nil {
		return Datum{}, err
	}
	done := make(chan settled, 1)
	if err := w.enqueue(ctx, waiting{datum: d, done: done}); err != nil {
		return Datum{}, err
	}
	select {
	case s := <-done:
		return s.datum, s.err
	case <-ctx.Done():
		return Datum{}, Errorf(Unavailable, "add datum %s: it may be stored or not: %w", d.Name, context.Cause(ctx))
	}
}

// completed returns the datum with what it leaves out, or what is wrong with it.
func (w *Datums) completed(ctx context.Context, d Datum) (Datum, error) {
	level, _ := ParseLevel(string(d.Level))
	if problems := d.Validate(); len(problems) > 0 {
		return d, problems
	}
	d.Level = level
	if d.At.IsZero() {
		d.At = w.o.Now()
	}
	if d.ExpiresAt != nil {
		return d, nil
	}
	config, err := w.o.Config.Config(ctx)
	if err == nil && config.DefaultDatumTTL > 0 {
		expires := d.At.Add(time.Duration(config.DefaultDatumTTL))
		d.ExpiresAt = &expires
	}
	return d, err
}

func (w *Datums) enqueue(ctx context.Context, one waiting) error {
	w.closing.RLock()
	defer w.closing.RUnlock()
	if w.closed {
		return Errorf(Unavailable, "the writer of datums is closed")
	}
	select {
	case w.queue <- one:
		return nil
	case <-ctx.Done():
		return Errorf(Unavailable, "the queue of datums is full: %w", context.Cause(ctx))
	}
}

// Flush returns once everything that was written before is stored. Its error tells of what could not be since the last
// Flush.
func (w *Datums) Flush(ctx context.Context) error {
	reply := make(chan []chan struct{}, 1)
	if err := w.enqueue(ctx, waiting{flush: reply}); err != nil {
		return err
	}
	var open []chan struct{}
	select {
	case open = <-reply:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for _, done := range open {
		select {
		case <-done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return w.refused()
}

// Close stores what is left and ends the writer. Where ctx ends first, it gives up what is left, and the error tells
// how many datums that were. Closed again, it waits likewise.
func (w *Datums) Close(ctx context.Context) error {
	defer context.AfterFunc(ctx, w.giveUp)()
	w.closing.Lock()
	if !w.closed {
		w.closed = true
		close(w.queue)
	}
	w.closing.Unlock()
	<-w.ended
	w.giveUp()
	return w.refused()
}

// Counts are what became of datums, since the writer was made.
type Counts struct {
	Stored   int64
	Filtered int64 // below the minimum level
	Lost     int64 // queued, and refused by the store or given up by Close
}

// Counts returns what became of datums so far.
func (w *Datums) Counts() Counts {
	return Counts{Stored: w.stored.Load(), Filtered: w.filtered.Load(), Lost: w.lost.Load()}
}

// gathering is the batch that grows.
type gathering struct {
	batch []waiting
	ready bool             // it is to be stored as soon as there is a slot
	due   <-chan time.Time // when it is ready at the latest
	done  chan struct{}    // closed when it is settled
}

// collect makes batches of what is queued and has them stored. A batch that somebody waits for is ready at once; while
// all slots are taken it grows.
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
		if len(g.batch) > 0 && (g.ready || queue == nil) {
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
			g.ready = true
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
		g.ready = w.o.Delay < 0
		g.due = time.After(max(w.o.Delay, 0))
	}
	g.batch = append(g.batch, one)
	g.ready = g.ready || one.done != nil || len(g.batch) >= w.o.Batch
}

// flushed has the batch stored soon, and returns what a flush waits for.
func (g *gathering) flushed(open []chan struct{}) []chan struct{} {
	g.ready = true
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
	defer func() { <-w.slots; close(done) }()
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
	case KindOf(err) == Invalid && len(batch) > 1: // one spoils no other
		for _, one := range batch {
			again, why := w.try([]waiting{one})
			if left = append(left, again...); why != nil {
				err = why
			}
		}
		return left, err
	}
	for _, one := range batch {
		switch {
		case one.done != nil:
			one.settle(Datum{}, err)
		case KindOf(err) == Invalid:
			w.lose(1, err)
		default:
			left = append(left, one)
		}
	}
	return left, err
}

func (one waiting) settle(d Datum, err error) {
	if one.done != nil {
		one.done <- settled{d, err}
	}
}

// maxRefusals is how many refusals are told of.
const maxRefusals = 10

func (w *Datums) lose(datums int, err error) {
	w.lost.Add(int64(datums))
	w.o.Logger.Error("datums are not stored", "datums", datums, "error", err)
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.refusals) < maxRefusals {
		w.refusals = append(w.refusals, err)
	}
}

func (w *Datums) refused() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := errors.Join(w.refusals...)
	w.refusals = nil
	return err
}
