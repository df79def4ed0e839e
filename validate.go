package narrative

import (
	"fmt"
	"strings"
)

// Validator finds everything that is wrong with a manifest before any of it is stored. All fields are required.
type Validator struct {
	Registry    *Registry
	Executor    Executor
	CompileCase CaseCompiler
}

// Validate returns all problems, with paths such as assertions[0].diagnostics[1].when.
func (v Validator) Validate(m Manifest) Problems {
	var p Problems
	if m.Config != nil {
		p = append(p, m.Config.validate().At("config")...)
	}
	seen := map[string]string{}
	twice := func(path, name string) {
		if first, taken := seen[name]; taken && name != "" {
			p = append(p, Problem{path + ".name", fmt.Sprintf("the name %q is taken by %s; names are unique across assertions and events", name, first)})
			return
		}
		seen[name] = path
	}
	for i, a := range m.Assertions {
		path := fmt.Sprintf("assertions[%d]", i)
		twice(path, a.Name)
		p = append(p, v.assertion(a).At(path)...)
	}
	for i, e := range m.Events {
		path := fmt.Sprintf("events[%d]", i)
		twice(path, e.Name)
		p = append(p, v.event(e).At(path)...)
	}
	return p
}

func (c Config) validate() (p Problems) {
	if _, err := ParseLevel(string(c.MinimumDatumLogLevel)); err != nil {
		p = append(p, Problem{"minimum_datum_log_level", err.Error()})
	}
	if c.DefaultDatumTTL < 0 {
		p = append(p, Problem{"default_datum_ttl", "must not be negative"})
	}
	if c.HeartbeatMinInterval < 0 {
		p = append(p, Problem{"heartbeat_min_interval", "must not be negative"})
	}
	switch c.Actions {
	case "", ActionsRun, ActionsApprove, ActionsOff:
	default:
		p = append(p, Problem{"actions", fmt.Sprintf("must be run, approve or off; not %q%s", c.Actions, DidYouMean(string(c.Actions), []string{"run", "approve", "off"}))})
	}
	p = append(p, validateRenotify(c.Renotify)...)
	p = append(p, validateEscalate(c.Escalate)...)
	p = append(p, c.Admins.validate().At("admins")...)
	p = append(p, validatePeople(c.Operators)...)
	p = append(p, c.Digest.validate().At("digest")...)
	return append(p, c.Webhooks.validate().At("webhooks")...)
}

func (v Validator) assertion(a AssertionMeta) Problems {
	p := a.Meta.Validate()
	for _, n := range []struct {
		path  string
		value int
	}{
		{"fail_after", a.FailAfter},
		{"resolve_after", a.ResolveAfter},
		{"error_after", a.ErrorAfter},
		{"max_attempts", a.MaxAttempts},
		{"max_plans", a.MaxPlans},
		{"max_issues", a.MaxIssues},
	} {
		if n.value < 0 || n.value > 10_000 {
			p = append(p, Problem{n.path, fmt.Sprintf("must be from 1 to 10000; not %d", n.value)})
		}
	}
	if a.Class != "" {
		p = append(p, v.Registry.CheckArgs(AssertionKind, a.Class, a.Args)...)
	}
	seen := map[string]bool{}
	for i, c := range a.Diagnostics {
		path := fmt.Sprintf("diagnostics[%d]", i)
		if seen[c.Case] {
			p = append(p, Problem{path + ".case", fmt.Sprintf("the case %q stands twice", c.Case)})
		}
		seen[c.Case] = true
		p = append(p, v.declaredCase(c).At(path)...)
	}
	p = append(p, validateRenotify(a.Renotify)...)
	return append(p, validateEscalate(a.Escalate)...)
}

func (v Validator) declaredCase(c DeclaredCase) Problems {
	p := ProblemsOf("case", ValidName(c.Case))
	switch {
	case c.Pass && len(c.Plan) > 0:
		p = append(p, Problem{"pass", "give exactly one of plan and pass: true"})
	case !c.Pass && len(c.Plan) == 0:
		p = append(p, Problem{"plan", "give exactly one of plan and pass: true"})
	}
	p = append(p, v.plan(c.Plan, "Issue", "Record", "Verdict").At("plan")...)
	p = append(p, v.rollback(c)...)
	p = append(p, onlyWithPlan(c)...)
	p = append(p, c.StepPolicy.Validate()...)
	if _, err := v.CompileCase(c); err != nil {
		p = append(p, ProblemsOf("", err)...)
	}
	return append(p, ProblemsOf("reason", CheckText(c.Reason))...)
}

// onlyWithPlan refuses the supervision of a case that carries out nothing.
func onlyWithPlan(c DeclaredCase) (p Problems) {
	if !c.Pass {
		return nil
	}
	for _, f := range []struct {
		path string
		set  bool
	}{
		{"approval", c.Approval != ""},
		{"approval_timeout", c.ApprovalTimeout != 0},
		{"verify_after", c.VerifyAfter != 0},
		{"rollback", len(c.Rollback) > 0},
	} {
		if f.set {
			p = append(p, Problem{f.path, "only goes with plan"})
		}
	}
	return p
}

// rollback looks at a rollback's entries one by one, since some of them may do nothing.
func (v Validator) rollback(c DeclaredCase) (p Problems) {
	if !c.Pass && len(c.Rollback) > len(c.Plan) {
		p = append(p, Problem{"rollback", fmt.Sprintf("has more entries (%d) than its plan has actions (%d); entry i undoes action i", len(c.Rollback), len(c.Plan))})
	}
	for i, a := range c.Rollback {
		if a.Action == "" {
			continue
		}
		for _, problem := range v.plan(Plan{a}, "Issue", "Record", "Verdict") {
			p = append(p, Problem{fmt.Sprintf("rollback[%d]", i) + strings.TrimPrefix(problem.Path, "[0]"), problem.Message})
		}
	}
	return p
}

func (v Validator) plan(plan Plan, roots ...string) Problems {
	p := append(v.Executor.Validate(plan), plan.Validate()...)
	for i, a := range plan {
		p = append(p, CheckTemplates(a.Args, roots...).At(a.Action).At(fmt.Sprintf("[%d]", i))...)
	}
	return p
}

func (v Validator) event(e EventMeta) Problems {
	p := e.Meta.Validate()
	if e.TTL < 0 {
		p = append(p, Problem{"ttl", "must not be negative"})
	}
	if e.Class != "" {
		p = append(p, v.Registry.CheckArgs(EventKind, e.Class, e.Args)...)
	}
	return append(p, v.plan(e.Respond, "Summary", "Details").At("respond")...)
}
