package devserver

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"strconv"
	"syscall"
)

// ports are the ports of one server. Only frontend and ui are of interest outside.
type ports struct {
	frontend, history, matching, worker int
	ui                                  int // -1: no UI
	claims                              []net.Listener
}

// release gives the claims up, once the ports are bound.
func (p ports) release() {
	for _, c := range p.claims {
		_ = c.Close()
	}
}

// claim keeps other servers of this machine from choosing a port that this one has chosen and not bound yet; false where
// one of them has claimed it. It is a socket in Linux's abstract namespace, which ends with the process and leaves no
// file; elsewhere nothing is claimed, and l is nil.
func claim(port int) (l net.Listener, ok bool) {
	if runtime.GOOS != "linux" {
		return nil, true
	}
	l, err := net.Listen("unix", "@narrative-devserver-port-"+strconv.Itoa(port))
	return l, err == nil
}

// hostPort returns 127.0.0.1:PORT.
func hostPort(port int) string {
	return net.JoinHostPort(loopback, strconv.Itoa(port))
}

// choosePorts checks that the ports that were asked for are free and picks the others. All the ports are held until
// all are known, so that no two are the same; then they are let go for the server to bind, and stay claimed until
// release.
func choosePorts(frontend, ui int) (p ports, err error) {
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	var failed []error
	take := func(port int, what string) int {
		l, claimed, err := listen(port)
		if claimed != nil {
			p.claims = append(p.claims, claimed)
		}
		if err != nil {
			failed = append(failed, portError(port, what, err))
			return 0
		}
		held = append(held, l)
		return l.Addr().(*net.TCPAddr).Port
	}
	p.frontend, p.ui = take(frontend, "the Temporal frontend"), -1
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

// listen holds the port, any free one for 0, which it claims as well.
func listen(port int) (l, claimed net.Listener, err error) {
	if port != 0 {
		l, err = net.Listen("tcp4", hostPort(port))
		return l, nil, err
	}
	for range tries {
		port = firstFree + rand.IntN(pastFree-firstFree)
		c, ok := claim(port)
		if !ok {
			err = fmt.Errorf("port %d is claimed by another server", port)
			continue
		}
		if l, err = net.Listen("tcp4", hostPort(port)); err == nil {
			return l, c, nil
		}
		if c != nil {
			_ = c.Close()
		}
	}
	return nil, nil, err
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
