package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
)

// isTerminal tells whether a person may be at the file: it is a character device, and not the null device.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// maxAnswer is the longest answer that is read, in bytes.
const maxAnswer = 1000

// confirmed asks the person at the terminal. Anything but yes is no. It is asked on stderr, so that stdout holds the
// command's result alone.
func (p *program) confirmed(ctx context.Context, question string) (bool, error) {
	fmt.Fprint(p.Stderr, question+" [y/N] ")
	answer := make(chan string, 1)
	go func() { // reading cannot be interrupted; the process ends without it
		line, _ := bufio.NewReader(io.LimitReader(p.Stdin, maxAnswer)).ReadString('\n')
		answer <- line
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(p.Stderr)
		return false, ctx.Err()
	case line := <-answer:
		if !strings.HasSuffix(line, "\n") {
			fmt.Fprintln(p.Stderr) // the input ended; what follows begins a line of its own
		}
		said := strings.ToLower(strings.TrimSpace(line))
		return said == "y" || said == "yes", nil
	}
}
