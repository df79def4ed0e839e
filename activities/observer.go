package activities

import (
	"time"

	narrative "github.com/narrative-go/narrative"
)

// Observer hears of what was done, in order to count it. Its methods return at once and are safe for concurrent use.
type Observer interface {
	// Checked hears of a check, or detection, that was recorded.
	Checked(c Checked)
	// Told hears of a message that was sent by the channel, or given up as undelivered.
	Told(channel string, state narrative.NotificationState)
	// Logged hears of a datum written inside a check or action, as code in it does, or of an occurrence; stored is false
	// where its level was too low.
	Logged(stored bool)
}

// Checked is a check that was recorded.
type Checked struct {
	Kind    narrative.MetaKind
	Name    string
	Outcome narrative.Outcome
	Lag     time.Duration // from when it was due until it began; zero for errored, as is Took
	Took    time.Duration
}

func checked(kind narrative.MetaKind, r narrative.CheckRun) Checked {
	c := Checked{Kind: kind, Name: r.Assertion, Outcome: r.Outcome}
	if r.Outcome != narrative.OutcomeErrored { // what is recorded of those are the times of the recording
		c.Lag, c.Took = r.StartedAt.Sub(r.ScheduledAt), r.FinishedAt.Sub(r.StartedAt)
	}
	return c
}

// unobserved observes nothing.
type unobserved struct{}

func (unobserved) Checked(Checked)                          {}
func (unobserved) Told(string, narrative.NotificationState) {}
func (unobserved) Logged(bool)                              {}
