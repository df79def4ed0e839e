package narrative_test

import (
	"context"
	"encoding/json"
	"iter"
	"path/filepath"
	"testing"
	"time"

	"github.com/narrative-go/narrative"
)

// probe is an assertion, made of probeArgs.
type probe struct{ DSN string }

func (p probe) Check(context.Context) (narrative.Verdict, error) {
	return narrative.Passed("fine"), nil
}

// probeArgs are arguments with one field of each sort.
type probeArgs struct {
	DSN    string             `json:"dsn"`
	Limit  int                `json:"limit"`
	Ratio  float64            `json:"ratio"`
	Strict bool               `json:"strict"`
	Tags   []string           `json:"tags"`
	Record *probeRecord       `json:"record"`
	Parts  []probeRecord      `json:"parts"`
	Window narrative.Duration `json:"window"`
	Since  time.Time          `json:"since"`
	probeCommon
	Labels map[string]probeRecord `json:"labels"`
	Any    json.RawMessage        `json:"any"`
	Hidden string                 `json:"-"`
}

type probeRecord struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

type probeCommon struct {
	Path string `json:"path"`
}

// ValidateArgs implements narrative.ArgsValidator.
func (a *probeArgs) ValidateArgs() narrative.Problems {
	if a.Limit < 0 {
		return narrative.Problems{{Path: "limit", Message: "must not be negative"}}
	}
	return nil
}

// Relocate implements narrative.Relocator.
func (a *probeArgs) Relocate(dir string) {
	if a.Path != "" && !filepath.IsAbs(a.Path) {
		a.Path = filepath.Join(dir, a.Path)
	}
}

// records is a record assertion without violations.
type records struct{}

func (records) Violations(context.Context) iter.Seq2[narrative.Violation, error] {
	return func(func(narrative.Violation, error) bool) {}
}

// spike is an event that is never detected.
type spike struct{}

func (spike) Detect(context.Context) ([]narrative.Occurrence, error) { return nil, nil }

// noArgs are the arguments of what takes none.
type noArgs struct{}

// newRegistry returns a registry with a class of each sort and two actions.
func newRegistry() *narrative.Registry {
	r := narrative.NewRegistry()
	narrative.AddAssertion(r, "shop.Probe", func(a probeArgs) (narrative.Assertion, error) {
		if a.DSN == "" {
			return nil, narrative.Problems{{Path: "dsn", Message: "is required"}}
		}
		return probe{a.DSN}, nil
	})
	narrative.AddRecordAssertion(r, "shop.Records", func(noArgs) (narrative.RecordAssertion, error) { return records{}, nil })
	narrative.AddEitherAssertion(r, "shop.Either", func(a struct {
		Whole bool `json:"whole"`
	},
	) (any, error) {
		if a.Whole {
			return probe{}, nil
		}
		return records{}, nil
	})
	narrative.AddEitherAssertion(r, "shop.Neither", func(noArgs) (any, error) { return 7, nil })
	narrative.AddEvent(r, "shop.Spike", func(noArgs) (narrative.Event, error) { return spike{}, nil })
	narrative.AddEvent(r, "shop.Nothing", func(noArgs) (narrative.Event, error) { return nil, nil })
	narrative.AddAction(r, "restart", func(_ context.Context, a probeRecord) error {
		if a.ID == "" {
			return errOops
		}
		return nil
	})
	narrative.AddAction(r, "page", func(context.Context, *probeArgs) error { return nil }, narrative.Repeatable())
	return r
}

