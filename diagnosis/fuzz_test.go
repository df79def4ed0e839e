package diagnosis

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/narrative-go/narrative"
)

// FuzzWhen holds every expression to this: it is refused with a problem that names the field, or it is evaluated, within
// its bounds, to an answer or an error.
func FuzzWhen(f *testing.F) {
	for _, seed := range []string{
		"issue.rounds == 0", `issue.age > duration("10m") and none(issue.steps, .case == "restart")`, "record.total > 99",
		`verdict.details.lines[0].x?.y ?? 5`, `map(1..9, # * 2)`, `let x = issue; x.id`, `"a" matches "("`, `1 / 0`, `repeat("a", 1000000)`,
		`reduce(1..1000, #acc + "x", "")`, "(((((((", "issue.rounds = 0", `{"a": 1}["b"]`, "\x00", "record[record]", `date("x")`,
	} {
		f.Add(seed)
	}
	when := regexp.MustCompile(`(?m)^\s*(?:- )?when: (.+?)(?:\s+#.*)?$`)
	pages, _ := filepath.Glob("../docs/*.md")
	files, _ := filepath.Glob("../examples/*/*.yaml")
	for _, file := range append(pages, files...) {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, found := range when.FindAllStringSubmatch(string(text), -1) {
			f.Add(found[1])
		}
	}
	f.Fuzz(func(t *testing.T, when string) {
		c, err := compiler()(narrative.DeclaredCase{Case: "c", When: when, Pass: true})
		if err != nil {
			if narrative.KindOf(err) != narrative.Invalid || !strings.HasPrefix(err.Error(), "when: ") {
				t.Errorf("refused by %q of kind %q", err, narrative.KindOf(err))
			}
			return
		}
		begun := time.Now()
		_, err = c.Diagnose(t.Context(), issue())
		if took := time.Since(begun); took > maxTime+5*time.Second {
			t.Errorf("took %s", took)
		}
		if err != nil && err.Error() == "" {
			t.Error("an error says nothing")
		}
	})
}
