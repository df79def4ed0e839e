package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// server is a PostgreSQL server; one that was not started here has no process.
type server struct {
	url     string
	dir     string
	process *os.Process
	ended   chan struct{} // closed when the process has
}

const (
	dirPrefix    = "narrative-pgtest-"
	startTimeout = time.Minute
)

// launch makes a cluster in a temporary folder and starts a server on it.
func launch() (*server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	removeLeftovers()
	who, err := account()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", dirPrefix, os.Getpid()))
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, ended: make(chan struct{})}
	if err := s.run(bin, who); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *server) run(bin string, who *syscall.Credential) error {
	if who != nil {
		if err := os.Chown(s.dir, int(who.Uid), int(who.Gid)); err != nil {
			return err
		}
	}
	data := filepath.Join(s.dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "--no-sync", "--auth=trust", "--username=postgres",
		"--encoding=UTF8", "--locale="+locale(), "-D", data)
	initdb.Dir = s.dir
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	// Another process may take the port before the server does.
	var err error
	for range 3 {
		if err = s.serve(bin, data, who); err == nil {
			return nil
		}
	}
	return err
}

func (s *server) serve(bin, data string, who *syscall.Credential) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	var log bytes.Buffer
	s.ended = make(chan struct{})
	postgres := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-p", strconv.Itoa(port), "-k", s.dir,
		"-c", "listen_addresses=127.0.0.1", "-c", "max_connections=400", "-c", "log_min_messages=fatal")
	if !lasting.Load() {
		postgres.Args = append(postgres.Args, "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
			"-c", "shared_buffers=32MB", "-c", "autovacuum=off")
	}
	postgres.Dir, postgres.Stdout, postgres.Stderr = s.dir, &log, &log
	postgres.SysProcAttr = &syscall.SysProcAttr{Credential: who, Setpgid: true}
	endWithUs(postgres.SysProcAttr)
	if err := startHeld(postgres, s.ended); err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	s.process = postgres.Process
	u := url.URL{
		Scheme: "postgres", User: url.User("postgres"), Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		Path: "/postgres", RawQuery: "sslmode=disable",
	}
	s.url = u.String()
	if err := s.await(); err != nil {
		s.end()
		return fmt.Errorf("%w\n%s", err, log.String())
	}
	return nil
}

// lasting tells that the next server keeps what it is told through a crash of the machine, as PostgreSQL's defaults do.
var lasting atomic.Bool

// startHeld starts a command from a thread that stays as long as the command does: on Linux a child is told that its
// parent died when the thread that started it does.
func startHeld(cmd *exec.Cmd, ended chan struct{}) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
			close(ended)
		}
	}()
	return <-started
}

// await returns once the server answers.
func (s *server) await() error {
	deadline := time.Now().Add(startTimeout)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		conn, err := pgx.Connect(ctx, s.url)
		if err == nil {
			_ = conn.Close(ctx)
			cancel()
			return nil
		}
		cancel()
		select {
		case <-s.ended:
			return errors.New("the test server ended at once")
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the test server does not answer: %w", err)
		}
	}
}

// end ends the process at once: nothing on its disk will be read again.
func (s *server) end() {
	if s.process == nil {
		return
	}
	_ = s.process.Signal(syscall.SIGQUIT)
	select {
	case <-s.ended:
	case <-time.After(5 * time.Second):
		_ = s.process.Kill()
		<-s.ended
	}
	s.process = nil
}

func (s *server) stop() {
	s.end()
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

// removeLeftovers removes the folders of test processes that were killed.
func removeLeftovers() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), dirPrefix+"*"))
	for _, dir := range dirs {
		owner, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), dirPrefix), "-")
		pid, err := strconv.Atoi(owner)
		if err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = os.RemoveAll(dir)
		}
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
