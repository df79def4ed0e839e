package config

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
)

// SchemaID names the schema that [Schema] returns.
const SchemaID = "https://github.com/narrative-go/narrative/docs/narrative.schema.json"

// Patterns of texts. That of a duration lets all of [narrative.ParseDuration]'s pass, and little else.
const (
	namePattern     = `^[a-z0-9][a-z0-9._-]{0,62}$`
	durationPattern = `^[-+]?(0|([0-9.]+(ns|us|µs|μs|ms|s|m|h|d))+)$`
)

// ActionLister is implemented by an executor that can tell what its actions take.
type ActionLister interface {
	// ActionArgs returns a pointer to the zero arguments of each action, by name.
	ActionArgs() map[string]any
}

// schema is a JSON Schema under way.
type schema map[string]any

func ofType(name string) schema  { return schema{"type": name} }
func refTo(name string) schema   { return schema{"$ref": "#/$defs/" + name} }
func listOf(items schema) schema { return schema{"type": "array", "items": items} }

func choiceOf[S ~string](values ...S) schema {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return schema{"type": "string", "enum": all}
}

// Schema returns the JSON Schema (draft 2020-12) of a narrative.yaml for a program of the validator's classes and, where
// its executor is an [ActionLister], actions. It is made of the tables that files are read by, so what it does not know
// is only what reaches beyond one value. All that the validator lets pass is valid by it, but for keys of arguments that
// are written in another case.
func Schema(v narrative.Validator) (json.RawMessage, error) {
	d := &decoder{}
	s := objectOf(d.manifestKeys(&narrative.Manifest{}))
	s["type"] = []any{"object", "null"}
	s["$schema"], s["$id"] = "https://json-schema.org/draft/2020-12/schema", SchemaID
	s["title"], s["description"] = "narrative.yaml", "What Narrative is to watch."
	defs := map[string]schema{
		"duration":   {"type": "string", "pattern": durationPattern, "examples": []any{"90s", "5m", "1h", "30d"}},
		"config":     objectOf(d.configKeys(&narrative.Config{})),
		"recipients": objectOf(d.recipientKeys(&narrative.Recipients{})),
		"person":     objectOf(d.personKeys(&narrative.Person{})),
		"digest":     objectOf(d.digestKeys(&narrative.Digest{})),
		"webhooks":   objectOf(d.webhookKeys(&narrative.Webhooks{})),
		"route":      objectOf(d.routeKeys(&narrative.Route{})),
		"escalation": objectOf(d.escalationKeys(&narrative.Escalation{})),
		"retry":      objectOf(d.retryKeys(&narrative.Retry{})),
		"assertion":  metaSchema(v.Registry, narrative.AssertionKind, d.assertionKeys(&narrative.AssertionMeta{})),
		"event":      metaSchema(v.Registry, narrative.EventKind, d.eventKeys(&narrative.EventMeta{})),
		"case":       caseSchema(d.diagnosticKeys(&narrative.DeclaredCase{})),
		"undo": {"anyOf": []any{
			refTo("action"), ofType("null"),
			schema{"type": "object", "properties": schema{"action": schema{"const": ""}}, "required": []any{"action"}, "additionalProperties": false},
		}},
	}
	defs["action"] = actionSchema(v.Executor, d.actionKeys(&narrative.Action{}), defs)
	s["$defs"] = defs
	return json.MarshalIndent(s, "", "  ")
}

