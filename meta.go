package narrative

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// Severity is how much a failure matters.
type Severity string

// The severities.
const (
	SeverityInfo     Severity = "info"
	SeverityWarning  Severity = "warning"
	SeverityError    Severity = "error" // the default
	SeverityCritical Severity = "critical"
)

// Severities are all severities, least first.
var Severities = []Severity{SeverityInfo, SeverityWarning, SeverityError, SeverityCritical}

// Valid tells whether s is one of [Severities].
func (s Severity) Valid() bool {
	for _, known := range Severities {
		if s == known {
			return true
		}
	}
	return false
}

// rank orders severities.
func (s Severity) rank() int { return slices.Index(Severities, s) }

// Trigger is what makes Temporal check a meta on time.
type Trigger string

// The triggers. The zero value leaves the choice to the deployment.
const (
	TriggerCron     Trigger = "cron"     // one cron workflow per meta
	TriggerSchedule Trigger = "schedule" // one Temporal Schedule per meta
)

// ParseTrigger reads a trigger by name; empty is the zero value.
func ParseTrigger(s string) (Trigger, error) {
	switch t := Trigger(s); t {
	case "", TriggerCron, TriggerSchedule:
		return t, nil
	}
	return "", Errorf(Invalid, "must be cron or schedule; not %q%s", s, DidYouMean(s, []string{"cron", "schedule"}))
}

// MetaKind tells the two kinds of metas apart.
type MetaKind string

// The kinds of metas.
const (
	AssertionKind MetaKind = "assertion"
	EventKind     MetaKind = "event"
)

// Meta is what an [AssertionMeta] and an [EventMeta] have in common.
type Meta struct {
	Name        string          `json:"name"`         // unique across both kinds; see [ValidName]
	DisplayName string          `json:"display_name"` // default: the name
	Class       string          `json:"class"`        // the registered name of the code
	Args        json.RawMessage `json:"args"`         // a JSON object; default {}
	Every       Duration        `json:"every,omitempty"`
	Cron        string          `json:"cron,omitempty"`     // five fields; see [ParseCron]
	Timezone    string          `json:"timezone,omitempty"` // IANA name, for cron; default UTC
	Enabled     bool            `json:"enabled"`
	Severity    Severity        `json:"severity"`
	Timeout     Duration        `json:"timeout,omitempty"` // of one check; default [Meta.CheckTimeout]'s
	Queue       string          `json:"queue,omitempty"`   // task queue of its check; default [TaskQueue]
	Trigger     Trigger         `json:"trigger,omitempty"` // what sets it going; default the deployment's
	Notify      []Route         `json:"notify,omitempty"`  // who follows its issues or occurrences; see [RouteOf]
	Source      string          `json:"source"`            // what it came from

	Revision int64 `json:"-"` // counts changes; given by the store
	// CheckedRevision is the newest revision that was checked; less than Revision means that a check is due at once.
	CheckedRevision int64 `json:"-"`
}

// AssertionMeta sets an assertion going.
type AssertionMeta struct {
	Meta
	FailAfter    int            `json:"fail_after"`         // failing checks in a row that open an issue; default 1
	ResolveAfter int            `json:"resolve_after"`      // passing checks in a row that resolve it; default 1
	ErrorAfter   int            `json:"error_after"`        // errored checks in a row that open a check_error issue; default 3
	MaxAttempts  int            `json:"max_attempts"`       // solutions carried out unasked before impasse; default 3
	MaxPlans     int            `json:"max_plans"`          // plans carried out unasked within an hour; default 10
	MaxIssues    int            `json:"max_issues"`         // issues open at once, for a record assertion; default 50
	Renotify     []Duration     `json:"renotify,omitempty"` // when admins are told again; default Config's
	Escalate     []Escalation   `json:"escalate,omitempty"` // by time; default Config's
	Diagnostics  []DeclaredCase `json:"diagnostics,omitempty"`

	Streak Streak `json:"-"` // given by the store
	// Soft says what checks found and is not acted upon yet; see [CheckDecision]. It is given by the store.
	Soft string `json:"-"`
}

// EventMeta sets an event going.
type EventMeta struct {
	Meta
	TTL     Duration `json:"ttl,omitempty"` // how long an occurrence stays handled; zero: for ever
	Respond Plan     `json:"respond,omitempty"`
}

// Task queues.
const (
	TaskQueue       = "narrative"        // workflows, checks, cases, actions
	NotifyTaskQueue = "narrative-notify" // telling
)

// Config is the NarrativeConfig: the few settings that live in the store.
type Config struct {
	MinimumDatumLogLevel Level        `json:"minimum_datum_log_level"` // default info
	DefaultDatumTTL      Duration     `json:"default_datum_ttl"`       // default 30d; 0: datums never expire
	HeartbeatMinInterval Duration     `json:"heartbeat_min_interval"`  // how far apart beats are kept at least; default 1s; 0: every beat is
	Actions              ActionsMode  `json:"actions"`                 // default run
	Renotify             []Duration   `json:"renotify,omitempty"`      // of metas that do not say; default none
	Escalate             []Escalation `json:"escalate,omitempty"`      // of metas that do not say; default none
	Admins               Recipients   `json:"admins"`                  // told when Narrative does not know what to do
	Operators            []Person     `json:"operators,omitempty"`     // who may act on issues from Slack; nobody else may
	Digest               Digest       `json:"digest,omitzero"`
	Webhooks             Webhooks     `json:"webhooks,omitzero"`
}

// DefaultConfig is the configuration of a new store.
func DefaultConfig() Config {
	return Config{MinimumDatumLogLevel: Info, DefaultDatumTTL: Duration(30 * 24 * time.Hour), HeartbeatMinInterval: Duration(time.Second), Actions: ActionsRun}
}

