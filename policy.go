package narrative

import (
	"fmt"
	"time"
)

// Approval says whether a plan waits for a person before it is carried out.
type Approval string

// The approvals. The zero value is none.
const (
	ApprovalNone     Approval = "none"
	ApprovalRequired Approval = "required"
)

// StepPolicy is how the carrying out of a step's plan is supervised. The zero value supervises nothing.
type StepPolicy struct {
	Approval Approval `json:"approval,omitempty"`
	// ApprovalTimeout is how long approval is waited for before the admins are told again, as an escalation; the step
	// goes on waiting. Zero: never.
	ApprovalTimeout Duration `json:"approval_timeout,omitempty"`
	// VerifyAfter is when, after it was carried out, the plan is verified by a check of its own; failing checks before
	// start nothing. Zero leaves it to the next tick.
	VerifyAfter Duration `json:"verify_after,omitempty"`
}

// Validate returns what is wrong with the policy.
func (p StepPolicy) Validate() (problems Problems) {
	switch p.Approval {
	case "", ApprovalNone, ApprovalRequired:
	default:
		problems = append(problems, Problem{"approval", fmt.Sprintf("must be none or required; not %q", p.Approval)})
	}
	if p.ApprovalTimeout < 0 || p.ApprovalTimeout > 0 && time.Duration(p.ApprovalTimeout) < time.Second {
		problems = append(problems, Problem{"approval_timeout", "must be at least 1s"})
	}
	if p.VerifyAfter < 0 || p.VerifyAfter > 0 && time.Duration(p.VerifyAfter) < time.Second {
		problems = append(problems, Problem{"verify_after", "must be at least 1s"})
	}
	return problems
}

// ActionsMode is the master switch over plans that nobody asked for. What a person asks for is carried out in any mode.
type ActionsMode string

// The modes. The zero value is run.
const (
	ActionsRun     ActionsMode = "run"
	ActionsApprove ActionsMode = "approve" // every plan waits for approval, as if its case required it
	ActionsOff     ActionsMode = "off"     // no plan is carried out: a person may choose it
)

// Escalation tells more people of an issue that lasts.
type Escalation struct {
	After  Duration   `json:"after"` // from the opening
	Notify Recipients `json:"notify"`
	// Unless is empty, or [UnlessAcknowledged]: then it waits while the issue is acknowledged or snoozed.
	Unless string `json:"unless,omitempty"`
}

// UnlessAcknowledged is what holds an [Escalation] back.
const UnlessAcknowledged = "acknowledged"

// Bounds on the lists of a policy.
const (
	maxRenotify = 20
	maxEscalate = 20
)

// Policy is what rules an issue, of its assertion's meta and the configuration together.
type Policy struct {
	Interval    time.Duration
	MaxAttempts int
	MaxPlans    int
	Actions     ActionsMode
	Renotify    []Duration // the last one repeats; empty: people are told once
	Escalate    []Escalation
}

// PolicyOf returns the policy of an assertion's issues: where the meta says nothing, the configuration's.
func PolicyOf(m AssertionMeta, c Config) Policy {
	p := Policy{
		Interval: m.Interval(), MaxAttempts: m.MaxAttempts, MaxPlans: m.MaxPlans, Actions: c.Actions,
		Renotify: m.Renotify, Escalate: m.Escalate,
	}
	if p.Actions == "" {
		p.Actions = ActionsRun
	}
	if len(p.Renotify) == 0 {
		p.Renotify = c.Renotify
	}
	if len(p.Escalate) == 0 {
		p.Escalate = c.Escalate
	}
	return p
}

func validateRenotify(all []Duration) (p Problems) {
	if len(all) > maxRenotify {
		p = append(p, Problem{"renotify", fmt.Sprintf("has %d entries; at most %d fit", len(all), maxRenotify)})
	}
	for n, d := range all {
		if time.Duration(d) < time.Second {
			p = append(p, Problem{fmt.Sprintf("renotify[%d]", n), fmt.Sprintf("must be at least 1s; not %s", d)})
		}
	}
	return p
}

func validateEscalate(all []Escalation) (p Problems) {
	if len(all) > maxEscalate {
		p = append(p, Problem{"escalate", fmt.Sprintf("has %d entries; at most %d fit", len(all), maxEscalate)})
	}
	for n, e := range all {
		path := fmt.Sprintf("escalate[%d]", n)
		switch {
		case time.Duration(e.After) < time.Second:
			p = append(p, Problem{path + ".after", fmt.Sprintf("must be at least 1s; not %s", e.After)})
		case n > 0 && e.After < all[n-1].After:
			p = append(p, Problem{path + ".after", fmt.Sprintf("must not be before the entry above it (%s); not %s", all[n-1].After, e.After)})
		}
		if e.Unless != "" && e.Unless != UnlessAcknowledged {
			p = append(p, Problem{path + ".unless", fmt.Sprintf("must be acknowledged; not %q", e.Unless)})
		}
		if len(e.Notify.List()) == 0 {
			p = append(p, Problem{path + ".notify", "names nobody; give email: [address], slack: \"#channel\" or webhook: [URL]"})
		}
		p = append(p, e.Notify.validate().At(path+".notify")...)
	}
	return p
}
