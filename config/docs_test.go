package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/batteries/datums"
	"github.com/narrative-go/narrative/batteries/heartbeat"
	"github.com/narrative-go/narrative/batteries/http"
	"github.com/narrative-go/narrative/batteries/sql"
	"github.com/narrative-go/narrative/config"
	"github.com/narrative-go/narrative/diagnosis"
	"github.com/narrative-go/narrative/executor"
)

// program is what the ready-made program validates with.
func program(t *testing.T) narrative.Validator {
	t.Helper()
	reg := narrative.NewRegistry()
	datums.Register(reg)
	heartbeat.Register(reg)
	http.Register(reg)
	sql.Register(reg)
	validating, err := executor.ForValidation(reg)
	if err != nil {
		t.Fatal(err)
	}
	return narrative.Validator{Registry: reg, Executor: validating, CompileCase: diagnosis.Compile}
}

func TestTheExamplesOfThePagesAreValid(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"configuration.md", "issues.md", "notifications.md"} {
		page, err := os.ReadFile(filepath.Join("..", "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		blocks := strings.Split(string(page), "```yaml\n")[1:]
		if len(blocks) == 0 {
			t.Errorf("%s has no example", name)
		}
		for _, block := range blocks {
			text, _, _ := strings.Cut(block, "```")
			if _, err := config.Parse([]byte(text), config.Options{File: name, Validator: program(t)}); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestTheShopLoads(t *testing.T) {
	t.Parallel()
	m, err := config.Load(filepath.Join("..", "examples", "shop", "narrative.yaml"), program(t))
	if err != nil || len(m.Assertions) == 0 {
		t.Errorf("%d assertions, %v", len(m.Assertions), err)
	}
}
