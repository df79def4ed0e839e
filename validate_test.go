package narrative_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/narrative-go/narrative"
)

// wired is an executor that knows the actions of a registry.
type wired struct{ registry *narrative.Registry }

var _ narrative.Executor = wired{}

func (w wired) Validate(plan narrative.Plan) (p narrative.Problems) {
	for i, a := range plan {
		path := fmt.Sprintf("[%d]", i)
		if action, ok := w.registry.Action(a.Action); ok {
			p = append(p, action.Check(a.Args).At(a.Action).At(path)...)
		} else {
			p = append(p, narrative.Problem{Path: path, Message: a.Action + " is not an action"})
		}
	}
	return p
}

func (w wired) Run(context.Context, narrative.ActionCall) (string, error) { return "", nil }
func (w wired) Repeatable(string) bool                                    { return false }

func newValidator() narrative.Validator {
	r := newRegistry()
	return narrative.Validator{Registry: r, Executor: wired{r}, CompileCase: func(c narrative.DeclaredCase) (narrative.DiagnosticCase, error) {
		if strings.Contains(c.When, "isue") {
			return narrative.DiagnosticCase{}, narrative.Problems{{Path: "when", Message: "there is no isue"}}
		}
		return narrative.DiagnosticCase{Name: c.Case}, nil
	}}
}

// goodAssertion returns a valid meta as changed by edit.
func goodAssertion(edit func(*narrative.AssertionMeta)) narrative.Manifest {
	a := narrative.AssertionMeta{Meta: narrative.Meta{
		Name: "invoices", Class: "shop.Probe", Args: json.RawMessage(`{"dsn":"x"}`), Every: duration("5m"), Severity: narrative.SeverityWarning,
	}, FailAfter: 2, Diagnostics: []narrative.DeclaredCase{
		{Case: "restart-it", When: "issue.rounds == 0", Plan: narrative.Plan{narrative.Do("restart", probeRecord{ID: "{{.Record.id}}"})}},
		{Case: "wait", Pass: true},
	}}
	edit(&a)
	return narrative.Manifest{Assertions: []narrative.AssertionMeta{a}}
}

func goodEvent(edit func(*narrative.EventMeta)) narrative.Manifest {
	e := narrative.EventMeta{
		Meta: narrative.Meta{Name: "refunds", Class: "shop.Spike", Cron: "*/5 * * * *", Timezone: "Europe/Paris"},
		TTL:  duration("6h"), Respond: narrative.Plan{narrative.Do("restart", probeRecord{ID: "{{.Details.id}}"})},
	}
	edit(&e)
	return narrative.Manifest{Events: []narrative.EventMeta{e}}
}

func TestValidatorAcceptsWhatIsRight(t *testing.T) {
	t.Parallel()
	m := goodAssertion(func(*narrative.AssertionMeta) {})
	m.Events = goodEvent(func(*narrative.EventMeta) {}).Events
	m.Config = &narrative.Config{MinimumDatumLogLevel: narrative.Warn, Admins: narrative.Recipients{Email: []string{"Ops <ops@example.com>"}}}
	same(t, nil, newValidator().Validate(m))
	same(t, nil, newValidator().Validate(narrative.Manifest{}))
}

func durations(all ...string) (d []narrative.Duration) {
	for _, s := range all {
		d = append(d, duration(s))
	}
	return d
}

// level is one of an escalation.
func level(after string, notify ...string) narrative.Escalation {
	return narrative.Escalation{After: duration(after), Notify: narrative.Recipients{Email: notify}}
}

func levels(all ...narrative.Escalation) []narrative.Escalation { return all }

func unless(e narrative.Escalation, what string) narrative.Escalation {
	e.Unless = what
	return e
}

func restart(id string) narrative.Action { return narrative.Do("restart", probeRecord{ID: id}) }