func TestRegisteringWrongly(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		register func(*narrative.Registry)
		want     string
	}{
		"an assertion twice panics": {
			func(r *narrative.Registry) {
				narrative.AddRecordAssertion(r, "shop.Probe", func(noArgs) (narrative.RecordAssertion, error) { return records{}, nil })
			}, `narrative: the assertion class "shop.Probe" is registered twice`,
		},
		"an event twice panics": {
			func(r *narrative.Registry) {
				narrative.AddEvent(r, "shop.Spike", func(noArgs) (narrative.Event, error) { return spike{}, nil })
			}, `narrative: the event class "shop.Spike" is registered twice`,
		},
		"an action twice panics": {
			func(r *narrative.Registry) {
				narrative.AddAction(r, "restart", func(context.Context, noArgs) error { return nil })
			}, `narrative: the action "restart" is registered twice`,
		},
		"no name panics": {
			func(r *narrative.Registry) {
				narrative.AddEvent(r, "", func(noArgs) (narrative.Event, error) { return spike{}, nil })
			}, "narrative: an event class needs a name and a function",
		},
		"no function panics": {
			func(r *narrative.Registry) { narrative.AddAction[noArgs](r, "stop", nil) },
			"narrative: an action needs a name and a function",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, any(tt.want), recovered(func() { tt.register(newRegistry()) }))
		})
	}
	t.Run("an assertion and an event may share a name", func(t *testing.T) {
		t.Parallel()
		same(t, nil, recovered(func() {
			narrative.AddEvent(newRegistry(), "shop.Probe", func(noArgs) (narrative.Event, error) { return spike{}, nil })
		}))
	})
}

func TestRegistryLists(t *testing.T) {
	t.Parallel()
	r := newRegistry()
	same(t, []string{"shop.Either", "shop.Neither", "shop.Probe", "shop.Records"}, r.Classes(narrative.AssertionKind))
	same(t, []string{"shop.Nothing", "shop.Spike"}, r.Classes(narrative.EventKind))
	same(t, []string{"page", "restart"}, r.Actions())
	same(t, []string{}, narrative.NewRegistry().Actions())
}

