package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/narrative-go/narrative"
)

// MaxSize is the size of the largest file that is read, in bytes.
const MaxSize = 4 << 20

// Options say how a document is read. The zero value reads one that came from nowhere and looks at its form only.
type Options struct {
	// File is the document's name in messages; default narrative.yaml.
	File string
	// Dir is the folder that relative paths are seen from; where it is empty, relative paths are mistakes.
	Dir string
	// Source labels the manifest; default the last part of File.
	Source string
	// Registry knows which arguments are paths; default the Validator's.
	Registry *narrative.Registry
	// Validator looks at what the document says. Without a registry in it, only the document's form is looked at.
	Validator narrative.Validator
}

func (o Options) withDefaults() Options {
	if o.File == "" {
		o.File = "narrative.yaml"
	}
	if o.Source == "" {
		o.Source = path.Base(strings.ReplaceAll(o.File, `\`, "/")) // on whichever system the file lies
	}
	if o.Registry == nil {
		o.Registry = o.Validator.Registry
	}
	return o
}

// Load reads and validates the file at path. Mistakes in it are a [*Mistakes]; a file that cannot be read is
// [narrative.NotFound] or [narrative.Invalid].
func Load(path string, v narrative.Validator) (narrative.Manifest, error) {
	text, err := readBounded(path)
	if err != nil {
		return narrative.Manifest{}, err
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return narrative.Manifest{}, fmt.Errorf("find the folder of %s: %w", path, err)
	}
	return Parse(text, Options{File: path, Dir: filepath.Dir(absolute), Validator: v})
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, narrative.Errorf(narrative.NotFound, "there is no file %s", path)
	}
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer f.Close()
	return bounded(path, f)
}

// unreadable names the file once: the error of the system's would name it again.
func unreadable(path string, err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		err = of.Err
	}
	return narrative.Errorf(narrative.Invalid, "read %s: %w", path, err)
}

// Parse reads a document and, where the options have a validator, validates it. The metas come with their defaults
// filled in. The error is a [*Mistakes], of kind [narrative.Invalid].
func Parse(text []byte, o Options) (narrative.Manifest, error) {
	m, _, found := read(text, o.withDefaults())
	if err := found.err(); err != nil {
		return narrative.Manifest{}, err
	}
	return m, nil
}

// read reads as much of a document as can be read, with its tree (nil where there is none) and its mistakes.
func read(text []byte, o Options) (narrative.Manifest, *node, *report) {
	found := &report{file: o.File, silenced: map[string]bool{}}
	m := narrative.Manifest{Source: o.Source}
	if len(text) > MaxSize {
		found.add(position{1, 1}, "", fmt.Sprintf("the file is larger than %d bytes, the most that is read", MaxSize))
		return m, nil, found
	}
	text = plainLines(text)
	found.source = text
	root := parseTree(text, o.Dir, found)
	if root == nil {
		return m, nil, found
	}
	d := decoder{report: found, registry: o.Registry, dir: o.Dir}
	d.object(root, "", d.manifestKeys(&m))
	for i := range m.Assertions {
		m.Assertions[i] = m.Assertions[i].WithDefaults()
		m.Assertions[i].Source = m.Source
	}
	for i := range m.Events {
		m.Events[i] = m.Events[i].WithDefaults()
		m.Events[i].Source = m.Source
	}
	if o.Validator.Registry != nil {
		found.addProblems(root, o.Validator.Validate(m))
	}
	return m, root, found
}

// plainLines removes a byte order mark, which would shift columns, and ends every line in the one way: YAML has three, and
// its parser counts all of them.
func plainLines(text []byte) []byte {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(text, []byte("\r"), []byte("\n"))
}