// Manifest is a narrative.yaml, or several together: what their owner wants the store to hold.
type Manifest struct {
	Source     string          `json:"source"` // labels what came from where; empty: each meta says its own
	Config     *Config         `json:"config"` // nil: leave as it is
	Assertions []AssertionMeta `json:"assertions"`
	Events     []EventMeta     `json:"events"`

	Expected Expected `json:"-"` // what the store must hold before
	Sources  []string `json:"-"` // all that it stands for, where that is not Source alone
	Prune    bool     `json:"-"` // remove the metas of its sources that it does not name
	DryRun   bool     `json:"-"` // do nothing, and say what would be done
}

// Expected is what somebody saw before deciding on a change. Where the store holds something else when it is to be
// changed, somebody else was faster. The zero value expects nothing.
type Expected struct {
	Revisions map[string]int64 // of metas, by name; 0: there is none of that name
	Config    *Config          // nil: any
}

// WithDefaults returns the meta with every zero policy replaced by its default.
func (m AssertionMeta) WithDefaults() AssertionMeta {
	m.Meta = m.Meta.withDefaults()
	for _, d := range []struct {
		field *int
		value int
	}{{&m.FailAfter, 1}, {&m.ResolveAfter, 1}, {&m.ErrorAfter, 3}, {&m.MaxAttempts, 3}, {&m.MaxPlans, 10}, {&m.MaxIssues, 50}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return m
}

// WithDefaults returns the meta with every zero policy replaced by its default.
func (m EventMeta) WithDefaults() EventMeta {
	m.Meta = m.Meta.withDefaults()
	return m
}

func (m Meta) withDefaults() Meta {
	if m.DisplayName == "" {
		m.DisplayName = m.Name
	}
	if len(m.Args) == 0 {
		m.Args = json.RawMessage("{}")
	}
	if m.Severity == "" {
		m.Severity = SeverityError
	}
	m.Notify = slices.Clone(m.Notify)
	for n := range m.Notify {
		if m.Notify[n].Email == nil {
			m.Notify[n].Email = []string{}
		}
	}
	return m
}

// minCheckTimeout is the least a check is given, however short its interval.
const minCheckTimeout = 5 * time.Second

// CheckTimeout bounds one check with all its retries: Timeout where it is set; else 0.9 of the interval (of a cron: of
// the shortest gap between two ticks), but at least 5 s and at most an hour.
func (m Meta) CheckTimeout() time.Duration {
	if m.Timeout > 0 {
		return time.Duration(m.Timeout)
	}
	return min(max(m.Interval()/10*9, minCheckTimeout), time.Hour)
}

// Interval is the time between two checks: Every, or the shortest gap of the cron expression (an hour when it does
// not parse).
func (m Meta) Interval() time.Duration {
	if m.Every > 0 {
		return time.Duration(m.Every)
	}
	c, err := ParseCron(m.Cron)
	if err != nil {
		return time.Hour
	}
	return c.ShortestGap()
}

var nameRule = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// ValidName returns an [Invalid] error unless name is a legal name: [a-z0-9][a-z0-9._-]{0,62}.
func ValidName(name string) error {
	if nameRule.MatchString(name) {
		return nil
	}
	return Errorf(Invalid, "name %q must be 1 to 63 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit", name)
}

// Validate returns what is wrong with the meta apart from its class, arguments, diagnostics and plans, which
// [Validator] looks at.
func (m Meta) Validate() Problems {
	p := ProblemsOf("name", ValidName(m.Name))
	if m.Class == "" {
		p = append(p, Problem{"class", "is required"})
	}
	p = append(p, m.validateSchedule()...)
	if m.Severity != "" && !m.Severity.Valid() {
		p = append(p, Problem{"severity", fmt.Sprintf("must be info, warning, error or critical; not %q", m.Severity)})
	}
	if m.Timeout < 0 || m.Timeout > 0 && time.Duration(m.Timeout) < time.Millisecond {
		p = append(p, Problem{"timeout", "must be at least 1ms"})
	}
	if len(m.Queue) > 200 {
		p = append(p, Problem{"queue", "must be at most 200 bytes long"})
	}
	if _, err := ParseTrigger(string(m.Trigger)); err != nil {
		p = append(p, ProblemsOf("trigger", err)...)
	}
	p = append(p, validateRoutes(m.Notify)...)
	p = append(p, ProblemsOf("display_name", CheckText(m.DisplayName))...)
	return append(p, ProblemsOf("queue", CheckText(m.Queue))...)
}

func (m Meta) validateSchedule() (p Problems) {
	switch {
	case m.Every != 0 && m.Cron != "":
		p = append(p, Problem{"cron", "give either every or cron, not both"})
	case m.Every == 0 && m.Cron == "":
		p = append(p, Problem{"every", "give every (such as 5m) or cron"})
	case m.Cron != "":
		if _, err := ParseCron(m.Cron); err != nil {
			p = append(p, Problem{"cron", err.Error()})
		}
	case time.Duration(m.Every) < time.Second || time.Duration(m.Every)%time.Second != 0:
		p = append(p, Problem{"every", fmt.Sprintf("must be whole seconds and at least 1s; not %s", m.Every)})
	}
	if m.Timezone != "" {
		if m.Cron == "" {
			p = append(p, Problem{"timezone", "only goes with cron"})
		}
		if _, err := time.LoadLocation(m.Timezone); err != nil || m.Timezone == "Local" {
			p = append(p, Problem{"timezone", fmt.Sprintf("%q is not a known IANA time zone such as Europe/Paris", m.Timezone)})
		}
	}
	return p
}
