package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
)

const shop = `
config:
  minimum_datum_log_level: warn
  admins: {email: [ops@example.com]}
assertions:
  - name: invoices-balance
    class: sql
    every: 5m
    severity: critical
    args: &args
      dsn: sqlite:shop.db
      violations: SELECT id FROM invoices WHERE total <> lines_total
      record: {type: invoice, id: id}
    fail_after: 2
    diagnostics:
      - case: stuck
        when: issue.rounds == 0
        reason: it may be stuck
        plan:
          - email: {to: "${file:to.txt}", subject: 5€}
            timeout: 30s
            retry: {attempts: 5, backoff: 2s}
      - case: wait
        pass: true
  - name: other
    class: sql
    cron: "*/5 * * * *"
    enabled: false
    args: {<<: *args, dsn: "sqlite:/abs.db"}
events:
  - {name: spike, class: datums, every: 1m, args: {origin: payments}, ttl: 6h, respond: [{email: {to: a@example.com}}]}
`

func TestAManifestIsRead(t *testing.T) {
	t.Parallel()
	m, err := parseFor(t, shop)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&narrative.Config{
		MinimumDatumLogLevel: narrative.Warn,
		DefaultDatumTTL:      narrative.Duration(30 * 24 * time.Hour),
		HeartbeatMinInterval: narrative.Duration(time.Second),
		Actions:              narrative.ActionsRun,
		Admins:               narrative.Recipients{Email: []string{"ops@example.com"}},
	}, m.Config); diff != "" {
		t.Errorf("config (-want +got)\n%s", diff)
	}
	a, b, e := m.Assertions[0], m.Assertions[1], m.Events[0]
	args := `{"dsn":"sqlite:/srv/shop/shop.db","record":{"id":"id","type":"invoice"},"violations":"SELECT id FROM invoices WHERE total <> lines_total"}`
	if got := compact(t, a.Args); got != args {
		t.Errorf("args %s", got)
	}
	if got := compact(t, b.Args); got != strings.Replace(args, "/srv/shop/shop.db", "/abs.db", 1) {
		t.Errorf("merged args %s", got)
	}
	a.Args, b.Args = nil, nil
	cases := a.Diagnostics
	a.Diagnostics = nil
	want := narrative.AssertionMeta{Meta: narrative.Meta{
		Name: "invoices-balance", DisplayName: "invoices-balance", Class: "sql", Every: narrative.Duration(5 * time.Minute),
		Enabled: true, Severity: narrative.SeverityCritical, Source: "narrative.yaml",
	}, FailAfter: 2, ResolveAfter: 1, ErrorAfter: 3, MaxAttempts: 3, MaxPlans: 10, MaxIssues: 50}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Errorf("assertion (-want +got)\n%s", diff)
	}
	if b.Enabled || b.Cron != "*/5 * * * *" {
		t.Errorf("second assertion %+v", b)
	}
	wantCases := []narrative.DeclaredCase{
		{Case: "stuck", When: "issue.rounds == 0", Reason: "it may be stuck", Plan: narrative.Plan{{
			Action: "email", Args: cases[0].Plan[0].Args, Timeout: narrative.Duration(30 * time.Second),
			Retry: &narrative.Retry{Attempts: 5, Backoff: narrative.Duration(2 * time.Second)},
		}}},
		{Case: "wait", Pass: true},
	}
	if diff := cmp.Diff(wantCases, cases); diff != "" {
		t.Errorf("cases (-want +got)\n%s", diff)
	}
	if got := compact(t, cases[0].Plan[0].Args); got != `{"subject":"5€","to":"${file:/srv/shop/to.txt}"}` {
		t.Errorf("action %s", got)
	}
	if e.TTL != narrative.Duration(6*time.Hour) || len(e.Respond) != 1 || e.Respond[0].Action != "email" {
		t.Errorf("event %+v", e)
	}
}

const supervised = `
config:
  actions: off
  renotify: [1h, 1d]
  escalate: [{after: 2d, notify: {email: [boss@example.com]}}]
assertions:
  - name: invoices-balance
    class: plain
    every: 5m
    max_plans: 2
    renotify: [30m]
    escalate:
      - after: 1h
        notify: {email: ["Lee <lead@example.com>"]}
        unless: acknowledged
      - {after: 4h, notify: {email: [boss@example.com]}}
    diagnostics:
      - case: restart
        plan: [{email: {to: a@example.com}}, {email: {to: b@example.com}}, {email: {to: c@example.com}}]
        rollback:
          - null
          - email: {to: undo@example.com}
            timeout: 5s
          - {action: ""}
        approval: required
        approval_timeout: 2h
        verify_after: 90s
`

