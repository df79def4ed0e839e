package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// watched is how many metas `narrative dev` is given.
const watched = 100

// measureDev starts `narrative dev` in an empty folder, several times.
func measureDev(ctx context.Context, dir string, s size) ([]row, error) {
	binary := filepath.Join(dir, "narrative")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/narrative-go/narrative/cmd/narrative")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the binary: %w\n%s", err, out)
	}
	file := filepath.Join(dir, "narrative.yaml")
	if err := os.WriteFile(file, []byte(devYAML()), 0o600); err != nil {
		return nil, err
	}
	startup := row{what: "start-up of narrative dev, s", compare: alone, bound: bound{"≤", 3}, note: "to /readyz, in an empty folder"}
	memory := row{what: "its resident memory, MB", compare: alone, bound: bound{"≤", 300}, note: fmt.Sprintf("%d metas, after %s", watched, s.settle)}
	for n := range rounds {
		took, resident, err := startDev(ctx, binary, file, filepath.Join(dir, fmt.Sprint("dev", n)), s.settle)
		if err != nil {
			return nil, err
		}
		startup.ours, memory.ours = append(startup.ours, took.Seconds()), append(memory.ours, resident)
	}
	return []row{startup, memory}, nil
}

// devYAML has metas of the sql battery, all of which pass.
func devYAML() string {
	text := "assertions:\n"
	for n := range watched {
		text += fmt.Sprintf("  - {name: gate-%03d, class: sql, every: 30s, args: {dsn: 'sqlite:shop.db', violations: SELECT 1 AS id WHERE 1 = 0}}\n", n)
	}
	return text
}

// startDev starts it, reads its memory and stops it.
func startDev(ctx context.Context, binary, file, dir string, settle time.Duration) (took time.Duration, resident float64, err error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return 0, 0, err
	}
	listen, err := freeAddress()
	if err != nil {
		return 0, 0, err
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, "dev", "-f", file, "--listen", listen, "--temporal-port", "0", "--ui-port", "0")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &said, &said
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TEMPORAL_CONFIG_FILE=" + os.DevNull}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // it ends with the bench, however that ends
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	defer func() {
		_ = cmd.Process.Kill() // nobody misses its data
		_ = cmd.Wait()
		if err != nil {
			err = fmt.Errorf("%w; it said:\n%s", err, said.String())
		}
	}()
	if err := await(ctx, time.Minute, "it is ready", func() bool { return answers("http://" + listen + "/readyz") }); err != nil {
		return 0, 0, err
	}
	took = time.Since(begun)
	if err := pause(ctx, settle); err != nil {
		return 0, 0, err
	}
	resident, err = residentMemory(cmd.Process.Pid)
	return took, resident, err
}

// freeAddress is one that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func answers(url string) bool {
	answer, err := http.Get(url)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// residentMemory is what a process has in memory, in MB.
func residentMemory(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, after, found := strings.Cut(string(status), "VmRSS:")
	var kilobytes float64
	if _, err := fmt.Sscan(after, &kilobytes); err != nil || !found {
		return 0, fmt.Errorf("the status of process %d does not tell its memory", pid)
	}
	return kilobytes * 1024 / 1e6, nil
}
