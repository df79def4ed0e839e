package narrative

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
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
