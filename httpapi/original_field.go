package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"strconv"
	"time"

	narrative "github.com/narrative-go/narrative"
)

// originalFields are what the original's calls take. What the original answers besides is taken, too, and not looked
// at, since a client may send back what it got.
var (
	originalFields  = []string{"origin", "datum_name", "note", "log_level", "ttl", "thread_id"}
	originalIgnored = map[string]bool{"id": true, "resource_uri": true, "timestamp": true, "expiration_time": true, "datum_note_json": true}
)

// maxOriginalTTL bounds a ttl, in seconds: a hundred years.
const maxOriginalTTL = 100 * 365 * 24 * 60 * 60

// readFields reads a body that must be a JSON object, and returns its fields.
func (p *payload) readFields() (map[string]json.RawMessage, error) {
	body, err := p.readJSON(maxDatum)
	if err != nil {
		return nil, err
	}
	if body = bytes.TrimSpace(body); len(body) == 0 {
		return nil, &refusal{400, "the body is empty; send a JSON object"}
	}
	var fields map[string]json.RawMessage
	if body[0] != '{' || json.Unmarshal(body, &fields) != nil {
		return nil, narrative.Problems{{Message: "the body must be a JSON object"}}
	}
	return fields, nil
}

// originalDatum reads a datum of the original's form, or says all that is wrong with it. levelled tells whether it says
// a level.
func originalDatum(fields map[string]json.RawMessage, now time.Time, config narrative.Config) (d narrative.Datum, levelled bool, err error) {
	p := unknownOriginal(fields)
	text := func(name string, into *string) {
		if given(fields, name) && json.Unmarshal(fields[name], into) != nil {
			p = append(p, narrative.Problem{Path: name, Message: "must be a string"})
			*into = "?" // so that nothing is said of it twice
		}
	}
	d = narrative.Datum{At: now, Note: json.RawMessage(`""`), Level: narrative.Info}
	text("origin", &d.Origin)
	text("datum_name", &d.Name)
	text("thread_id", &d.ThreadID)
	if note, there := fields["note"]; there {
		d.Note = note
	}
	if levelled = given(fields, "log_level"); levelled {
		level, err := originalLevel(fields["log_level"])
		d.Level = level
		p = append(p, narrative.ProblemsOf("log_level", err)...)
	}
	ttl := time.Duration(config.DefaultDatumTTL)
	if given(fields, "ttl") {
		var err error
		ttl, err = originalTTL(fields["ttl"])
		p = append(p, narrative.ProblemsOf("ttl", err)...)
	}
	if ttl > 0 {
		expires := now.Add(ttl).Truncate(time.Microsecond)
		d.ExpiresAt = &expires
	}
	for _, problem := range d.Validate() {
		switch problem.Path {
		case "name":
			problem.Path = "datum_name"
		case "level": // said above
			continue
		}
		p = append(p, problem)
	}
	return d, levelled, p.Err()
}

func unknownOriginal(fields map[string]json.RawMessage) (p narrative.Problems) {
	for name := range fields {
		known := originalIgnored[name]
		for _, field := range originalFields {
			known = known || name == field
		}
		if !known {
			p = append(p, narrative.Problem{Path: name, Message: fmt.Sprintf("is not a known field%s", narrative.DidYouMean(name, originalFields))})
		}
	}
	sort.Slice(p, func(i, j int) bool { return p[i].Path < p[j].Path })
	return p
}

// given tells whether a field is there and not null.
func given(fields map[string]json.RawMessage, name string) bool {
	raw, there := fields[name]
	return there && string(raw) != "null"
}

func originalLevel(raw json.RawMessage) (narrative.Level, error) {
	var name string
	if json.Unmarshal(raw, &name) == nil && name != "" {
		return narrative.ParseLevel(name)
	}
	var number float64
	if json.Unmarshal(raw, &number) == nil && number >= 0 && number < float64(len(narrative.Levels)) && number == math.Trunc(number) {
		return narrative.Levels[int(number)], nil
	}
	return "", narrative.Errorf(narrative.Invalid, "must be trace, debug, info, warn or error, or a number from 0 to 4; not %s", shortJSON(raw))
}

func originalTTL(raw json.RawMessage) (time.Duration, error) {
	seconds, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || !(seconds > 0 && seconds <= maxOriginalTTL) {
		return 0, narrative.Errorf(narrative.Invalid, "must be a number of seconds above 0 and at most %d; not %s", maxOriginalTTL, shortJSON(raw))
	}
	return max(time.Microsecond, time.Duration(seconds*float64(time.Second))), nil
}

// shortJSON is a value as it may be told.
func shortJSON(raw json.RawMessage) string {
	if r := []rune(string(raw)); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return string(raw)
}
