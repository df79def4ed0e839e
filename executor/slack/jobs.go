package slack

import (
	"context"
	"sync"
	"time"
)

const (
	// maxJobs is how many interactions are acted on at once.
	maxJobs = 64
	// jobTime bounds acting on one; actTime, the signal in it, so that what became of it can still be told.
	jobTime = 30 * time.Second
	actTime = 25 * time.Second
	// busyTime bounds telling somebody to press again.
	busyTime = 2 * time.Second
)

// jobs are interactions that are acted on.
type jobs struct {
	mutex   sync.Mutex
	ended   *sync.Cond
	running int
	closing bool
}

func newJobs() *jobs {
	j := &jobs{}
	j.ended = sync.NewCond(&j.mutex)
	return j
}

// begin runs do; false: there are too many, or none may begin any more.
func (j *jobs) begin(ctx context.Context, do func(context.Context)) bool {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if j.closing || j.running >= maxJobs {
		return false
	}
	j.running++
	go func() {
		defer j.end()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), jobTime)
		defer cancel()
		do(ctx)
	}()
	return true
}

func (j *jobs) end() {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.running--
	j.ended.Broadcast()
}

func (j *jobs) close() {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.closing = true
}

func (j *jobs) closed() bool {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return j.closing
}

func (j *jobs) wait(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		j.mutex.Lock()
		defer j.mutex.Unlock()
		j.ended.Broadcast()
	})
	defer stop()
	j.mutex.Lock()
	defer j.mutex.Unlock()
	for j.running > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		j.ended.Wait()
	}
	return nil
}

const (
	// memoryTime is how long an interaction is remembered, and maxMemory how many are.
	memoryTime = 5 * time.Minute
	maxMemory  = 4096
)

// memory remembers interactions, so that one that Slack sends again is told.
type memory struct {
	mutex sync.Mutex
	at    map[string]time.Time
	order []string // oldest first
}

// first tells whether none of the keys was seen of late, and remembers them. Empty keys are left aside.
func (m *memory) first(now time.Time, keys ...string) bool {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for len(m.order) > 0 && (len(m.order) > maxMemory || now.Sub(m.at[m.order[0]]) > memoryTime) {
		delete(m.at, m.order[0])
		m.order = m.order[1:]
	}
	first := true
	for _, key := range keys {
		if _, seen := m.at[key]; seen {
			first = false
		}
	}
	for _, key := range keys {
		if _, seen := m.at[key]; !seen && key != "" {
			m.at[key] = now
			m.order = append(m.order, key)
		}
	}
	return first
}
