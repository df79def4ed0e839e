package devserver

import (
	"net"
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
