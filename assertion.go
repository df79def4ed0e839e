package narrative

import (
	"context"
	"fmt"
	"iter"
)

// Assertion is a property that should hold. Check is called on schedule; it must respect ctx's deadline and be safe
// to repeat. An error means that the check could not be made: it is not a verdict, opens no issue, and is retried.
type Assertion interface {
	Check(ctx context.Context) (Verdict, error)
}

// RecordAssertion is an assertion over many records. Violations yields the records that violate it, streamed, so that
// they never need to be in memory all at once. An error yielded with a violation whose record is named concerns that
// record alone; an error with a zero Violation is the check's, and ends it as errored.
type RecordAssertion interface {
	Violations(ctx context.Context) iter.Seq2[Violation, error]
}

// Diagnoser is implemented by an assertion of either kind that knows how to look into its own failures. The cases are
// walked in the order returned.
type Diagnoser interface {
	DiagnosticCases() []DiagnosticCase
}

// RecordSelector is implemented by a [RecordAssertion] that can spare itself describing violations that nobody keeps.
// It yields as Violations does; wanted is asked of each record just before it is yielded, and of one that is not wanted
// all but Record may be left out.
type RecordSelector interface {
	SelectViolations(ctx context.Context, wanted func(Record) bool) iter.Seq2[Violation, error]
}

// RecordChecker is implemented by a [RecordAssertion] that can check one record by itself, as is done to verify that a
// solution helped. It returns nil where the record does not violate the assertion, or is gone.
type RecordChecker interface {
	CheckRecord(ctx context.Context, r Record) (*Violation, error)
}

// RecordFinder is implemented by a [RecordAssertion] that can tell whether a record still exists. It is asked of the
// records with an open issue that violate the assertion no more: one that is gone closes its issue as such, and not as
// repaired.
type RecordFinder interface {
	Exists(ctx context.Context, r Record) (bool, error)
}

// Recoverer is implemented by an assertion of either kind that has something to do once an issue's assertion passes
// again. Recovered is called at least once for each issue, before it is marked resolved, and is retried on error.
type Recoverer interface {
	Recovered(ctx context.Context, issue Issue) error
}

// Verdict is what a check found.
type Verdict struct {
	Passed bool `json:"passed"`
	// Summary says in one sentence what was found. It may change from check to check.
	Summary string `json:"summary"`
	// Reason names why it failed in a way that stays the same while the cause does (e.g. "timeout"); a changed reason
	// is told to the issue. Empty is a reason like any other.
	Reason string `json:"reason,omitempty"`
	// Severity overrides the meta's when set.
	Severity Severity `json:"severity,omitempty"`
	// Details describe the finding; they must encode as JSON.
	Details map[string]any `json:"details,omitempty"`
}

// Passed returns a verdict that the assertion holds.
func Passed(format string, args ...any) Verdict {
	return Verdict{Passed: true, Summary: fmt.Sprintf(format, args...)}
}

// Failed returns a verdict that the assertion does not hold.
func Failed(format string, args ...any) Verdict {
	return Verdict{Summary: fmt.Sprintf(format, args...)}
}

// With returns the verdict with a detail added.
func (v Verdict) With(name string, value any) Verdict {
	details := make(map[string]any, len(v.Details)+1)
	for k, d := range v.Details {
		details[k] = d
	}
	details[name] = value
	v.Details = details
	return v
}

// Record names one record of the application; both parts are empty where an issue concerns none. Type and ID may hold
// any text but \u0000, of at most [MaxRecordPart] bytes each.
type Record struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// MaxRecordPart is the most bytes that a record's type or id may have.
const MaxRecordPart = 1000

// Violation is a record that violates a [RecordAssertion].
type Violation struct {
	Record   Record         `json:"record"`
	Summary  string         `json:"summary"`
	Reason   string         `json:"reason,omitempty"`
	Severity Severity       `json:"severity,omitempty"`
	Details  map[string]any `json:"details,omitempty"`
}

// Verdict returns the violation as the failed verdict of its record.
func (v Violation) Verdict() Verdict {
	return Verdict{Summary: v.Summary, Reason: v.Reason, Severity: v.Severity, Details: v.Details}
}

// DiagnosticCase is a named piece of an assertion that looks at an issue and proposes a resolution step, or nil for
// none. Names are unique within an assertion and follow [ValidName]. An error is recorded and does not stop the others.
type DiagnosticCase struct {
	Name     string
	Diagnose func(ctx context.Context, issue Issue) (*ResolutionStep, error)
}

// DeclaredCase is a diagnostic case written in YAML. It has exactly one of Plan and Pass.
type DeclaredCase struct {
	Case   string `json:"case"`
	When   string `json:"when,omitempty"` // expression over issue, record and verdict; empty: always
	Reason string `json:"reason,omitempty"`
	Plan   Plan   `json:"plan,omitempty"`
	Pass   bool   `json:"pass,omitempty"`
	// Rollback undoes the plan; see [Solution].
	Rollback Plan `json:"rollback,omitempty"`
	StepPolicy
}

// CaseCompiler turns a declared case into one that can be walked; its errors are [Invalid] and name the field.
type CaseCompiler func(DeclaredCase) (DiagnosticCase, error)
