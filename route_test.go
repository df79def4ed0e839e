package narrative_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
)

func TestRoutesSayWhoIsToldAndWhy(t *testing.T) {
	t.Parallel()
	config := narrative.Config{Admins: narrative.Recipients{Email: []string{"ops@example.com"}, Slack: "#ops"}}
	meta := narrative.Meta{Name: "balance", Notify: []narrative.Route{
		{Recipients: narrative.Recipients{Email: []string{"OPS@example.com", "team@example.com"}}},
		{Recipients: narrative.Recipients{Email: []string{"team@example.com"}, Slack: "#urgent"}, Severity: []narrative.Severity{"critical", "error"}},
	}}
	const first, second = "notify[0] of balance", "notify[1] of balance, for critical and error"
	for name, tt := range map[string]struct {
		kind     narrative.NotificationKind
		severity narrative.Severity
		want     []narrative.Recipient
	}{
		"what opens is told to those who follow": {narrative.NotifyOpened, narrative.SeverityCritical, []narrative.Recipient{
			{Channel: "email", Address: "OPS@example.com", Because: first},
			{Channel: "email", Address: "team@example.com", Because: first},
			{Channel: "slack", Address: "#urgent", Because: second},
		}},
		"of no solution the admins are told": {narrative.NotifyNoSolution, narrative.SeverityCritical, []narrative.Recipient{
			{Channel: "email", Address: "ops@example.com", Because: "config.admins"},
			{Channel: "slack", Address: "#ops", Because: "config.admins"},
		}},
		"another severity is left out, and said to be": {narrative.NotifyImpasse, narrative.SeverityWarning, []narrative.Recipient{
			{Channel: "email", Address: "ops@example.com", Because: "config.admins"},
			{Channel: "slack", Address: "#ops", Because: "config.admins"},
			{Channel: "email", Address: "team@example.com", Because: first},
			{Channel: "slack", Address: "#urgent", Because: second, Suppressed: second + ", which does not take warning"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, narrative.RouteOf(tt.kind, meta, config, tt.severity)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestOneWhoIsToldWinsOverOneWhoIsNot(t *testing.T) {
	t.Parallel()
	meta := narrative.Meta{Name: "m", Notify: []narrative.Route{
		{Recipients: narrative.Recipients{Slack: "#a"}, Severity: []narrative.Severity{"critical"}},
		{Recipients: narrative.Recipients{Slack: "#a"}, Severity: []narrative.Severity{"info"}},
	}}
	got := narrative.RouteOf(narrative.NotifyOpened, meta, narrative.Config{}, narrative.SeverityInfo)
	if len(got) != 1 || got[0].Suppressed != "" || got[0].Because != "notify[1] of m, for info" {
		t.Errorf("got %+v", got)
	}
}

func TestAnAddressThatCannotBeOneIsRefused(t *testing.T) {
	t.Parallel()
	for address, want := range map[[2]string]string{
		{"email", "ann@example.com"}:                             "",
		{"email", "Ann <ann@example.com>"}:                       "",
		{"email", "ann"}:                                         `"ann" is not a mail address`,
		{"email", "${env:OPS}"}:                                  "cannot refer to the environment or a file",
		{"slack", "#ops-1"}:                                      "",
		{"slack", "C0123456789"}:                                 "",
		{"slack", "ops"}:                                         `did you mean "#ops"?`,
		{"slack", "#Ops"}:                                        "in lower case",
		{"slack", "#"}:                                           "is not a Slack channel",
		{"slack", "#" + strings.Repeat("x", 81)}:                 "is not a Slack channel",
		{"webhook", "https://hooks.example.com/x"}:               "",
		{"webhook", "${env:HOOK}"}:                               "",
		{"webhook", "https://x/${env:NARRATIVE_WEBHOOK_SECRET}"}: "is refused",
		{"webhook", "ftp://s3cret@h"}:                            "must be an http:// or https:// URL with a host",
		{"webhook", "nonsense ${env:HOOK}"}:                      "must be an http:// or https:// URL with a host",
		{"webhook", "http://:80/"}:                               "must be an http:// or https:// URL with a host",
		{"email", `"a b"@example.com`}:                           "is not a mail address",
		{"pigeon", "home"}:                                       `there is no channel "pigeon"`,
		{"emial", "ann@example.com"}:                             `did you mean "email"?`,
	} {
		err := narrative.CheckAddress(address[0], address[1])
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret")) {
			t.Errorf("%v: got %v, want %q", address, err, want)
		}
	}
}
