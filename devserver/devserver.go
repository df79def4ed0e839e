package devserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/server/temporal"
)

const (
	// loopback is the only address anything here is bound to.
	loopback = "127.0.0.1"

	// startTimeout bounds the wait for the frontend to answer; an ordinary start takes about a second.
	startTimeout = 30 * time.Second

	// stopTimeout bounds Stop, so that a process that is told to end within ten seconds can.
	stopTimeout = 5 * time.Second
)

// ErrDataDirInUse is matched by the error of Start when another server, in this process or another, holds the data
// directory.
var ErrDataDirInUse = errors.New("data directory in use")

// ErrPortInUse is matched by the error of Start when a port that was asked for is taken.
var ErrPortInUse = errors.New("port in use")

// Options says what server to start. Only DataDir is required.
type Options struct {
	// DataDir is the directory that holds temporal.db. It is created when absent. Required.
	DataDir string

	// Port is the port of the frontend's gRPC service. 0, the default, takes a free one.
	Port int

	// UIPort is the port of the web UI. 0, the default, takes a free one; -1 means no UI.
	UIPort int

	// Namespace is created when absent. The default is "default".
	Namespace string

	// Retention is how long a closed workflow of Namespace stays readable. The default is 72 hours, the least 1 hour.
	// It is applied at every start, to a namespace that exists, too.
	Retention time.Duration

	// SearchAttributes are added to Namespace where they are absent; none is ever removed. A name that exists with
	// another type is an error. The server has room for 10 Keyword attributes and 3 of each other type.
	SearchAttributes map[string]enumspb.IndexedValueType

	// Logger gets the errors of the server, and the warnings of this package. The default is slog.Default().
	Logger *slog.Logger
}

// Server is a running Temporal server. Start makes one; the zero value is of no use.
type Server struct {
	address string
	uiURL   string
	log     *quietHandler
	logger  *slog.Logger

	temporal temporal.Server
	ui       *ui
	lock     *dirLock
	stopOnce sync.Once
}

// Start starts a server and returns once its frontend answers, the namespace with its search attributes is there, and
// workflows can be started. The caller must Stop it.
//
// It starts nothing and returns an error that says what to do when a port is taken (ErrPortInUse) or another server
// runs on the same data directory (ErrDataDirInUse). A cancelled ctx abandons the start; it does not stop a server that
// was returned.
func Start(ctx context.Context, o Options) (*Server, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	lock, err := lockDir(o.DataDir)
	if err != nil {
		return nil, err
	}
	s, err := start(ctx, o, lock)
	if err != nil {
		return nil, errors.Join(err, lock.release())
	}
	return s, nil
}

// Address returns the frontend's host:port.
func (s *Server) Address() string { return s.address }

// UIURL returns the address of the web UI, http://127.0.0.1:PORT, or "" when it was not wanted.
func (s *Server) UIURL() string { return s.uiURL }

// Stop stops the UI and the server and lets go of the data directory. It returns within about five seconds: a server
// that has not stopped by then is left to end with the process, which is safe, and a warning says so. Workflows that
// run go on at the next Start. Stop may be called more than once.
func (s *Server) Stop() {
	s.stopOnce.Do(s.stop)
}

// withDefaults returns the options with defaults filled in and DataDir made absolute, or says which one is wrong.
func (o Options) withDefaults() (Options, error) {
	if o.DataDir == "" {
		return o, errors.New("devserver: DataDir is required")
	}
	if o.Port < 0 || o.Port > 65535 {
		return o, fmt.Errorf("devserver: Port is %d; expected 0 to 65535", o.Port)
	}
	if o.UIPort < -1 || o.UIPort > 65535 {
		return o, fmt.Errorf("devserver: UIPort is %d; expected -1 to 65535", o.UIPort)
	}
	if o.Namespace == "" {
		o.Namespace = "default"
	}
	if o.Retention == 0 {
		o.Retention = 72 * time.Hour
	}
	if o.Retention < time.Hour {
		return o, fmt.Errorf("devserver: Retention is %s; expected at least 1h", o.Retention)
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	dir, err := filepath.Abs(o.DataDir)
	if err != nil {
		return o, fmt.Errorf("devserver: find data directory %q: %w", o.DataDir, err)
	}
	o.DataDir = dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return o, fmt.Errorf("devserver: make data directory: %w", err)
	}
	return o, nil
}

// start does the work of Start, with the data directory locked.
func start(ctx context.Context, o Options, lock *dirLock) (_ *Server, err error) {
	ports, err := choosePorts(o.Port, o.UIPort)
	defer ports.release()
	if err != nil {
		return nil, err
	}
	file, err := openStore(ctx, o)
	if err != nil {
		return nil, err
	}
	s := &Server{address: hostPort(ports.frontend), log: newQuietHandler(o.Logger.Handler()), logger: o.Logger, lock: lock}
	if err := s.startTemporal(file, ports); err != nil {
		return nil, err
	}
	if err := s.awaitReady(ctx, o.Namespace); err != nil {
		s.shutdown()
		return nil, err
	}
	if o.UIPort < 0 {
		return s, nil
	}
	s.ui = newUI(ports.ui, s.address, o.Namespace)
	s.uiURL = "http://" + hostPort(ports.ui)
	if err := s.ui.start(ctx); err != nil {
		s.shutdown()
		return nil, err
	}
	return s, nil
}

// startTemporal starts the four services. What the server reports as fatal while it starts comes back as an error.
func (s *Server) startTemporal(file *store, ports ports) (err error) {
	defer recoverFatal(&err)
	options, err := serverOptions(file, ports, s.log)
	if err != nil {
		return err
	}
	if s.temporal, err = temporal.NewServer(options...); err != nil {
		return fmt.Errorf("devserver: assemble the server: %w", err)
	}
	if err := s.temporal.Start(); err != nil {
		s.shutdown()
		return fmt.Errorf("devserver: start the server: %w", err)
	}
	return nil
}

// stop does the work of Stop. The lock is kept when the server has not stopped, since it may still write.
func (s *Server) stop() {
	if !s.shutdown() {
		s.logger.Warn("the embedded Temporal server has not stopped in time; it ends with the process",
			"waited", stopTimeout)
		return
	}
	if err := s.lock.release(); err != nil {
		s.logger.Warn("the data directory was not unlocked", "error", err)
	}
}

// shutdown stops the UI, then the services, and reports whether they stopped within stopTimeout.
func (s *Server) shutdown() bool {
	s.log.stop()
	if s.ui != nil {
		s.ui.stop()
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		if err := s.temporal.Stop(); err != nil {
			s.logger.Warn("the embedded Temporal server did not stop cleanly", "error", err)
		}
	}()
	select {
	case <-stopped:
		return true
	case <-time.After(stopTimeout):
		return false
	}
}