func TestValidatorAcceptsPolicies(t *testing.T) {
	t.Parallel()
	m := goodAssertion(func(m *narrative.AssertionMeta) {
		m.Class, m.Args, m.FailAfter = "shop.Records", nil, 3 // of records, too
		m.MaxPlans = 10_000
		m.Renotify = durations("1s", "10m", "1m") // they need not grow
		m.Escalate = levels(level("1h", "ann@example.com"), unless(level("1h", "Bob <bob@example.com>"), narrative.UnlessAcknowledged))
		c := &m.Diagnostics[0]
		c.Plan = append(c.Plan, restart("8"))
		c.Rollback = narrative.Plan{{}, restart("{{.Record.id}}")} // the first action is not undone
		c.StepPolicy = narrative.StepPolicy{Approval: narrative.ApprovalRequired, ApprovalTimeout: duration("1s"), VerifyAfter: duration("1s")}
		m.Diagnostics = append(m.Diagnostics, narrative.DeclaredCase{
			Case: "unasked", Plan: narrative.Plan{restart("9")}, StepPolicy: narrative.StepPolicy{Approval: narrative.ApprovalNone},
		})
	})
	m.Config = &narrative.Config{
		Actions: narrative.ActionsApprove, Renotify: durations("1h"), Escalate: levels(level("1h", "ann@example.com")),
	}
	same(t, nil, newValidator().Validate(m))
}

