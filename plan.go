package narrative

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// Plan is a list of actions, carried out in order.
type Plan []Action

// Action is one entry of a plan: a registered action by name, with its arguments.
type Action struct {
	Action string          `json:"action"`
	Args   json.RawMessage `json:"args,omitempty"` // a JSON object; empty means {}
	// Timeout bounds one attempt; zero means [DefaultActionTimeout].
	Timeout Duration `json:"timeout,omitempty"`
	// Retry says how often and how far apart attempts are made; nil means [DefaultRetry].
	Retry *Retry `json:"retry,omitempty"`
}

// Retry is how an action is tried again: Attempts in all, Backoff apart, doubling.
type Retry struct {
	Attempts int      `json:"attempts"` // 1 to 100
	Backoff  Duration `json:"backoff"`  // at least 1 ms; zero means [DefaultRetry]'s
}

// DefaultActionTimeout bounds one attempt of an action that says nothing else.
const DefaultActionTimeout = Duration(time.Minute)

// DefaultRetry is three attempts, one second apart, doubling.
var DefaultRetry = Retry{Attempts: 3, Backoff: Duration(time.Second)}

// Do returns an action; args is anything that encodes as a JSON object, or nil. It panics if args cannot be encoded,
// as a struct literal with a channel in it could not.
func Do(action string, args any) Action {
	if args == nil {
		return Action{Action: action}
	}
	encoded, err := json.Marshal(args)
	if err != nil {
		panic("narrative.Do: the arguments of " + action + " do not encode as JSON: " + err.Error())
	}
	return Action{Action: action, Args: encoded}
}

// Validate returns what is wrong with the plan apart from its actions and their arguments, which the [Executor] knows.
// Paths are relative to the plan: [0].retry.attempts.
func (p Plan) Validate() (problems Problems) {
	for i, a := range p {
		path := fmt.Sprintf("[%d]", i)
		if a.Timeout < 0 {
			problems = append(problems, Problem{path + ".timeout", "must not be negative"})
		}
		if a.Retry == nil {
			continue
		}
		if n := a.Retry.Attempts; n < 1 || n > 100 {
			problems = append(problems, Problem{path + ".retry.attempts", fmt.Sprintf("must be from 1 to 100; not %d", n)})
		}
		if b := time.Duration(a.Retry.Backoff); b < 0 || b > 0 && b < time.Millisecond {
			problems = append(problems, Problem{path + ".retry.backoff", fmt.Sprintf("must be at least 1ms; not %s", a.Retry.Backoff)})
		}
	}
	return problems
}

// Digest is the lower-case hexadecimal SHA-256 of the plan's canonical JSON (RFC 8785): what an approval is bound to.
func (p Plan) Digest() (string, error) {
	encoded, err := json.Marshal(p)
	if err != nil {
		return "", Errorf(Invalid, "encode the plan: %w", err)
	}
	canonical, err := CanonicalJSON(encoded)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), nil
}

// StepAction is what a resolution step proposes.
type StepAction string

// A step either carries out its solution or does nothing now.
const (
	Exec StepAction = "exec"
	Pass StepAction = "pass"
)

// StepState is how far a resolution step has come.
type StepState string

// The states of a step.
const (
	StepProposed         StepState = "proposed"
	StepAwaitingApproval StepState = "awaiting_approval"
	StepRunning          StepState = "running"
	StepApplied          StepState = "applied"
	StepFailed           StepState = "failed"
	StepUnknown          StepState = "unknown" // an action may or may not have happened
	StepRolledBack       StepState = "rolled_back"
	StepRejected         StepState = "rejected"
	StepPassed           StepState = "passed"
)

