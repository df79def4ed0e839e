package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/config"
)

func (p *program) validateCommand() *cobra.Command {
	var in files
	c := &cobra.Command{
		Use: "validate FILE|DIR…", Short: "Find every mistake in one or several narrative.yaml, without connecting to anything",
		Long: "Find every mistake in one or several narrative.yaml, without connecting to anything: FILE:LINE:COL: … on stderr, and\n" +
			"exit code 2. Passwords and tokens that are written out are warned of there as well, which is no reason to fail.",
	}
	in.flags(c)
	c.RunE = p.does(func(cmd *cobra.Command, named []string) error {
		paths := append(in.paths, named...)
		if len(named) > 0 && !cmd.Flags().Changed("file") {
			paths = named // those of the environment are for when nobody names any
		}
		if len(paths) == 0 {
			return misused("%s needs a FILE; see %s --help", cmd.CommandPath(), cmd.CommandPath())
		}
		validator, err := p.wiring.validator(p.registry)
		if err != nil {
			return err
		}
		read, err := config.ReadFiles(p.Stdin, paths...)
		if err != nil {
			return err
		}
		_, mistaken := config.ParseFiles(read, validator)
		wrong := map[string]bool{}
		var mistakes *config.Mistakes
		if errors.As(mistaken, &mistakes) {
			for _, one := range mistakes.List {
				wrong[one.File] = true
			}
		}
		for _, f := range read {
			m, err := config.ParseFiles([]config.File{f}, validator)
			if err == nil && !wrong[f.Name] {
				fmt.Fprintf(cmd.OutOrStdout(), "%s: valid (%s)\n", f.Name, contents(m))
			}
		}
		warn(cmd, read)
		return mistaken
	})
	return c
}

// warn tells of what files should not hold in the open, a line each. It is no reason to fail.
func warn(cmd *cobra.Command, read []config.File) {
	if warnings := config.Warnings(read); warnings != nil {
		fmt.Fprintln(cmd.ErrOrStderr(), plainText(warnings.Error()))
	}
}

// contents counts what a manifest holds.
func contents(m narrative.Manifest) string {
	return counted(len(m.Assertions), "assertion") + ", " + counted(len(m.Events), "event")
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
