package cli

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/service"
)

func (p *program) doctorCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "doctor", Short: "Look at the settings, the store and Temporal, and say what to do about what is not well", Args: takes(),
		Long: "Look at the settings, the store (NARRATIVE_DATABASE_URL) and Temporal (TEMPORAL_*), and say what to do about\n" +
			"what is not well. Nothing is changed. The exit code is 1 where anything is not well.",
	}
	trigger := triggering(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, _ []string) error {
		o, err := p.serviceOptions(slog.LevelError, *trigger)
		if err != nil {
			return err
		}
		code, colors := exitDone, p.colors()
		for _, f := range p.wiring.doctor(cmd.Context(), o) {
			if !f.OK {
				code = exitFailed
			}
			if p.showing.quiet && f.OK {
				continue
			}
			f.Text, f.Do = p.called(f.Text), p.called(f.Do)
			printFinding(cmd.OutOrStdout(), f, colors)
		}
		if code != exitDone {
			return &exit{code: code}
		}
		return nil
	})
	return c
}

func printFinding(w io.Writer, f service.Finding, colors bool) {
	mark, outcome := "ok  ", narrative.OutcomePassed
	if !f.OK {
		mark, outcome = "BAD ", narrative.OutcomeFailed
	}
	if colors {
		mark = paint(mark, string(outcome))
	}
	fmt.Fprintf(w, "%s %-14s %s\n", mark, f.Part, f.Text)
	if f.Do != "" {
		fmt.Fprintf(w, "     %-14s %s\n", "", f.Do)
	}
}
