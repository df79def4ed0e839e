package narrative_test

import (
	"strings"
	"testing"

	"github.com/narrative-go/narrative"
)

func TestIssueWorkflowID(t *testing.T) {
	t.Parallel()
	long, umlauts := strings.Repeat("x", 201), strings.Repeat("ü", 34) // of 6 bytes each once encoded
	for name, tt := range map[string]struct {
		kind narrative.IssueKind
		of   narrative.Record
		want string
	}{
		"a failure has the assertion's":    {narrative.KindFailure, narrative.Record{}, "issue/a"},
		"many has its own":                 {narrative.KindMany, narrative.Record{}, "issue/a/~many"},
		"a check error has its own":        {narrative.KindCheckError, narrative.Record{}, "issue/a/~check_error"},
		"the system has its own":           {narrative.KindSystem, narrative.Record{}, "issue/a/~system"},
		"a record has its parts":           {narrative.KindRecord, narrative.Record{Type: "invoice", ID: "7"}, "issue/a/invoice/7"},
		"slashes are encoded":              {narrative.KindRecord, narrative.Record{Type: "a/b", ID: "../%2F"}, "issue/a/a%2Fb/..%2F%252F"},
		"spaces and unicode are encoded":   {narrative.KindRecord, narrative.Record{Type: "Rechnung", ID: "№ 7\n"}, "issue/a/Rechnung/%E2%84%96%207%0A"},
		"200 bytes are kept":               {narrative.KindRecord, narrative.Record{Type: "t", ID: long[:200]}, "issue/a/t/" + long[:200]},
		"more are hashed":                  {narrative.KindRecord, narrative.Record{Type: "t", ID: long}, "issue/a/t/~" + narrative.HashText(long)},
		"they are counted once encoded":    {narrative.KindRecord, narrative.Record{Type: umlauts, ID: "1"}, "issue/a/~" + narrative.HashText(umlauts) + "/1"},
		"a record is never many":           {narrative.KindRecord, narrative.Record{Type: "~many", ID: "~"}, "issue/a/%7Emany/%7E"},
		"a record is never another's hash": {narrative.KindRecord, narrative.Record{Type: "t", ID: "~" + narrative.HashText(long)}, "issue/a/t/%7E" + narrative.HashText(long)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, narrative.IssueWorkflowID("a", tt.kind, tt.of))
		})
	}
}

func TestIssueName(t *testing.T) {
	t.Parallel()
	for kind, want := range map[narrative.IssueKind]string{
		narrative.KindFailure: "a", narrative.KindSystem: "a", narrative.KindRecord: "a invoice 7",
		narrative.KindMany: "a (many records)", narrative.KindCheckError: "a (cannot be checked)",
	} {
		t.Run("of kind "+string(kind), func(t *testing.T) {
			t.Parallel()
			i := narrative.Issue{Assertion: "a", Kind: kind, Record: narrative.Record{Type: "invoice", ID: "7"}}
			same(t, want, i.Name())
		})
	}
}

func TestStatusClosed(t *testing.T) {
	t.Parallel()
	var closed []narrative.Status
	for _, s := range narrative.Statuses {
		if s.Closed() {
			closed = append(closed, s)
		}
	}
	same(t, []narrative.Status{narrative.StatusResolved, narrative.StatusWontFix}, closed)
}

func TestNotificationKey(t *testing.T) {
	t.Parallel()
	key := narrative.NotificationKey("i1/round/3", narrative.NotifyImpasse, narrative.ChannelEmail, "ops@example.com")
	same(t, 32, len(key))
	for name, other := range map[string]string{
		"another point":     narrative.NotificationKey("i1/round/4", narrative.NotifyImpasse, narrative.ChannelEmail, "ops@example.com"),
		"another kind":      narrative.NotificationKey("i1/round/3", narrative.NotifyOpened, narrative.ChannelEmail, "ops@example.com"),
		"another channel":   narrative.NotificationKey("i1/round/3", narrative.NotifyImpasse, "slack", "ops@example.com"),
		"another recipient": narrative.NotificationKey("i1/round/3", narrative.NotifyImpasse, narrative.ChannelEmail, "dev@example.com"),
	} {
		t.Run("differs for "+name, func(t *testing.T) {
			t.Parallel()
			if other == key {
				t.Error("two notifications have one key")
			}
		})
	}
}
