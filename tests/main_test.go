package tests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/narrative-go/narrative/persistence/pgtest"
)

// Binaries built once for all tests: the ready service, and a user's own program with classes made for the tests.
var narrativeBinary, programBinary string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "narrative-tests-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	narrativeBinary, programBinary = filepath.Join(dir, "narrative"), filepath.Join(dir, "program")
	for binary, from := range map[string]string{narrativeBinary: "../cmd/narrative", programBinary: "./program"} {
		build := exec.Command("go", "build", "-o", binary, ".")
		build.Dir = from
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build %s: %v\n%s", from, err, out)
			return 1
		}
	}
	return pgtest.Main(m)
}