// objectOf is the schema of an object with these keys and no others. A key that is not required may stand with null.
func objectOf(keys []key) schema {
	properties, required := schema{}, []any{}
	for _, k := range keys {
		if k.required {
			properties[k.name] = k.schema
			required = append(required, k.name)
			continue
		}
		properties[k.name] = orNull(k.schema)
	}
	s := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

func orNull(s schema) schema {
	name, plain := s["type"].(string)
	if !plain {
		if len(s) == 0 {
			return s
		}
		return schema{"anyOf": []any{s, ofType("null")}}
	}
	with := schema{}
	for k, v := range s {
		with[k] = v
	}
	with["type"] = []any{name, "null"}
	if choice, limited := s["enum"].([]any); limited {
		with["enum"] = append(slices.Clone(choice), nil)
	}
	return with
}

// given is the schema of an object where a key stands with something.
func given(key string) schema {
	return schema{"required": []any{key}, "properties": schema{key: schema{"not": ofType("null")}}}
}

func metaSchema(reg *narrative.Registry, kind narrative.MetaKind, keys []key) schema {
	s := objectOf(keys)
	s["oneOf"] = []any{given("every"), given("cron")}
	if reg == nil {
		return s
	}
	classes := reg.Classes(kind)
	s["properties"].(schema)["class"] = choiceOf(classes...)
	var each []any
	for _, name := range classes {
		args, _ := reg.NewArgs(kind, name)
		each = append(each, schema{
			"if":   schema{"properties": schema{"class": schema{"const": name}}, "required": []any{"class"}},
			"then": schema{"properties": schema{"args": orNull(argsSchema(args))}},
		})
	}
	if len(each) > 0 {
		s["allOf"] = each
	}
	return s
}

func caseSchema(keys []key) schema {
	s := objectOf(keys)
	s["oneOf"] = []any{
		schema{"required": []any{"plan"}, "properties": schema{"plan": schema{"type": "array", "minItems": 1}}},
		schema{"required": []any{"pass"}, "properties": schema{"pass": schema{"const": true}}},
	}
	return s
}

// actionSchema is that of a plan's entry, in the short form or in the API's. The arguments are added to defs.
func actionSchema(executor narrative.Executor, beside []key, defs map[string]schema) schema {
	short, long := objectOf(beside), objectOf(append([]key{
		key{name: "action", schema: ofType("string")}.must(), {name: "args", schema: ofType("object")},
	}, beside...))
	lister, ok := executor.(ActionLister)
	if !ok {
		short["additionalProperties"] = schema{"type": []any{"object", "null"}}
	} else {
		actions := lister.ActionArgs()
		var names []string
		for name := range actions {
			names = append(names, name)
		}
		slices.Sort(names)
		var one, each []any
		for _, name := range names {
			defs["action."+name] = orNull(argsSchema(actions[name]))
			args := refTo("action." + name)
			each = append(each, schema{
				"if":   schema{"properties": schema{"action": schema{"const": name}}},
				"then": schema{"properties": schema{"args": args}},
			})
			if !slices.Contains(notShort, name) {
				short["properties"].(schema)[name] = args
				one = append(one, schema{"required": []any{name}})
			}
		}
		short["oneOf"] = one
		long["properties"].(schema)["action"], long["allOf"] = choiceOf(names...), each
	}
	return schema{
		"type": "object",
		"if":   schema{"properties": schema{"action": ofType("string")}, "required": []any{"action"}},
		"then": long, "else": short,
	}
}

// argsSchema is that of arguments, of which args points to the zero ones.
func argsSchema(args any) schema {
	s := typeSchema(reflect.TypeOf(args), nil)
	if s["type"] == nil { // it decodes itself
		return ofType("object")
	}
	return s
}

var (
	durationType    = reflect.TypeFor[narrative.Duration]()
	timeType        = reflect.TypeFor[time.Time]()
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// typeSchema is that of what decodes into the type; within are the types around it.
func typeSchema(t reflect.Type, within []reflect.Type) schema {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == nil:
		return schema{}
	case t == durationType:
		return refTo("duration")
	case t == timeType:
		return ofType("string")
	case reflect.PointerTo(t).Implements(jsonUnmarshaler):
		return schema{}
	case reflect.PointerTo(t).Implements(textUnmarshaler):
		return ofType("string")
	}
	switch t.Kind() {
	case reflect.String:
		return ofType("string")
	case reflect.Bool:
		return ofType("boolean")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return ofType("integer")
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return schema{"type": "integer", "minimum": 0}
	case reflect.Float32, reflect.Float64:
		return ofType("number")
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 && t.Kind() == reflect.Slice {
			return ofType("string")
		}
		return listOf(orNull(typeSchema(t.Elem(), within)))
	case reflect.Map:
		return schema{"type": "object", "additionalProperties": orNull(typeSchema(t.Elem(), within))}
	case reflect.Struct:
		if slices.Contains(within, t) {
			return ofType("object")
		}
		properties := schema{}
		structProperties(properties, t, append(slices.Clone(within), t))
		return schema{"type": "object", "properties": properties, "additionalProperties": false}
	}
	return schema{}
}

func structProperties(properties schema, t reflect.Type, within []reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		embedded := f.Type
		if embedded.Kind() == reflect.Pointer {
			embedded = embedded.Elem()
		}
		switch {
		case f.Anonymous && name == "" && embedded.Kind() == reflect.Struct:
			structProperties(properties, embedded, within)
		case f.IsExported() && name != "-":
			if name == "" {
				name = f.Name
			}
			if slices.Contains(strings.Split(options, ","), "string") {
				properties[name] = schema{}
				continue
			}
			properties[name] = orNull(typeSchema(f.Type, within))
		}
	}
}
