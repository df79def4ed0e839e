package httpapi

import (
	"encoding/base64"
	"sort"
	"strings"

	narrative "github.com/narrative-go/narrative"
)

// PageQuery is the part of a list's query that says which page.
type PageQuery struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
	Cursor string `query:"cursor" doc:"A list's next_cursor; empty for the first page"`
}

func (p PageQuery) page() narrative.Page { return narrative.Page{Limit: p.Limit, Cursor: p.Cursor} }

// neverNull makes an empty list of a nil one.
func neverNull[T any](l narrative.Listed[T]) narrative.Listed[T] {
	l.Items = orEmpty(l.Items)
	return l
}

func orEmpty[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

// nameCursor begins the cursors of lists that are in the order of names, before they are encoded.
const nameCursor = "name:"

// pageOfNames cuts a page out of items that are in the order of their names.
func pageOfNames[T any](all []T, name func(T) string, q PageQuery) (narrative.Listed[T], error) {
	start := 0
	if q.Cursor != "" {
		decoded, err := base64.RawURLEncoding.DecodeString(q.Cursor)
		after, ours := strings.CutPrefix(string(decoded), nameCursor)
		if err != nil || !ours {
			return narrative.Listed[T]{}, narrative.Problems{{Path: "cursor", Message: "is not a cursor of this list"}}
		}
		start = sort.Search(len(all), func(i int) bool { return name(all[i]) > after })
	}
	listed := narrative.Listed[T]{Items: orEmpty(all[start:])}
	if len(listed.Items) > q.Limit {
		listed.Items = listed.Items[:q.Limit]
		last := name(listed.Items[q.Limit-1])
		listed.NextCursor = base64.RawURLEncoding.EncodeToString([]byte(nameCursor + last))
	}
	return listed, nil
}

// textProblems refuses what no store could hold, by parameter.
func textProblems(values map[string]string) (p narrative.Problems) {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		p = append(p, narrative.ProblemsOf(name, narrative.CheckText(values[name]))...)
	}
	return p
}