func TestCheckArgs(t *testing.T) {
	t.Parallel()
	const known = "(known: dsn, limit, ratio, strict, tags, record, parts, window, since, path, labels, any)"
	for name, tt := range map[string]struct {
		kind        narrative.MetaKind
		class, args string
		want        narrative.Problems
	}{
		"good arguments are fine": {
			narrative.AssertionKind, "shop.Probe",
			`{"dsn":"x","limit":1,"ratio":0.5,"tags":["a"],"record":{"type":"t","id":"i"},"window":"5m","since":"2026-01-02T15:04:05Z","path":"p","any":{"x":1}}`, nil,
		},
		"no arguments are {}": {narrative.AssertionKind, "shop.Records", ``, nil},
		"an unknown class is named with the nearest": {
			narrative.AssertionKind, "shop.Prob", `{}`, narrative.Problems{{
				Path:    "class",
				Message: `the assertion class "shop.Prob" is not registered in this program; did you mean "shop.Probe"? (it knows: shop.Either, shop.Neither, shop.Probe, shop.Records)`,
			}},
		},
		"an event's class is no assertion's": {
			narrative.EventKind, "shop.Probe", `{}`, narrative.Problems{{
				Path: "class", Message: `the event class "shop.Probe" is not registered in this program; did you mean "shop.Spike"? (it knows: shop.Nothing, shop.Spike)`,
			}},
		},
		"an unknown field is named with the nearest": {
			narrative.AssertionKind, "shop.Probe", `{"dns":"x"}`,
			narrative.Problems{{Path: "args.dns", Message: `is not a known field; did you mean "dsn"? ` + known}},
		},
		"every unknown field is named, where it stands": {
			narrative.AssertionKind, "shop.Probe",
			`{"dsn":"x","record":{"typ":"t"},"parts":[{},{"idd":"i"}],"labels":{"l":{"x":1}},"Hidden":"h","any":{"x":1}}`,
			narrative.Problems{
				{Path: "args.Hidden", Message: "is not a known field " + known},
				{Path: "args.labels.l.x", Message: "is not a known field (known: type, id)"},
				{Path: "args.parts[1].idd", Message: `is not a known field; did you mean "id"? (known: type, id)`},
				{Path: "args.record.typ", Message: `is not a known field; did you mean "type"? (known: type, id)`},
			},
		},
		"a number is no string":       {narrative.AssertionKind, "shop.Probe", `{"dsn":5}`, narrative.Problems{{Path: "args.dsn", Message: "must be a string, not number"}}},
		"a string is no whole number": {narrative.AssertionKind, "shop.Probe", `{"limit":"5"}`, narrative.Problems{{Path: "args.limit", Message: "must be a whole number, not string"}}},
		"a fraction is no whole number": {
			narrative.AssertionKind, "shop.Probe", `{"limit":1.5}`, narrative.Problems{{Path: "args.limit", Message: "must be a whole number, not number 1.5"}},
		},
		"a string is no number":  {narrative.AssertionKind, "shop.Probe", `{"ratio":"x"}`, narrative.Problems{{Path: "args.ratio", Message: "must be a number, not string"}}},
		"a string is no boolean": {narrative.AssertionKind, "shop.Probe", `{"strict":"yes"}`, narrative.Problems{{Path: "args.strict", Message: "must be true or false, not string"}}},
		"a string is no list":    {narrative.AssertionKind, "shop.Probe", `{"tags":"a"}`, narrative.Problems{{Path: "args.tags", Message: "must be a list, not string"}}},
		"a list is no object":    {narrative.AssertionKind, "shop.Probe", `{"record":[]}`, narrative.Problems{{Path: "args.record", Message: "must be an object, not array"}}},
		"a nested type is named": {narrative.AssertionKind, "shop.Probe", `{"record":{"id":7}}`, narrative.Problems{{Path: "args.record.id", Message: "must be a string, not number"}}},
		"every mistake is named": {
			narrative.AssertionKind, "shop.Probe", `{"dns":"x","limit":"5","window":"soon","since":7,"record":{"id":7,"typ":"t"}}`,
			narrative.Problems{
				{Path: "args.dns", Message: `is not a known field; did you mean "dsn"? ` + known},
				{Path: "args.record.typ", Message: `is not a known field; did you mean "type"? (known: type, id)`},
				{Path: "args.limit", Message: "must be a whole number, not string"},
				{Path: "args.record.id", Message: "must be a string, not number"},
				{Path: "args.since", Message: "must be a time such as 2026-01-02T15:04:05Z, in quotes"},
				{Path: "args.window", Message: `"soon" is not a duration such as 90s, 5m, 1h or 30d`},
			},
		},
		"arguments are an object": {narrative.AssertionKind, "shop.Probe", `[]`, narrative.Problems{{Path: "args", Message: "must be an object, not array"}}},
		"a duration has a unit": {
			narrative.AssertionKind, "shop.Probe", `{"window":"5"}`,
			narrative.Problems{{Path: "args.window", Message: `"5" is not a duration such as 90s, 5m, 1h or 30d`}},
		},
		"a time is written as one": {
			narrative.AssertionKind, "shop.Probe", `{"since":"yesterday"}`,
			narrative.Problems{{Path: "args.since", Message: `must be a time such as 2026-01-02T15:04:05Z, not yesterday`}},
		},
		"the arguments' own rules are asked": {narrative.AssertionKind, "shop.Probe", `{"limit":-1}`, narrative.Problems{{Path: "args.limit", Message: "must not be negative"}}},
		"the class's function is tried":      {narrative.AssertionKind, "shop.Probe", `{"limit":1}`, narrative.Problems{{Path: "args.dsn", Message: "is required"}}},
		"a reference is let be":              {narrative.AssertionKind, "shop.Probe", `{"path":"${env:SHOP_PATH}"}`, nil},
		"Narrative's own environment is refused": {
			narrative.AssertionKind, "shop.Probe", `{"dsn":"${env:NARRATIVE_DATABASE_URL}"}`,
			narrative.Problems{{Path: "args.dsn", Message: "${env:NARRATIVE_DATABASE_URL} is refused: NARRATIVE_* and TEMPORAL_* are Narrative's own"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, newRegistry().CheckArgs(tt.kind, tt.class, json.RawMessage(tt.args)))
		})
	}
}