// ResolutionStep is one proposal for an issue. A diagnostic case fills in Action, Reason and Solution, best with
// [ExecStep] and [PassStep]; the rest is Narrative's.
type ResolutionStep struct {
	ID     string     `json:"id"`
	Case   string     `json:"case"` // empty where a person brought the plan along
	Action StepAction `json:"action"`
	Reason string     `json:"reason"`
	Digest string     `json:"digest"` // of the plan; empty for pass
	State  StepState  `json:"state"`
	Count  int        `json:"count"` // how many identical passes in a row this stands for; 1 otherwise
	At     time.Time  `json:"at"`
	// Solution is what exec carries out; nil for pass.
	Solution *Solution `json:"solution"`

	Policy    StepPolicy `json:"-"` // how carrying it out is supervised
	Round     int        `json:"-"` // the round that proposed it first, counted from 1; 0 where a person did
	UnaskedAt *time.Time `json:"-"` // when it was begun without anybody asking; nil where it was not
}

// Solution is the exact plan of a step.
type Solution struct {
	ID        string     `json:"-"`
	Problem   string     `json:"problem"`
	Plan      Plan       `json:"plan"` // templates filled, ${…} unresolved
	EnactedAt *time.Time `json:"enacted_at"`
	Error     string     `json:"error"` // empty unless it failed
	// Rollback undoes the plan where it stops half-way: entry i undoes action i, and those of actions that were carried
	// out are run in reverse. It may be shorter than the plan, and an entry without an action undoes nothing.
	Rollback Plan `json:"-"`

	// Template and Data are set where the plan was declared in a meta: the plan as written, and what its templates
	// see. It is carried out by filling Template again inside the activity, with references to secrets resolved, so
	// that neither a secret nor a reference smuggled in by data ever gets into Plan.
	Template         Plan          `json:"-"`
	RollbackTemplate Plan          `json:"-"`
	Data             *TemplateData `json:"-"`
}

// ExecStep proposes a plan.
func ExecStep(problem string, plan ...Action) *ResolutionStep {
	return &ResolutionStep{Action: Exec, Reason: problem, Solution: &Solution{Problem: problem, Plan: plan}}
}

// PassStep proposes to do nothing now.
func PassStep(reason string) *ResolutionStep {
	return &ResolutionStep{Action: Pass, Reason: reason}
}

// ActionCall is one action of a plan about to be carried out.
type ActionCall struct {
	Action Action // filled and resolved
	// Key names this action of this solution for ever; what it does outside is marked with it, so that a repeat can be
	// told (Message-ID, Idempotency-Key).
	Key      string
	Issue    *Issue      // set when it answers an issue
	Event    *Occurrence // set when it answers an occurrence
	Template Action      // the action as it may be kept: ${…} unresolved
}

// Executor validates plans and runs their actions; it is the only way out to the world.
type Executor interface {
	// Validate returns what is wrong with the plan: an unknown action, arguments that do not decode. Paths are relative
	// to the plan: [0].email.to.
	Validate(plan Plan) Problems
	// Run carries out one action and returns a receipt (a Message-ID, an HTTP status) or an error. An [Invalid] error
	// is not worth a retry.
	Run(ctx context.Context, call ActionCall) (receipt string, err error)
	// Repeatable tells whether an action that may already have happened may be run again.
	Repeatable(action string) bool
}

// ActionState is where the ledger of actions says an action stands.
type ActionState string

// The states of an action in the ledger.
const (
	ActionStarted ActionState = "started"
	ActionDone    ActionState = "done"
	ActionFailed  ActionState = "failed" // it answered with an error; it may be tried again
)

// ActionRef names an action of a solution.
type ActionRef struct {
	SolutionID string `json:"solution_id"`
	Index      int    `json:"index"`              // from 0
	Rollback   bool   `json:"rollback,omitempty"` // it undoes the action of that index
}

// ActionRun is one action's row in the ledger.
type ActionRun struct {
	SolutionID string      `json:"-"`
	Index      int         `json:"index"`              // from 0
	Rollback   bool        `json:"rollback,omitempty"` // it undoes the action of that index
	Action     string      `json:"action"`
	State      ActionState `json:"state"`
	Attempts   int         `json:"attempts"`
	StartedAt  time.Time   `json:"started_at"`
	FinishedAt *time.Time  `json:"finished_at"`
	Receipt    string      `json:"receipt"`
	Error      string      `json:"error"`
}
