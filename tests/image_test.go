package tests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// instruction is one of a Dockerfile, on one line.
type instruction struct{ name, text string }

// stages reads a Dockerfile: the instructions of each stage, which begins with FROM.
func stages(dockerfile string) (found [][]instruction, err error) {
	content, err := os.ReadFile(dockerfile)
	if err != nil {
		return nil, err
	}
	comments := regexp.MustCompile(`(?m)^\s*#.*\n`)
	whole := strings.ReplaceAll(comments.ReplaceAllString(string(content), ""), "\\\n", " ")
	for line := range strings.Lines(whole) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case name == "":
			continue
		case name == "FROM":
			found = append(found, nil)
		case len(found) == 0:
			return nil, fmt.Errorf("%s does not begin with FROM", dockerfile)
		}
		last := len(found) - 1
		found[last] = append(found[last], instruction{name, strings.Join(strings.Fields(text), " ")})
	}
	return found, nil
}

// all returns the texts of a stage's instructions of that name.
func all(stage []instruction, name string) (texts []string) {
	for _, i := range stage {
		if i.name == name {
			texts = append(texts, i.text)
		}
	}
	return texts
}

// buildImage builds the program as the Dockerfile does, from nothing but what .dockerignore lets into its context, and
// returns its path in dir.
func buildImage(repository, dir string) (string, error) {
	found, err := stages(filepath.Join(repository, "Dockerfile"))
	if err != nil {
		return "", err
	}
	building := found[0]
	context := filepath.Join(dir, "src")
	if err := copyContext(repository, context); err != nil {
		return "", fmt.Errorf("copy the image's context: %w", err)
	}
	out := filepath.Join(dir, "out")
	mounts := regexp.MustCompile(`--mount=\S+ `)
	for _, line := range all(building, "RUN") {
		line = strings.ReplaceAll(mounts.ReplaceAllString(line, ""), "/out/", out+"/")
		build := exec.Command("sh", "-euc", line)
		build.Dir = context
		build.Env = append(os.Environ(), "VERSION=0.0.0-test")
		for _, settings := range all(building, "ENV") {
			build.Env = append(build.Env, strings.Fields(settings)...)
		}
		if printed, err := build.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build the image: %s: %w\n%s", line, err, printed)
		}
	}
	return filepath.Join(out, "narrative"), nil
}

// copyContext copies a folder without what its .dockerignore names.
func copyContext(from, to string) error {
	content, err := os.ReadFile(filepath.Join(from, ".dockerignore"))
	if err != nil {
		return err
	}
	var ignored []string
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSpace(line)
		if strings.ContainsAny(line, "*?[!/") {
			return fmt.Errorf(".dockerignore has the pattern %q; expected names in the root alone", line)
		}
		if line != "" && !strings.HasPrefix(line, "#") {
			ignored = append(ignored, line)
		}
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if slices.Contains(ignored, e.Name()) {
			continue
		}
		source, target := filepath.Join(from, e.Name()), filepath.Join(to, e.Name())
		if e.IsDir() {
			err = os.CopyFS(target, os.DirFS(source))
		} else {
			err = copyFile(source, target)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o600)
}

// TestImage reads the Dockerfile: what is pinned, what the last stage holds and who runs in it. That it builds, and from
// its context alone, is known by the binary that the tests of the deployment run.
func TestImage(t *testing.T) {
	t.Parallel()
	found, err := stages(filepath.Join(repository(t), "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	building, last := found[0], found[len(found)-1]
	work, err := os.ReadFile(filepath.Join(repository(t), "go.work"))
	if err != nil {
		t.Fatal(err)
	}
	toolchain := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(string(work))[1]
	if from := all(building, "FROM")[0]; !strings.HasPrefix(from, "golang:"+toolchain+"-") {
		t.Errorf("the image is built by %s; want golang:%s, as go.work says", from, toolchain)
	}
	line := strings.Join(all(building, "RUN"), "\n")
	for _, want := range []string{"-tags lean", "-trimpath", "-ldflags"} {
		if !strings.Contains(line, want) {
			t.Errorf("the image is built without %s: %s", want, line)
		}
	}
	if env := strings.Join(all(building, "ENV"), " "); !strings.Contains(env, "CGO_ENABLED=0") {
		t.Errorf("the image is built with %q; want CGO_ENABLED=0, so that the binary is static", env)
	}
	if from := all(last, "FROM")[0]; from != "scratch" {
		t.Errorf("the image is %s; want scratch", from)
	}
	if user := all(last, "USER"); len(user) != 1 || !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(user[0]) {
		t.Errorf("the image runs as %q; want a number that is not root's", user)
	}
	if got := strings.Join(all(last, "COPY"), "\n"); !strings.Contains(got, "ca-certificates.crt") {
		t.Errorf("the image has no CA certificates: %s", got)
	}
	if got := all(last, "ENTRYPOINT"); len(got) != 1 || got[0] != `["`+binaryPath+`"]` {
		t.Errorf("the image's entry point is %q; want %s", got, binaryPath)
	}
}

// binaryPath is where the program is in the image.
const binaryPath = "/usr/local/bin/narrative"

// TestLeanHasNoTemporalServer lists what the image's program is made of.
func TestLeanHasNoTemporalServer(t *testing.T) {
	t.Parallel()
	list := exec.Command("go", "list", "-deps", "-tags", "lean", "./cmd/narrative")
	list.Dir = repository(t)
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := strings.Fields(string(out))
	if !slices.Contains(packages, module+"/cli") {
		t.Fatalf("it is not even made of cli: %q", packages)
	}
	for _, p := range packages {
		if beneathAny(p, []string{"go.temporal.io/server", "github.com/temporalio/ui-server", module + "/devserver"}) {
			t.Errorf("the lean program holds %s", p)
		}
	}
	version, code := command(t, imageBinary, t.TempDir(), nil, "version")
	if code != 0 || !strings.Contains(version, "0.0.0-test") {
		t.Errorf("version: exit code %d, %q; want the VERSION that the image was built with", code, version)
	}
}
