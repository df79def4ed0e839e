package narrative

import (
	"encoding/json"
	"fmt"
	"time"
)

// HeartbeatOrigin is the origin of the datums that are a heartbeat's history. They are stored whatever the minimum
// level, under the heartbeat's name; those of other kinds than [BeatSuccess] under NAME/start and NAME/fail.
const HeartbeatOrigin = "heartbeat"

// MaxSkew is how far ahead of the clock a beat may be dated: one from the future would hide a silence.
const MaxSkew = time.Minute

// BeatKind is what a beat tells.
type BeatKind string

// The kinds of beats.
const (
	BeatSuccess BeatKind = "success" // it is alive, or a run went well
	BeatStart   BeatKind = "start"   // a run began
	BeatFail    BeatKind = "fail"    // a run failed
)

// Beat is one sign of life.
type Beat struct {
	Name      string // of the heartbeat
	Kind      BeatKind
	Note      json.RawMessage // any JSON; empty is null
	At        time.Time
	ExpiresAt *time.Time // of the datum; nil: never
}

// DatumName is the name of the datum that keeps a beat.
func (b Beat) DatumName() string {
	if b.Kind == BeatSuccess || b.Kind == "" {
		return b.Name
	}
	return b.Name + "/" + string(b.Kind)
}

// Validate returns what is wrong with the beat.
func (b Beat) Validate() Problems {
	p := ProblemsOf("name", ValidName(b.Name))
	switch b.Kind {
	case "", BeatSuccess, BeatStart, BeatFail:
	default:
		p = append(p, Problem{"kind", fmt.Sprintf("must be success, start or fail; not %q", b.Kind)})
	}
	_, err := plainNote(b.Note)
	p = append(p, ProblemsOf("note", err)...)
	if b.At.IsZero() {
		p = append(p, Problem{"at", "is required"})
	}
	return p
}

// Datum is the datum that keeps the beat.
func (b Beat) Datum() Datum {
	d := Datum{Origin: HeartbeatOrigin, Name: b.DatumName(), Note: b.Note, Level: Info, At: b.At, ExpiresAt: b.ExpiresAt}
	if b.Kind == BeatFail {
		d.Level = ErrorLevel
	}
	return d
}

// Heartbeat is what is known last of something that beats. Times are nil where there was none.
type Heartbeat struct {
	Name        string          `json:"name"`
	LastSuccess *time.Time      `json:"last_success"`
	LastStart   *time.Time      `json:"last_start"`
	LastFail    *time.Time      `json:"last_fail"`
	Kind        BeatKind        `json:"kind"`      // of the newest of them
	Note        json.RawMessage `json:"note"`      // of the newest of them; null when there is none
	FailNote    json.RawMessage `json:"fail_note"` // of the last failure
}

// UptimeQuery selects the history of a heartbeat.
type UptimeQuery struct {
	Name         string
	Since, Until time.Time // the window; zero: from the first beat; to Now
	// Threshold is how far apart beats may be within a period up; 0: [UptimeFactor] times the median of the distances
	// between them, the true median. Where there are fewer than two beats, there is none, and nothing is down.
	Threshold Duration
	Now       time.Time // beats expired by then are left out; until then the last period lasts
	Limit     int       // of periods; 1 to [MaxPage], 0 means [MaxPage]
}

// UptimeFactor times the median distance between beats is the longest that is no outage: of beats that come about
// evenly, two may be missing.
const UptimeFactor = 3

// Uptime is when a heartbeat was up and when it was down.
type Uptime struct {
	// Uptime is the part of the time between the first beat, or the begin of the window if that is later, and the end of
	// the window during which it was up, in percent; nil where nothing is known.
	Uptime    *float64 `json:"uptime"`
	Threshold Duration `json:"threshold"` // longer silences are outages; 0: there is no measure
	Beats     int      `json:"beats"`     // in the window, as far as they were kept
	Items     []Period `json:"items"`     // newest first, one after the other without a gap
	Omitted   int      `json:"omitted"`   // older periods beyond the limit; they count for the percentage
}

// UpState tells up from down.
type UpState string

// The states of a period.
const (
	StateUp   UpState = "up"
	StateDown UpState = "down"
)

// Period is a time during which something was up, or down. A silence is down from the last beat before it, and a
// failure from when it was told; both until the next success.
type Period struct {
	State UpState    `json:"state"`
	From  time.Time  `json:"from"`
	To    *time.Time `json:"to"` // nil: it goes on
}
