package httpapi

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// endingGrace is how long a body may still come once the process is about to end, which waits a little longer for the
// answer.
const endingGrace = 2 * time.Second

var errEnding = &refusal{http.StatusServiceUnavailable, "the process is about to end; send the rest again"}

// moving reads a body that may take as long as it likes while something arrives, until the process is about to end.
type moving struct {
	payload *payload
	whole   bool // it came to its end
	closed  chan struct{}
	watched sync.WaitGroup

	mu  sync.Mutex
	end time.Time // of all reading; zero: there is none
}

// newMoving returns a reader to be closed.
func newMoving(p *payload, ending <-chan struct{}) *moving {
	m := &moving{payload: p, closed: make(chan struct{})}
	m.watched.Go(func() {
		select {
		case <-ending:
			m.endAt(time.Now().Add(endingGrace))
		case <-m.closed:
		}
	})
	return m
}

// endAt has reading end then.
func (m *moving) endAt(at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.end = at
	_ = m.payload.deadline(at) // not every transport has deadlines
}

// Read implements [io.Reader].
func (m *moving) Read(b []byte) (int, error) {
	if m.over() {
		return 0, errEnding
	}
	n, err := m.payload.reader.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) && m.over() {
		err = errEnding
	}
	m.whole = errors.Is(err, io.EOF)
	return n, err
}

// over tells whether reading is at its end, and gives what comes next its time where it is not.
func (m *moving) over() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.end.IsZero() {
		_ = m.payload.deadline(time.Now().Add(readTimeout))
		return false
	}
	return !time.Now().Before(m.end)
}

// close has nobody wait for the rest of the body, where it did not come to its end.
func (m *moving) close() {
	close(m.closed)
	m.watched.Wait()
	var deadline time.Time
	if !m.whole {
		deadline = time.Now()
	}
	_ = m.payload.deadline(deadline)
}
