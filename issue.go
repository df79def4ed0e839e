package narrative

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"time"
)

// Status is where an issue stands.
type Status string

// The statuses of an issue. The last two are closed.
const (
	StatusOpen            Status = "open"
	StatusSolutionApplied Status = "solution_applied"
	StatusImpasse         Status = "impasse"
	StatusResolved        Status = "resolved"
	StatusWontFix         Status = "wont_fix"
)

// Statuses are all statuses.
var Statuses = []Status{StatusOpen, StatusSolutionApplied, StatusImpasse, StatusResolved, StatusWontFix}

// Closed tells whether nothing more happens to an issue of this status.
func (s Status) Closed() bool { return s == StatusResolved || s == StatusWontFix }

// IssueKind is what an issue is about.
type IssueKind string

// The kinds of issues.
const (
	KindFailure    IssueKind = "failure"     // the assertion fails as a whole
	KindRecord     IssueKind = "record"      // one record violates it
	KindMany       IssueKind = "many"        // stands for the records beyond max_issues
	KindCheckError IssueKind = "check_error" // the check cannot be made
	KindSystem     IssueKind = "system"
)

// Issue is a failing assertion, or one record that violates it.
type Issue struct {
	ID           string           `json:"id"`
	WorkflowID   string           `json:"workflow_id"`
	Assertion    string           `json:"assertion"`
	Kind         IssueKind        `json:"kind"`
	Record       Record           `json:"record"`
	Status       Status           `json:"status"`
	Severity     Severity         `json:"severity"`
	Summary      string           `json:"summary"` // of the newest failing verdict
	OpenedAt     time.Time        `json:"opened_at"`
	ResolvedAt   *time.Time       `json:"resolved_at"` // when it was closed, won't fix included
	Acknowledged *Acknowledgement `json:"acknowledged"`
	SnoozedUntil *time.Time       `json:"snoozed_until"`
	Awaiting     *Awaiting        `json:"awaiting"`
	Rounds       int              `json:"rounds"` // of diagnosis, finished so far
	Steps        []ResolutionStep `json:"steps"`  // oldest first

	Verdict     Verdict    `json:"-"` // the newest failing one
	OpenedSeq   int64      `json:"-"` // check_seq of the check that opened it
	Version     int        `json:"-"` // counts transitions; what compare-and-set compares
	Working     bool       `json:"-"` // a round is under way
	NextRoundAt time.Time  `json:"-"` // a failing check before this starts no round
	EnactedSeq  int64      `json:"-"` // only checks with a greater check_seq judge the newest solution
	Attempts    int        `json:"-"` // solutions carried out unasked so far
	Idle        int        `json:"-"` // rounds in a row that led to nothing new
	Passes      int        `json:"-"` // passing checks in a row since it last failed
	CurrentSeq  int64      `json:"-"` // the check_seq given out last, when it was loaded
	ClosedSeq   int64      `json:"-"` // the check_seq given out last when it was closed: only checks begun later open another
	MutedUntil  *time.Time `json:"-"` // of won't fix: nil is for ever
	VerifyAt    *time.Time `json:"-"` // when the newest solution is verified without waiting for the tick
	NotifiedAt  *time.Time `json:"-"` // when admins were last told of what is still for them to do; nil: nothing is
	Renotified  int        `json:"-"` // how often they were told of it again
	Escalated   int        `json:"-"` // levels of escalation passed
	// UnaskedPlans are the times at which plans were begun unasked for its assertion, newest first and at most as
	// many as its max_plans; set when it is loaded for a change.
	UnaskedPlans []time.Time `json:"-"`
	// FailingSeq is the check_seq of the newest check of its assertion, or of the newest that found its record, where
	// that failed; else 0. Set when it is loaded for a change.
	FailingSeq int64 `json:"-"`
	// Siblings is how many issues the check opened that opened this one, itself included; set when it is loaded for a
	// change.
	Siblings int `json:"-"`
	// Told are those who were told of it, with channel and address; set when it is loaded for a change.
	Told []Recipient `json:"-"`
	// Newest is the last line of its timeline; set when it is loaded for a change.
	Newest *Entry `json:"-"`
}

// Acknowledgement is a person's word that an issue is being seen to.
type Acknowledgement struct {
	By     string     `json:"by"`
	At     time.Time  `json:"at"`
	Reason string     `json:"reason"`
	Until  *time.Time `json:"until"`
}

