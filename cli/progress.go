package cli

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// waiting shows on stderr, for a person at the terminal, what is waited for. end takes it away.
func (p *program) waiting(ctx context.Context, text string) (end func()) {
	if !p.Terminal || p.showing.quiet {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	begun, width := time.Now(), 0
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				if width > 0 {
					fmt.Fprint(p.Stderr, "\r"+strings.Repeat(" ", width)+"\r")
				}
				return
			case <-tick.C:
				line := fmt.Sprintf("%s… %s", text, roughly(time.Since(begun)))
				width = max(width, len([]rune(line)))
				fmt.Fprint(p.Stderr, "\r"+line)
			}
		}
	})
	return func() {
		cancel()
		done.Wait()
	}
}
