package tests

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/narrative-go/narrative/persistence/pgtest"
)

// TestDatums writes and reads datums by two processes on one store, of either kind.
func TestDatums(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]string{
		"sqlite":   "sqlite:" + filepath.Join(t.TempDir(), "narrative.db"),
		"postgres": pgtest.Empty(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, env := t.TempDir(), settings{"TEMPORAL_ADDRESS": temporalServer(t), "NARRATIVE_DATABASE_URL": store}
			if out, code := command(t, narrativeBinary, dir, env, "migrate"); code != 0 {
				t.Fatalf("migrate: exit code %d\n%s", code, out)
			}
			one, other := launch(t, narrativeBinary, dir, env, "serve", "--listen", "127.0.0.1:0"), launch(t, narrativeBinary, dir, env, "serve", "--listen", "127.0.0.1:0")
			one.waitServing()
			other.waitServing()
			here, there := caller{t, one.url, ""}, caller{t, other.url, ""}
			following := follow(t, other.url+"/api/v1/datums/tail?origin=odd")
			oddLines(t, here, there)
			followed(t, following)
			minimumLevel(t, here, there)
			expiry(t, here, there)
			heartbeats(t, here, there)
			if err := one.end(syscall.SIGTERM, 10*time.Second); err != nil {
				t.Errorf("it ended with %v", err)
			}
		})
	}
}

// oddLines sends lines of every kind that somebody may send.
func oddLines(t *testing.T, here, there caller) {
	t.Helper()
	line := func(note string) string { return `{"origin":"odd","name":"n","note":` + note + `}` }
	lines := []string{
		line(`{"order":9007199254740993,"big":123456789012345678901234567890,"text":"größer 漢字 🎉"}`), // kept as written
		line(`"` + strings.Repeat("x", 10<<20) + `"`),
		line("\"\xff\xfe\""),
		line(`"\u0000"`),
		line(strings.Repeat("[", 5000) + strings.Repeat("]", 5000)),
		line(strings.Repeat("[", 500) + strings.Repeat("]", 500)),
		`{"origin":"odd"`,
		`[1]`,
		``,
		`{"origin":"odd","name":"n"}{"origin":"odd","name":"m"}`,
		line(`{"order":42}`),
	}
	said, _ := here.does(200, "POST", "/api/v1/datums", strings.Join(lines, "\n"), "Content-Type", "application/x-ndjson")
	var refused []float64
	for _, e := range said["errors"].([]any) {
		refused = append(refused, e.(map[string]any)["line"].(float64))
	}
	if fmt.Sprint(said["stored"], said["refused"], refused) != "3 7 [2 3 4 5 7 8 10]" {
		t.Errorf("it says %v", said)
	}
	for query, want := range map[string]int{
		"": 3, "&note.order=42": 1, "&note.order=9007199254740993": 1, "&note.order=9007199254740992": 0, "&q=gr%C3%B6sser": 0, "&q=GR%C3%96%C3%9FER": 1,
		"&note.text=gr%C3%B6%C3%9Fer+%E6%BC%A2%E5%AD%97+%F0%9F%8E%89": 1, "&note.big=123456789012345678901234567890": 1,
	} {
		listed, _ := there.does(200, "GET", "/api/v1/datums?origin=odd"+query, "")
		if got := len(listed["items"].([]any)); got != want {
			t.Errorf("%s: %d datums, want %d", query, got, want)
		}
	}
	oldest, _ := there.does(200, "GET", "/api/v1/datums?origin=odd&order=oldest&limit=1", "")
	next, _ := there.does(200, "GET", "/api/v1/datums?origin=odd&order=oldest&limit=500&cursor="+oldest["next_cursor"].(string), "")
	if len(next["items"].([]any)) != 2 {
		t.Errorf("after the oldest come %v", next)
	}
	there.does(400, "GET", "/api/v1/datums?origin=odd&order=newest&cursor="+oldest["next_cursor"].(string), "")
}

// follow follows datums, and hands on their notes.
func follow(t *testing.T, url string) <-chan string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%v %v", answer, err)
	}
	notes := make(chan string, 100)
	go func() {
		defer answer.Body.Close()
		defer close(notes)
		lines := bufio.NewScanner(answer.Body)
		for lines.Buffer(nil, 1<<20); lines.Scan(); {
			var d struct{ Note json.RawMessage }
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && json.Unmarshal([]byte(data), &d) == nil {
				notes <- string(d.Note)
			}
		}
	}()
	return notes
}

func followed(t *testing.T, notes <-chan string) {
	t.Helper()
	for range 3 {
		if note, ok := <-notes; !ok || note == "" {
			t.Error("whoever follows by the other process does not see what was stored")
		}
	}
}

// minimumLevel changes the minimum level by one process; a second later it holds in the other.
func minimumLevel(t *testing.T, here, there caller) {
	t.Helper()
	const loud = `{"origin":"level","name":"n","level":"info"}`
	for _, step := range []struct {
		minimum          string
		stored, filtered float64
	}{{"warn", 0, 1}, {"trace", 1, 0}, {"error", 0, 1}, {"info", 1, 0}} {
		there.does(200, "POST", "/api/v1/datums", loud+"\n", "Content-Type", "application/x-ndjson") // it knows the one before
		here.does(200, "PATCH", "/api/v1/config", fmt.Sprintf(`{"minimum_datum_log_level":%q}`, step.minimum))
		for _, c := range []caller{here, there} {
			said, _ := c.does(200, "POST", "/api/v1/datums", loud)
			if said["stored"] != step.stored || said["filtered"] != step.filtered {
				t.Errorf("with the minimum %s it says %v", step.minimum, said)
			}
			time.Sleep(time.Second)
		}
	}
}

// expiry sees that expired datums are seen by nobody, and removed when that is asked for.
func expiry(t *testing.T, here, there caller) {
	t.Helper()
	here.does(200, "POST", "/api/v1/datums", `[{"origin":"expiry","name":"a","ttl":"1s"},{"origin":"expiry","name":"b","ttl":"1h"}]`)
	time.Sleep(1100 * time.Millisecond)
	listed, _ := there.does(200, "GET", "/api/v1/datums?origin=expiry", "")
	if len(listed["items"].([]any)) != 1 {
		t.Errorf("it lists %v", listed)
	}
	if swept, _ := there.does(200, "POST", "/api/v1/datums/sweep", ""); swept["datums"] != 1.0 || swept["more"] != false {
		t.Errorf("it says %v", swept)
	}
}

// heartbeats beats by one process and reads by the other.
func heartbeats(t *testing.T, here, there caller) {
	t.Helper()
	here.does(201, "POST", "/api/v1/heartbeats/job/start", "")
	here.does(201, "GET", "/api/v1/heartbeats/job", "")
	there.does(200, "HEAD", "/api/v1/heartbeats/job", "") // too soon to be kept
	there.does(201, "POST", "/api/v1/heartbeats/job/fail", `{"exit_code":3}`)
	listed, _ := there.does(200, "GET", "/api/v1/heartbeats", "")
	if jobs, _ := json.Marshal(listed["items"]); !strings.Contains(string(jobs), `"exit_code":3`) || !strings.Contains(string(jobs), `"kind":"fail"`) {
		t.Errorf("it lists %s", jobs)
	}
	history, _ := there.does(200, "GET", "/api/v1/heartbeats/job/history", "")
	items := history["items"].([]any)
	if len(items) != 2 || items[0].(map[string]any)["state"] != "down" || items[1].(map[string]any)["state"] != "up" {
		t.Errorf("its history is %v", history)
	}
}
