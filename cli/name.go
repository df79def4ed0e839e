package cli

import (
	"cmp"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// pluginName is what the program is installed as to be a command of Temporal's: `temporal narrative …`.
const pluginName = "temporal-narrative"

// calledAs is the name of the program by what it was started as: its own, or the plugin's.
func calledAs(arg0 string) string {
	base := strings.TrimSuffix(filepath.Base(filepath.ToSlash(arg0)), ".exe")
	if base == pluginName {
		return pluginName
	}
	return "narrative"
}

// binary is what the program is installed as.
func (p *program) binary() string { return cmp.Or(p.Name, "narrative") }

// name is what the program calls itself.
func (p *program) name() string {
	if p.binary() == pluginName {
		return "temporal narrative"
	}
	return p.binary()
}

// called has the commands in a text as people type them here. Whoever wrote the text wrote `narrative issue list`, and may
// not have known what the program is called, as a server does not.
func (p *program) called(text string) string {
	if p.commands == nil {
		return text
	}
	return p.commands.ReplaceAllString(text, p.name()+" $1")
}

// rename has every command's help speak of the program by the name that it has here.
func (p *program) rename(root *cobra.Command) {
	if p.name() == "narrative" {
		return
	}
	p.commands = regexp.MustCompile(`\b(?:temporal )?narrative (` + strings.Join(commandList(root), "|") + `)\b`)
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		c.Short, c.Long, c.Example = p.called(c.Short), p.called(c.Long), p.called(c.Example)
		c.LocalFlags().VisitAll(func(f *pflag.Flag) { f.Usage = p.called(f.Usage) })
		for _, below := range c.Commands() {
			walk(below)
		}
	}
	walk(root)
}
