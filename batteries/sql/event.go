package sql

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
)

// maxOccurrences is how many rows one detection may notice.
const maxOccurrences = 10_000

// EventArgs are the arguments of the event "sql".
type EventArgs struct {
	DSN      string             `json:"dsn"`                // postgres://… or sqlite:PATH
	Rows     string             `json:"rows"`               // each row is an occurrence
	Identify []string           `json:"identify,omitempty"` // the columns that say which; default all
	Timeout  narrative.Duration `json:"timeout,omitempty"`  // of the query; default the detection's
}

var (
	_ narrative.ArgsValidator = (*EventArgs)(nil)
	_ narrative.Relocator     = (*EventArgs)(nil)
)

// ValidateArgs returns what is wrong with them, as far as that can be told before references are resolved.
func (a *EventArgs) ValidateArgs() (p narrative.Problems) {
	wrong := func(path, message string) { p = append(p, narrative.Problem{Path: path, Message: message}) }
	p = append(p, checkDSN(a.DSN)...)
	if a.Rows == "" {
		wrong("rows", "is required: a query whose rows are occurrences")
	} else {
		p = append(p, checkQuery("rows", a.Rows)...)
	}
	for i, column := range a.Identify {
		switch path := fmt.Sprintf("identify[%d]", i); {
		case column == "":
			wrong(path, "must name a column")
		case slices.Contains(a.Identify[:i], column):
			wrong(path, fmt.Sprintf("names the column %q again", column))
		}
	}
	if a.Timeout < 0 {
		wrong("timeout", "must not be negative")
	}
	return p
}

// Relocate makes the path of a SQLite file absolute.
func (a *EventArgs) Relocate(dir string) { a.DSN = relocated(a.DSN, dir) }

func (a EventArgs) event(shared *pools) (narrative.Event, error) {
	if err := a.ValidateArgs().Err(); err != nil {
		return nil, err
	}
	return occurrences{
		query:    query{pools: shared, dsn: a.DSN, text: a.Rows, timeout: time.Duration(a.Timeout)},
		identify: a.Identify,
	}, nil
}

// occurrences is an event whose occurrences are rows.
type occurrences struct {
	query
	identify []string // none: all columns
}

var _ narrative.Event = occurrences{}

// Detect returns the rows.
func (o occurrences) Detect(ctx context.Context) ([]narrative.Occurrence, error) {
	var found []narrative.Occurrence
	var identity []int
	err := o.rows(ctx, func(columns []string) (err error) {
		identity, err = o.identity(columns)
		return err
	}, func(r row) (bool, error) {
		if len(found) == maxOccurrences {
			return false, narrative.Errorf(narrative.Invalid, "the query answers more than the %d rows that fit; ask for fewer, such as the newest", maxOccurrences)
		}
		summary := make(map[string]any, len(identity))
		for _, i := range identity {
			summary[r.columns[i]] = r.value(i)
		}
		found = append(found, narrative.Occurrence{Summary: summary, Details: r.details()})
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// identity finds the columns that identify a row.
func (o occurrences) identity(columns []string) ([]int, error) {
	for i, c := range columns {
		if slices.Contains(columns[:i], c) {
			return nil, narrative.Errorf(narrative.Invalid, "two columns of the query are called %q; tell them apart with AS", c)
		}
	}
	var identity []int
	if len(o.identify) == 0 {
		for i := range columns {
			identity = append(identity, i)
		}
	}
	for _, name := range o.identify {
		i := slices.Index(columns, name)
		if i < 0 {
			return nil, narrative.Errorf(narrative.Invalid, "identify names the column %q, which the query does not have%s (it has: %s)",
				name, narrative.DidYouMean(name, columns), strings.Join(columns, ", "))
		}
		identity = append(identity, i)
	}
	return identity, nil
}
