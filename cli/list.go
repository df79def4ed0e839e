package cli

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	narrative "github.com/narrative-go/narrative"
)

// list is the flags of a command that lists something, which are the API's query.
type list struct {
	flags  *pflag.FlagSet
	texts  map[string]*string
	since  map[string]*string // times
	limit  int
	cursor string
}

// listFlags adds a flag for each text parameter of the query, and those of every list.
func listFlags(c *cobra.Command, parameters ...string) *list {
	l := filterFlags(c, parameters...)
	l.flags.IntVar(&l.limit, "limit", narrative.DefaultPage, "at most so many, up to "+strconv.Itoa(narrative.MaxPage))
	l.flags.BoolP(watchFlag, "w", false, "look again every 2s: on a terminal draw the list anew, else print what is new or has changed")
	l.flags.StringVar(&l.cursor, "cursor", "", "go on after the page that named this cursor")
	return l
}

// filterFlags adds a flag for each text parameter of the query.
func filterFlags(c *cobra.Command, parameters ...string) *list {
	l := &list{flags: c.Flags(), texts: map[string]*string{}, since: map[string]*string{}}
	for _, name := range parameters {
		l.texts[name] = l.flags.String(flagName(name), "", "only this "+strings.ReplaceAll(name, "_", " "))
	}
	return l
}

func flagName(parameter string) string { return strings.ReplaceAll(parameter, "_", "-") }

func (l *list) help(parameter, usage string) { l.flags.Lookup(flagName(parameter)).Usage = usage }

// times adds flags for parameters that are times.
func (l *list) times(usage map[string]string) {
	for name, text := range usage {
		l.since[name] = l.flags.String(name, "", text)
	}
}

func (l *list) query(now time.Time) (url.Values, error) {
	q, err := l.values(now)
	if err != nil {
		return nil, err
	}
	if l.limit < 1 || l.limit > narrative.MaxPage {
		return nil, misused("--limit is %d; expected 1 to %d", l.limit, narrative.MaxPage)
	}
	q.Set("limit", strconv.Itoa(l.limit))
	if l.cursor != "" {
		q.Set("cursor", l.cursor)
	}
	return q, nil
}

// values are the filters alone.
func (l *list) values(now time.Time) (url.Values, error) {
	q := url.Values{}
	for name, value := range l.texts {
		if *value != "" {
			q.Set(name, *value)
		}
	}
	for name, value := range l.since {
		if *value == "" {
			continue
		}
		at, err := parseTime(*value, now, -1)
		if err != nil {
			return nil, misused("--%s is %w", name, err)
		}
		q.Set(name, at.UTC().Format(time.RFC3339Nano))
	}
	return q, nil
}

// parseTime reads a time as people write it: in full, a day (of UTC), or a duration from now, towards the past for a
// negative direction.
func parseTime(s string, now time.Time, direction int) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if at, err := time.Parse(layout, s); err == nil {
			return at, nil
		}
	}
	d, err := narrative.ParseDuration(s)
	if err != nil || d < 0 {
		return time.Time{}, narrative.Errorf(narrative.Invalid, "%q; expected a day such as 2027-01-31, a time such as 2027-01-31T12:00:00Z, or a duration such as 30d", s)
	}
	return now.Add(time.Duration(direction) * time.Duration(d)), nil
}
