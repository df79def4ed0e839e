package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	narrative "github.com/narrative-go/narrative"
)

// Bounds of a stream of datums.
const (
	ndjsonType  = "application/x-ndjson"
	batchDatums = 1000                   // stored at once
	batchBytes  = 4 << 20                // or as soon as that much was read
	batchWait   = 500 * time.Millisecond // or as soon as the first of them is so old
)

// stream takes in NDJSON, each line alone, in batches: while one is stored, the next is read. mu is held by who reads,
// except while more is waited for, so that a batch that is due then can be stored.
type stream struct {
	*intake
	from *moving

	mu      sync.Mutex
	due     *time.Timer // of the batch that grows
	storing <-chan kept // receives what became of the batch before; nil: there is none
	failed  error       // why nothing more is stored
}

// stream takes in a body of lines. Whatever ends it, what came in whole is stored: the client may be gone, what it sends
// late, or the process about to end.
func (i *intake) stream(ctx context.Context, from *moving) error {
	defer from.close()
	ctx = context.WithoutCancel(ctx)
	if err := i.asOfNow(ctx); err != nil {
		return err
	}
	s := &stream{intake: i, from: from}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.due = time.AfterFunc(batchWait, func() { s.overdue(ctx) })
	defer s.due.Stop()
	err := s.lines(ctx)
	s.handOver(ctx)
	s.settleLast()
	slices.SortStableFunc(s.out.Errors, func(a, b IntakeError) int { return a.Line - b.Line })
	if s.failed != nil {
		err = s.failed
	}
	return s.brokenOff(err)
}

// lines takes in line by line, to the end or until nothing more is stored.
func (s *stream) lines(ctx context.Context) error {
	from := bufio.NewReaderSize(reading(func(b []byte) (int, error) { return s.more(ctx, b) }), 64<<10)
	var line []byte
	for number := 1; s.failed == nil; number++ {
		var tooLong bool
		var err error
		line, tooLong, err = readLine(from, line[:0])
		if number == 1 {
			line = bytes.TrimPrefix(line, byteOrderMark)
		}
		switch {
		case err != nil && !errors.Is(err, io.EOF):
			return unreadable(err)
		case tooLong:
			s.refuse(number, narrative.Errorf(narrative.Invalid, "the line is longer than %d bytes", maxDatum))
		case len(bytes.TrimSpace(line)) > 0:
			s.add(number, line)
		}
		if err != nil {
			return nil
		}
		if len(s.batch.datums) >= batchDatums || s.batch.bytes >= batchBytes {
			s.handOver(ctx)
		}
	}
	return nil
}

// reading is an [io.Reader].
type reading func(b []byte) (int, error)

func (r reading) Read(b []byte) (int, error) { return r(b) }

// more waits for what comes next. It counts as of now, by the configuration that holds now.
func (s *stream) more(ctx context.Context, b []byte) (int, error) {
	s.mu.Unlock()
	defer s.mu.Lock()
	n, err := s.from.Read(b)
	_ = s.asOfNow(ctx) // or of what was known before
	return n, err
}

func (s *stream) add(number int, line []byte) {
	empty := len(s.batch.datums) == 0
	s.take(number, line)
	if empty && len(s.batch.datums) > 0 {
		s.due.Reset(batchWait)
	}
}

// overdue has the batch stored though nothing more comes. Where that fails, nothing more is waited for.
func (s *stream) overdue(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handOver(ctx); s.failed != nil {
		s.from.endAt(time.Now())
	}
}

// handOver has the batch stored once the one before is, and begins another. Once one failed, none is.
func (s *stream) handOver(ctx context.Context) {
	s.due.Stop()
	s.settleLast()
	if full := s.batch; len(full.datums) > 0 && s.failed == nil {
		storing := make(chan kept, 1)
		s.storing = storing
		go func() { storing <- s.each(ctx, full) }()
	}
	s.batch = batch{}
}

// settleLast waits for the batch before.
func (s *stream) settleLast() {
	if s.storing == nil {
		return
	}
	k := <-s.storing
	s.storing = nil
	if err := s.settle(k); s.failed == nil {
		s.failed = err
	}
}

// brokenOff says how far a stream came: what was stored stays stored.
func (s *stream) brokenOff(err error) error {
	if err == nil {
		return nil
	}
	var refused *refusal
	if errors.As(err, &refused) {
		return &refusal{refused.status, fmt.Sprintf("%s; %d datums before were stored", refused.message, s.out.Stored)}
	}
	return narrative.Errorf(narrative.KindOf(err), "%w; %d datums before were stored", err, s.out.Stored)
}

// readLine appends the next line, without its end, to one, and returns io.EOF with the last. Of one that is too long
// nothing is kept.
func readLine(r *bufio.Reader, line []byte) (_ []byte, tooLong bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if !tooLong {
			line = append(line, part...)
		}
		if len(line) > maxDatum+len("\r\n") {
			line, tooLong = nil, true
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
			return line, tooLong || len(line) > maxDatum, err
		}
	}
}