func TestRegistryMakes(t *testing.T) {
	t.Parallel()
	r := newRegistry()
	for name, tt := range map[string]struct {
		class, args string
		want        any
		err         *failure
	}{
		"an assertion":                    {"shop.Probe", `{"dsn":"x"}`, probe{"x"}, nil},
		"a record assertion":              {"shop.Records", `null`, records{}, nil},
		"either, as the arguments say":    {"shop.Either", `{"whole":true}`, probe{}, nil},
		"nothing of a class unknown":      {"shop.Gone", `{}`, nil, &failure{narrative.Invalid, `the assertion class "shop.Gone" is not registered in this program; did you mean "shop.Probe"? (it knows: shop.Either, shop.Neither, shop.Probe, shop.Records)`}},
		"nothing of arguments unknown":    {"shop.Records", `{"x":1}`, nil, &failure{narrative.Invalid, `arguments of assertion class "shop.Records": x: is not a known field; it takes none`}},
		"nothing where the class refuses": {"shop.Probe", `{}`, nil, &failure{narrative.Invalid, `make assertion class "shop.Probe": dsn: is required`}},
		"nothing that is neither":         {"shop.Neither", `{}`, nil, &failure{narrative.Invalid, `the assertion class "shop.Neither" made a value of type int, which has neither Check nor Violations`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made, err := r.Assertion(tt.class, json.RawMessage(tt.args))
			same(t, tt.err, failureOf(err))
			same(t, tt.want, made)
		})
	}
	t.Run("an event", func(t *testing.T) {
		t.Parallel()
		same(t, narrative.Event(spike{}), must(r.Event("shop.Spike", nil)))
	})
	t.Run("no event where the class makes none", func(t *testing.T) {
		t.Parallel()
		_, err := r.Event("shop.Nothing", nil)
		same(t, &failure{narrative.Invalid, `the event class "shop.Nothing" made nothing`}, failureOf(err))
	})
}

func TestRelocate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, tt := range map[string]struct{ class, args, want string }{
		"makes a relative path absolute":        {"shop.Probe", `{"dsn":"x","path":"shop.db"}`, filepath.Join(dir, "shop.db")},
		"leaves an absolute one":                {"shop.Probe", `{"path":"/var/shop.db"}`, "/var/shop.db"},
		"leaves arguments that do not decode":   {"shop.Probe", `{"path":"shop.db","x":1}`, "shop.db"},
		"leaves a class without paths":          {"shop.Either", `{"path":"shop.db"}`, "shop.db"},
		"leaves a class that is not registered": {"shop.Gone", `{"path":"shop.db"}`, "shop.db"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var moved struct{ Path string }
			if err := json.Unmarshal(newRegistry().Relocate(narrative.AssertionKind, tt.class, json.RawMessage(tt.args), dir), &moved); err != nil {
				t.Fatal(err)
			}
			same(t, tt.want, moved.Path)
		})
	}
}

func TestRegisteredActions(t *testing.T) {
	t.Parallel()
	r := newRegistry()
	restart, _ := r.Action("restart")
	page, _ := r.Action("page")

	t.Run("are repeatable where they say so", func(t *testing.T) {
		t.Parallel()
		same(t, []bool{false, true}, []bool{restart.Repeatable, page.Repeatable})
	})
	t.Run("are not found by another name", func(t *testing.T) {
		t.Parallel()
		if _, ok := r.Action("stop"); ok {
			t.Error("an action that nobody registered was found")
		}
	})
	t.Run("check their arguments", func(t *testing.T) {
		t.Parallel()
		same(t, nil, restart.Check(json.RawMessage(`{"id":"7"}`)))
		same(t, narrative.Problems{{Path: "i", Message: `is not a known field (known: type, id)`}}, restart.Check(json.RawMessage(`{"i":"7"}`)))
	})
	t.Run("run with their arguments", func(t *testing.T) {
		t.Parallel()
		if err := restart.Run(t.Context(), json.RawMessage(`{"id":"7"}`)); err != nil {
			t.Error(err)
		}
		same(t, failureOf(errOops), failureOf(restart.Run(t.Context(), nil)))
		same(t, narrative.Invalid, narrative.KindOf(restart.Run(t.Context(), json.RawMessage(`{"id":7}`))))
	})
}