func TestValidatorRefusesOfAssertions(t *testing.T) {
	t.Parallel()
	type meta = narrative.AssertionMeta
	const name = "must be 1 to 63 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit"
	const one = "give exactly one of plan and pass: true"
	for what, tt := range map[string]struct {
		edit          func(*meta)
		path, message string
	}{
		"no name":                {func(m *meta) { m.Name = "" }, "name", `name "" ` + name},
		"a name in capitals":     {func(m *meta) { m.Name = "Invoices" }, "name", `name "Invoices" ` + name},
		"a name too long":        {func(m *meta) { m.Name = strings.Repeat("x", 64) }, "name", fmt.Sprintf("name %q ", strings.Repeat("x", 64)) + name},
		"a name with a newline":  {func(m *meta) { m.Name = "a\n" }, "name", `name "a\n" ` + name},
		"no class":               {func(m *meta) { m.Class = "" }, "class", "is required"},
		"an argument unknown":    {func(m *meta) { m.Args = json.RawMessage(`{"dsn":"x","limt":1}`) }, "args.limt", `is not a known field; did you mean "limit"? (known: dsn, limit, ratio, strict, tags, record, parts, window, since, path, labels, any)`},
		"neither every nor cron": {func(m *meta) { m.Every = 0 }, "every", "give every (such as 5m) or cron"},
		"every and cron":         {func(m *meta) { m.Cron = "* * * * *" }, "cron", "give either every or cron, not both"},
		"an interval under 1s":   {func(m *meta) { m.Every = duration("500ms") }, "every", "must be whole seconds and at least 1s; not 500ms"},
		"half seconds":           {func(m *meta) { m.Every = duration("1500ms") }, "every", "must be whole seconds and at least 1s; not 1.5s"},
		"a negative interval":    {func(m *meta) { m.Every = duration("-5m") }, "every", "must be whole seconds and at least 1s; not -5m"},
		"31 February":            {func(m *meta) { m.Every, m.Cron = 0, "0 0 31 2 *" }, "cron", `cron "0 0 31 2 *" never fires: no such day in any year`},
		"a timezone of every":    {func(m *meta) { m.Timezone = "UTC" }, "timezone", "only goes with cron"},
		"an unknown timezone":    {func(m *meta) { m.Every, m.Cron, m.Timezone = 0, "* * * * *", "Europe/Atlantis" }, "timezone", `"Europe/Atlantis" is not a known IANA time zone such as Europe/Paris`},
		"the machine's timezone": {func(m *meta) { m.Every, m.Cron, m.Timezone = 0, "* * * * *", "Local" }, "timezone", `"Local" is not a known IANA time zone such as Europe/Paris`},
		"a severity unknown":     {func(m *meta) { m.Severity = "bad" }, "severity", `must be info, warning, error or critical; not "bad"`},
		"a trigger unknown":      {func(m *meta) { m.Trigger = "crom" }, "trigger", `must be cron or schedule; not "crom"; did you mean "cron"?`},
		"a timeout too short":    {func(m *meta) { m.Timeout = 1 }, "timeout", "must be at least 1ms"},
		"a negative timeout":     {func(m *meta) { m.Timeout = -1 }, "timeout", "must be at least 1ms"},
		"a queue too long":       {func(m *meta) { m.Queue = strings.Repeat("q", 201) }, "queue", "must be at most 200 bytes long"},
		"a queue with u0000":     {func(m *meta) { m.Queue = "\x00" }, "queue", `contains the character \u0000, which cannot be stored`},
		"a display name with it": {func(m *meta) { m.DisplayName = "\x00" }, "display_name", `contains the character \u0000, which cannot be stored`},
		"fail_after negative":    {func(m *meta) { m.FailAfter = -1 }, "fail_after", "must be from 1 to 10000; not -1"},
		"resolve_after huge":     {func(m *meta) { m.ResolveAfter = 10001 }, "resolve_after", "must be from 1 to 10000; not 10001"},
		"error_after negative":   {func(m *meta) { m.ErrorAfter = -1 }, "error_after", "must be from 1 to 10000; not -1"},
		"max_attempts negative":  {func(m *meta) { m.MaxAttempts = -1 }, "max_attempts", "must be from 1 to 10000; not -1"},
		"max_issues negative":    {func(m *meta) { m.MaxIssues = -1 }, "max_issues", "must be from 1 to 10000; not -1"},
		"max_plans negative":     {func(m *meta) { m.MaxPlans = -1 }, "max_plans", "must be from 1 to 10000; not -1"},
		"max_plans too great":    {func(m *meta) { m.MaxPlans = 10_001 }, "max_plans", "must be from 1 to 10000; not 10001"},
		"renotify under 1s":      {func(m *meta) { m.Renotify = durations("1h", "500ms") }, "renotify[1]", "must be at least 1s; not 500ms"},
		"a negative renotify":    {func(m *meta) { m.Renotify = durations("-1h") }, "renotify[0]", "must be at least 1s; not -1h"},
		"renotify too often":     {func(m *meta) { m.Renotify = slices.Repeat(durations("1h"), 21) }, "renotify", "has 21 entries; at most 20 fit"},
		"no after":               {func(m *meta) { m.Escalate = levels(level("0s", "ann@example.com")) }, "escalate[0].after", "must be at least 1s; not 0s"},
		"levels out of order":    {func(m *meta) { m.Escalate = levels(level("2h", "ann@example.com"), level("1h", "bob@example.com")) }, "escalate[1].after", "must not be before the entry above it (2h); not 1h"},
		"a level for nobody":     {func(m *meta) { m.Escalate = levels(level("1h")) }, "escalate[0].notify", "names nobody; give email: [address], slack: \"#channel\" or webhook: [URL]"},
		"a level's address":      {func(m *meta) { m.Escalate = levels(level("1h", "ann@example.com", "boss")) }, "escalate[0].notify.email[1]", `"boss" is not a mail address`},
		"a level's unless":       {func(m *meta) { m.Escalate = levels(unless(level("1h", "ann@example.com"), "snoozed")) }, "escalate[0].unless", `must be acknowledged; not "snoozed"`},
		"too many levels":        {func(m *meta) { m.Escalate = slices.Repeat(levels(level("1h", "ann@example.com")), 21) }, "escalate", "has 21 entries; at most 20 fit"},
		"an approval unknown":    {func(m *meta) { m.Diagnostics[0].Approval = "maybe" }, "diagnostics[0].approval", `must be none or required; not "maybe"`},
		"approval in no time":    {func(m *meta) { m.Diagnostics[0].ApprovalTimeout = duration("1ms") }, "diagnostics[0].approval_timeout", "must be at least 1s"},
		"approval in the past":   {func(m *meta) { m.Diagnostics[0].ApprovalTimeout = -1 }, "diagnostics[0].approval_timeout", "must be at least 1s"},
		"verified in no time":    {func(m *meta) { m.Diagnostics[0].VerifyAfter = duration("999ms") }, "diagnostics[0].verify_after", "must be at least 1s"},
		"verified in the past":   {func(m *meta) { m.Diagnostics[0].VerifyAfter = -1 }, "diagnostics[0].verify_after", "must be at least 1s"},
		"more undone than done":  {func(m *meta) { m.Diagnostics[0].Rollback = narrative.Plan{{}, restart("7")} }, "diagnostics[0].rollback", "has more entries (2) than its plan has actions (1); entry i undoes action i"},
		"a rollback of a pass":   {func(m *meta) { m.Diagnostics[1].Rollback = narrative.Plan{restart("7")} }, "diagnostics[1].rollback", "only goes with plan"},
		"an approved pass":       {func(m *meta) { m.Diagnostics[1].Approval = narrative.ApprovalRequired }, "diagnostics[1].approval", "only goes with plan"},
		"a pass that waits":      {func(m *meta) { m.Diagnostics[1].ApprovalTimeout = duration("1h") }, "diagnostics[1].approval_timeout", "only goes with plan"},
		"a verified pass":        {func(m *meta) { m.Diagnostics[1].VerifyAfter = duration("2m") }, "diagnostics[1].verify_after", "only goes with plan"},
		"undone by an unknown":   {func(m *meta) { m.Diagnostics[0].Rollback = narrative.Plan{{Action: "reboot"}} }, "diagnostics[0].rollback[0]", "reboot is not an action"},
		"its argument, undoing": {func(m *meta) {
			m.Diagnostics[0].Rollback = narrative.Plan{{Action: "restart", Args: json.RawMessage(`{"idd":"7"}`)}}
		}, "diagnostics[0].rollback[0].restart.idd", `is not a known field; did you mean "id"? (known: type, id)`},
		"its template, undoing": {func(m *meta) { m.Diagnostics[0].Rollback = narrative.Plan{restart("{{.Summary}}")} }, "diagnostics[0].rollback[0].restart.id", "there is no .Summary here; a template sees .Issue, .Record, .Verdict"},
		"a case twice":          {func(m *meta) { m.Diagnostics[1].Case = "restart-it" }, "diagnostics[1].case", `the case "restart-it" stands twice`},
		"a case without a name": {func(m *meta) { m.Diagnostics[1].Case = "" }, "diagnostics[1].case", `name "" ` + name},
		"a case of nothing":     {func(m *meta) { m.Diagnostics[1].Pass = false }, "diagnostics[1].plan", one},
		"a case of both":        {func(m *meta) { m.Diagnostics[0].Pass = true }, "diagnostics[0].pass", one},
		"a when that is wrong":  {func(m *meta) { m.Diagnostics[1].When = "isue.rounds" }, "diagnostics[1].when", "there is no isue"},
		"a reason with u0000":   {func(m *meta) { m.Diagnostics[1].Reason = "\x00" }, "diagnostics[1].reason", `contains the character \u0000, which cannot be stored`},
		"an unknown action":     {func(m *meta) { m.Diagnostics[0].Plan[0].Action = "reboot" }, "diagnostics[0].plan[0]", "reboot is not an action"},
		"its argument":          {func(m *meta) { m.Diagnostics[0].Plan[0].Args = json.RawMessage(`{"idd":"7"}`) }, "diagnostics[0].plan[0].restart.idd", `is not a known field; did you mean "id"? (known: type, id)`},
		"its template":          {func(m *meta) { m.Diagnostics[0].Plan[0].Args = json.RawMessage(`{"id":"{{.Isue.ID}}"}`) }, "diagnostics[0].plan[0].restart.id", `there is no .Isue here; a template sees .Issue, .Record, .Verdict; did you mean "Issue"?`},
		"its retry":             {func(m *meta) { m.Diagnostics[0].Plan[0].Retry = &narrative.Retry{} }, "diagnostics[0].plan[0].retry.attempts", "must be from 1 to 100; not 0"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			same(t, narrative.Problems{{Path: "assertions[0]." + tt.path, Message: tt.message}}, newValidator().Validate(goodAssertion(tt.edit)))
		})
	}
}

