package executor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/narrative-go/narrative"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// memory is a store that keeps what it is given.
type memory struct {
	mutex         sync.Mutex
	config        narrative.Config
	notifications []narrative.Notification
	datums        []narrative.Datum
	failure       error
	batch         string // of every notification; default its key
}

func (m *memory) AddNotifications(_ context.Context, n []narrative.Notification) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for i := range n {
		n[i].Batch = n[i].Key
		if m.batch != "" {
			n[i].Batch = m.batch
		}
	}
	m.notifications = append(m.notifications, n...)
	return m.failure
}

func (m *memory) AddDatums(_ context.Context, d []narrative.Datum) ([]narrative.Datum, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for i := range d {
		d[i].ID = fmt.Sprintf("d%d", len(m.datums)+i+1)
	}
	m.datums = append(m.datums, d...)
	return d, m.failure
}

func (m *memory) Config(context.Context) (narrative.Config, error) { return m.config, nil }

type restartArgs struct {
	Host  string `json:"host"`
	Times int    `json:"times"`
}

type world struct {
	*Executor
	store     *memory
	woken     []string
	logged    []bool
	restarted []string
}

func setup(t *testing.T) *world {
	t.Helper()
	w := &world{store: &memory{config: narrative.DefaultConfig()}}
	reg := narrative.NewRegistry()
	narrative.AddAction(reg, "restart", func(_ context.Context, a restartArgs) error {
		w.restarted = append(w.restarted, a.Host)
		return nil
	}, narrative.Repeatable())
	narrative.AddAction(reg, "fail", func(context.Context, struct{}) error { return errors.New("it broke") })
	e, err := New(Options{
		Registry: reg, Store: w.store, Now: func() time.Time { return now },
		Logged: func(stored bool) { w.logged = append(w.logged, stored) },
		Wake: func(_ context.Context, keys []string) error {
			w.woken = append(w.woken, keys...)
			return errors.New("nobody is awake")
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Executor = e
	return w
}

// call is an action for an issue; resolved holds the arguments with references resolved, written those without.
func call(action, written string, resolved ...string) narrative.ActionCall {
	c := narrative.ActionCall{
		Action: narrative.Action{Action: action, Args: json.RawMessage(written)}, Key: "solution/0",
		Issue: &narrative.Issue{
			ID: "i-7", Assertion: "invoices-balance", Kind: narrative.KindRecord,
			Record: narrative.Record{Type: "invoice", ID: "7"}, Summary: "total is off",
		},
	}
	c.Template = c.Action
	if len(resolved) > 0 {
		c.Action.Args = json.RawMessage(resolved[0])
	}
	return c
}
