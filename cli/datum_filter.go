package cli

import (
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// datumFilter is the flags that say which datums.
type datumFilter struct {
	*list
	notes []string // PATH=VALUE
}

// datumFilterFlags adds the flags, and those of every list where it is one.
func datumFilterFlags(c *cobra.Command, add func(c *cobra.Command, parameters ...string) *list) *datumFilter {
	f := &datumFilter{list: add(c, "origin", "name", "level", "min_level", "thread_id", "q")}
	f.help("level", "exactly this level")
	f.help("min_level", "this level or a higher one")
	f.help("q", "text in name, origin or note")
	c.Flags().StringArrayVar(&f.notes, "note", nil, "only with this in the note, such as customer=42 or items[0].sku=x; may be repeated")
	return f
}

func (f *datumFilter) query(now time.Time) (url.Values, error) {
	q, err := f.list.query(now)
	if err != nil {
		return nil, err
	}
	return q, f.addNotes(q)
}

func (f *datumFilter) values(now time.Time) (url.Values, error) {
	q, err := f.list.values(now)
	if err != nil {
		return nil, err
	}
	return q, f.addNotes(q)
}

// addNotes adds what the note must have to the query.
func (f *datumFilter) addNotes(q url.Values) error {
	for _, note := range f.notes {
		path, value, ok := strings.Cut(note, "=")
		if !ok || path == "" {
			return misused("--note is %q; expected PATH=VALUE, such as customer=42", note)
		}
		q.Add("note."+path, value)
	}
	return nil
}
