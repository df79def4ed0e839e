package sql

import (
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/narrative-go/narrative"
)

// TestTheDocumentedExampleIsValid reads docs/batteries/sql.md.
func TestTheDocumentedExampleIsValid(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/batteries/sql.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	text, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("there is no example")
	}
	var example struct {
		Assertions []struct {
			Name  string
			Class string
			Args  map[string]any
		}
	}
	if err := yaml.Unmarshal([]byte(text), &example); err != nil {
		t.Fatal(err)
	}
	reg := narrative.NewRegistry()
	Register(reg)
	for _, a := range example.Assertions {
		args, err := yaml.MarshalWithOptions(a.Args, yaml.JSON())
		if err != nil {
			t.Fatal(err)
		}
		if p := reg.CheckArgs(narrative.AssertionKind, a.Class, args); len(p) > 0 {
			t.Errorf("%s: %v", a.Name, p)
		}
	}
	if len(example.Assertions) != 2 {
		t.Errorf("%d assertions", len(example.Assertions))
	}
}

// TestEveryArgumentIsDocumented holds the page to the arguments there are.
func TestEveryArgumentIsDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/batteries/sql.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"dsn", "violations", "holds", "record", "exists", "timeout"} {
		if !strings.Contains(string(page), "| `"+name+"` |") {
			t.Errorf("%s is not described", name)
		}
	}
}
