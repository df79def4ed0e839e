package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEverySettingHasItsKey(t *testing.T) {
	t.Parallel()
	want := []Setting{
		{Key: "minimum_datum_log_level"},
		{Key: "default_datum_ttl"},
		{Key: "heartbeat_min_interval"},
		{"actions", []string{"run", "approve", "off"}},
		{Key: "renotify"},
		{Key: "escalate"},
		{Key: "admins.email"},
		{Key: "admins.slack"},
		{Key: "admins.webhook"},
		{Key: "operators"},
		{Key: "digest.more_than"},
		{Key: "digest.within"},
		{"webhooks.private_addresses", []string{"allow", "forbid"}},
	}
	if diff := cmp.Diff(want, Settings()); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}
