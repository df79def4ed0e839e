package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/narrative-go/narrative"
)

// MaxFiles is how many files are read together.
const MaxFiles = 1000

// File is a document that was not looked at yet.
type File struct {
	Name   string // in messages
	Source string // labels what comes from it, unless it says so itself; default the last part of Name
	Dir    string // that relative paths are seen from; where it is empty, relative paths are mistakes
	Text   []byte
}

// Stdin is the path that stands for standard input.
const Stdin = "-"

// ReadFiles reads the files at the paths, in their order. A folder stands for its *.yaml and *.yml, by name, without the
// folders in it, and [Stdin] for stdin, whose paths are relative to the working folder. What is named twice is read
// once. What cannot be read is [narrative.NotFound] or [narrative.Invalid].
func ReadFiles(stdin io.Reader, paths ...string) ([]File, error) {
	var files []File
	seen := map[string]bool{}
	for _, path := range paths {
		below, err := filesAt(path)
		if err != nil {
			return nil, err
		}
		for _, one := range below {
			absolute, err := filepath.Abs(one)
			if err != nil {
				return nil, fmt.Errorf("find the folder of %s: %w", one, err)
			}
			if seen[absolute] {
				continue
			}
			seen[absolute] = true
			if len(files) == MaxFiles {
				return nil, narrative.Errorf(narrative.Invalid, "there are more than %d files; apply them in several goes", MaxFiles)
			}
			f := File{Name: one, Dir: filepath.Dir(absolute)}
			if one == Stdin {
				f.Name = "stdin"
				f.Text, err = bounded("stdin", stdin)
			} else {
				f.Text, err = readBounded(one)
			}
			if err != nil {
				return nil, err
			}
			files = append(files, f)
		}
	}
	return files, nil
}

// filesAt returns the files that a path stands for.
func filesAt(path string) ([]string, error) {
	if path == Stdin {
		return []string{path}, nil
	}
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, narrative.Errorf(narrative.NotFound, "there is no file %s", path)
	}
	if err != nil {
		return nil, unreadable(path, err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path) // sorted
	if err != nil {
		return nil, unreadable(path, err)
	}
	var names []string
	for _, e := range entries {
		if extension := filepath.Ext(e.Name()); extension != ".yaml" && extension != ".yml" || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if info, err := os.Stat(filepath.Join(path, e.Name())); err == nil && info.IsDir() {
			continue
		}
		names = append(names, filepath.Join(path, e.Name()))
	}
	if len(names) == 0 {
		return nil, narrative.Errorf(narrative.Invalid, "the folder %s holds neither *.yaml nor *.yml", path)
	}
	return names, nil
}

func bounded(name string, r io.Reader) ([]byte, error) {
	// One byte more than allowed, so that it is seen to be too long without all of it being read.
	text, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, unreadable(name, err)
	}
	return text, nil
}

// ParseFiles reads several documents as one manifest: see [Parse]. A name stands in one of them only, and only one has
// config. The metas of several keep the source of theirs, and the manifest has none of its own.
func ParseFiles(files []File, v narrative.Validator) (narrative.Manifest, error) {
	return parseFiles(files, v, false)
}

// ParseToPrune reads as [ParseFiles] does, for a manifest by which the store is pruned. A file of which nobody says what
// its source is, and whose name says nothing either, is a mistake: it would remove what others like it brought.
func ParseToPrune(files []File, v narrative.Validator) (narrative.Manifest, error) {
	m, err := parseFiles(files, v, true)
	m.Prune = err == nil
	return m, err
}

func parseFiles(files []File, v narrative.Validator, toPrune bool) (narrative.Manifest, error) {
	var all Mistakes
	whole := together{names: map[string]string{}}
	for _, f := range files {
		m, root, found := read(f.Text, Options{File: f.Name, Dir: f.Dir, Source: f.Source, Validator: v}.withDefaults())
		if root != nil {
			whole.add(m, root, found)
			if toPrune {
				found.needsSource(root, f.Source, m.Source)
			}
		}
		all.add(found)
	}
	if len(all.List) > 0 {
		return narrative.Manifest{}, &all
	}
	if len(files) == 1 {
		whole.Source, whole.Sources = whole.Sources[0], nil
	}
	return whole.Manifest, nil
}

// commonNames are what many files of many repositories are called.
var commonNames = []string{"narrative.yaml", "stdin"}

// needsSource reports a file without a source, and one that has none but its name, where that is a common one.
func (r *report) needsSource(root *node, given, source string) {
	f, there := root.member("source")
	chosen := given != "" || there && f.value.kind == text
	if source == "" || !chosen && slices.Contains(commonNames, source) {
		r.add(root.at, "source", "source: is needed to prune, for what came from others of this file's name would be removed: "+
			"write source: NAME into it, such as source: shop, or give the source of all with --source NAME (in the API ?source=NAME)")
	}
}

// add adds what is wrong with one more file; of all of them, as many are listed as of one.
func (m *Mistakes) add(r *report) {
	var more *Mistakes
	if !errors.As(r.err(), &more) {
		return
	}
	room := min(len(more.List), max(maxMistakes-len(m.List), 0))
	m.More += more.More + len(more.List) - room
	m.List = append(m.List, more.List[:room]...)
}

// together is the manifest of several files.
type together struct {
	narrative.Manifest
	names  map[string]string // FILE:LINE:COL where a name stands first
	config string            // likewise of config
}

func (t *together) add(m narrative.Manifest, root *node, found *report) {
	inFile := map[string]string{}
	name := func(list string, i int, name string) {
		path := fmt.Sprintf("%s[%d].name", list, i)
		at := locate(root, narrative.Problem{Path: path})
		if first, taken := t.names[name]; taken && name != "" {
			found.add(at, path, fmt.Sprintf("name: the name %q stands at %s already; a name stands in one file only", name, first))
		}
		inFile[name] = fmt.Sprintf("%s:%d:%d", found.file, at.line, at.column)
	}
	for i, a := range m.Assertions {
		name("assertions", i, a.Name)
	}
	for i, e := range m.Events {
		name("events", i, e.Name)
	}
	for each, at := range inFile {
		if _, taken := t.names[each]; !taken {
			t.names[each] = at
		}
	}
	if f, there := root.member("config"); there && m.Config != nil {
		if t.config != "" {
			found.add(f.at, "config", fmt.Sprintf("config stands at %s already; of files that belong together, only one has it", t.config))
		} else {
			t.config, t.Config = fmt.Sprintf("%s:%d:%d", found.file, f.at.line, f.at.column), m.Config
		}
	}
	if !slices.Contains(t.Sources, m.Source) {
		t.Sources = append(t.Sources, m.Source)
	}
	t.Assertions = append(t.Assertions, m.Assertions...)
	t.Events = append(t.Events, m.Events...)
}
