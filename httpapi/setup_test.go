package httpapi_test

import (
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/httpapi"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// world is an API over a store and an operator in memory.
type world struct {
	*fakeStore
	*fakeOperator
	ready       httpapi.Readiness
	application httpapi.Application
	apply       func(text []byte) (narrative.Applied, error)
	options     httpapi.Options
	server      *httptest.Server
}

func setup(t *testing.T, change ...func(*httpapi.Options)) *world {
	t.Helper()
	w := &world{
		fakeStore:    newFakeStore(),
		fakeOperator: &fakeOperator{},
		ready:        httpapi.Readiness{Store: "ok", Temporal: "ok", Worker: "ok", Applied: true},
	}
	o := httpapi.Options{
		Store: w.fakeStore, Operator: w.fakeOperator, Version: "1.2.3",
		Now:   func() time.Time { return noon },
		Ready: func(context.Context) httpapi.Readiness { return w.ready },
		Apply: func(_ context.Context, a httpapi.Application) (narrative.Applied, error) {
			w.application = a
			if w.apply != nil {
				return w.apply([]byte(a.Files[0].Text))
			}
			return narrative.Applied{Created: []string{"balance"}}, nil
		},
	}
	o.Parse = parsing(t)
	o.Put = func(ctx context.Context, m narrative.Manifest) (narrative.Applied, error) {
		return o.Store.Apply(ctx, m, noon)
	}
	for _, c := range change {
		c(&o)
	}
	w.options = o
	h, err := httpapi.New(o)
	if err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewServer(h)
	t.Cleanup(w.server.Close)
	return w
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	body   string
}

func (w *world) send(t *testing.T, method, path, body string, header ...string) reply {
	t.Helper()
	r, err := http.NewRequest(method, w.server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var from io.Reader = response.Body
	if response.Header.Get("Content-Encoding") == "gzip" { // for whoever asked for it
		if from, err = gzip.NewReader(from); err != nil {
			t.Fatal(err)
		}
	}
	read, err := io.ReadAll(from)
	if err != nil {
		t.Fatal(err)
	}
	return judged(t, method, path, reply{response.StatusCode, response.Header, string(read)})
}

func (w *world) get(t *testing.T, path string, header ...string) reply {
	t.Helper()
	return w.send(t, http.MethodGet, path, "", header...)
}

func (w *world) post(t *testing.T, path, body string, header ...string) reply {
	t.Helper()
	return w.send(t, http.MethodPost, path, body, header...)
}

// is fails unless the reply has that status and that JSON.
func (r reply) is(t *testing.T, status int, want string) {
	t.Helper()
	if r.status != status {
		t.Fatalf("status %d, want %d; body: %s", r.status, status, r.body)
	}
	if diff := cmp.Diff(decoded(t, want), decoded(t, r.body)); diff != "" {
		t.Errorf("body differs (-want +got):\n%s", diff)
	}
}

// refuses fails unless the reply is a problem document of that status whose text holds all of the parts.
func (r reply) refuses(t *testing.T, status int, parts ...string) {
	t.Helper()
	if r.status != status {
		t.Fatalf("status %d, want %d; body: %s", r.status, status, r.body)
	}
	if got := r.header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type %q, want a problem document; body: %s", got, r.body)
	}
	var document struct {
		Title, Detail string
		Status        int
	}
	if err := json.Unmarshal([]byte(r.body), &document); err != nil {
		t.Fatalf("%v: %s", err, r.body)
	}
	if document.Status != status || document.Title == "" || document.Detail == "" {
		t.Errorf("not a whole problem document: %s", r.body)
	}
	for _, part := range parts {
		if !strings.Contains(strings.ReplaceAll(r.body, `\"`, `"`), part) {
			t.Errorf("%q is not said in: %s", part, r.body)
		}
	}
}

func decoded(t *testing.T, s string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatalf("%v: %s", err, s)
	}
	return v
}

// fakeStore is a store in memory, as far as the API needs one. What it does not have panics.
type fakeStore struct {
	narrative.Store
	keys
	mu         sync.Mutex
	config     narrative.Config
	datums     []narrative.Datum
	batches    []int
	datumQuery narrative.DatumQuery
	issues     map[string]narrative.Issue
	issueQuery narrative.IssueQuery
	page       narrative.Page
	assertions []narrative.AssertionMeta
	events     []narrative.EventMeta
	runs       []narrative.CheckRun

	notifications     []narrative.Notification
	notificationQuery narrative.NotificationQuery

	issueCounts []narrative.IssueCount

	fail      error // answered by whatever is asked
	addDatums func([]narrative.Datum) error
}

func newFakeStore() *fakeStore {
	return &fakeStore{config: narrative.DefaultConfig(), issues: map[string]narrative.Issue{}}
}

func (s *fakeStore) Config(context.Context) (narrative.Config, error) { return s.config, s.fail }

