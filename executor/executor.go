package executor

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/executor/webhook"
)

// Store is what actions write to.
type Store interface {
	// AddNotifications sets each one's Batch.
	AddNotifications(ctx context.Context, n []narrative.Notification) error
	AddDatums(ctx context.Context, d []narrative.Datum) ([]narrative.Datum, error)
	Config(ctx context.Context) (narrative.Config, error)
}

// Options are what an [Executor] is made of. Registry and Store are required.
type Options struct {
	Registry *narrative.Registry
	Store    Store
	// Wake starts the Notify workflows of the messages that notifications just written are part of, by the messages'
	// keys; default nothing. A failure is logged only: reconciliation starts them later.
	Wake func(ctx context.Context, keys []string) error
	// Logged hears of each datum of log_datum, and whether it was stored or its level was too low; default nobody.
	Logged func(stored bool)
	// Now is the clock; default the machine's.
	Now func() time.Time
	// Logger gets what went wrong but did not matter; default none.
	Logger *slog.Logger
	// HTTPClient makes webhooks' requests; see [webhook.NewClient]. Default one with timeouts.
	HTTPClient *http.Client
}

// Executor runs actions. It is safe for concurrent use.
type Executor struct {
	Options
	actions  map[string]action
	requests *webhook.Client
}

var _ narrative.Executor = (*Executor)(nil)

// action is one that a plan can name.
type action struct {
	repeatable bool
	check      func(args json.RawMessage) narrative.Problems
	run        func(ctx context.Context, call narrative.ActionCall) (string, error)
}

// New returns an executor of the built-in actions and the registry's. It refuses one of the registry's that has the
// name of a built-in one.
func New(o Options) (*Executor, error) {
	if o.Store == nil {
		return nil, narrative.Errorf(narrative.Invalid, "make an executor: Store is missing")
	}
	return assemble(o)
}

// ForValidation returns an executor that can validate plans only; running an action of it is [narrative.Unavailable].
func ForValidation(reg *narrative.Registry) (narrative.Executor, error) {
	e, err := assemble(Options{Registry: reg})
	if err != nil {
		return nil, err
	}
	return validating{e}, nil
}

type validating struct{ *Executor }

// Run refuses.
func (validating) Run(_ context.Context, call narrative.ActionCall) (string, error) {
	return "", narrative.Errorf(narrative.Unavailable, "run %s: this executor only validates", call.Action.Action)
}

func assemble(o Options) (*Executor, error) {
	if o.Registry == nil {
		return nil, narrative.Errorf(narrative.Invalid, "make an executor: Registry is missing")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Logged == nil {
		o.Logged = func(bool) {}
	}
	if o.Wake == nil {
		o.Wake = func(context.Context, []string) error { return nil }
	}
	e := &Executor{Options: o, requests: webhook.NewClient(o.HTTPClient, o.Now)}
	e.actions = e.builtIn()
	for _, name := range o.Registry.Actions() {
		if _, taken := e.actions[name]; taken {
			return nil, narrative.Errorf(narrative.Invalid, "the action %q is built in; register yours under another name", name)
		}
		own, _ := o.Registry.Action(name)
		e.actions[name] = action{
			repeatable: own.Repeatable,
			check:      own.Check,
			run: func(ctx context.Context, call narrative.ActionCall) (string, error) {
				return "", own.Run(ctx, call.Action.Args)
			},
		}
	}
	return e, nil
}

func (e *Executor) builtIn() map[string]action {
	return map[string]action{
		"email":           {repeatable: true, check: checkEmail, run: e.email},
		"slack":           {repeatable: true, check: checkSlack, run: e.slack},
		"webhook":         {repeatable: true, check: checkWebhook, run: e.webhook},
		"defer_to_admins": {repeatable: true, check: checkDefer, run: e.deferToAdmins},
		"defer_multiple_solutions_to_admins": {
			repeatable: true, check: checkChoice, run: e.deferMultipleSolutions,
		},
		"log_datum": {repeatable: false, check: checkDatum, run: e.logDatum},
	}
}

// Actions returns the names of all actions, sorted.
func (e *Executor) Actions() []string {
	names := make([]string, 0, len(e.actions))
	for name := range e.actions {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Validate returns what is wrong with the plan; paths are such as [0].email.to.
func (e *Executor) Validate(plan narrative.Plan) (p narrative.Problems) {
	for i, a := range plan {
		path := fmt.Sprintf("[%d]", i)
		act, ok := e.actions[a.Action]
		switch {
		case a.Action == "":
			p = append(p, narrative.Problem{Path: path, Message: "names no action"})
		case !ok:
			p = append(p, narrative.Problems{{Path: a.Action, Message: e.unknown(a.Action)}}.At(path)...)
		default:
			p = append(p, act.check(a.Args).At(a.Action).At(path)...)
		}
	}
	return p
}

func (e *Executor) unknown(name string) string {
	names := e.Actions()
	return fmt.Sprintf("there is no action %q%s (known: %s)", name, narrative.DidYouMean(name, names), strings.Join(names, ", "))
}

// Run carries out one action.
func (e *Executor) Run(ctx context.Context, call narrative.ActionCall) (string, error) {
	act, ok := e.actions[call.Action.Action]
	if !ok {
		return "", narrative.Errorf(narrative.Invalid, "%s", e.unknown(call.Action.Action))
	}
	return act.run(ctx, call)
}

// Repeatable tells whether the action does no harm when it is run again.
func (e *Executor) Repeatable(name string) bool { return e.actions[name].repeatable }

// kept is the action's arguments as they may be kept in the store.
func kept(call narrative.ActionCall) json.RawMessage {
	if call.Template.Action == "" {
		return call.Action.Args
	}
	return call.Template.Args
}

// open tells whether a string of a plan is not known yet: a template or a reference stands in it.
func open(s string) bool { return strings.Contains(s, "{{") || narrative.HasReference(s) }

// oneProblem is a list of one.
func oneProblem(path, format string, args ...any) narrative.Problems {
	return narrative.Problems{{Path: path, Message: fmt.Sprintf(format, args...)}}
}

// index is the path of a list's entry.
func index(list string, n int) string { return fmt.Sprintf("%s[%d]", list, n) }
