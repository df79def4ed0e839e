package narrative

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// DecodeArgs decodes a JSON object strictly into the struct that into points to: a field it does not have, or of
// another type, is an [Invalid] error that names it, and each other one. Nothing, or null, decodes as {}.
func DecodeArgs(raw json.RawMessage, into any) error {
	if trimmed := bytes.TrimSpace(raw); len(trimmed) == 0 || bytes.Equal(trimmed, []byte("null")) {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if !ended(d) {
			return Errorf(Invalid, "more than one JSON value")
		}
		return nil
	}
	if p := wrongFields(raw, reflect.TypeOf(into)); len(p) > 0 {
		return p
	}
	field, message := undecodable(err)
	if field != "" {
		return Problems{{field, message}}
	}
	return Errorf(Invalid, "%s", message)
}

// wrongFields returns a problem for every field of the JSON object that its type does not have, or that cannot be decoded by
// itself: a type that decodes itself, such as a time, does not say which field it was.
func wrongFields(raw json.RawMessage, t reflect.Type) Problems {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return nil
	}
	v, err := decodeNumbers(raw)
	if err != nil {
		return nil
	}
	p := unknownFields(v, t, "")
	for _, name := range sortedKeys(fields) {
		alone, err := json.Marshal(map[string]json.RawMessage{name: fields[name]})
		if err != nil {
			continue
		}
		if err := json.Unmarshal(alone, reflect.New(t.Elem()).Interface()); err != nil {
			field, message := undecodable(err)
			p = append(p, Problem{cmp.Or(field, name), message})
		}
	}
	return p
}

// undecodable says why something cannot be decoded, and, where that is known, which field.
func undecodable(err error) (field, message string) {
	message = strings.TrimPrefix(err.Error(), "json: ")
	var wrongType *json.UnmarshalTypeError
	var badTime *time.ParseError
	switch {
	case errors.As(err, &wrongType):
		return wrongType.Field, fmt.Sprintf("must be %s, not %s", typeInWords(wrongType.Type), wrongType.Value)
	case errors.As(err, &badTime):
		message = fmt.Sprintf("must be a time such as 2026-01-02T15:04:05Z, not %s", badTime.Value)
	case strings.HasPrefix(message, "Time.UnmarshalJSON:"):
		message = "must be a time such as 2026-01-02T15:04:05Z, in quotes"
	}
	return "", message
}

func typeInWords(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Pointer:
		return typeInWords(t.Elem())
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "a whole number"
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// unknownFields returns a problem for every member in the decoded JSON value that its type has no field for.
func unknownFields(v any, t reflect.Type, path string) (p Problems) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(unmarshaler) {
		return nil // it knows its fields itself
	}
	switch v := v.(type) {
	case []any:
		if t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
			for i, e := range v {
				p = append(p, unknownFields(e, t.Elem(), fmt.Sprintf("%s[%d]", path, i))...)
			}
		}
	case map[string]any:
		for _, name := range sortedKeys(v) {
			p = append(p, unknownMember(name, v[name], t, path)...)
		}
	}
	return p
}

func unknownMember(name string, v any, t reflect.Type, path string) Problems {
	switch t.Kind() {
	case reflect.Map:
		return unknownFields(v, t.Elem(), joinPath(path, name))
	case reflect.Struct:
		names := []string{}
		for _, f := range jsonFields(t) {
			if strings.EqualFold(f.name, name) { // as encoding/json does
				return unknownFields(v, f.of, joinPath(path, name))
			}
			names = append(names, f.name)
		}
		if len(names) == 0 {
			return Problems{{joinPath(path, name), "is not a known field; it takes none"}}
		}
		return Problems{{joinPath(path, name), fmt.Sprintf("is not a known field%s (known: %s)", DidYouMean(name, names), strings.Join(names, ", "))}}
	}
	return nil
}

// jsonField is a field as JSON names it.
type jsonField struct {
	name string
	of   reflect.Type
}

func jsonFields(t reflect.Type) (fields []jsonField) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		embedded := f.Type
		if embedded.Kind() == reflect.Pointer {
			embedded = embedded.Elem()
		}
		switch {
		case f.Anonymous && name == "" && embedded.Kind() == reflect.Struct:
			fields = append(fields, jsonFields(embedded)...)
		case f.IsExported() && name != "-":
			if name == "" {
				name = f.Name
			}
			fields = append(fields, jsonField{name, f.Type})
		}
	}
	return fields
}
