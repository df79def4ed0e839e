package narrative

import (
	"fmt"
	"net/mail"
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
	for i, address := range c.Admins.Email {
		if _, err := mail.ParseAddress(address); err != nil {
			p = append(p, Problem{fmt.Sprintf("admins.email[%d]", i), fmt.Sprintf("%q is not a mail address", address)})
		}
	}
	return p
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
	return append(p, v.recordPolicies(a)...)
}

// recordPolicies refuses what does not go with an assertion over records.
func (v Validator) recordPolicies(a AssertionMeta) Problems {
	if a.FailAfter <= 1 || HasReference(string(a.Args)) {
		return nil
	}
	made, err := v.Registry.Assertion(a.Class, a.Args)
	if _, over := made.(RecordAssertion); err != nil || !over {
		return nil
	}
	return Problems{{"fail_after", "above 1 is not possible for an assertion over records"}}
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
	if _, err := v.CompileCase(c); err != nil {
		p = append(p, ProblemsOf("", err)...)
	}
	return append(p, ProblemsOf("reason", CheckText(c.Reason))...)
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
