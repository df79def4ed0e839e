package cli

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// newTerminal makes a terminal of its own, at whose other end the test types and reads.
func newTerminal(t *testing.T) (typist, tty *os.File) {
	t.Helper()
	typist, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = typist.Close() })
	if err := unix.IoctlSetPointerInt(int(typist.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(typist.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return typist, tty
}

// TestSignalsArePassedOn sends narrative each signal that the command is to get.
func TestSignalsArePassedOn(t *testing.T) {
	t.Parallel()
	_, api := withBeats(t)
	names := []string{"HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "ALRM", "WINCH"}
	c := exec.Command("narrative", "heartbeat", "run", "job", "--", "sh", "-c", `
		for name in `+strings.Join(names, " ")+`; do trap "echo $name" $name; done
		trap 'echo WINCH; exit' WINCH
		echo ready
		while :; do sleep 0.01; done`)
	c.Env = append(os.Environ(), "NARRATIVE_URL="+api.URL)
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(out)
	for _, name := range names {
		if !said.Scan() {
			t.Fatalf("it ended before SIG%s", name)
		}
		if err := c.Process.Signal(unix.SignalNum("SIG" + name)); err != nil {
			t.Fatal(err)
		}
	}
	said.Scan()
	if err := c.Wait(); err != nil || said.Text() != "WINCH" {
		t.Errorf("%v; the last that was heard is %q", err, said.Text())
	}
}

// TestCtrlCReachesACommandOnce types Ctrl-C at a terminal, which interrupts the command and narrative alike; several
// times, since two signals that come at the same moment are one.
func TestCtrlCReachesACommandOnce(t *testing.T) {
	t.Parallel()
	_, api := withBeats(t)
	typist, tty := newTerminal(t)
	c := exec.Command("narrative", "heartbeat", "run", "job", "--", "sh", "-c", `
		times=0; trap 'times=$((times+1))' INT
		for typed in 1 2 3 4 5 6 7 8; do
			before=$times; echo ready
			while [ $times -eq $before ]; do :; done
			sleep 0.1 # in which a second one would come
		done
		echo interrupted $times; exit 7`)
	c.Env = append(os.Environ(), "NARRATIVE_URL="+api.URL)
	c.Stdin, c.Stdout, c.Stderr = tty, tty, tty
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	_ = tty.Close()
	var last string
	for said := bufio.NewScanner(typist); said.Scan(); last = said.Text() {
		if strings.HasSuffix(said.Text(), "ready") {
			if _, err := typist.WriteString("\x03"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !strings.HasSuffix(last, "interrupted 8") {
		t.Errorf("the terminal says %q", last)
	}
	if _ = c.Wait(); c.ProcessState.ExitCode() != 7 {
		t.Errorf("%v; want exit code 7", c.ProcessState)
	}
	api.mu.Lock()
	defer api.mu.Unlock()
	if told := api.asked[len(api.asked)-1]; !strings.Contains(told, `"exit_code":7`) {
		t.Errorf("told %s", told)
	}
}
