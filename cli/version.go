package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: takes(),
		RunE: p.does(func(cmd *cobra.Command, _ []string) error {
			text := "narrative " + p.versionText() + " " + runtime.Version()
			if commit := builtFrom(); commit != "" {
				text += " commit " + commit
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), text)
			return err
		}),
	}
}

// versionText is the version that was set, or the main module's.
func (p *program) versionText() string {
	if p.version != "" {
		return p.version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}

// builtFrom is the commit, where the build recorded one.
func builtFrom() (commit string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value + commit
		case s.Key == "vcs.modified" && s.Value == "true":
			commit += "+changes"
		}
	}
	return commit
}