func (s *fakeStore) AddDatums(_ context.Context, d []narrative.Datum) ([]narrative.Datum, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.addDatums != nil {
		if err := s.addDatums(d); err != nil {
			return nil, err
		}
	}
	s.datums, s.batches = append(s.datums, d...), append(s.batches, len(d))
	return d, s.fail
}

const nextCursor = "c2Vjb25k"

func (s *fakeStore) Datums(_ context.Context, q narrative.DatumQuery, p narrative.Page) (narrative.Listed[narrative.Datum], error) {
	s.datumQuery, s.page = q, p
	if p.Cursor != "" && p.Cursor != nextCursor {
		return narrative.Listed[narrative.Datum]{}, narrative.Errorf(narrative.Invalid, "cursor %q is not of this list", p.Cursor)
	}
	return narrative.Listed[narrative.Datum]{Items: s.datums, NextCursor: nextCursor}, s.fail
}

func (s *fakeStore) Issue(_ context.Context, id string) (narrative.Issue, error) {
	if i, ok := s.issues[id]; ok {
		return i, s.fail
	}
	return narrative.Issue{}, narrative.Errorf(narrative.NotFound, "there is no issue %q", id)
}

func (s *fakeStore) Issues(_ context.Context, q narrative.IssueQuery, p narrative.Page) (l narrative.Listed[narrative.Issue], _ error) {
	s.issueQuery, s.page = q, p
	for _, i := range s.issues {
		l.Items = append(l.Items, i)
	}
	sort.Slice(l.Items, func(a, b int) bool { return l.Items[a].ID > l.Items[b].ID })
	return l, s.fail
}

func (s *fakeStore) Story(ctx context.Context, id string) (narrative.Story, error) {
	i, err := s.Issue(ctx, id)
	return narrative.Story{Issue: i}, err
}

func (s *fakeStore) AssertionMetas(context.Context) ([]narrative.AssertionMeta, error) {
	return s.assertions, s.fail
}

func (s *fakeStore) AssertionMeta(_ context.Context, name string) (narrative.AssertionMeta, error) {
	for _, m := range s.assertions {
		if m.Name == name {
			return m, s.fail
		}
	}
	return narrative.AssertionMeta{}, narrative.Errorf(narrative.NotFound, "there is no assertion %q", name)
}

func (s *fakeStore) EventMetas(context.Context) ([]narrative.EventMeta, error) {
	return s.events, s.fail
}

func (s *fakeStore) EventMeta(_ context.Context, name string) (narrative.EventMeta, error) {
	for _, m := range s.events {
		if m.Name == name {
			return m, s.fail
		}
	}
	return narrative.EventMeta{}, narrative.Errorf(narrative.NotFound, "there is no event %q", name)
}

func (s *fakeStore) RemoveMeta(_ context.Context, name string, _ time.Time) error {
	s.assertions = slices.DeleteFunc(s.assertions, func(m narrative.AssertionMeta) bool { return m.Name == name })
	s.events = slices.DeleteFunc(s.events, func(m narrative.EventMeta) bool { return m.Name == name })
	return s.fail
}

func (s *fakeStore) CheckRuns(_ context.Context, _ string, p narrative.Page) (narrative.Listed[narrative.CheckRun], error) {
	s.page = p
	return narrative.Listed[narrative.CheckRun]{Items: s.runs}, s.fail
}

// fakeOperator remembers what it was told.
type fakeOperator struct {
	narrative.Operator
	signals []string
	signal  func(narrative.Issue) error
	check   func(ctx context.Context) (narrative.CheckRun, error)
	checked []string

	reconciled   int
	reconcileErr error
}

func (o *fakeOperator) Signal(_ context.Context, i narrative.Issue, name narrative.SignalName, payload json.RawMessage) error {
	o.signals = append(o.signals, i.ID+" "+string(name)+" "+string(payload))
	if o.signal != nil {
		return o.signal(i)
	}
	return nil
}

func (o *fakeOperator) Reopen(_ context.Context, i narrative.Issue, by, reason string) error {
	o.signals = append(o.signals, i.ID+" reopen by "+by+": "+reason)
	if o.signal != nil {
		return o.signal(i)
	}
	return nil
}

func (o *fakeOperator) Reconcile(context.Context) (narrative.Reconciled, error) {
	o.reconciled++
	return narrative.Reconciled{}, o.reconcileErr
}

func (o *fakeOperator) CheckNow(ctx context.Context, kind narrative.MetaKind, name string) (narrative.CheckRun, error) {
	o.checked = append(o.checked, string(kind)+" "+name)
	return o.check(ctx)
}

func (o *fakeOperator) DryRun(ctx context.Context, kind narrative.MetaKind, name string) (narrative.CheckRun, error) {
	o.checked = append(o.checked, "dry "+string(kind)+" "+name)
	return o.check(ctx)
}

func foreignCursor() string { return base64.RawURLEncoding.EncodeToString([]byte("elsewhere")) }

// textLogger logs to w, which is read once the server's handlers are done.
func textLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