func TestValidatorRefusesOfEvents(t *testing.T) {
	t.Parallel()
	type meta = narrative.EventMeta
	for what, tt := range map[string]struct {
		edit          func(*meta)
		path, message string
	}{
		"a negative ttl":      {func(m *meta) { m.TTL = -1 }, "ttl", "must not be negative"},
		"a class unknown":     {func(m *meta) { m.Class = "shop.Probe" }, "class", `the event class "shop.Probe" is not registered in this program; did you mean "shop.Spike"? (it knows: shop.Nothing, shop.Spike)`},
		"an issue's template": {func(m *meta) { m.Respond[0].Args = json.RawMessage(`{"id":"{{.Issue.ID}}"}`) }, "respond[0].restart.id", "there is no .Issue here; a template sees .Summary, .Details"},
		"an unknown action":   {func(m *meta) { m.Respond[0].Action = "reboot" }, "respond[0]", "reboot is not an action"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			same(t, narrative.Problems{{Path: "events[0]." + tt.path, Message: tt.message}}, newValidator().Validate(goodEvent(tt.edit)))
		})
	}
}

func TestValidatorFindsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	m := goodAssertion(func(a *narrative.AssertionMeta) { a.Every, a.FailAfter = 0, -1 })
	m.Assertions = append(m.Assertions, goodAssertion(func(*narrative.AssertionMeta) {}).Assertions...)
	m.Events = goodEvent(func(e *narrative.EventMeta) { e.Name, e.TTL = "invoices", -1 }).Events
	m.Config = &narrative.Config{
		MinimumDatumLogLevel: "loud", DefaultDatumTTL: -1, HeartbeatMinInterval: -1, Actions: "aprove", Renotify: durations("0s"), Escalate: levels(level("1h")),
		Admins: narrative.Recipients{Email: []string{"ops@example.com", "ops"}},
	}
	same(t, narrative.Problems{
		{Path: "config.minimum_datum_log_level", Message: `level must be one of trace, debug, info, warn, error; not "loud"`},
		{Path: "config.default_datum_ttl", Message: "must not be negative"},
		{Path: "config.heartbeat_min_interval", Message: "must not be negative"},
		{Path: "config.actions", Message: `must be run, approve or off; not "aprove"; did you mean "approve"?`},
		{Path: "config.renotify[0]", Message: "must be at least 1s; not 0s"},
		{Path: "config.escalate[0].notify", Message: "names nobody; give email: [address], slack: \"#channel\" or webhook: [URL]"},
		{Path: "config.admins.email[1]", Message: `"ops" is not a mail address`},
		{Path: "assertions[0].every", Message: "give every (such as 5m) or cron"},
		{Path: "assertions[0].fail_after", Message: "must be from 1 to 10000; not -1"},
		{Path: "assertions[1].name", Message: `the name "invoices" is taken by assertions[0]; names are unique across assertions and events`},
		{Path: "events[0].name", Message: `the name "invoices" is taken by assertions[0]; names are unique across assertions and events`},
		{Path: "events[0].ttl", Message: "must not be negative"},
	}, newValidator().Validate(m))
}

