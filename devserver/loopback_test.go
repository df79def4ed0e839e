//go:build linux

package devserver

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// listening is the state of a listening socket in /proc/net/tcp.
const listening = "0A"

func TestEveryListenerIsOnLoopback(t *testing.T) {
	s, err := Start(t.Context(), Options{DataDir: t.TempDir(), Logger: (&record{}).logger()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	own := ownSockets(t)
	found := 0
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		for _, local := range listeners(t, table, own) {
			found++
			if !strings.HasPrefix(local, "0100007F:") { // 127.0.0.1, as the kernel writes it
				t.Errorf("%s: a listener on %s", table, local)
			}
		}
	}
	if want := 5; found != want { // frontend, history, matching, worker, UI
		t.Errorf("listeners: want %d, got %d", want, found)
	}
}

// listeners returns the local addresses of the listening sockets of a table that are among our own.
func listeners(t *testing.T, table string, own map[string]bool) []string {
	t.Helper()
	file, err := os.Open(table)
	if err != nil {
		t.Logf("%s is not there: %v", table, err)
		return nil
	}
	defer func() { _ = file.Close() }()
	var found []string
	lines := bufio.NewScanner(file)
	lines.Scan() // the header
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) > 9 && f[3] == listening && own[f[9]] {
			found = append(found, f[1])
		}
	}
	return found
}

// ownSockets returns the inodes of this process's sockets.
func ownSockets(t *testing.T) map[string]bool {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(links) == 0 {
		t.Skipf("no list of open files: %v", err)
	}
	inodes := map[string]bool{}
	for _, link := range links {
		target, _ := os.Readlink(link)
		var inode string
		if n, _ := fmt.Sscanf(target, "socket:[%s", &inode); n == 1 {
			inodes[strings.TrimSuffix(inode, "]")] = true
		}
	}
	return inodes
}
