package tests

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence"
)

// TestWhatIsUnderWayIsFinishedBeforeTheProcessEnds tells the process to end while a check waits for an application and
// an upload has come halfway: both are finished, answered, and in the store. An upload that never goes on keeps nothing
// from ending, and is answered with how far it came.
func TestWhatIsUnderWayIsFinishedBeforeTheProcessEnds(t *testing.T) {
	t.Parallel()
	for name, database := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, page := t.TempDir(), newSlowPage(t)
			url := database(t, dir)
			p := start(t, narrativeBinary, dir, settings{"NARRATIVE_DATABASE_URL": url}, "dev", "--listen", "127.0.0.1:0", "--temporal-port", "0", "--ui-port", "0")
			caller{t, p.url, ""}.does(201, "PUT", "/api/v1/assertions/page", fmt.Sprintf(`{"class": "http", "every": "24h", "args": {"url": %q}}`, page.URL))
			p.settled("page")

			page.slow.Store(true)
			check := later(t, p.url+"/api/v1/assertions/page/check", nil)
			page.awaitAsked(t)
			half, stalled := p.upload(), p.upload()
			half.sends("ending", 0, 1500)
			stalled.sends("stalled", 0, 1)
			await(t, 10*time.Second, "the beginning of the upload is stored", func() error {
				if there, _ := (caller{t, p.url, ""}).does(200, "GET", "/api/v1/datums?limit=1", ""); len(there["items"].([]any)) == 0 {
					return errors.New("nothing is")
				}
				return nil
			})

			began := time.Now()
			p.tell(syscall.SIGTERM)
			p.awaitClosed()
			close(page.answer)
			half.sends("ending", 1500, 2000)
			half.Close()

			run := check.answered(t)
			if run["outcome"] != "passed" {
				t.Errorf("the check was answered %v", run)
			}
			if taken := half.answered(t); taken["stored"] != 2000. {
				t.Errorf("the upload was answered %v", taken)
			}
			if err := p.ended(10*time.Second - time.Since(began)); err != nil {
				t.Errorf("SIGTERM: %v; want exit code 0", err)
			}
			if got := <-stalled.pending; got.status != 503 || !strings.Contains(string(got.body), "1 datums before were stored") {
				t.Errorf("what was never sent whole was answered %d, %v: %s", got.status, got.err, got.body)
			}
			holds(t, url, 2001, fmt.Sprint(run["id"]))
		})
	}
}

// slowPage is a page of an application; once it is slow, it says that it was asked, and answers when it is let.
type slowPage struct {
	*httptest.Server
	slow          atomic.Bool
	asked, answer chan struct{}
}

func newSlowPage(t *testing.T) *slowPage {
	t.Helper()
	p := &slowPage{asked: make(chan struct{}, 8), answer: make(chan struct{})}
	p.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if !p.slow.Load() {
			return
		}
		p.asked <- struct{}{}
		select {
		case <-p.answer:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// awaitAsked waits until the page was asked for since it is slow.
func (p *slowPage) awaitAsked(t *testing.T) {
	t.Helper()
	await(t, 20*time.Second, "the page is asked for", func() error {
		select {
		case <-p.asked:
			return nil
		default:
			return errors.New("it is not")
		}
	})
}

// upload is a request that brings NDJSON little by little.
type upload struct {
	*io.PipeWriter
	pending
}

func (p *process) upload() upload {
	p.t.Helper()
	body, w := io.Pipe()
	return upload{w, later(p.t, p.url+"/api/v1/datums", body)}
}

// sends sends datums of that name and these numbers.
func (u upload) sends(name string, from, to int) {
	for n := from; n < to; n++ {
		fmt.Fprintln(u, datumNamed(name, n)) // if it fails, the reply says why
	}
}

// reply is what became of a request.
type reply struct {
	status int
	body   []byte
	err    error
}

// pending receives the reply to a request that is under way.
type pending <-chan reply

// later posts a body, NDJSON where there is one.
func later(t *testing.T, url string, body io.Reader) pending {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-ndjson")
	replies := make(chan reply, 1)
	go func() {
		answer, err := (&http.Client{Timeout: 30 * time.Second}).Do(r)
		if err != nil {
			replies <- reply{err: err}
			return
		}
		defer answer.Body.Close()
		read, err := io.ReadAll(answer.Body)
		replies <- reply{answer.StatusCode, read, err}
	}()
	return replies
}

// answered waits for the reply, which must be 200, and returns its body.
func (p pending) answered(t *testing.T) (body map[string]any) {
	t.Helper()
	r := <-p
	if err := errors.Join(r.err, json.Unmarshal(r.body, &body)); err != nil || r.status != http.StatusOK {
		t.Fatalf("status %d, %v\n%s", r.status, err, r.body)
	}
	return body
}

// awaitClosed waits until the API takes no further connections.
func (p *process) awaitClosed() {
	p.t.Helper()
	await(p.t, 10*time.Second, "the API takes no further connections", func() error {
		c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			return nil
		}
		return errors.Join(errors.New("it took one"), c.Close())
	})
}

// holds fails unless the store at the URL has so many datums of the uploads, and the check of the page.
func holds(t *testing.T, url string, datums int, run string) {
	t.Helper()
	store, err := persistence.Open(t.Context(), url, persistence.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	got := 0
	for page := (narrative.Page{Limit: narrative.MaxPage}); ; {
		listed, err := store.Datums(t.Context(), narrative.DatumQuery{Origin: "torture", Now: time.Now()}, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range listed.Items {
			if strings.HasPrefix(d.Name, "ending-") || strings.HasPrefix(d.Name, "stalled-") {
				got++
			}
		}
		if page.Cursor = listed.NextCursor; page.Cursor == "" {
			break
		}
	}
	if got != datums {
		t.Errorf("the store has %d of the %d datums that were accepted", got, datums)
	}
	runs, err := store.CheckRuns(t.Context(), "page", narrative.Page{})
	if err != nil || !slices.ContainsFunc(runs.Items, func(r narrative.CheckRun) bool { return r.ID == run && r.Outcome == narrative.OutcomePassed }) {
		t.Errorf("check %s is not in the store: %+v, %v", run, runs.Items, err)
	}
}
