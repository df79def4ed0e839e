package narrative

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sort"
	"strings"
	"time"
)

// Registry holds the user's classes and actions by name. It is filled once, at start-up, and only read from then on.
type Registry struct {
	classes map[MetaKind]map[string]class
	actions map[string]RegisteredAction
}

// class makes an assertion or event from decoded arguments.
type class struct {
	newArgs func() any // a pointer to the zero arguments
	build   func(args any) (any, error)
}

// RegisteredAction is the user's own action.
type RegisteredAction struct {
	// Repeatable says that running it again, where it may already have happened, does no harm.
	Repeatable bool
	// NewArgs returns a pointer to the zero arguments.
	NewArgs func() any
	// Check decodes the arguments strictly and returns what is wrong with them.
	Check func(args json.RawMessage) Problems
	// Run decodes the arguments and runs it.
	Run func(ctx context.Context, args json.RawMessage) error
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry {
	return &Registry{
		classes: map[MetaKind]map[string]class{AssertionKind: {}, EventKind: {}},
		actions: map[string]RegisteredAction{},
	}
}

// ArgsValidator is implemented by a pointer to arguments that knows more about them than their types. Strings may
// still hold references (see [HasReference]): it must let those be. It is called when a meta is saved.
type ArgsValidator interface {
	ValidateArgs() Problems
}

// Relocator is implemented by a pointer to arguments with paths in them: Relocate makes relative ones absolute, seen
// from the folder of the file that they were written in.
type Relocator interface {
	Relocate(dir string)
}

// AddAssertion registers a class of assertions. build gets the meta's arguments, decoded strictly into A and with
// references resolved; it does no I/O, and its error refuses the meta. A name registered twice panics.
func AddAssertion[A any](r *Registry, name string, build func(args A) (Assertion, error)) {
	addClass(r, AssertionKind, name, func(a A) (any, error) { return build(a) })
}

// AddRecordAssertion registers a class of assertions over many records, like [AddAssertion].
func AddRecordAssertion[A any](r *Registry, name string, build func(args A) (RecordAssertion, error)) {
	addClass(r, AssertionKind, name, func(a A) (any, error) { return build(a) })
}

// AddEitherAssertion registers a class that is an [Assertion] or a [RecordAssertion] as its arguments say.
func AddEitherAssertion[A any](r *Registry, name string, build func(args A) (any, error)) {
	addClass(r, AssertionKind, name, build)
}

// AddEvent registers a class of events, like [AddAssertion].
func AddEvent[A any](r *Registry, name string, build func(args A) (Event, error)) {
	addClass(r, EventKind, name, func(a A) (any, error) { return build(a) })
}

func addClass[A any](r *Registry, kind MetaKind, name string, build func(A) (any, error)) {
	if name == "" || build == nil {
		panic(fmt.Sprintf("narrative: an %s class needs a name and a function", kind))
	}
	if _, taken := r.classes[kind][name]; taken {
		panic(fmt.Sprintf("narrative: the %s class %q is registered twice", kind, name))
	}
	r.classes[kind][name] = class{
		newArgs: func() any { return new(A) },
		build: func(args any) (any, error) {
			return build(*args.(*A))
		},
	}
}

// ActionOption is a choice made when an action is registered.
type ActionOption func(*RegisteredAction)

// Repeatable declares that an action does no harm when it is run again although it may already have happened.
func Repeatable() ActionOption { return func(a *RegisteredAction) { a.Repeatable = true } }

// AddAction registers an action that plans can name. run gets the arguments of the plan's entry, decoded strictly into
// A. A name registered twice panics.
func AddAction[A any](r *Registry, name string, run func(ctx context.Context, args A) error, options ...ActionOption) {
	if name == "" || run == nil {
		panic("narrative: an action needs a name and a function")
	}
	if _, taken := r.actions[name]; taken {
		panic(fmt.Sprintf("narrative: the action %q is registered twice", name))
	}
	action := RegisteredAction{
		NewArgs: func() any { return new(A) },
		Check: func(raw json.RawMessage) Problems {
			return checkArgs(new(A), raw)
		},
		Run: func(ctx context.Context, raw json.RawMessage) error {
			var args A
			if err := DecodeArgs(raw, &args); err != nil {
				return err
			}
			return run(ctx, args)
		},
	}
	for _, o := range options {
		o(&action)
	}
	r.actions[name] = action
}

// Action returns the user's action of that name.
func (r *Registry) Action(name string) (RegisteredAction, bool) {
	a, ok := r.actions[name]
	return a, ok
}

// Actions returns the names of the user's actions, sorted.
func (r *Registry) Actions() []string { return sortedKeys(r.actions) }

// NewArgs returns a pointer to the zero arguments of a class; false where there is no such class.
func (r *Registry) NewArgs(kind MetaKind, name string) (any, bool) {
	c, ok := r.classes[kind][name]
	if !ok {
		return nil, false
	}
	return c.newArgs(), true
}

// Classes returns the registered names of a kind, sorted.
func (r *Registry) Classes(kind MetaKind) []string { return sortedKeys(r.classes[kind]) }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func (r *Registry) class(kind MetaKind, name string) (class, error) {
	c, ok := r.classes[kind][name]
	if !ok {
		names := r.Classes(kind)
		return class{}, Errorf(Invalid, "the %s class %q is not registered in this program%s (it knows: %s)",
			kind, name, DidYouMean(name, names), strings.Join(names, ", "))
	}
	return c, nil
}

// CheckArgs returns what is wrong with a meta's class and arguments; paths begin with class or args. The class's own
// function is only tried where the arguments refer to no secret.
func (r *Registry) CheckArgs(kind MetaKind, name string, args json.RawMessage) Problems {
	c, err := r.class(kind, name)
	if err != nil {
		return ProblemsOf("class", err)
	}
	if p := CheckTemplates(args); len(p) > 0 {
		return p.At("args")
	}
	decoded := c.newArgs()
	if p := checkArgs(decoded, args); len(p) > 0 {
		return p.At("args")
	}
	if HasReference(string(args)) {
		return nil
	}
	_, err = c.build(decoded)
	return ProblemsOf("args", err)
}

func checkArgs(into any, raw json.RawMessage) Problems {
	if err := DecodeArgs(raw, into); err != nil {
		return ProblemsOf("", err)
	}
	if v, ok := into.(ArgsValidator); ok {
		return v.ValidateArgs()
	}
	return nil
}

// Assertion makes the assertion of a class: an [Assertion] or a [RecordAssertion].
func (r *Registry) Assertion(name string, args json.RawMessage) (any, error) {
	made, err := r.make(AssertionKind, name, args)
	if err != nil {
		return nil, err
	}
	switch made.(type) {
	case Assertion, RecordAssertion:
		return made, nil
	}
	return nil, Errorf(Invalid, "the assertion class %q made a value of type %T, which has neither Check nor Violations", name, made)
}

// Event makes the event of a class.
func (r *Registry) Event(name string, args json.RawMessage) (Event, error) {
	made, err := r.make(EventKind, name, args)
	if err != nil {
		return nil, err
	}
	event, ok := made.(Event)
	if !ok {
		return nil, Errorf(Invalid, "the event class %q made nothing", name)
	}
	return event, nil
}

func (r *Registry) make(kind MetaKind, name string, args json.RawMessage) (any, error) {
	c, err := r.class(kind, name)
	if err != nil {
		return nil, err
	}
	decoded := c.newArgs()
	if err := DecodeArgs(args, decoded); err != nil {
		return nil, Errorf(Invalid, "arguments of %s class %q: %w", kind, name, err)
	}
	made, err := c.build(decoded)
	if err != nil {
		return nil, Errorf(Invalid, "make %s class %q: %w", kind, name, err)
	}
	return made, nil
}

// Relocate returns the arguments with relative paths made absolute as seen from dir, where the class has paths; else
// as they are, also where they do not decode.
func (r *Registry) Relocate(kind MetaKind, name string, args json.RawMessage, dir string) json.RawMessage {
	c, err := r.class(kind, name)
	if err != nil {
		return args
	}
	decoded := c.newArgs()
	relocator, ok := decoded.(Relocator)
	if !ok || DecodeArgs(args, decoded) != nil {
		return args
	}
	relocator.Relocate(dir)
	moved, err := json.Marshal(decoded)
	if err != nil {
		return args
	}
	return moved
}

// DecodeArgs decodes a JSON object strictly into the struct that into points to: a field it does not have, or of
// another type, is an [Invalid] error that names it. Nothing, or null, decodes as {}.
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
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		return Problems{{wrongType.Field, fmt.Sprintf("must be %s, not %s", typeInWords(wrongType.Type), wrongType.Value)}}
	}
	if strings.HasPrefix(err.Error(), "json: unknown field ") {
		if v, err := decodeNumbers(raw); err != nil {
			return err
		} else if p := unknownFields(v, reflect.TypeOf(into), ""); len(p) > 0 {
			return p
		}
	}
	message := strings.TrimPrefix(err.Error(), "json: ")
	var badTime *time.ParseError
	if errors.As(err, &badTime) {
		message = fmt.Sprintf("must be a time such as 2026-01-02T15:04:05Z, not %s", badTime.Value)
	} else if strings.HasPrefix(message, "Time.UnmarshalJSON:") {
		message = "must be a time such as 2026-01-02T15:04:05Z, in quotes"
	}
	if field := culprit(raw, into); field != "" {
		return Problems{{field, message}}
	}
	return Errorf(Invalid, "%s", message)
}

// culprit returns the field of the JSON object that cannot be decoded by itself: a type that decodes itself, such as a
// time, does not say which field it was. Empty where there is none.
func culprit(raw json.RawMessage, into any) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return ""
	}
	for _, name := range sortedKeys(fields) {
		alone, err := json.Marshal(map[string]json.RawMessage{name: fields[name]})
		if err == nil && json.Unmarshal(alone, reflect.New(reflect.TypeOf(into).Elem()).Interface()) != nil {
			return name
		}
	}
	return ""
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
