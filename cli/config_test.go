package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConfigSetBuildsOnWhatWasSeen(t *testing.T) {
	t.Parallel()
	const held = `{"minimum_datum_log_level":"info","default_datum_ttl":"30d","actions":"run","admins":{"email":[]}}`
	w, api := withAPI(t, map[string][]answer{
		"GET /api/v1/config":   {{200, held}},
		"PATCH /api/v1/config": {{200, held}, {412, `{"status":412,"detail":"it is not what If-Match says"}`}},
	})
	set := []string{
		"config", "set", "admins.email=[ann@example.com, 'bob@example.com']", "admins.slack=#ops", "actions=null",
		"digest.more_than=7", `operators=[{"name":"ann","slack":"U0123ABCD"}]`, "default_datum_ttl=10d",
	}
	w.fresh(set...).is(t, 0, "nothing to do\n", "")
	want := []string{
		"GET /api/v1/config",
		`PATCH /api/v1/config {"actions":null,"admins":{"email":["ann@example.com","bob@example.com"],"slack":"#ops"},"default_datum_ttl":"10d",` +
			`"digest":{"more_than":7},"operators":[{"name":"ann","slack":"U0123ABCD"}]}`,
	}
	if diff := cmp.Diff(want, api.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if got := []string{api.header.Get("If-Match"), api.header.Get("Content-Type")}; got[0] != `"e1"` || got[1] != "application/merge-patch+json" {
		t.Errorf("sent with %q", got)
	}
	w.fresh(set...).is(t, 1, "", "narrative: somebody else has changed the configuration just now, so nothing was changed; look at it with narrative config, and set it again\n")
}

func TestConfigSetRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ arg, says string }{
		{"actions", `"actions" is no KEY=VALUE`},
		{"=run", `"=run" is no KEY=VALUE`},
		{"admins.=x", `"admins.=x" is no KEY=VALUE`},
		{"actions=", "actions: it has no value; null takes it back"},
		{"admins.email=[a@b, #c]", `is no list, object or text in YAML`},
		{"renotify=[*a]", `is no list, object or text in YAML`},
		{"admins={slack: '#a'}", "admins is given twice"},
		{"admins.slack.x=1", "admins.slack.x is given twice"},
		{"admins.slack=#b", "admins.slack is given twice"},
	} {
		setup(t).run("config", "set", "admins.slack=#a", test.arg).is(t, 2, "", test.says)
	}
	setup(t).run("config", "set").is(t, 2, "", "narrative config set needs KEY=VALUE")
}

func TestTheConfigurationIsSetAndShown(t *testing.T) {
	t.Parallel()
	w, _ := withStore(t, "sqlite")
	w.fresh("config", "set", "admins.slack=#ops", "admins.email=[ops@example.com, ann@example.com]", "actions=approve").is(t, 0,
		"config.actions: run → approve\nconfig.admins.email: [] → [\"ops@example.com\",\"ann@example.com\"]\nconfig.admins.slack: (none) → #ops\n", "")
	w.fresh("config").is(t, 0, "admins.email                ops@example.com, ann@example.com\nadmins.slack                #ops\n", "")
	w.fresh("config", "set", "admins=null", "actions=null").is(t, 0, "config.actions: approve → run\n", "")
	w.fresh("config", "set", "action=run").is(t, 2, "", `"action" is not a known key; did you mean "actions"?`)
	w.fresh("config", "set", "actions=perhaps").is(t, 2, "", `must be run, approve or off; not "perhaps"`)
	w.fresh("config").is(t, 0, "actions                     run\n", "")
}
