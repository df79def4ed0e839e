package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// documented is docs/cli.md.
func documented(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "docs", "cli.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func TestEveryCommandIsDocumented(t *testing.T) {
	t.Parallel()
	page, known := documented(t), map[string]bool{"narrative completion bash|zsh|fish|powershell": true, "narrative COMMAND --help": true}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		path := c.CommandPath()
		known[path] = true
		if !c.HasAvailableSubCommands() && c.Name() != "completion" && c.Name() != "help" && !strings.Contains(page, "`"+path+"`") {
			t.Errorf("docs/cli.md does not tell of %s", path)
		}
		for _, below := range c.Commands() {
			walk(below)
		}
	}
	walk((&program{}).root())
	for _, m := range regexp.MustCompile("`(narrative [^`]*)`").FindAllStringSubmatch(page, -1) {
		if !known[m[1]] {
			t.Errorf("docs/cli.md tells of %s, which there is not", m[1])
		}
	}
}

func TestEveryVariableIsDocumented(t *testing.T) {
	t.Parallel()
	page, count := documented(t), 0
	for _, room := range []string{".", filepath.Join("..", "service")} {
		files, err := filepath.Glob(filepath.Join(room, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`"((?:NARRATIVE|SLACK|TEMPORAL|NO)_[A-Z_]*[A-Z])"`).FindAllStringSubmatch(string(source), -1) {
				if count++; !strings.Contains(page, "`"+m[1]+"`") {
					t.Errorf("docs/cli.md does not tell of %s, which %s reads", m[1], file)
				}
			}
		}
	}
	if count < 20 {
		t.Errorf("only %d variables were found", count)
	}
}
