// Package workflows is what Temporal remembers of Narrative: one check, one detection, the life of an issue, the
// answer to an occurrence, one telling, and the housekeeping. Workflow code decides nothing that a later version might
// decide otherwise: activities do, under the store's lock, and workflows put them in order and wait.
//
// The names, ids and signals in names.go are what other programs and people address; they are never changed.
package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"

	narrative "github.com/narrative-go/narrative"
)

// Ids of workflows. Those of issues are narrative.IssueWorkflowID's.
const (
	SweepID    = "sweep"
	WatchdogID = "watchdog"
	nowSuffix  = "/now"
	drySuffix  = "/dry-run"
)

// CheckID is the id of the cron workflow that checks an assertion or event.
func CheckID(kind narrative.MetaKind, name string) string { return string(kind) + "/" + name }

// CheckNowID is the id of a check made at once.
func CheckNowID(kind narrative.MetaKind, name string) string { return CheckID(kind, name) + nowSuffix }

// DryRunID is the id of a check of which nothing is kept.
func DryRunID(kind narrative.MetaKind, name string) string { return CheckID(kind, name) + drySuffix }

// OccurrenceID is the id of the workflow that answers an occurrence.
func OccurrenceID(id string) string { return "occurrence/" + id }

// NotifyID is the id of the workflow that sends a notification.
func NotifyID(key string) string { return "notify/" + key }

// RefreshID is the id of the workflow that brings a message that stands for issues up to date.
func RefreshID(in RefreshInput) string {
	return "refresh/" + in.Channel + "/" + in.Place + "/" + in.Message
}

// Queries of ResolveIssue.
const (
	QueryIssue  = "issue"  // JSON: activities.IssueState
	QueryStatus = "status" // a few lines of text
)

// Search attributes, all Keywords. They are made by `narrative setup`; where they are absent, workflows do without.
var (
	AttributeKind     = temporal.NewSearchAttributeKeyKeyword("NarrativeKind")
	AttributeName     = temporal.NewSearchAttributeKeyKeyword("NarrativeName")
	AttributeOutcome  = temporal.NewSearchAttributeKeyKeyword("NarrativeOutcome")
	AttributeSeverity = temporal.NewSearchAttributeKeyKeyword("NarrativeSeverity")
	AttributeRecord   = temporal.NewSearchAttributeKeyKeyword("NarrativeRecord")
)

// AttributeNames are the names of the search attributes.
var AttributeNames = []string{
	AttributeKind.GetName(), AttributeName.GetName(), AttributeOutcome.GetName(),
	AttributeSeverity.GetName(), AttributeRecord.GetName(),
}

// Values of [AttributeKind].
const (
	KindAssertion  = "assertion"
	KindEvent      = "event"
	KindIssue      = "issue"
	KindOccurrence = "occurrence"
	KindNotify     = "notification"
)

// CheckMemo is the memo, under [CheckMemoKey], of a workflow that checks: what it needs to know of the meta before the
// activity reads it. A cron's runs all have the first start's, so a meta whose memo differs is started anew.
type CheckMemo struct {
	Queue       string        `json:"queue"`       // of the check; empty: the workflow's own
	Timeout     time.Duration `json:"timeout"`     // of the check with its retries; 0: a minute
	Fingerprint string        `json:"fingerprint"` // of all that a trigger is made from
}

// CheckMemoKey is where a workflow's memo holds its [CheckMemo].
const CheckMemoKey = "narrative"
