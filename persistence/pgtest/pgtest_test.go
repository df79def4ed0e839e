package pgtest_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/narrative-go/narrative/persistence"
	"github.com/narrative-go/narrative/persistence/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func TestEachTestHasADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	one, two, empty := pgtest.Database(t), pgtest.Database(t), pgtest.Empty(t)
	if one == two || two == empty {
		t.Fatalf("two tests share a database: %s, %s, %s", one, two, empty)
	}
	for url, want := range map[string]bool{one: true, two: true, empty: false} {
		s, err := persistence.Open(t.Context(), url, persistence.Options{})
		if opened := err == nil; opened != want {
			t.Errorf("opened %t (%v), want %t", opened, err, want)
		}
		if err == nil {
			s.Close()
		}
	}
}

// TestTheServerEndsWithItsProcess starts a test process, kills it, and waits for its server to be gone.
func TestTheServerEndsWithItsProcess(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" || os.Getenv(pgtest.URLVariable) != "" {
		t.Log("only Linux ends a throwaway server with a killed process")
		return
	}
	self := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStartAndHang$", "-test.v")
	self.Env = append(os.Environ(), "NARRATIVE_HANG=1")
	out, err := self.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Start(); err != nil {
		t.Fatal(err)
	}
	url := ""
	for lines := bufio.NewScanner(out); url == "" && lines.Scan(); {
		_, url, _ = strings.Cut(lines.Text(), "url=")
	}
	if !answers(t.Context(), url) {
		t.Fatalf("no server at %q", url)
	}
	if err := self.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = self.Wait()
	for deadline := time.Now().Add(20 * time.Second); answers(t.Context(), url); {
		if time.Now().After(deadline) {
			t.Fatal("the server is still there")
		}
	}
}

// TestStartAndHang is what TestTheServerEndsWithItsProcess starts and kills.
func TestStartAndHang(t *testing.T) {
	if os.Getenv("NARRATIVE_HANG") == "" {
		return
	}
	fmt.Printf("url=%s\n", pgtest.Database(t))
	select {}
}

func answers(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return false
	}
	return conn.Close(ctx) == nil
}
