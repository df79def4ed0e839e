package devserver

import (
	"net"
	"runtime"
	"strings"
	"testing"
)

// Between the choice of a port and its use another program may take it. Then Start must fail, not the process.
func TestPortTakenAtTheLastMomentIsAnError(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p, err := choosePorts(0, -1)
	if err != nil {
		t.Fatal(err)
	}
	p.history = l.Addr().(*net.TCPAddr).Port

	o, err := Options{DataDir: t.TempDir(), Logger: (&record{}).logger()}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	file, err := openStore(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{log: newQuietHandler(o.Logger.Handler()), logger: o.Logger}
	if err := s.startTemporal(file, p); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("want an error that says so, got %v", err)
	}
}

// Servers that start at the same moment, each of which has let its ports go and not bound them yet, choose different ones.
func TestPortsAreClaimed(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // nothing is claimed there
	}
	chosen := map[int]bool{}
	for range 200 {
		p, err := choosePorts(0, -1)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.release)
		for _, port := range []int{p.frontend, p.history, p.matching, p.worker} {
			if chosen[port] {
				t.Fatalf("port %d was chosen twice", port)
			}
			chosen[port] = true
		}
	}
}
