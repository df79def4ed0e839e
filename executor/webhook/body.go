package webhook

import (
	"encoding/json"
	"time"

	"github.com/narrative-go/narrative"
)

// Version is the version of [Body].
const Version = 1

// Body is what a message is as JSON. The package's documentation specifies it.
type Body struct {
	Version int                        `json:"version"` // [Version]
	Kind    narrative.NotificationKind `json:"kind"`
	Key     string                     `json:"key"` // the message's; a repeat has the same
	Subject string                     `json:"subject"`
	Text    string                     `json:"text"`
	At      time.Time                  `json:"at"`     // when the message was made; UTC
	Issues  []Issue                    `json:"issues"` // those that it concerns; never null
}

// Issue is an issue as it stood when the message was sent. Its words are those of the HTTP API.
type Issue struct {
	ID         string              `json:"id"`
	Assertion  string              `json:"assertion"`
	Record     narrative.Record    `json:"record"` // type and id are empty where the issue is not about a record
	Kind       narrative.IssueKind `json:"kind"`
	Status     narrative.Status    `json:"status"`
	Severity   narrative.Severity  `json:"severity"`
	Summary    string              `json:"summary"`
	OpenedAt   time.Time           `json:"opened_at"`
	ResolvedAt *time.Time          `json:"resolved_at"` // null: it is not closed
	WorkflowID string              `json:"workflow_id"`
	Awaiting   *narrative.Awaiting `json:"awaiting"` // null: nothing waits for a person
}

// NewBody is the body of a message about those issues.
func NewBody(n narrative.Notification, issues ...narrative.Issue) Body {
	b := Body{
		Version: Version, Kind: n.Kind, Key: n.Key, Subject: n.Message.Subject, Text: n.Message.Text, At: n.CreatedAt.UTC(),
		Issues: make([]Issue, len(issues)),
	}
	for n, i := range issues {
		b.Issues[n] = Issue{
			ID: i.ID, Assertion: i.Assertion, Record: i.Record, Kind: i.Kind, Status: i.Status, Severity: i.Severity,
			Summary: i.Summary, OpenedAt: i.OpenedAt.UTC(), ResolvedAt: i.ResolvedAt, WorkflowID: i.WorkflowID, Awaiting: i.Awaiting,
		}
	}
	return b
}

// Encode returns the body as JSON. The same body is the same bytes.
func (b Body) Encode() ([]byte, error) {
	encoded, err := json.Marshal(b)
	if err != nil {
		return nil, narrative.Errorf(narrative.Invalid, "encode the message %s: %w", b.Key, err)
	}
	return encoded, nil
}
