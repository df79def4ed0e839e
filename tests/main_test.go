package tests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/narrative-go/narrative/persistence/pgtest"
)

// Binaries built once for all tests: the ready service, the one of the image, a user's own program with classes made for
// the tests, that of the example, and a Temporal server.
var narrativeBinary, imageBinary, programBinary, agentwatchBinary, temporalBinary string

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
	build := exec.Command("go", "build", "-o", dir+"/", "../cmd/narrative", "./program", "../examples/agentwatch", "./temporald")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the tests' programs: %v\n%s", err, out)
		return 1
	}
	narrativeBinary, programBinary = filepath.Join(dir, "narrative"), filepath.Join(dir, "program")
	agentwatchBinary, temporalBinary = filepath.Join(dir, "agentwatch"), filepath.Join(dir, "temporald")
	if imageBinary, err = buildImage("..", filepath.Join(dir, "image")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return pgtest.Main(m)
}
