package persistence

import (
	"fmt"
	"strconv"
	"strings"

	sq "github.com/Masterminds/squirrel"

	"github.com/narrative-go/narrative"
)

// Bounds of what can be looked for.
const (
	maxSought    = 1000 // bytes of text
	maxFilters   = 16   // members of notes
	maxPath      = 255  // bytes of a path
	maxPathSteps = 8
)

func checkSought(text string) narrative.Problems {
	if len(text) > maxSought {
		return narrative.Problems{{Path: "q", Message: fmt.Sprintf("is %d bytes long; at most %d can be looked for", len(text), maxSought)}}
	}
	return narrative.ProblemsOf("q", narrative.CheckText(text))
}

// sought looks for a text: for its words where they are kept, else for its parts.
func (s *Store) sought(text string) sq.Sqlizer {
	if s.dialect.Words {
		if words := soughtWords(text); words != "" {
			return wordsMatch(words)
		}
		return s.contains(text, "name", "origin", "CAST(note AS text)")
	}
	parts := strings.Fields(text)
	if len(parts) == 0 {
		parts = []string{text}
	}
	var all sq.And
	for _, part := range parts {
		all = append(all, s.contains(part, "name", "origin", "note"))
	}
	return all
}

// wordsMatch is the condition of a full text query. It stands in the statement itself, for PostgreSQL to plan by it: what
// is rare is fetched by its words, of what is common the newest are soon found by time. And it stands there twice: of the
// beginning of a word that is not among the most common ones PostgreSQL assumes that one in 200 has it, of two that one
// in 40,000. There is no quote in it but those around words.
func wordsMatch(words string) sq.Sqlizer {
	literal := strings.ReplaceAll(words, "'", "''")
	return sq.Expr("words @@ CAST('" + literal + " & " + literal + "' AS tsquery)")
}

// contains looks for a text in any of some columns.
func (s *Store) contains(sought string, columns ...string) sq.Or {
	var any sq.Or
	for _, column := range columns {
		any = append(any, sq.Expr(fmt.Sprintf(s.dialect.Contains, column, "?"), sought))
	}
	return any
}

// pathStep goes to a member of an object, or an element of an array.
type pathStep struct {
	key   string
	index int // of the element; -1: it is a key
}

// noteFilters are the conditions of members of notes.
func (s *Store) noteFilters(filters []narrative.NoteFilter) (all sq.And, p narrative.Problems) {
	if len(filters) > maxFilters {
		return nil, narrative.Problems{{Path: "note", Message: fmt.Sprintf("is filtered by %d members; at most %d can be", len(filters), maxFilters)}}
	}
	for _, f := range filters {
		path := "note." + clip(f.Path, maxPath)
		steps, err := notePath(f.Path)
		if err == nil {
			err = narrative.CheckText(f.Value)
		}
		if err != nil {
			p = append(p, narrative.ProblemsOf(path, err)...)
			continue
		}
		all = append(all, s.member(steps, f.Value))
	}
	return all, p
}

// member is the condition that a text stands there in a note, or other JSON that is written so.
func (s *Store) member(steps []pathStep, value string) sq.Sqlizer {
	if s.dialect.Name == "sqlite" {
		path := sqlitePath(steps)
		return sq.Expr("CASE json_type(note, ?) WHEN 'text' THEN note ->> ? = ? ELSE note -> ? = ? END", path, path, value, path, value)
	}
	there, args := "note", []any{}
	for _, step := range steps {
		if step.index < 0 {
			there, args = there+" -> CAST(? AS text)", append(args, step.key)
		} else {
			there, args = there+" -> CAST(? AS integer)", append(args, step.index)
		}
	}
	condition := fmt.Sprintf("CASE json_typeof(%s) WHEN 'string' THEN (%s) #>> '{}' = ? ELSE CAST(%s AS text) = ? END", there, there, there)
	var all []any
	all = append(append(all, args...), args...)
	all = append(append(append(all, value), args...), value)
	return sq.Expr(condition, all...)
}

func sqlitePath(steps []pathStep) string {
	path := "$"
	for _, step := range steps {
		if step.index < 0 {
			path += `."` + step.key + `"`
		} else {
			path += "[" + strconv.Itoa(step.index) + "]"
		}
	}
	return path
}

// notePath reads a path such as items[0].sku. A key may hold anything but what the path is made of, quotes, backslashes and
// control characters.
func notePath(path string) (steps []pathStep, err error) {
	bad := narrative.Errorf(narrative.Invalid, "is no path into a note; write one such as customer, order.customer or items[0].sku")
	switch {
	case len(path) > maxPath:
		return nil, narrative.Errorf(narrative.Invalid, "is %d bytes long; at most %d make a path", len(path), maxPath)
	case narrative.CheckText(path) != nil || strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' }):
		return nil, bad
	}
	for n, part := range strings.Split(path, ".") {
		key, indices, _ := strings.Cut(part, "[")
		switch {
		case strings.Contains(key, "]"), key == "" && (n > 0 || indices == ""):
			return nil, bad
		case key != "":
			steps = append(steps, pathStep{key: key, index: -1})
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
			steps = append(steps, pathStep{index: int(index)})
		}
	}
	if len(steps) > maxPathSteps {
		return nil, narrative.Errorf(narrative.Invalid, "has %d steps; at most %d make a path", len(steps), maxPathSteps)
	}
	return steps, nil
}
