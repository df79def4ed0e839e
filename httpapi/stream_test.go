package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/httpapi"
	"github.com/narrative-go/narrative/persistence"
)

// streaming is an upload of NDJSON under way.
type streaming struct {
	*io.PipeWriter
	replies chan reply
}

func (w *world) stream(t *testing.T) streaming {
	t.Helper()
	body, pipe := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.server.URL+"/api/v1/datums", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", ndjson)
	s := streaming{pipe, make(chan reply, 1)}
	go func() {
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			s.replies <- reply{body: err.Error()}
			return
		}
		defer answer.Body.Close()
		read, _ := io.ReadAll(answer.Body)
		s.replies <- reply{answer.StatusCode, answer.Header, string(read)}
	}()
	return s
}

// sends sends a line.
func (s streaming) sends(line string) { fmt.Fprintln(s, line) } // if it fails, the reply says why

// awaitDatums waits until the store has those of these names, newest first, and returns them.
func awaitDatums(t *testing.T, store *persistence.Store, names ...string) []narrative.Datum {
	t.Helper()
	var got []string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		listed, err := store.Datums(context.Background(), narrative.DatumQuery{Now: noon}, narrative.Page{})
		if err != nil {
			t.Fatal(err)
		}
		got = nil
		for _, d := range listed.Items {
			got = append(got, d.Name)
		}
		if cmp.Equal(names, got) {
			return listed.Items
		}
	}
	t.Fatalf("the store has %q, want %q", got, names)
	return nil
}

func TestAStreamIsStoredAndJudgedAsItComes(t *testing.T) {
	t.Parallel()
	w, store := withSQLite(t, func(o *httpapi.Options) { o.Now = time.Now })
	s := w.stream(t)
	s.sends(`{"origin":"o","name":"first"}`)
	awaitDatums(t, store, "first")
	sent := time.Now().Truncate(time.Microsecond)
	s.sends(`{"origin":"o","name":"second","ttl":"1h"}`)
	second := awaitDatums(t, store, "second", "first")[0]
	if second.At.Before(sent) || !second.ExpiresAt.Equal(second.At.Add(time.Hour)) {
		t.Errorf("what was sent at %v is of %v and expires at %v", sent, second.At, second.ExpiresAt)
	}
	other, err := httpapi.New(w.options) // of another process
	if err != nil {
		t.Fatal(err)
	}
	change := func(level string) {
		answer := httptest.NewRecorder()
		other.ServeHTTP(answer, httptest.NewRequest(http.MethodPatch, configPath, strings.NewReader(`{"minimum_datum_log_level":"`+level+`"}`)))
		if answer.Code != 200 {
			t.Fatal(answer.Body)
		}
		time.Sleep(time.Second) // so long it may take to be known
	}
	change("error")
	s.sends(`{"origin":"o","name":"filtered"}`)
	s.sends(`{"origin":"o","name":"third","level":"error"}`)
	awaitDatums(t, store, "third", "second", "first")
	change("warn")
	s.sends(`{"origin":"o","name":"fourth","level":"warn"}`)
	_ = s.Close()
	(<-s.replies).is(t, 200, `{"stored":4,"filtered":1,"refused":0,"errors":[]}`)
	awaitDatums(t, store, "fourth", "third", "second", "first")
}

func TestAStreamThatIsLeftIsStored(t *testing.T) {
	t.Parallel()
	w, store := withSQLite(t)
	conn := w.dial(t)
	fmt.Fprintf(conn, "POST /api/v1/datums HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: 1000\r\n\r\n"+
		`{"origin":"o","name":"whole"}`+"\n"+`{"origin":"o","name":"half"}`, ndjson)
	_ = conn.Close()
	awaitDatums(t, store, "whole")
}

func (w *world) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", w.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	return conn
}

// stalling brings what it holds and then nothing in time.
type stalling struct{ io.Reader }

func (s stalling) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	if errors.Is(err, io.EOF) {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

func TestAStreamThatStallsIsStored(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := httptest.NewRequest(http.MethodPost, "/api/v1/datums", stalling{strings.NewReader(`{"origin":"o","name":"whole"}` + "\n" + `{"origin":"o","name":"half"}`)})
	r.Header.Set("Content-Type", ndjson)
	answer := httptest.NewRecorder()
	w.server.Config.Handler.ServeHTTP(answer, r)
	reply{answer.Code, answer.Header(), answer.Body.String()}.refuses(t, 408, "the body did not arrive in time; 1 datums before were stored")
}

func TestAStreamIsStoredWhenTheProcessEnds(t *testing.T) {
	t.Parallel()
	ending := make(chan struct{})
	w, store := withSQLite(t, func(o *httpapi.Options) { o.Ending = ending })
	stalled, finished := w.stream(t), w.stream(t)
	stalled.sends(`{"origin":"o","name":"a"}`)
	awaitDatums(t, store, "a")
	close(ending)
	finished.sends(`{"origin":"o","name":"b"}`)
	_ = finished.Close()
	(<-finished.replies).is(t, 200, `{"stored":1,"filtered":0,"refused":0,"errors":[]}`)
	stalled.sends(`{"origin":"o","name":"c"}`)
	_, _ = io.WriteString(stalled, `{"origin":"o"`)
	began := time.Now()
	(<-stalled.replies).refuses(t, 503, "the process is about to end; send the rest again; 2 datums before were stored")
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	awaitDatums(t, store, "c", "b", "a")
}

func TestAStreamWhoseStoreFailsWaitsForNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.addDatums = func([]narrative.Datum) error {
		return narrative.Errorf(narrative.Unavailable, "the store does not answer")
	}
	s := w.stream(t)
	s.sends(`{"origin":"o","name":"1"}`)
	time.Sleep(time.Second) // it is handed over
	s.sends(`{"origin":"o","name":"2"}`)
	(<-s.replies).refuses(t, 503, "the store does not answer; 0 datums before were stored")
}

func TestAStreamThatAsksFirstIsTold(t *testing.T) {
	t.Parallel()
	w, store := withSQLite(t)
	ask := func(contentType string) (conn net.Conn, line string, answers *bufio.Reader) {
		conn = w.dial(t)
		fmt.Fprintf(conn, "POST /api/v1/datums HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Type: %s\r\nContent-Length: 30\r\n\r\n", contentType)
		answers = bufio.NewReader(conn)
		line, err := answers.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return conn, line, answers
	}
	if _, line, _ := ask("text/csv"); !strings.Contains(line, "415") {
		t.Errorf("who asks to send text is answered %q", line)
	}
	conn, line, answers := ask(ndjson)
	if !strings.Contains(line, "100 Continue") {
		t.Fatalf("it is answered %q", line)
	}
	_, _ = answers.ReadString('\n')
	fmt.Fprintln(conn, `{"origin":"o","name":"asked"}`)
	answer, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var taken httpapi.Intake
	if err := json.NewDecoder(answer.Body).Decode(&taken); err != nil || taken.Stored != 1 {
		t.Errorf("%v: %v", err, taken)
	}
	awaitDatums(t, store, "asked")
}
