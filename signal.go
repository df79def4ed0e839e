package narrative

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"time"
)

// SignalName is the name of a signal that a person or their tooling sends to an issue, and of the update of the same
// payload.
type SignalName string

// The signals of an issue.
const (
	SignalSolution SignalName = "solution"
	SignalResolve  SignalName = "resolve"
	SignalWontFix  SignalName = "wont_fix"
	SignalComment  SignalName = "comment"
)

// SignalObserve is the internal signal by which checks speak to issues; its payload is an [Observation].
const SignalObserve = "observe"

// SignalNames are the signals that people send.
var SignalNames = []SignalName{SignalSolution, SignalResolve, SignalWontFix, SignalComment}

// Signal is what a person asks of an issue. Which fields a name takes, [DecodeSignal] knows.
type Signal struct {
	Name   SignalName `json:"-"`
	By     string     `json:"by,omitempty"`
	Reason string     `json:"reason,omitempty"`
	StepID string     `json:"step_id,omitempty"`
	Plan   Plan       `json:"plan,omitempty"`
	Until  *time.Time `json:"until,omitempty"`
	Text   string     `json:"text,omitempty"`
}

// signalFields are the fields that each signal takes; true: required.
var signalFields = map[SignalName]map[string]bool{
	SignalSolution: {"by": false, "reason": false, "step_id": false, "plan": false},
	SignalResolve:  {"by": false, "reason": false},
	SignalWontFix:  {"by": false, "reason": true, "until": false},
	SignalComment:  {"by": false, "text": true},
}

// DecodeSignal reads a signal's payload strictly: a JSON object, or nothing, which is {}. Its errors are [Problems]
// that name the field.
func DecodeSignal(name SignalName, payload []byte) (Signal, error) {
	fields, ok := signalFields[name]
	if !ok {
		return Signal{}, Errorf(NotFound, "there is no signal %q; the signals are %s", name, joinSignals())
	}
	var present map[string]json.RawMessage
	if len(payload) > 0 {
		if err := json.Unmarshal(payload, &present); err != nil {
			return Signal{}, Errorf(Invalid, "the payload of %s must be a JSON object: %w", name, err)
		}
	}
	var problems Problems
	for field := range present {
		if _, known := fields[field]; !known {
			names := sortedKeys(fields)
			problems = append(problems, Problem{field, string(name) + " takes no such field" + DidYouMean(field, names) +
				" (it takes: " + strings.Join(names, ", ") + ")"})
		}
	}
	sort.Slice(problems, func(i, j int) bool { return problems[i].Path < problems[j].Path })
	if err := problems.Err(); err != nil {
		return Signal{}, err
	}
	s := Signal{}
	if err := DecodeArgs(payload, &s); err != nil {
		return Signal{}, err
	}
	s.Name = name
	return s, s.validate(fields).Err()
}

// checkPlan refuses a plan that was brought along before and is being carried out: the same request, repeated.
func (s Signal) checkPlan(i Issue) error {
	digest, err := s.Plan.Digest()
	if err != nil {
		return err
	}
	for _, step := range i.Steps {
		if step.State == StepRunning && step.Digest == digest {
			return Errorf(Conflict, "the same plan is being carried out already, as step %s", step.ID)
		}
	}
	return nil
}

func joinSignals() string {
	names := make([]string, len(SignalNames))
	for i, n := range SignalNames {
		names[i] = string(n)
	}
	return strings.Join(names, ", ")
}

func (s Signal) validate(fields map[string]bool) (p Problems) {
	for _, f := range []struct{ name, value string }{{"by", s.By}, {"reason", s.Reason}, {"step_id", s.StepID}, {"text", s.Text}} {
		if fields[f.name] && strings.TrimSpace(f.value) == "" {
			p = append(p, Problem{f.name, "is required"})
		}
		p = append(p, ProblemsOf(f.name, CheckText(f.value))...)
		if len(f.value) > 64<<10 {
			p = append(p, Problem{f.name, "is longer than 64 KiB"})
		}
	}
	if s.Name == SignalSolution && (s.StepID == "") == (len(s.Plan) == 0) {
		p = append(p, Problem{"", "solution takes exactly one of step_id and plan"})
	}
	for i := range s.Plan {
		p = append(p, ProblemsOf(fmt.Sprintf("plan[%d].args", i), CheckJSON(orEmptyObject(s.Plan[i].Args)))...)
	}
	return append(p, s.Plan.Validate().At("plan")...)
}

func orEmptyObject(b json.RawMessage) json.RawMessage {
	if len(b) == 0 {
		return json.RawMessage("{}")
	}
	return b
}

// Check returns why the signal cannot be carried out on the issue as it stands: [Conflict] when the issue is closed or
// the same plan is being carried out, [Invalid] for a step that is not there or has no plan, and for a time that lies
// in the past. Whether a plan's actions are known, the executor tells.
func (s Signal) Check(i Issue, now time.Time) error {
	if i.Status.Closed() {
		return Errorf(Conflict, "issue %s is closed (%s); a signal can no longer change it", i.ID, i.Status)
	}
	if s.Until != nil && !s.Until.After(now) {
		return Problems{{"until", s.Until.UTC().Format(storyTime) + " lies in the past"}}
	}
	if s.Name != SignalSolution {
		return nil
	}
	if s.StepID == "" {
		return s.checkPlan(i)
	}
	step, ok := i.Step(s.StepID)
	switch {
	case !ok:
		return Problems{{"step_id", "issue " + i.ID + " has no step " + s.StepID}}
	case step.Action != Exec:
		return Problems{{"step_id", "step " + s.StepID + " proposes pass: it has no plan to carry out"}}
	case step.State == StepRunning:
		return Errorf(Conflict, "step %s is being carried out already", s.StepID)
	case step.State == StepApplied:
		return Errorf(Conflict, "step %s has been carried out already", s.StepID)
	}
	return nil
}
