package tests

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/starter"
)

// TestApplying applies files to one house: by two at once, and again and again without a change.
func TestApplying(t *testing.T) {
	t.Parallel()
	h := build(t, &gate{}, "assertions: []\n")
	made := &calls{}
	matching := h.starter(made)

	t.Run("of two at once, the file of one stands, whole, and its triggers", func(t *testing.T) {
		of := map[string]map[string]string{} // what each one's file says: how often by name
		for applier, every := range map[string]string{"ann": "1h", "bob": "2h"} {
			of[applier] = map[string]string{"only-of-" + applier: every}
			for n := range 10 {
				of[applier][fmt.Sprintf("shared-%d", n)] = every
			}
		}
		for range 4 {
			var both sync.WaitGroup
			for _, watched := range of {
				both.Go(func() { h.post(t, "/api/v1/apply?prune=true&source=shared", gates(watched)) })
			}
			both.Wait()
			got := h.watched(t)
			if !maps.Equal(got, of["ann"]) && !maps.Equal(got, of["bob"]) {
				t.Errorf("of two files there is left %v", got)
			}
		}
		matched(t, matching, 11)
	})

	t.Run("what is unchanged costs Temporal no call of its own", func(t *testing.T) {
		want := map[string]int{"DescribeWorkflowExecution": 3, "ListWorkflowExecutions": 3, "ListSchedules": 1}
		for _, metas := range []int{10, 60} {
			many := map[string]string{}
			for n := range metas {
				many[fmt.Sprintf("meta-%03d", n)] = "24h"
			}
			text := strings.Replace(gates(many), "every: 24h", "every: 24h, trigger: schedule", metas/10)
			h.post(t, "/api/v1/apply?prune=true&source=shared", text)
			h.checked(t)
			matched(t, matching, metas)

			if out, code := h.apply(text); code != 0 || !strings.HasSuffix(out, "nothing to do\n") {
				t.Errorf("apply: exit code %d\n%s", code, out)
			}
			made.forget()
			done, err := matching.Reconcile(t.Context()) // as each apply does
			if err != nil || done != (narrative.Reconciled{}) {
				t.Errorf("%+v was done, %v; want nothing", done, err)
			}
			if got := made.byMethod(); !maps.Equal(got, want) {
				t.Errorf("of %d metas: calls %v; want %v", metas, got, want)
			}
		}
	})
}

// gates is the text of a file with the assertions of these names, each with how often it is checked.
func gates(every map[string]string) string {
	text := "source: shared\nassertions:\n"
	for name, often := range every {
		text += fmt.Sprintf("  - {name: %s, class: gate, every: %s}\n", name, often)
	}
	return text
}

// post sends YAML to the API.
func (h *house) post(t *testing.T, path, text string) {
	t.Helper()
	caller{t, "http://" + h.service.Addr(), ""}.does(200, http.MethodPost, path, text, "Content-Type", "application/yaml")
}

// watched is how often each assertion of the store is checked.
func (h *house) watched(t *testing.T) map[string]string {
	t.Helper()
	metas, err := h.store.AssertionMetas(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	every := map[string]string{}
	for _, m := range metas {
		every[m.Name] = m.Every.String()
	}
	return every
}

// checked waits until every assertion was checked as it is now.
func (h *house) checked(t *testing.T) {
	t.Helper()
	await(t, time.Minute, "everything was checked", func() error {
		metas, err := h.store.AssertionMetas(t.Context())
		for _, m := range metas {
			if m.CheckedRevision < m.Revision {
				return fmt.Errorf("%s was not", m.Name)
			}
		}
		return err
	})
}

// matched waits until Temporal lists the triggers of so many metas and no others: its lists lag a little behind.
func matched(t *testing.T, s *starter.Starter, metas int) {
	t.Helper()
	await(t, 20*time.Second, "the triggers match", func() error {
		found, err := s.Compare(t.Context())
		if err == nil && (found.Held != metas || len(found.Missing)+len(found.Stale)+len(found.Surplus) > 0) {
			err = fmt.Errorf("%+v", found)
		}
		return err
	})
}

// calls counts the calls to Temporal.
type calls struct {
	mu sync.Mutex
	by map[string]int // method
}

func (c *calls) count(ctx context.Context, method string, in, out any, to *grpc.ClientConn, call grpc.UnaryInvoker, options ...grpc.CallOption) error {
	c.mu.Lock()
	c.by[path.Base(method)]++
	c.mu.Unlock()
	return call(ctx, method, in, out, to, options...)
}

func (c *calls) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by = map[string]int{}
}

func (c *calls) byMethod() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.by)
}

// starter is another starter for the house, whose calls to Temporal are counted.
func (h *house) starter(made *calls) *starter.Starter {
	h.t.Helper()
	made.forget()
	c, err := client.Dial(client.Options{HostPort: h.service.TemporalAddress(), Logger: quiet{}, ConnectionOptions: client.ConnectionOptions{
		DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(made.count)},
	}})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(c.Close)
	s, err := starter.New(starter.Options{Client: c, Store: h.store, Attributes: true})
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}
