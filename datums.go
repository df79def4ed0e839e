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
	// Delay is how long a datum may be held back for others to be stored together with it: one that somebody waits for
	// only while another batch is being stored. 0 means 5 ms, a negative one not at all.
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
	freed   chan struct{} // hears that one is free again
	ended   chan struct{} // closed when all is stored
	abort   context.Context
	giveUp  context.CancelFunc

	stored, filtered, lost atomic.Int64
	mu                     sync.Mutex
	refusals               []error // of Log, since the last Flush; a few
}

// NewDatums returns a writer to the store.
func NewDatums(store DatumStore, o DatumsOptions) *Datums {
	w := &Datums{store: store, o: o.withDefaults(), ended: make(chan struct{})}
	w.queue = make(chan waiting, w.o.Queue)
	w.slots = make(chan struct{}, w.o.Writers)
	w.freed = make(chan struct{}, 1)
	w.abort, w.giveUp = context.WithCancel(context.Background())
	go w.collect()
	return w
}

// Log writes a datum where its level reaches the configured minimum, and returns as soon as it is queued; only while the
// queue is full does the end of ctx keep it from that. What At leaves out is now, and what ExpiresAt does is the configured
// time from now, also where At is long ago. A datum that cannot be stored as it is is refused at once with what is wrong.
// While the store does not answer, it is tried again and again, so that a datum may be stored twice where an answer was
// lost. One that the store refuses is lost, and no other with it; Flush and Close tell of that.
func (w *Datums) Log(ctx context.Context, d Datum) error {
	d, err := checked(d)
	if err != nil {
		return err
	}
	return w.log(ctx, d)
}

// log writes a datum that was checked.
func (w *Datums) log(ctx context.Context, d Datum) error {
	config, err := w.o.Config.Config(ctx)
	if err != nil {
		return err
	}
	if d.Level.Rank() < config.MinimumDatumLogLevel.Rank() {
		w.filtered.Add(1)
		return nil
	}
	return w.enqueue(ctx, waiting{datum: w.completed(d, config)})
}

// Add stores a datum whatever its level, and returns it as it is stored once it is. Where ctx ends first, or the store
// fails, it may have been stored all the same.
func (w *Datums) Add(ctx context.Context, d Datum) (Datum, error) {
	d, err := checked(d)
	if err != nil {
		return Datum{}, err
	}
	var config Config
	if d.ExpiresAt == nil {
		if config, err = w.o.Config.Config(ctx); err != nil {
			return Datum{}, err
		}
	}
	done := make(chan settled, 1)
	if err := w.enqueue(ctx, waiting{datum: w.completed(d, config), done: done}); err != nil {
		return Datum{}, err
	}
	select {
	case s := <-done:
		return s.datum, s.err
	case <-ctx.Done():
		return Datum{}, Errorf(Unavailable, "add datum %s: it may be stored or not: %w", d.Name, context.Cause(ctx))
	}
}

// checked returns the datum with its level by name, or what is wrong with it.
func checked(d Datum) (Datum, error) {
	if problems := d.Validate(); len(problems) > 0 {
		return d, problems
	}
	d.Level, _ = ParseLevel(string(d.Level))
	return d, nil
}

// completed returns the datum with the times that it leaves out.
func (w *Datums) completed(d Datum, config Config) Datum {
	now := w.o.Now()
	if d.At.IsZero() {
		d.At = now
	}
	if d.ExpiresAt == nil && config.DefaultDatumTTL > 0 {
		expires := now.Add(time.Duration(config.DefaultDatumTTL))
		d.ExpiresAt = &expires
	}
	return d
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
	default: // it is full: now it matters how long there is to wait
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
