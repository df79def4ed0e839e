package cli

import (
	"cmp"
	"path/filepath"
	"strings"
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
func (p *program) binary() string { return cmp.Or(p.Process.Name, "narrative") }

// name is what the program calls itself.
func (p *program) name() string {
	if p.binary() == pluginName {
		return "temporal narrative"
	}
	return p.binary()
}