func TestHowPlansAreSupervisedIsRead(t *testing.T) {
	t.Parallel()
	m, err := parseFor(t, supervised)
	if err != nil {
		t.Fatal(err)
	}
	boss := narrative.Recipients{Email: []string{"boss@example.com"}}
	wantConfig := narrative.DefaultConfig()
	wantConfig.Actions = narrative.ActionsOff
	wantConfig.Renotify = []narrative.Duration{narrative.Duration(time.Hour), narrative.Duration(24 * time.Hour)}
	wantConfig.Escalate = []narrative.Escalation{{After: narrative.Duration(48 * time.Hour), Notify: boss}}
	if diff := cmp.Diff(&wantConfig, m.Config); diff != "" {
		t.Errorf("config (-want +got)\n%s", diff)
	}
	a := m.Assertions[0]
	if diff := cmp.Diff([]narrative.Escalation{
		{After: narrative.Duration(time.Hour), Notify: narrative.Recipients{Email: []string{"lead@example.com"}}, Unless: narrative.UnlessAcknowledged},
		{After: narrative.Duration(4 * time.Hour), Notify: boss},
	}, a.Escalate); diff != "" || a.MaxPlans != 2 || !cmp.Equal(a.Renotify, []narrative.Duration{narrative.Duration(30 * time.Minute)}) {
		t.Errorf("%d plans, renotify %v, escalate (-want +got)\n%s", a.MaxPlans, a.Renotify, diff)
	}
	c := a.Diagnostics[0]
	if diff := cmp.Diff(narrative.StepPolicy{
		Approval: narrative.ApprovalRequired, ApprovalTimeout: narrative.Duration(2 * time.Hour), VerifyAfter: narrative.Duration(90 * time.Second),
	}, c.StepPolicy); diff != "" {
		t.Errorf("policy (-want +got)\n%s", diff)
	}
	if got := compact(t, c.Rollback[1].Args); got != `{"to":"undo@example.com"}` {
		t.Errorf("arguments of the rollback %s", got)
	}
	undo := narrative.Action{Action: "email", Args: c.Rollback[1].Args, Timeout: narrative.Duration(5 * time.Second)}
	if diff := cmp.Diff(narrative.Plan{{}, undo, {}}, c.Rollback); diff != "" {
		t.Errorf("rollback (-want +got)\n%s", diff)
	}
}

func TestWhatActionsMayDoIsSaidInAnyWay(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]narrative.ActionsMode{
		"off": narrative.ActionsOff, `"off"`: narrative.ActionsOff, "'run'": narrative.ActionsRun, "!!str off": narrative.ActionsOff,
		"approve # all of them": narrative.ActionsApprove, "": narrative.ActionsRun, "null": narrative.ActionsRun,
	} {
		m, err := parseFor(t, "config:\n  actions: "+written+"\n")
		if err != nil || m.Config.Actions != want {
			t.Errorf("%s: %+v, %v", written, m.Config, err)
		}
	}
	if m, err := parseFor(t, `{"config": {"actions": "off"}}`); err != nil || m.Config.Actions != narrative.ActionsOff {
		t.Errorf("in JSON: %+v, %v", m.Config, err)
	}
}

func TestAnAdminIsTheSameWithANameAndWithout(t *testing.T) {
	t.Parallel()
	m, err := parseFor(t, `config: {admins: {email: ["Ann <ann@example.com>", bob@example.com]}}`)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ann@example.com", "bob@example.com"}, m.Config.Admins.Email); diff != "" {
		t.Errorf("admins (-want +got)\n%s", diff)
	}
}

func TestJSONIsRead(t *testing.T) {
	t.Parallel()
	m, err := parseFor(t, `{"source": "api", "assertions": [{"name": "a", "class": "plain", "every": "5m", "diagnostics": [
		{"case": "c", "plan": [{"action": "email", "args": {"to": "a@example.com\n"}, "timeout": "5s"}]}]}]}`)
	if err != nil {
		t.Fatal(err)
	}
	got := m.Assertions[0].Diagnostics[0].Plan[0]
	if m.Source != "api" || got.Action != "email" || got.Timeout != narrative.Duration(5*time.Second) ||
		compact(t, got.Args) != `{"to":"a@example.com\n"}` {
		t.Errorf("got %q %+v", m.Source, got)
	}
}

func TestNothingIsWantedByAnEmptyFile(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "# nothing yet\n", "---\n", "config:\nassertions:\n", "\ufeff"} {
		m, err := parseFor(t, text)
		if err != nil || m.Config != nil || len(m.Assertions) != 0 {
			t.Errorf("%q: %+v %v", text, m, err)
		}
	}
}

func TestAFileIsLoadedAsSeenFromItsFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "shop.yaml")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(shop, "\n", "\r\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := Load(path, validator())
	if err != nil {
		t.Fatal(err)
	}
	if m.Source != "shop.yaml" || !strings.Contains(string(m.Assertions[0].Args), filepath.Join(dir, "shop.db")) {
		t.Errorf("source %q, args %s", m.Source, m.Assertions[0].Args)
	}
	_, err = Load(filepath.Join(dir, "absent.yaml"), validator())
	if narrative.KindOf(err) != narrative.NotFound {
		t.Errorf("absent: %v", err)
	}
	_, err = Load(dir, validator())
	if narrative.KindOf(err) != narrative.Invalid || strings.Count(err.Error(), dir) != 1 {
		t.Errorf("a folder: %v", err)
	}
}

// TestEveryKeyIsDescribed holds docs/configuration.md to what the parser knows.
func TestEveryKeyIsDescribed(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	d := decoder{report: &report{silenced: map[string]bool{}}}
	var all []key
	all = append(all, d.manifestKeys(new(narrative.Manifest))...)
	all = append(all, d.configKeys(new(narrative.Config))...)
	all = append(all, d.recipientKeys(new(narrative.Recipients))...)
	all = append(all, d.assertionKeys(new(narrative.AssertionMeta))...)
	all = append(all, d.eventKeys(new(narrative.EventMeta))...)
	all = append(all, d.diagnosticKeys(new(narrative.DeclaredCase))...)
	all = append(all, d.actionKeys(new(narrative.Action))...)
	all = append(all, d.retryKeys(new(narrative.Retry))...)
	all = append(all, d.escalationKeys(new(narrative.Escalation))...)
	for _, k := range all {
		if !strings.Contains(string(page), "| `"+k.name+"` |") {
			t.Errorf("docs/configuration.md has no row for %s", k.name)
		}
	}
}