// Awaiting is what an issue waits for a person to do.
type Awaiting struct {
	For    string     `json:"for"` // approval or choice
	StepID string     `json:"step_id"`
	Since  time.Time  `json:"since"`
	Until  *time.Time `json:"until"`
}

// What an issue waits for a person to do.
const (
	AwaitingChoice   = "choice"   // to choose or bring a plan
	AwaitingApproval = "approval" // to approve or reject a step's plan
)

// StepsMatchingPlan returns the steps whose plan consists of the same set of actions, oldest first; their order, their
// arguments and how often each stands do not count. Steps without a plan match none.
func (i Issue) StepsMatchingPlan(p Plan) []ResolutionStep {
	steps := []ResolutionStep{}
	for _, s := range i.Steps {
		if s.Solution != nil && maps.Equal(p.operations(), s.Solution.Plan.operations()) {
			steps = append(steps, s)
		}
	}
	return steps
}

func (p Plan) operations() map[string]bool {
	names := map[string]bool{}
	for _, a := range p {
		names[a.Action] = true
	}
	return names
}

// Step returns the step with the given id.
func (i Issue) Step(id string) (ResolutionStep, bool) {
	for _, s := range i.Steps {
		if s.ID == id {
			return s, true
		}
	}
	return ResolutionStep{}, false
}

// Name is how an issue is called before people: the assertion, and the record where there is one.
func (i Issue) Name() string {
	switch i.Kind {
	case KindRecord:
		return fmt.Sprintf("%s %s %s", i.Assertion, i.Record.Type, i.Record.ID)
	case KindMany:
		return i.Assertion + " (many records)"
	case KindCheckError:
		return i.Assertion + " (cannot be checked)"
	default:
		return i.Assertion
	}
}

// maxWorkflowPart is the longest percent-encoded part of a workflow id, in bytes; a longer one is hashed.
const maxWorkflowPart = 200

// IssueWorkflowID is the id of the workflow that lives an issue's life: the issue's dedupe key in Temporal.
func IssueWorkflowID(assertion string, kind IssueKind, r Record) string {
	switch kind {
	case KindRecord:
		return "issue/" + assertion + "/" + workflowPart(r.Type) + "/" + workflowPart(r.ID)
	case KindMany:
		return "issue/" + assertion + "/~many"
	case KindCheckError:
		return "issue/" + assertion + "/~check_error"
	case KindSystem:
		return "issue/" + assertion + "/~system"
	default:
		return "issue/" + assertion
	}
}

func workflowPart(s string) string {
	escaped := url.PathEscape(s)
	if len(escaped) > maxWorkflowPart {
		return "~" + HashText(s)
	}
	if rest, ok := strings.CutPrefix(escaped, "~"); ok {
		return "%7E" + rest // only a hash begins with ~
	}
	return escaped
}

// Entry is one line of an issue's timeline.
type Entry struct {
	Number int             `json:"number"` // from 1, in the order written
	At     time.Time       `json:"at"`
	Kind   EntryKind       `json:"kind"`
	By     string          `json:"by"`   // the person or key; empty for Narrative itself
	Text   string          `json:"text"` // one sentence
	Data   json.RawMessage `json:"data"` // what a program may want to know; null when nothing
	Key    string          `json:"-"`    // unique within the issue where not empty: a second write of it is dropped
}

// EntryKind is what a timeline entry tells of.
type EntryKind string

// The kinds of timeline entries.
const (
	EntryOpened       EntryKind = "opened"
	EntryStatus       EntryKind = "status"
	EntryRound        EntryKind = "round"
	EntryProposal     EntryKind = "proposal"
	EntryCaseError    EntryKind = "case_error"
	EntryAction       EntryKind = "action"
	EntryNotification EntryKind = "notification"
	EntrySignal       EntryKind = "signal"
	EntryRefused      EntryKind = "refused"
	EntryComment      EntryKind = "comment"
	EntryRecovered    EntryKind = "recovered"
	EntryVerdict      EntryKind = "verdict"  // the reason or severity changed
	EntryDeadline     EntryKind = "deadline" // something was due by time
)

// Observation is what a check hands to an issue.
type Observation struct {
	IssueID  string `json:"issue_id"`
	CheckSeq int64  `json:"check_seq"`      // 0 says nothing of a check, and only makes sure that the workflow runs
	Wake     bool   `json:"wake,omitempty"` // CheckSeq is 0: the issue, or what rules it, is to be looked at again
	Passed   bool   `json:"passed"`
	Gone     bool   `json:"gone,omitempty"` // the record is gone; Passed is true
}
