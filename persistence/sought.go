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
	maxSought = 1000 // bytes of text
	maxPath   = 255  // bytes of a path that a refusal repeats
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

// noteFilters are the conditions of members of notes.
func (s *Store) noteFilters(filters []narrative.NoteFilter) (all sq.And, p narrative.Problems) {
	if len(filters) > narrative.MaxNoteFilters {
		return nil, narrative.Problems{{Path: "note", Message: fmt.Sprintf("is filtered by %d members; at most %d can be", len(filters), narrative.MaxNoteFilters)}}
	}
	for _, f := range filters {
		path := "note." + clip(f.Path, maxPath)
		steps, err := f.Steps()
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
func (s *Store) member(steps []narrative.NoteStep, value string) sq.Sqlizer {
	if s.dialect.Name == "sqlite" {
		path := sqlitePath(steps)
		return sq.Expr("CASE json_type(note, ?) WHEN 'text' THEN note ->> ? = ? ELSE note -> ? = ? END", path, path, value, path, value)
	}
	there, args := "note", []any{}
	for _, step := range steps {
		if step.Index < 0 {
			there, args = there+" -> CAST(? AS text)", append(args, step.Key)
		} else {
			there, args = there+" -> CAST(? AS integer)", append(args, step.Index)
		}
	}
	condition := fmt.Sprintf("CASE json_typeof(%s) WHEN 'string' THEN (%s) #>> '{}' = ? ELSE CAST(%s AS text) = ? END", there, there, there)
	var all []any
	all = append(append(all, args...), args...)
	all = append(append(append(all, value), args...), value)
	return sq.Expr(condition, all...)
}

func sqlitePath(steps []narrative.NoteStep) string {
	path := "$"
	for _, step := range steps {
		if step.Index < 0 {
			path += `."` + step.Key + `"`
		} else {
			path += "[" + strconv.Itoa(step.Index) + "]"
		}
	}
	return path
}
