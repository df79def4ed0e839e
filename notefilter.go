package narrative

import (
	"strconv"
	"strings"
)

// Bounds of the path of a [NoteFilter].
const (
	maxNotePath  = 255 // bytes
	maxNoteSteps = 8
)

// MaxNoteFilters is how many a query can have.
const MaxNoteFilters = 16

// NoteFilter selects datums by a member of their note.
type NoteFilter struct {
	Path  string // such as customer, order.customer or items[0].sku; at most 255 bytes and eight steps
	Value string // the text that stands there, or a number, true, false, null, an array or an object as JSON
}

// NoteStep goes to a member of an object in a note, or an element of an array.
type NoteStep struct {
	Key   string
	Index int // of the element; -1: it is a key
}

// ParseNoteFilter reads PATH=VALUE, such as customer=42. What is none is [Invalid].
func ParseNoteFilter(s string) (NoteFilter, error) {
	path, value, ok := strings.Cut(s, "=")
	if !ok || path == "" {
		return NoteFilter{}, Errorf(Invalid, "%q must be PATH=VALUE, such as customer=42", s)
	}
	f := NoteFilter{Path: path, Value: value}
	_, err := f.Steps()
	if err == nil {
		err = CheckText(value)
	}
	return f, err
}

// Steps reads the path. A dot that belongs to a key is written \., as in http\.method; otherwise a key may hold anything but
// what the path is made of, quotes, backslashes and control characters. What is no path is [Invalid].
func (f NoteFilter) Steps() (steps []NoteStep, err error) {
	bad := Errorf(Invalid, "is no path into a note; write one such as customer, order.customer or items[0].sku")
	switch {
	case len(f.Path) > maxNotePath:
		return nil, Errorf(Invalid, "is %d bytes long; at most %d make a path", len(f.Path), maxNotePath)
	case CheckText(f.Path) != nil || strings.ContainsFunc(f.Path, func(r rune) bool { return r < ' ' || r == '"' }):
		return nil, bad
	}
	for n, part := range splitPath(f.Path) {
		key, indices, _ := strings.Cut(part, "[")
		plain := strings.ReplaceAll(key, `\.`, ".")
		switch {
		case strings.ContainsAny(plain, `]\`), key == "" && (n > 0 || indices == ""):
			return nil, bad
		case key != "":
			steps = append(steps, NoteStep{Key: plain, Index: -1})
		}
		if len(part) == len(key) {
			continue
		}
		inner, closed := strings.CutSuffix(indices, "]")
		if !closed {
			return nil, bad
		}
		for _, digits := range strings.Split(inner, "][") {
			index, err := strconv.ParseUint(digits, 10, 31)
			if err != nil || digits != strconv.FormatUint(index, 10) {
				return nil, bad
			}
			steps = append(steps, NoteStep{Index: int(index)})
		}
	}
	if len(steps) > maxNoteSteps {
		return nil, Errorf(Invalid, "has %d steps; at most %d make a path", len(steps), maxNoteSteps)
	}
	return steps, nil
}

// splitPath splits a path at the dots that no backslash stands before.
func splitPath(path string) (parts []string) {
	begin := 0
	for at := range len(path) {
		if path[at] == '.' && (at == 0 || path[at-1] != '\\') {
			parts, begin = append(parts, path[begin:at]), at+1
		}
	}
	return append(parts, path[begin:])
}
