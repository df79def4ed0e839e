package tests

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a Narrative process under test.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	url  string // of its API
	out  *transcript
	done chan error
}

// transcript keeps what a process prints.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *transcript) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *transcript) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// settings are a process's environment beyond what every one gets.
type settings map[string]string

// environment is a clean environment: nothing of the machine's own Narrative or Temporal leaks in.
func environment(s settings) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir(), "NO_COLOR=1", "TEMPORAL_CONFIG_FILE=/dev/null"}
	for k, v := range s {
		env = append(env, k+"="+v)
	}
	return env
}

// start starts the binary in dir with ports of its choice and waits until it is ready.
func start(t *testing.T, binary, dir string, env settings, args ...string) *process {
	t.Helper()
	p := launch(t, binary, dir, env, args...)
	p.waitReady(60 * time.Second)
	return p
}

var listening = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// launch starts the binary, which is killed when the test ends.
func launch(t *testing.T, binary, dir string, env settings, args ...string) *process {
	t.Helper()
	p := &process{t: t, out: &transcript{}, done: make(chan error, 1)}
	p.cmd = exec.Command(binary, args...)
	p.cmd.Dir, p.cmd.Env = dir, environment(env)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		if t.Failed() {
			t.Logf("what %s printed:\n%s", filepath.Base(binary), p.out)
		}
	})
	return p
}

// waitReady waits until the process says where its API is and the API says that it is ready.
func (p *process) waitReady(within time.Duration) {
	p.t.Helper()
	await(p.t, within, "the process is ready", func() error {
		select {
		case err := <-p.done:
			p.done <- err
			p.t.Fatalf("it ended: %v\n%s", err, p.out)
		default:
		}
		for _, url := range listening.FindAllString(p.out.String(), -1) {
			answer, err := http.Get(url + "/readyz")
			if err != nil {
				continue
			}
			body, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK && json.Valid(body) {
				p.url = url
				return nil
			}
		}
		return fmt.Errorf("not ready; so far:\n%s", p.out)
	})
}

// end sends the process a signal and returns how it ended.
func (p *process) end(s os.Signal, within time.Duration) error {
	p.t.Helper()
	p.tell(s)
	return p.ended(within)
}

// tell sends the process a signal.
func (p *process) tell(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// ended waits until the process has ended and returns how.
func (p *process) ended(within time.Duration) error {
	p.t.Helper()
	select {
	case err := <-p.done:
		return err
	case <-time.After(within):
		p.t.Fatalf("it did not end within %s:\n%s", within, p.out)
		return nil
	}
}

// command runs a binary to its end.
func command(t *testing.T, binary, dir string, env settings, args ...string) (string, int) {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Dir, cmd.Env = dir, environment(env)
	out, err := cmd.CombinedOutput()
	if exit, ok := err.(*exec.ExitError); ok {
		return string(out), exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(out), 0
}

// get reads a JSON answer of the API.
func (p *process) get(path string, into any) {
	p.t.Helper()
	answer, err := http.Get(p.url + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(answer.Body)
		p.t.Fatalf("GET %s: %s\n%s", path, answer.Status, body)
	}
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		p.t.Fatalf("GET %s: %v", path, err)
	}
}

// issue is an issue as the API shows it.
type issue struct {
	ID         string `json:"id"`
	WorkflowID string `json:"workflow_id"`
	Kind       string `json:"kind"`
	Record     struct {
		Type string `json:"type"`
		ID   string `json:"id"`
	} `json:"record"`
	Status     string     `json:"status"`
	Severity   string     `json:"severity"`
	Summary    string     `json:"summary"`
	Rounds     int        `json:"rounds"`
	ResolvedAt *time.Time `json:"resolved_at"`
	Steps      []struct {
		ID       string `json:"id"`
		Case     string `json:"case"`
		Action   string `json:"action"`
		State    string `json:"state"`
		Count    int    `json:"count"`
		Solution *struct {
			Error string `json:"error"`
		} `json:"solution"`
	} `json:"steps"`
}

func (p *process) issues(query string) []issue {
	p.t.Helper()
	var list struct {
		Items []issue `json:"items"`
	}
	p.get("/api/v1/issues"+query, &list)
	return list.Items
}

// settled waits until the first check of an assertion, which is made at once, is over, so that the next one that is
// asked for does not join it.
func (p *process) settled(assertion string) {
	p.t.Helper()
	await(p.t, 30*time.Second, assertion+" was checked", func() error {
		if len(p.runs("assertions/"+assertion)) == 0 {
			return fmt.Errorf("no run")
		}
		return nil
	})
	caller{p.t, p.url, ""}.does(200, "POST", "/api/v1/assertions/"+assertion+"/check", "") // joins it, or comes after it
}

// await waits until ready answers nil, polling, and fails the test with its last answer.
func await(t *testing.T, within time.Duration, what string, ready func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := ready()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited %s until %s: %v", within, what, err)
		}
		<-time.After(50 * time.Millisecond)
	}
}

// letter is a mail in the outbox.
type letter struct {
	File, To, Subject, Kind, MessageID, Text string
	Issues                                   []string
}

// outbox reads the mails in a folder, in the order of their names.
func outbox(t *testing.T, dir string) []letter {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(files)
	var letters []letter
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		m, err := mail.ReadMessage(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			t.Fatalf("%s is not a mail: %v", f, err)
		}
		body, err := io.ReadAll(m.Body)
		if err != nil {
			t.Fatal(err)
		}
		letters = append(letters, letter{
			File: filepath.Base(f), To: strings.Trim(m.Header.Get("To"), "<>"), Subject: m.Header.Get("Subject"),
			Kind: m.Header.Get("X-Narrative-Kind"), MessageID: m.Header.Get("Message-ID"), Text: string(body),
			Issues: m.Header["X-Narrative-Issue"],
		})
	}
	return letters
}

// count counts the letters of a kind.
func count(letters []letter, kind string) (n int) {
	for _, l := range letters {
		if l.Kind == kind {
			n++
		}
	}
	return n
}
