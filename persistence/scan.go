package persistence

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

// moment scans a time of either engine; NULL is the zero time.
type moment struct{ to *time.Time }

var _ sql.Scanner = moment{}

// Scan implements [sql.Scanner].
func (m moment) Scan(from any) error {
	switch from := from.(type) {
	case nil:
		*m.to = time.Time{}
	case int64:
		*m.to = time.UnixMicro(from).UTC()
	case time.Time:
		*m.to = from.UTC()
	default:
		return fmt.Errorf("a %T is not a time", from)
	}
	return nil
}

// perhaps scans a time that may be absent.
type perhaps struct{ to **time.Time }

// Scan implements [sql.Scanner].
func (p perhaps) Scan(from any) error {
	*p.to = nil
	if from == nil {
		return nil
	}
	var at time.Time
	*p.to = &at
	return moment{&at}.Scan(from)
}

// document scans JSON into what to points at; NULL leaves that alone.
type document struct{ to any }

// Scan implements [sql.Scanner].
func (d document) Scan(from any) error {
	var encoded []byte
	switch from := from.(type) {
	case nil:
		return nil
	case string:
		encoded = []byte(from)
	case []byte:
		encoded = append(encoded, from...) // the driver reuses its own
	default:
		return fmt.Errorf("a %T is not JSON", from)
	}
	switch to := d.to.(type) {
	case *json.RawMessage:
		*to = encoded
		return nil
	case *map[string]any:
		return decodeObject(encoded, to)
	case *narrative.Verdict:
		return decodeVerdict(encoded, to)
	}
	return json.Unmarshal(encoded, d.to)
}

// decodeObject keeps whole numbers whole.
func decodeObject(encoded []byte, to *map[string]any) error {
	v, err := narrative.DecodeJSON(encoded)
	*to, _ = v.(map[string]any)
	return err
}

func decodeVerdict(encoded []byte, to *narrative.Verdict) error {
	var raw struct {
		narrative.Verdict
		Details json.RawMessage `json:"details"`
	}
	if err := json.Unmarshal(encoded, &raw); err != nil {
		return err
	}
	*to = raw.Verdict
	if len(raw.Details) == 0 {
		return nil
	}
	return decodeObject(raw.Details, &to.Details)
}

// unlessZero is the argument for a column where NULL stands for the zero time.
func unlessZero(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at
}

// unlessNil is the argument for a column of a time that may be absent.
func unlessNil(at *time.Time) any {
	if at == nil {
		return nil
	}
	return at.UTC()
}

// unlessEmpty is the argument for a column where NULL stands for no text.
func unlessEmpty(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// text scans a text where NULL stands for none.
type text struct{ to *string }

// Scan implements [sql.Scanner].
func (t text) Scan(from any) error {
	switch from := from.(type) {
	case nil:
		*t.to = ""
	case string:
		*t.to = from
	case []byte:
		*t.to = string(from)
	}
	return nil
}

// encoded is the argument for a column of JSON; nil pointers and maps become NULL.
func encoded[T any](v *T) (any, error) {
	if v == nil {
		return nil, nil
	}
	b, err := encodeJSON(v)
	return engine.JSON(b), err
}