func TestMetaDefaults(t *testing.T) {
	t.Parallel()
	same(t, narrative.AssertionMeta{
		Meta:      narrative.Meta{Name: "a", DisplayName: "a", Args: json.RawMessage("{}"), Severity: narrative.SeverityError},
		FailAfter: 1, ResolveAfter: 1, ErrorAfter: 3, MaxAttempts: 3, MaxPlans: 10, MaxIssues: 50,
	}, narrative.AssertionMeta{Meta: narrative.Meta{Name: "a"}}.WithDefaults())

	same(t, narrative.EventMeta{
		Meta: narrative.Meta{Name: "e", DisplayName: "e", Args: json.RawMessage("{}"), Severity: narrative.SeverityError},
	}, narrative.EventMeta{Meta: narrative.Meta{Name: "e"}}.WithDefaults())

	set := narrative.AssertionMeta{
		Meta:      narrative.Meta{Name: "a", DisplayName: "A", Args: json.RawMessage(`{"x":1}`), Severity: narrative.SeverityInfo},
		FailAfter: 2, ResolveAfter: 3, ErrorAfter: 4, MaxAttempts: 5, MaxPlans: 7, MaxIssues: 6,
	}
	same(t, set, set.WithDefaults())
}

func TestCheckTimeout(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		meta narrative.Meta
		want time.Duration
	}{
		"is 0.9 of the interval":           {narrative.Meta{Every: duration("5m")}, 270 * time.Second},
		"is at least 5 s":                  {narrative.Meta{Every: duration("1s")}, 5 * time.Second},
		"is at most an hour":               {narrative.Meta{Every: duration("1d")}, time.Hour},
		"is an hour for centuries, too":    {narrative.Meta{Every: duration("100000d")}, time.Hour},
		"goes by the cron's shortest gap":  {narrative.Meta{Cron: "0,20 * * * *"}, 18 * time.Minute},
		"is what the meta says":            {narrative.Meta{Every: duration("5m"), Timeout: duration("1s")}, time.Second},
		"is some time for a cron unparsed": {narrative.Meta{Cron: "soon"}, 54 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, tt.meta.CheckTimeout())
		})
	}
}
