package cli

import (
	"errors"
	"log/slog"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// envAnnotation marks a flag with the environment variable that stands in for it.
const envAnnotation = "narrative_env"

// orEnv lets an environment variable stand in for a flag that was not given.
func orEnv(flags *pflag.FlagSet, flag, variable string) {
	f := flags.Lookup(flag)
	f.Usage += " (or " + variable + ")"
	if err := flags.SetAnnotation(flag, envAnnotation, []string{variable}); err != nil {
		panic("cli: " + err.Error()) // no such flag: wrong wiring
	}
}

// fromEnvironment sets the flags that were not given and have a variable that is.
func fromEnvironment(cmd *cobra.Command, env func(string) string) (err error) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		variables := f.Annotations[envAnnotation]
		if err != nil || f.Changed || len(variables) == 0 {
			return
		}
		value := env(variables[0])
		if value == "" {
			return
		}
		if bad := f.Value.Set(value); bad != nil {
			var number *strconv.NumError // the function that it names means nothing to who set the variable
			if errors.As(bad, &number) {
				bad = number.Err
			}
			err = misused("%s is %q, which is no good for --%s: %w", variables[0], value, f.Name, bad)
		}
	})
	return err
}

// logging is what the flags say about the log, which goes to stderr.
type logging struct{ level, format string }

func (l *logging) flags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.StringVar(&l.level, "log-level", "", "log from this level on: debug, info, warn or error")
	flags.StringVar(&l.format, "log-format", "text", "log as text or json")
	orEnv(flags, "log-level", "NARRATIVE_LOG_LEVEL")
	orEnv(flags, "log-format", "NARRATIVE_LOG_FORMAT")
}

// logger returns the log of a server command, from the given level on unless the flags say otherwise.
func (p *program) logger(from slog.Level) (*slog.Logger, error) {
	if p.logging.level != "" {
		if err := from.UnmarshalText([]byte(p.logging.level)); err != nil {
			return nil, misused("--log-level is %q; expected debug, info, warn or error", p.logging.level)
		}
	}
	options := &slog.HandlerOptions{Level: from}
	switch strings.ToLower(p.logging.format) {
	case "text":
		return slog.New(slog.NewTextHandler(p.Stderr, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(p.Stderr, options)), nil
	}
	return nil, misused("--log-format is %q; expected text or json", p.logging.format)
}
