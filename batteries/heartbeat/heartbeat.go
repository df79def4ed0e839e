// Package heartbeat is the battery that notices silence: the class "heartbeat", an assertion that something goes on
// telling that it is alive.
//
// POST /api/v1/heartbeats/NAME and narrative heartbeat NAME tell a beat, with /start and /fail that a run began or failed;
// a datum of the origin narrative.HeartbeatOrigin whose name is the heartbeat's is a beat, too. The assertion fails with
// the reason failed when a failure was told since the last success; hung when a run began since then and takes longer than
// max_runtime; quiet when the last success is older than expect_every and grace together; and never when there was none.
package heartbeat

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
)

// Class is the name that the battery is registered under.
const Class = "heartbeat"

// The reasons of failed verdicts.
const (
	reasonFailed = "failed"
	reasonQuiet  = "quiet"
	reasonNever  = "never"
	reasonHung   = "hung"
)

// Args are the arguments of the class "heartbeat".
type Args struct {
	Name        string             `json:"name"`                  // of the heartbeat
	ExpectEvery narrative.Duration `json:"expect_every"`          // how far apart beats are
	Grace       narrative.Duration `json:"grace,omitempty"`       // how late one may be; default 0s
	MaxRuntime  narrative.Duration `json:"max_runtime,omitempty"` // from a start to its end; default: any
}

var _ narrative.ArgsValidator = (*Args)(nil)

// ValidateArgs returns what is wrong with them, as far as that can be told before references are resolved.
func (a *Args) ValidateArgs() (p narrative.Problems) {
	wrong := func(path, message string) { p = append(p, narrative.Problem{Path: path, Message: message}) }
	if a.Name == "" {
		wrong("name", "is required: the heartbeat's, such as nightly-backup")
	} else if !narrative.HasReference(a.Name) {
		p = append(p, narrative.ProblemsOf("name", narrative.ValidName(a.Name))...)
	}
	switch {
	case a.ExpectEvery < 0:
		wrong("expect_every", "must not be negative")
	case a.ExpectEvery == 0:
		wrong("expect_every", "is required: how far apart beats are, such as 5m")
	}
	if a.Grace < 0 {
		wrong("grace", "must not be negative")
	}
	if a.MaxRuntime < 0 {
		wrong("max_runtime", "must not be negative")
	}
	return p
}

// Register adds the class "heartbeat" to the registry.
func Register(reg *narrative.Registry) { register(reg, time.Now) }

func register(reg *narrative.Registry, now func() time.Time) {
	narrative.AddAssertion(reg, Class, func(a Args) (narrative.Assertion, error) {
		return pulse{a, now}, a.ValidateArgs().Err()
	})
}

// pulse is the assertion that a heartbeat goes on.
type pulse struct {
	Args
	now func() time.Time
}

var _ narrative.Assertion = pulse{}

// Check looks at the last beats.
func (p pulse) Check(ctx context.Context) (narrative.Verdict, error) {
	datums, err := narrative.ReadDatums(ctx)
	if err != nil {
		return narrative.Verdict{}, err
	}
	now := p.now().UTC()
	last, err := datums.Heartbeat(ctx, p.Name, now)
	if err != nil && narrative.KindOf(err) != narrative.NotFound {
		return narrative.Verdict{}, err
	}
	success, fail := last.LastSuccess, last.LastFail
	switch {
	case fail != nil && (success == nil || success.Before(*fail)):
		return p.failed(last, now), nil
	case p.hangs(last, now):
		return p.hung(last, now), nil
	case success == nil:
		v := narrative.Failed("no success of %s has ever arrived; one is expected every %s", p.Name, p.ExpectEvery)
		v.Reason = reasonNever
		return v, nil
	}
	return p.judge(*success, now), nil
}

// failed tells of a failure after which there was no success.
func (p pulse) failed(last narrative.Heartbeat, now time.Time) narrative.Verdict {
	since := "it has never succeeded"
	if last.LastSuccess != nil {
		since = fmt.Sprintf("its last success was %s ago", roughly(max(now.Sub(*last.LastSuccess), 0)))
	}
	v := narrative.Failed("%s failed %s ago%s; %s", p.Name, roughly(max(now.Sub(*last.LastFail), 0)), said(last.FailNote), since)
	v.Reason = reasonFailed
	v = v.With("failed_at", last.LastFail.Format(time.RFC3339Nano))
	if last.LastSuccess != nil {
		v = v.With("last_beat", last.LastSuccess.Format(time.RFC3339Nano))
	}
	if note, err := narrative.DecodeJSON(last.FailNote); err == nil && note != nil {
		v = v.With("note", note)
	}
	return v
}

// hangs tells whether a run began, and should have ended since.
func (p pulse) hangs(last narrative.Heartbeat, now time.Time) bool {
	return p.MaxRuntime > 0 && last.LastStart != nil && (last.LastSuccess == nil || last.LastSuccess.Before(*last.LastStart)) &&
		now.Sub(*last.LastStart) > time.Duration(p.MaxRuntime)
}

func (p pulse) hung(last narrative.Heartbeat, now time.Time) narrative.Verdict {
	v := narrative.Failed("%s began %s ago and has not ended; it may take %s", p.Name, roughly(now.Sub(*last.LastStart)), p.MaxRuntime)
	v.Reason = reasonHung
	v = v.With("started_at", last.LastStart.Format(time.RFC3339Nano))
	if last.LastSuccess != nil {
		v = v.With("last_beat", last.LastSuccess.Format(time.RFC3339Nano))
	}
	return v
}

// maxSaid is how much of a note is said in a summary, in bytes.
const maxSaid = 200

// said is a note as a summary says it.
func said(note json.RawMessage) string {
	text := string(note)
	var plain string
	if json.Unmarshal(note, &plain) == nil {
		text = strings.TrimSpace(plain)
	}
	switch {
	case text == "" || text == "null":
		return ""
	case len(text) > maxSaid:
		text = strings.ToValidUTF8(text[:maxSaid], "") + "…"
	}
	return ": " + text
}

func (p pulse) judge(last, now time.Time) narrative.Verdict {
	silent := max(now.Sub(last), 0)
	v := narrative.Passed("%s beat %s ago", p.Name, roughly(silent))
	if silent > time.Duration(p.ExpectEvery)+time.Duration(p.Grace) {
		v = narrative.Failed("%s has been silent for %s; a beat is expected every %s%s",
			p.Name, roughly(silent), p.ExpectEvery, p.grace())
		v.Reason = reasonQuiet
	}
	return v.With("last_beat", last.UTC().Format(time.RFC3339Nano)).With("silent_for", roughly(silent).String())
}

func (p pulse) grace() string {
	if p.Grace == 0 {
		return ""
	}
	return ", give or take " + p.Grace.String()
}

// roughly is a duration as precise as people care: to the second, or beyond an hour to the minute.
func roughly(d time.Duration) narrative.Duration {
	if d >= time.Hour {
		return narrative.Duration(d.Truncate(time.Minute))
	}
	return narrative.Duration(d.Truncate(time.Second))
}
