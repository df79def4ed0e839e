package narrative

import (
	"context"
	"time"
)

// Event is something to notice, not to repair. Detect returns what it noticed, none when there is nothing. Each
// distinct occurrence is handled once within the meta's ttl.
type Event interface {
	Detect(ctx context.Context) ([]Occurrence, error)
}

// Responder is implemented by an event that answers its occurrences itself. The plan it returns is carried out once
// per occurrence, instead of the meta's respond.
type Responder interface {
	Respond(ctx context.Context, o Occurrence) (Plan, error)
}

// Occurrence is one thing an [Event] noticed.
type Occurrence struct {
	ID    string `json:"id"`    // given by the store
	Event string `json:"event"` // the meta's name; given by the store
	// Summary identifies the occurrence: two with the same canonical JSON are the same one.
	Summary map[string]any `json:"summary"`
	// Details describe it, and do not identify it.
	Details   map[string]any `json:"details,omitempty"`
	At        time.Time      `json:"at"`         // when it was claimed
	ExpiresAt *time.Time     `json:"expires_at"` // nil: never handled again
	// Solution is how it was answered; nil while it was not.
	Solution *Solution `json:"solution"`
}
