package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	const beat = `{"id":"1","origin":"heartbeat","name":"nightly-backup","note":null,"level":"info","thread_id":"t","at":"2026-03-04T12:00:00Z","expires_at":null}`
	for note, sent := range map[string]string{"": "", `{"files": 120}`: ` {"files":120}`, `null`: " null"} {
		w, api := withAPI(t, map[string][]answer{"POST /api/v1/heartbeats/nightly-backup": {{201, beat}}})
		w.run("heartbeat", "nightly-backup", "--note", note).is(t, 0, "nightly-backup: beat at 2026-03-04T12:00:00Z\n", "")
		if diff := cmp.Diff([]string{"POST /api/v1/heartbeats/nightly-backup" + sent}, api.asked); diff != "" {
			t.Errorf("asked (-want +got):\n%s", diff)
		}
	}
	w, _ := withAPI(t, map[string][]answer{"POST /api/v1/heartbeats/nightly-backup": {{201, beat}}})
	w.run("heartbeat", "nightly-backup", "-o", "json").is(t, 0, beat+"\n", "")
}

func TestHeartbeatRefused(t *testing.T) {
	t.Parallel()
	for stderr, args := range map[string][]string{
		"narrative: narrative heartbeat needs NAME":    {"heartbeat"},
		`narrative: name "Nightly Backup" must be`:     {"heartbeat", "Nightly Backup"},
		"narrative: --note must be JSON, such as '{\"": {"heartbeat", "a", "--note", "done"},
	} {
		w, api := withAPI(t, nil)
		w.run(args...).is(t, 2, "", stderr)
		if len(api.asked) > 0 {
			t.Errorf("asked %v", api.asked)
		}
	}
	w, _ := withAPI(t, map[string][]answer{"POST /api/v1/heartbeats/a": {{503, `{"status":503,"detail":"the database does not answer"}`}}})
	w.run("heartbeat", "a").is(t, 1, "", "narrative: the database does not answer\n")
}
