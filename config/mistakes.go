package config

import (
	"bytes"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/narrative-go/narrative"
)

// maxMistakes is how many mistakes are listed; the others are counted.
const maxMistakes = 100

// maxExcerpt is how many characters of a line an excerpt shows.
const maxExcerpt = 160

// Mistake is one thing that is wrong with a file.
type Mistake struct {
	File    string // as named in [Options]
	Line    int    // from 1
	Column  int    // from 1, in characters
	Path    string // such as assertions[0].every; empty for the document
	Message string
	Excerpt string // the line, and a caret below the column
}

// String is FILE:LINE:COL: message, and the excerpt below it.
func (m Mistake) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s", m.File, m.Line, m.Column, m.Message)
	if m.Excerpt != "" {
		s += "\n" + m.Excerpt
	}
	return s
}

// Mistakes are all that is wrong with a file, in the order of its lines, or with several, file by file. Their kind is [narrative.Invalid].
type Mistakes struct {
	List []Mistake
	More int // how many beyond the first hundred are not in List
}

// Error prints all of them.
func (m *Mistakes) Error() string {
	all := make([]string, len(m.List), len(m.List)+1)
	for i, one := range m.List {
		all[i] = one.String()
	}
	if m.More > 0 {
		all = append(all, fmt.Sprintf("and %d more", m.More))
	}
	return strings.Join(all, "\n")
}

// As gives the mistakes as [narrative.Problems], for those who ask for the paths rather than the lines.
func (m *Mistakes) As(target any) bool {
	problems, ok := target.(*narrative.Problems)
	if !ok {
		return false
	}
	*problems = nil
	for _, one := range m.List {
		message := fmt.Sprintf("line %d, column %d: %s", one.Line, one.Column, one.Message)
		if one.File != m.List[0].File || one.File != m.List[len(m.List)-1].File {
			message = one.File + ", " + message
		}
		*problems = append(*problems, narrative.Problem{Path: one.Path, Message: message})
	}
	return true
}

var _ error = (*Mistakes)(nil)

// position is a place in the source; both count from 1, the column in characters.
type position struct{ line, column int }

// report collects mistakes.
type report struct {
	file   string
	source []byte
	list   []Mistake
	// silenced are the paths of which something was said already: what a validator says of them, or of what lies below
	// them, would say it twice.
	silenced map[string]bool
}

func (r *report) add(at position, path, message string) {
	r.silenced[path] = true
	r.list = append(r.list, Mistake{File: r.file, Line: at.line, Column: at.column, Path: path, Message: message})
}

// addProblems adds what a validator found, at the places where the document says it.
func (r *report) addProblems(root *node, problems narrative.Problems) {
	for _, p := range problems {
		if r.said(p.Path) {
			continue
		}
		at := locate(root, p)
		message := p.Message
		if name := lastStep(p.Path); name != "" {
			message = name + ": " + message
		}
		r.list = append(r.list, Mistake{File: r.file, Line: at.line, Column: at.column, Path: p.Path, Message: message})
	}
}

func (r *report) said(path string) bool {
	for path != "" {
		if r.silenced[path] {
			return true
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return false
}

// err returns the mistakes in the order of the file, or nil when there are none.
func (r *report) err() error {
	if len(r.list) == 0 {
		return nil
	}
	sort.SliceStable(r.list, func(i, j int) bool {
		a, b := r.list[i], r.list[j]
		return a.Line < b.Line || a.Line == b.Line && a.Column < b.Column
	})
	m := &Mistakes{List: r.list}
	if len(m.List) > maxMistakes {
		m.List, m.More = m.List[:maxMistakes], len(m.List)-maxMistakes
	}
	lines := bytes.Split(r.source, []byte("\n"))
	for i := range m.List {
		m.List[i].Excerpt = excerpt(lines, m.List[i].Line, m.List[i].Column)
	}
	return m
}

// excerpt shows a line with a caret below the column; of a long line, what stands around the column.
func excerpt(lines [][]byte, line, column int) string {
	if line < 1 || line > len(lines) || len(bytes.TrimSpace(lines[line-1])) == 0 {
		return ""
	}
	text := []rune(strings.ToValidUTF8(string(lines[line-1]), "\ufffd"))
	column = min(max(column, 1), len(text)+1)
	before, after := "", ""
	start := 0
	if column > maxExcerpt*3/4 {
		start, before = column-maxExcerpt/2, "…"
	}
	end := len(text)
	if end-start > maxExcerpt {
		end, after = start+maxExcerpt, "…"
	}
	number := fmt.Sprintf("%3d", line)
	return fmt.Sprintf("%s | %s%s%s\n%s | %s%s^", number, before, clean(text[start:end]), after,
		strings.Repeat(" ", len(number)), strings.Repeat(" ", utf8.RuneCountInString(before)), blank(text[start:column-1]))
}

// clean keeps control characters off the terminal.
func clean(text []rune) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && (r < ' ' || r >= 0x7f && r < 0xa0) {
			return '\ufffd'
		}
		return r
	}, string(text))
}

// blank is white space as wide as text: tabs stay tabs.
func blank(text []rune) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return '\t'
		}
		return ' '
	}, string(text))
}
