package devserver

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"
)

// ports are the ports of one server. Only frontend and ui are of interest outside.
type ports struct {
	frontend, history, matching, worker int
	ui                                  int // -1: no UI
}

// hostPort returns 127.0.0.1:PORT.
func hostPort(port int) string {
	return net.JoinHostPort(loopback, strconv.Itoa(port))
}

// choosePorts checks that the ports that were asked for are free and picks the others. All the ports are held until
// all are known, so that no two are the same; then they are let go for the server to bind.
func choosePorts(frontend, ui int) (_ ports, err error) {
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	var failed []error
	take := func(port int, what string) int {
		l, err := listen(port)
		if err != nil {
			failed = append(failed, portError(port, what, err))
			return 0
		}
		held = append(held, l)
		return l.Addr().(*net.TCPAddr).Port
	}
	p := ports{frontend: take(frontend, "the Temporal frontend"), ui: -1}
	if ui >= 0 {
		p.ui = take(ui, "the Temporal UI")
	}
	p.history = take(0, "the history service")
	p.matching = take(0, "the matching service")
	p.worker = take(0, "the worker service")
	return p, errors.Join(failed...)
}

// Free ports are taken from below those that systems hand out to outgoing connections (from 32768 on Linux, 49152
// elsewhere): there one that was free a moment ago may be some connection's when the server binds it.
const (
	firstFree = 20000
	pastFree  = 32768
	tries     = 200
)

// listen holds the port, any free one for 0.
func listen(port int) (l net.Listener, err error) {
	if port != 0 {
		return net.Listen("tcp4", hostPort(port))
	}
	for range tries {
		if l, err = net.Listen("tcp4", hostPort(firstFree+rand.IntN(pastFree-firstFree))); err == nil {
			return l, nil
		}
	}
	return nil, err
}

// portError says which port cannot be had, for whom, and what to do about it.
func portError(port int, what string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: port %d, wanted for %s, is taken on %s: "+
			"stop the program that listens there, or choose another port (0 takes a free one)",
			ErrPortInUse, port, what, loopback)
	}
	return fmt.Errorf("devserver: listen on port %d for %s: %w", port, what, err)
}
