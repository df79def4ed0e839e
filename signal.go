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
	SignalSolution    SignalName = "solution"
	SignalApprove     SignalName = "approve"
	SignalReject      SignalName = "reject"
	SignalAcknowledge SignalName = "acknowledge"
	SignalSnooze      SignalName = "snooze"
	SignalResolve     SignalName = "resolve"
	SignalWontFix     SignalName = "wont_fix"
	SignalComment     SignalName = "comment"
	SignalDiagnose    SignalName = "diagnose"
)

// SignalObserve is the internal signal by which checks speak to issues; its payload is an [Observation].
const SignalObserve = "observe"

// SignalMoved is the internal signal by which what stands for an issue elsewhere hears that the issue has moved.
const SignalMoved = "moved"

// SignalNames are the signals that people send. Workflows listen to them in this order: a new one goes to the end.
var SignalNames = []SignalName{
	SignalSolution, SignalResolve, SignalWontFix, SignalComment,
	SignalApprove, SignalReject, SignalAcknowledge, SignalSnooze, SignalDiagnose,
}

// Signal is what a person asks of an issue. Which fields a name takes, [DecodeSignal] knows.
type Signal struct {
	Name   SignalName `json:"-"`
	By     string     `json:"by,omitempty"`
	Reason string     `json:"reason,omitempty"`
	StepID string     `json:"step_id,omitempty"`
	Plan   Plan       `json:"plan,omitempty"`
	Digest string     `json:"digest,omitempty"`
	Until  *time.Time `json:"until,omitempty"`
	For    Duration   `json:"for,omitempty"` // instead of Until, from when it is heard
	Text   string     `json:"text,omitempty"`
}

// signalFields are the fields that each signal takes; true: required.
var signalFields = map[SignalName]map[string]bool{
	SignalSolution:    {"by": false, "reason": false, "step_id": false, "plan": false},
	SignalApprove:     {"by": false, "reason": false, "step_id": true, "digest": true},
	SignalReject:      {"by": false, "reason": true, "step_id": true, "digest": false},
	SignalAcknowledge: {"by": false, "reason": false, "until": false},
	SignalSnooze:      {"by": false, "reason": false, "until": false, "for": false},
	SignalResolve:     {"by": false, "reason": false},
	SignalWontFix:     {"by": false, "reason": true, "until": false},
	SignalComment:     {"by": false, "text": true},
	SignalDiagnose:    {"by": false, "reason": false},
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

func joinSignals() string {
	names := make([]string, len(SignalNames))
	for i, n := range SignalNames {
		names[i] = string(n)
	}
	return strings.Join(names, ", ")
}

func (s Signal) validate(fields map[string]bool) (p Problems) {
	for _, f := range []struct{ name, value string }{{"by", s.By}, {"reason", s.Reason}, {"step_id", s.StepID}, {"digest", s.Digest}, {"text", s.Text}} {
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
	if s.Name == SignalSnooze && (s.Until == nil) == (s.For == 0) {
		p = append(p, Problem{"", "snooze takes exactly one of until and for"})
	}
	if s.For < 0 || s.For > 0 && time.Duration(s.For) < time.Second || s.For > maxSnooze {
		p = append(p, Problem{"for", fmt.Sprintf("must be from 1s to %s; not %s", maxSnooze, s.For)})
	}
	for i := range s.Plan {
		p = append(p, ProblemsOf(fmt.Sprintf("plan[%d].args", i), CheckJSON(orEmptyObject(s.Plan[i].Args)))...)
	}
	return append(p, s.Plan.Validate().At("plan")...)
}

// maxSnooze is the longest that an issue is snoozed for at once.
const maxSnooze = Duration(10 * 365 * 24 * time.Hour)

func orEmptyObject(b json.RawMessage) json.RawMessage {
	if len(b) == 0 {
		return json.RawMessage("{}")
	}
	return b
}

// Check returns why the signal cannot be carried out on the issue as it stands: [Conflict] when the issue is closed,
// the same plan is being carried out, or an approval's digest or step is not the one waiting; [Invalid] for a step that
// is not there or has no plan, and for a time that lies in the past. Whether a plan's actions are known, the executor
// tells.
func (s Signal) Check(i Issue, now time.Time) error {
	if i.Status.Closed() {
		return Errorf(Conflict, "issue %s is closed (%s); a signal can no longer change it", i.ID, i.Status)
	}
	if s.Until != nil && !s.Until.After(now) {
		return Problems{{"until", s.Until.UTC().Format(storyTime) + " lies in the past"}}
	}
	switch s.Name {
	case SignalApprove, SignalReject:
		return s.checkApproval(i)
	case SignalSolution:
		return s.checkSolution(i)
	}
	return nil
}

// checkApproval lets pass, beside the step that waits, one that was approved or rejected before: the same request,
// repeated.
func (s Signal) checkApproval(i Issue) error {
	step, ok := i.Step(s.StepID)
	switch {
	case !ok:
		return Problems{{"step_id", "issue " + i.ID + " has no step " + s.StepID}}
	case step.Action != Exec:
		return Problems{{"step_id", "step " + s.StepID + " proposes pass: there is nothing to approve"}}
	case s.Digest != "" && s.Digest != step.Digest:
		return Errorf(Conflict, "the digest is not that of step %s's plan, which is %s; nothing was changed: look at the plan again", step.ID, step.Digest)
	case step.State == StepAwaitingApproval:
		return nil
	case s.Name == SignalApprove && (step.State == StepRunning || step.State == StepApplied),
		s.Name == SignalReject && step.State == StepRejected:
		return nil
	}
	return Errorf(Conflict, "step %s does not wait for approval: it is %s", step.ID, step.State)
}

func (s Signal) checkSolution(i Issue) error {
	if s.StepID == "" {
		digest, err := s.Plan.Digest()
		if err != nil {
			return err
		}
		return notRunning(i, digest)
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
	return notRunning(i, step.Digest)
}

// notRunning refuses a plan while another is being carried out, or the same: it was brought along, or chosen again,
// before, and this is that request, repeated.
func notRunning(i Issue, digest string) error {
	for _, step := range i.Steps {
		if step.State == StepRunning && step.Digest == digest {
			return Errorf(Conflict, "the same plan is being carried out already, as step %s", step.ID)
		}
	}
	if i.Working {
		return Errorf(Conflict, "a round or a plan is under way; choose again when it has ended")
	}
	return nil
}
