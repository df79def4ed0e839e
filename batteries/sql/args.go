package sql

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/narrative-go/narrative"
)

// Args are the arguments of the assertion "sql": exactly one of Violations and Holds.
type Args struct {
	DSN        string             `json:"dsn"` // postgres://… or sqlite:PATH
	Violations string             `json:"violations,omitempty"`
	Holds      string             `json:"holds,omitempty"`
	Record     *RecordArgs        `json:"record,omitempty"`  // goes with Violations
	Exists     string             `json:"exists,omitempty"`  // goes with Record: has a row where the record $1 exists
	Timeout    narrative.Duration `json:"timeout,omitempty"` // of the query; default the check's
}

// RecordArgs say which record a row is.
type RecordArgs struct {
	Type string `json:"type"` // as it is
	ID   string `json:"id"`   // the name of a column
}

var (
	_ narrative.ArgsValidator = (*Args)(nil)
	_ narrative.Relocator     = (*Args)(nil)
)

// ValidateArgs returns what is wrong with them, as far as that can be told before references are resolved.
func (a *Args) ValidateArgs() (p narrative.Problems) {
	wrong := func(path, message string) { p = append(p, narrative.Problem{Path: path, Message: message}) }
	p = append(p, checkDSN(a.DSN)...)
	switch {
	case a.Violations == "" && a.Holds == "":
		wrong("violations", "give exactly one of violations and holds")
	case a.Violations != "" && a.Holds != "":
		wrong("holds", "give exactly one of violations and holds")
	case a.Violations != "":
		p = append(p, checkQuery("violations", a.Violations)...)
	default:
		p = append(p, checkQuery("holds", a.Holds)...)
	}
	if r := a.Record; r != nil {
		if a.Holds != "" {
			wrong("record", "only goes with violations")
		}
		if r.Type == "" {
			wrong("record.type", "is required: what a row is, such as invoice")
		}
		if len(r.Type) > narrative.MaxRecordPart {
			wrong("record.type", fmt.Sprintf("must be at most %d bytes long", narrative.MaxRecordPart))
		}
		if r.ID == "" {
			wrong("record.id", "is required: the column that identifies a row")
		}
	}
	if a.Exists != "" && a.Record == nil {
		wrong("exists", "only goes with record")
	} else if a.Exists != "" {
		p = append(p, checkExists(a.DSN, a.Exists)...)
	}
	if a.Timeout < 0 {
		wrong("timeout", "must not be negative")
	}
	return p
}

// Relocate makes the path of a SQLite file absolute.
func (a *Args) Relocate(dir string) { a.DSN = relocated(a.DSN, dir) }

func relocated(dsn, dir string) string {
	path, ok := strings.CutPrefix(dsn, sqlitePrefix)
	if ok && path != "" && !filepath.IsAbs(path) && !strings.HasPrefix(path, "${") {
		return sqlitePrefix + filepath.Join(dir, path)
	}
	return dsn
}

func checkDSN(dsn string) narrative.Problems {
	switch {
	case dsn == "":
		return narrative.Problems{{Path: "dsn", Message: "is required: postgres://… or sqlite:PATH"}}
	case !narrative.HasReference(dsn) && engineOf(dsn) == nil:
		return narrative.Problems{{Path: "dsn", Message: "must begin with postgres:// or sqlite: and name a database"}}
	}
	return nil
}

// verbs are what a query that reads begins with.
var verbs = []string{"SELECT", "WITH", "VALUES", "TABLE"}

// checkQuery refuses what is certainly not one query that reads. The database has the last word.
func checkQuery(path, query string) narrative.Problems {
	if narrative.HasReference(query) {
		return nil
	}
	s := scanner{rest: query}
	word, ok := s.next()
	if !ok {
		return narrative.Problems{{Path: path, Message: "is empty"}}
	}
	for ok && word == "(" {
		word, ok = s.next()
	}
	if !slices.Contains(verbs, strings.ToUpper(word)) {
		return narrative.Problems{{Path: path, Message: "must be a query that reads, beginning with SELECT or WITH; not " + quoted(word)}}
	}
	for ok {
		if word, ok = s.next(); ok && word == ";" {
			if _, more := s.next(); more {
				return narrative.Problems{{Path: path, Message: "must be one statement; there is more after the semicolon"}}
			}
			break
		}
	}
	return nil
}

// checkExists refuses, besides what checkQuery refuses, a query that does not ask for one record, and one that has a row
// whether there is such a record or not.
func checkExists(dsn, query string) narrative.Problems {
	const example = "SELECT 1 FROM invoices WHERE id = $1"
	p := checkQuery("exists", query)
	if len(p) > 0 || narrative.HasReference(query) {
		return p
	}
	wrong := func(message string) narrative.Problems { return narrative.Problems{{Path: "exists", Message: message}} }
	if words := firstWords(query, 3); words == "SELECT EXISTS (" || words == "SELECT COUNT (" {
		return wrong("must have no row where the record is gone, like " + example + "; " + words + "…) always has one")
	}
	sqlite := strings.HasPrefix(dsn, sqlitePrefix)
	switch first, marks, others := parameters(query); {
	case others > 0 || sqlite && (marks > 1 || marks > 0 && first > 0):
		return wrong("has one parameter, the record's id; write $1 wherever it is needed")
	case first == 0 && (marks == 0 || strings.HasPrefix(dsn, "postgres")):
		return wrong("must ask for one record, by its id, which is $1: " + example)
	}
	return nil
}

// firstWords are the first words of a query, in upper case.
func firstWords(query string, count int) string {
	s := scanner{rest: query}
	var words []string
	for word, ok := s.next(); ok && len(words) < count; word, ok = s.next() {
		words = append(words, strings.ToUpper(word))
	}
	return strings.Join(words, " ")
}

// parameters counts the parameters of a query: $1 or ?1, a ? by itself (in PostgreSQL an operator), and those with other
// numbers.
func parameters(query string) (first, marks, others int) {
	s := scanner{rest: query}
	for word, ok := s.next(); ok; word, ok = s.next() {
		if word != "$" && word != "?" {
			continue
		}
		switch number := s.rest[:len(s.rest)-len(strings.TrimLeft(s.rest, "0123456789"))]; {
		case number == "1":
			first++
		case number != "":
			others++
		case word == "?":
			marks++
		}
	}
	return first, marks, others
}

func quoted(word string) string {
	if len(word) > 30 {
		word = strings.ToValidUTF8(word[:30], "") + "…"
	}
	return `"` + word + `"`
}
