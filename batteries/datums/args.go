package datums

import (
	"fmt"
	"strings"

	"github.com/narrative-go/narrative"
)

// Args are the arguments of the class "datums": which datums, in which time, and exactly one condition.
type Args struct {
	Origin   string `json:"origin,omitempty"`
	Name     string `json:"name,omitempty"`
	Level    string `json:"level,omitempty"`     // exactly this
	MinLevel string `json:"min_level,omitempty"` // this or higher
	ThreadID string `json:"thread_id,omitempty"`

	// Note are members of the note, all of these, such as customer=42 or items[0].sku=x.
	Note []string `json:"note,omitempty"`
	Text string   `json:"text,omitempty"` // in name, origin or note, in any case

	Window narrative.Duration `json:"window"` // up to now

	AtLeast     *int     `json:"at_least,omitempty"`
	AtMost      *int     `json:"at_most,omitempty"`
	Absent      bool     `json:"absent,omitempty"`        // there is none
	RateAtLeast *float64 `json:"rate_at_least,omitempty"` // a minute, on average over the window
	RateAtMost  *float64 `json:"rate_at_most,omitempty"`
}

var _ narrative.ArgsValidator = (*Args)(nil)

// ValidateArgs returns what is wrong with them, as far as that can be told before references are resolved.
func (a *Args) ValidateArgs() (p narrative.Problems) {
	wrong := func(path, message string) { p = append(p, narrative.Problem{Path: path, Message: message}) }
	for _, f := range []struct{ path, value string }{
		{"origin", a.Origin},
		{"name", a.Name},
		{"thread_id", a.ThreadID},
		{"text", a.Text},
	} {
		if len(f.value) > narrative.MaxDatumName {
			wrong(f.path, "must be at most 255 bytes long")
		}
		p = append(p, narrative.ProblemsOf(f.path, narrative.CheckText(f.value))...)
	}
	for _, f := range []struct{ path, value string }{{"level", a.Level}, {"min_level", a.MinLevel}} {
		if !narrative.HasReference(f.value) {
			_, err := narrative.ParseLevel(f.value)
			p = append(p, narrative.ProblemsOf(f.path, err)...)
		}
	}
	if len(a.Note) > narrative.MaxNoteFilters {
		wrong("note", fmt.Sprintf("has %d members; at most %d can be looked for", len(a.Note), narrative.MaxNoteFilters))
	}
	for n, member := range a.Note {
		_, err := narrative.ParseNoteFilter(member)
		p = append(p, narrative.ProblemsOf(fmt.Sprintf("note[%d]", n), err)...)
	}
	if a.Level != "" && a.MinLevel != "" {
		wrong("min_level", "give either level or min_level, not both")
	}
	switch {
	case a.Window < 0:
		wrong("window", "must not be negative")
	case a.Window == 0:
		wrong("window", "is required: how far back to look, such as 10m")
	}
	return append(p, a.checkCondition()...)
}

func (a *Args) checkCondition() (p narrative.Problems) {
	wrong := func(path, message string) { p = append(p, narrative.Problem{Path: path, Message: message}) }
	var given []string
	for _, c := range []struct {
		path  string
		given bool
	}{
		{"at_least", a.AtLeast != nil},
		{"at_most", a.AtMost != nil},
		{"absent", a.Absent},
		{"rate_at_least", a.RateAtLeast != nil},
		{"rate_at_most", a.RateAtMost != nil},
	} {
		if c.given {
			given = append(given, c.path)
		}
	}
	const one = "exactly one of at_least, at_most, absent: true, rate_at_least and rate_at_most"
	switch len(given) {
	case 0:
		wrong("at_least", "give "+one)
	case 1:
	default:
		wrong(given[1], "give "+one+"; not "+strings.Join(given, " and "))
	}
	switch {
	case a.AtLeast != nil && *a.AtLeast < 1:
		wrong("at_least", "must be 1 or more; for none, write absent: true")
	case a.AtMost != nil && *a.AtMost < 0:
		wrong("at_most", "must not be negative")
	case a.RateAtLeast != nil && *a.RateAtLeast <= 0:
		wrong("rate_at_least", "must be more than 0")
	case a.RateAtMost != nil && *a.RateAtMost < 0:
		wrong("rate_at_most", "must not be negative")
	}
	return p
}
