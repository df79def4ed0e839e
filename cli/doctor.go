package cli

import (
	"fmt"
	"io"
	"log/slog"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/service"
)

func (p *program) doctorCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "doctor", Short: "Look at the settings, the store and Temporal, and say what to do about what is not well", Args: takes(),
		Long: "Look at the settings, the store (NARRATIVE_DATABASE_URL) and Temporal (TEMPORAL_*), and say what to do about\n" +
			"what is not well. Where neither NARRATIVE_DATABASE_URL nor TEMPORAL_ADDRESS is set, look at what narrative dev uses.\n" +
			"Nothing is changed. The exit code is 1 where anything is not well.",
	}
	trigger := triggering(c.Flags())
	dev := devHeld(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, _ []string) error {
		o, err := p.serviceOptions(slog.LevelError, *trigger)
		if err != nil {
			return err
		}
		if err := dev.options(&o, p.Env); err != nil {
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

// ofDev is where narrative dev keeps and runs what the deployment's settings would name.
type ofDev struct {
	flags   *pflag.FlagSet
	dataDir string
	port    int
}

// devHeld adds the flags of dev by which what it uses is found.
func devHeld(flags *pflag.FlagSet) *ofDev {
	d := &ofDev{flags: flags}
	flags.StringVar(&d.dataDir, "data-dir", service.DefaultDataDir, "the folder of narrative dev")
	flags.IntVar(&d.port, "temporal-port", defaultTemporalPort, "port of narrative dev's Temporal server, where it is not told otherwise")
	orEnv(flags, "data-dir", "NARRATIVE_DATA_DIR")
	orEnv(flags, "temporal-port", "NARRATIVE_TEMPORAL_PORT")
	return d
}

// options are about dev where nothing else is named. Of store and Temporal, one may be a deployment's: dev takes it then.
func (d *ofDev) options(o *service.Options, env func(string) string) error {
	said := func(flag string) bool {
		return d.flags.Changed(flag) || env(d.flags.Lookup(flag).Annotations[envAnnotation][0]) != ""
	}
	ownTemporal, ownStore := env("TEMPORAL_ADDRESS") == "", o.DatabaseURL == ""
	if ownStore && (ownTemporal || said("data-dir")) {
		o.DataDir, o.OutboxDir = d.dataDir, filepath.Join(d.dataDir, outboxName)
		o.DatabaseURL = "sqlite:" + filepath.Join(d.dataDir, storeName)
	}
	if ownTemporal && (ownStore || said("temporal-port")) {
		if d.port < 1 || d.port > 65535 {
			return misused("--temporal-port is %d; expected the port that narrative dev told as it began", d.port)
		}
		o.TemporalPort = d.port
	}
	return nil
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
