package persistence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"time"
	"unicode/utf8"

	"github.com/narrative-go/narrative"
)

// Bounds of what a check may leave behind, in bytes.
const (
	maxVerdict   = 64 << 10 // of a run or an issue, as JSON
	maxSummary   = 4 << 10
	maxViolation = 2 << 10 // the details of a violating record, as JSON
)

// texts gathers the problems of texts by the names of their fields.
type texts struct{ problems narrative.Problems }

// add looks at a text.
func (t *texts) add(field, value string) {
	t.problems = append(t.problems, narrative.ProblemsOf(field, narrative.CheckText(value))...)
}

// json looks at JSON as it came; empty is none.
func (t *texts) json(field string, value json.RawMessage) {
	if len(value) == 0 {
		return
	}
	if !utf8.Valid(value) {
		t.problems = append(t.problems, narrative.Problem{Path: field, Message: "is not valid UTF-8"})
		return
	}
	t.problems = append(t.problems, narrative.ProblemsOf(field, narrative.CheckJSON(value))...)
}

// value looks at every text inside a value that is going to be encoded: encoding/json would mend bad UTF-8 unasked.
func (t *texts) value(field string, v any) {
	if problem := badText(reflect.ValueOf(v), 0); problem != nil {
		t.problems = append(t.problems, narrative.ProblemsOf(field, problem)...)
	}
}

// err returns the problems found as one error, or nil.
func (t *texts) err() error { return t.problems.Err() }

// maxDepth bounds how deep badText goes into what may be a ring; encoding/json refuses rings itself.
const maxDepth = 200

func badText(v reflect.Value, depth int) error {
	if depth > maxDepth {
		return narrative.Errorf(narrative.Invalid, "is nested more than %d deep", maxDepth)
	}
	switch v.Kind() {
	case reflect.String:
		return narrative.CheckText(v.String())
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return badText(v.Elem(), depth+1)
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return badBytes(v)
		}
		for i := range v.Len() {
			if err := badText(v.Index(i), depth+1); err != nil {
				return err
			}
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			if err := badText(entries.Key(), depth+1); err != nil {
				return err
			}
			if err := badText(entries.Value(), depth+1); err != nil {
				return err
			}
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return nil
		}
		for i := range v.NumField() {
			if err := badText(v.Field(i), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// badBytes looks into JSON that is passed along as it is; other bytes are written in base64.
func badBytes(v reflect.Value) error {
	if v.Type() != reflect.TypeFor[json.RawMessage]() || v.Len() == 0 {
		return nil
	}
	if !utf8.Valid(v.Bytes()) {
		return narrative.Errorf(narrative.Invalid, "is not valid UTF-8")
	}
	return narrative.CheckJSON(v.Bytes())
}

// encodeJSON encodes a value without escaping what only HTML would mind, so that it can be searched for.
func encodeJSON(v any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, narrative.Errorf(narrative.Invalid, "does not encode as JSON: %w", err)
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

// clip cuts a text to at most limit bytes, at a rune, and marks the cut.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	cut := limit - len("…")
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// bounded returns the verdict as it will be read back: its texts clipped, and without its details where it would not fit
// otherwise.
func bounded(v narrative.Verdict) (narrative.Verdict, error) {
	v.Summary, v.Reason = clip(v.Summary, maxSummary), clip(v.Reason, maxSummary)
	kept, err := boundedDetails(v.Details)
	if err != nil {
		return v, err
	}
	details, err := encodeJSON(kept)
	if err != nil {
		return v, narrative.Errorf(narrative.Invalid, "details: %w", err)
	}
	return v, decodeObject(details, &v.Details)
}

// boundedDetails returns the details, or what was dropped where a verdict has no room for them. They are only encoded
// where they may be too large.
func boundedDetails(details map[string]any) (map[string]any, error) {
	room := maxVerdict - 3*maxSummary
	if atMost(details) <= room {
		return details, nil
	}
	encoded, err := encodeJSON(details)
	if err != nil {
		return nil, narrative.Errorf(narrative.Invalid, "details: %w", err)
	}
	if len(encoded) > room {
		return map[string]any{"dropped": fmt.Sprintf("%d bytes of details; at most %d are kept", len(encoded), room)}, nil
	}
	return details, nil
}

// atMost is more than the bytes that a value takes as JSON, however it is escaped; too much where it cannot tell. The
// value is no ring.
func atMost(v any) int {
	switch v := v.(type) {
	case string:
		return 6*len(v) + 3
	case nil, bool, int, int64, float64:
		return 32
	case map[string]any:
		n := 3
		for k, e := range v {
			n += 6*len(k) + 5 + atMost(e)
		}
		return n
	case []any:
		n := 3
		for _, e := range v {
			n += 1 + atMost(e)
		}
		return n
	}
	return maxVerdict
}
