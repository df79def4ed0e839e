package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
)

// folder writes files into a new folder and returns its path.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestReadFiles(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{
		"b.yaml": "b", "a.yml": "a", "c.txt": "c", ".hidden.yaml": "h", "below/d.yaml": "d", "e.yaml/f.yaml": "f", "single": "s",
	})
	at := func(name string) string { return filepath.Join(dir, name) }
	got, err := ReadFiles(strings.NewReader("in"), at("b.yaml"), dir, Stdin, at("single"), at("below"))
	if err != nil {
		t.Fatal(err)
	}
	working, _ := os.Getwd()
	want := []File{
		{at("b.yaml"), "", dir, []byte("b")},
		{at("a.yml"), "", dir, []byte("a")},
		{"stdin", "", working, []byte("in")},
		{at("single"), "", dir, []byte("s")},
		{at("below/d.yaml"), "", at("below"), []byte("d")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if _, err := ReadFiles(nil, at("none.yaml")); narrative.KindOf(err) != narrative.NotFound {
		t.Errorf("a missing file is %v", err)
	}
	if _, err := ReadFiles(nil, folder(t, map[string]string{"c.txt": ""})); err == nil || !strings.Contains(err.Error(), "neither *.yaml nor *.yml") {
		t.Errorf("a folder without files is %v", err)
	}
}

func plain(name string) string { return "{name: " + name + ", class: plain, every: 1m}" }

func TestSeveralFilesKeepTheirSources(t *testing.T) {
	t.Parallel()
	m, err := ParseFiles([]File{
		{Name: "etc/a.yaml", Source: "a.yaml", Text: []byte("config: {actions: off}\nassertions: [" + plain("one") + "]")},
		{Name: "etc/b.yaml", Source: "b.yaml", Text: []byte("source: own\nassertions: [" + plain("two") + "]")},
		{Name: "etc/c.yaml", Source: "a.yaml", Text: []byte("assertions: [" + plain("three") + "]")},
	}, validator())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range m.Assertions {
		got = append(got, a.Name+" of "+a.Source)
	}
	if diff := cmp.Diff([]string{"one of a.yaml", "two of own", "three of a.yaml"}, got); diff != "" {
		t.Errorf("assertions (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a.yaml", "own"}, m.Sources); diff != "" || m.Source != "" || m.Config == nil {
		t.Errorf("source %q, config %v, sources (-want +got):\n%s", m.Source, m.Config, diff)
	}
	one, err := ParseFiles([]File{{Name: "x", Source: "x.yaml", Text: []byte("assertions: []")}}, validator())
	if err != nil || one.Source != "x.yaml" || one.Sources != nil {
		t.Errorf("one file: %+v, %v", one, err)
	}
}

func TestPruningNeedsASourceWhereTheNameIsACommonOne(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		file File
		want string // the source; empty: it is a mistake
	}{
		"the usual name":       {File{Name: "etc/narrative.yaml", Text: []byte("assertions: []")}, ""},
		"elsewhere":            {File{Name: `C:\etc\narrative.yaml`, Text: []byte("assertions: []")}, ""},
		"standard input":       {File{Name: "stdin", Text: []byte("assertions: []")}, ""},
		"no name":              {File{Text: []byte("assertions: []")}, ""},
		"an empty file":        {File{Name: "narrative.yaml"}, ""},
		"a source of nothing":  {File{Name: "shop.yaml", Source: "shop", Text: []byte(`source: ""`)}, ""},
		"a source in the file": {File{Name: "narrative.yaml", Text: []byte("source: shop")}, "shop"},
		"a source for it":      {File{Name: "narrative.yaml", Source: "shop", Text: []byte("assertions: []")}, "shop"},
		"the name as a source": {File{Name: "stdin", Source: "narrative.yaml"}, "narrative.yaml"},
		"a name of its own":    {File{Name: "etc/shop.yaml"}, "shop.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := ParseFiles([]File{tt.file}, validator()); err != nil {
				t.Errorf("without pruning: %v", err)
			}
			m, err := ParseToPrune([]File{tt.file}, validator())
			if tt.want == "" {
				if err == nil || !strings.Contains(err.Error(), ":1:1: source: is needed to prune") || m.Prune {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || m.Source != tt.want || !m.Prune {
				t.Errorf("source %q, prunes %t, %v", m.Source, m.Prune, err)
			}
		})
	}
}

func TestAllMistakesOfAllFiles(t *testing.T) {
	t.Parallel()
	_, err := ParseFiles([]File{
		{Name: "a.yaml", Text: []byte("config: {}\nassertions:\n  - " + plain("same") + "\n  - {nam: x, class: plain, every: 1m}\n")},
		{Name: "b.yaml", Text: []byte("- not an object\n")},
		{Name: "c.yaml", Text: []byte("config: {}\nevents:\n  - {name: same, class: datums, every: 1m}\n")},
	}, validator())
	var mistakes *Mistakes
	if !errors.As(err, &mistakes) {
		t.Fatalf("error %v", err)
	}
	var got []string
	for _, one := range mistakes.List {
		got = append(got, strings.SplitN(one.String(), "\n", 2)[0])
	}
	want := []string{
		`a.yaml:4:6: "nam" is not a known key; did you mean "name"? (known: `,
		`b.yaml:1:1: the file should be an object with keys such as config and assertions; it is a list`,
		`c.yaml:1:1: config stands at a.yaml:1:1 already; of files that belong together, only one has it`,
		`c.yaml:3:12: name: the name "same" stands at a.yaml:3:12 already; a name stands in one file only`,
	}
	if len(got) == len(want) {
		got[0] = got[0][:min(len(want[0]), len(got[0]))]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mistakes (-want +got):\n%s", diff)
	}
	var problems narrative.Problems
	if !errors.As(err, &problems) || !strings.HasPrefix(problems[0].Message, "a.yaml, line 4, column 6: ") {
		t.Errorf("problems %v", problems)
	}
	many := strings.Repeat("- {}\n", 150)
	_, err = ParseFiles([]File{{Name: "a", Text: []byte("assertions:\n" + many)}, {Name: "b", Text: []byte("events:\n" + many)}}, validator())
	if !errors.As(err, &mistakes) || len(mistakes.List) != maxMistakes || mistakes.More < 300 {
		t.Errorf("of very many mistakes %d are listed, and %d more", len(mistakes.List), mistakes.More)
	}
}
