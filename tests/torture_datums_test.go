package tests

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestTortureDatums kills the process with SIGKILL, again and again, while datums come in every way there is. At the end
// every datum that was answered with 2xx is there.
func TestTortureDatums(t *testing.T) {
	t.Parallel()
	for name, database := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			env := settings{"TEMPORAL_ADDRESS": temporalServer(t), "NARRATIVE_DATABASE_URL": database(t, dir)}
			if out, code := command(t, narrativeBinary, dir, env, "migrate"); code != 0 {
				t.Fatalf("migrate: exit code %d\n%s", code, out)
			}
			accepted := &accepted{datums: map[string]bool{}}
			for n := range kills(t) {
				p := launch(t, narrativeBinary, dir, env, "serve", "--listen", "127.0.0.1:0")
				p.waitServing()
				ctx, stop := context.WithCancel(t.Context())
				var load sync.WaitGroup
				for worker, send := range []func(context.Context, string, string) int{single, single, array, lines, lines} {
					load.Go(func() { accepted.send(ctx, p.url, fmt.Sprintf("%d-%d", n, worker), send) })
				}
				time.Sleep(time.Duration(200+rand.IntN(800)) * time.Millisecond)
				_ = p.end(syscall.SIGKILL, 10*time.Second)
				stop()
				load.Wait()
			}
			p := launch(t, narrativeBinary, dir, env, "serve", "--listen", "127.0.0.1:0")
			p.waitServing()
			accepted.wantAll(t, p)
		})
	}
}

// waitServing waits until the API answers; a worker is not needed for that.
func (p *process) waitServing() {
	p.t.Helper()
	await(p.t, 60*time.Second, "the API answers", func() error {
		p.url = listening.FindString(p.out.String())
		answer, err := http.Get(p.url + "/healthz")
		if err != nil {
			return err
		}
		return answer.Body.Close()
	})
}

// accepted are the datums that were answered with 2xx.
type accepted struct {
	mu     sync.Mutex
	datums map[string]bool
}

// send sends datums, named after the sender, until the process is gone.
func (a *accepted) send(ctx context.Context, to, sender string, send func(ctx context.Context, to, prefix string) (stored int)) {
	for n := 0; ctx.Err() == nil; n++ {
		prefix := fmt.Sprintf("%s-%d", sender, n)
		stored := send(ctx, to, prefix)
		if stored == 0 {
			return // it is dead
		}
		a.mu.Lock()
		for i := range stored {
			a.datums[fmt.Sprintf("%s-%d", prefix, i)] = true
		}
		a.mu.Unlock()
	}
}

func datumNamed(prefix string, n int) string {
	return fmt.Sprintf(`{"origin":"torture","name":"%s-%d","note":{"n":%d}}`, prefix, n, n)
}

// single, array and lines send datums and return how many were answered to be stored.
func single(ctx context.Context, to, prefix string) int {
	return posted(ctx, to, "application/json", strings.NewReader(datumNamed(prefix, 0)))
}

func array(ctx context.Context, to, prefix string) int {
	var all []string
	for n := range 50 {
		all = append(all, datumNamed(prefix, n))
	}
	return posted(ctx, to, "application/json", strings.NewReader("["+strings.Join(all, ",")+"]"))
}

func lines(ctx context.Context, to, prefix string) int {
	var all bytes.Buffer
	for n := range 3000 {
		fmt.Fprintln(&all, datumNamed(prefix, n))
	}
	return posted(ctx, to, "application/x-ndjson", &all)
}

func posted(ctx context.Context, to, contentType string, body io.Reader) int {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to+"/api/v1/datums", body)
	if err != nil {
		return 0
	}
	r.Header.Set("Content-Type", contentType)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	var taken struct{ Stored int }
	if answer.StatusCode != http.StatusOK || json.NewDecoder(answer.Body).Decode(&taken) != nil {
		return 0
	}
	return taken.Stored
}

// wantAll fails unless the store holds what was accepted.
func (a *accepted) wantAll(t *testing.T, p *process) {
	t.Helper()
	there, cursor := map[string]bool{}, ""
	for {
		var page struct {
			Items      []struct{ Name string }
			NextCursor string `json:"next_cursor"`
		}
		p.get("/api/v1/datums?origin=torture&limit=500&cursor="+url.QueryEscape(cursor), &page)
		for _, d := range page.Items {
			there[d.Name] = true
		}
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	lost := 0
	for name := range a.datums {
		if !there[name] {
			lost++
			t.Logf("%s was accepted and is lost", name)
		}
	}
	if lost > 0 || len(a.datums) == 0 {
		t.Errorf("%d of %d datums are lost", lost, len(a.datums))
	}
	t.Logf("%d kills: %d datums were accepted, %d are there", kills(t), len(a.datums), len(there))
}
