package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	const beat = `{"id":"1","origin":"heartbeat","name":"nightly-backup","note":null,"level":"info","thread_id":"t","at":"2026-03-04T12:00:00Z","expires_at":null}`
	for note, sent := range map[string]string{"": "", `{"files": 120}`: ` {"files":120}`, `null`: " null", `disk "full"`: ` "disk \"full\""`} {
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
		"narrative: narrative heartbeat needs NAME":                                                                                     {"heartbeat"},
		`narrative: name "Nightly Backup" must be`:                                                                                      {"heartbeat", "Nightly Backup"},
		"did you mean narrative heartbeat list? to tell that lst is alive, write narrative heartbeat beat lst":                          {"heartbeat", "lst"},
		"narrative: narrative heartbeat beat needs NAME":                                                                                {"heartbeat", "beat"},
		`narrative heartbeat has no command "histroy"; did you mean "history"? (it has: beat, fail, history, list, remove, run, start)`: {"heartbeat", "histroy", "a"},
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

func TestEachKindOfBeatIsToldWhereItBelongs(t *testing.T) {
	t.Parallel()
	const beat = `{"id":"","origin":"heartbeat","name":"a/start","note":7,"level":"info","thread_id":"t","at":"2026-03-04T12:00:00Z","expires_at":null,"stored":`
	for _, test := range []struct{ command, path, stored, says string }{
		{"beat", "/api/v1/heartbeats/a", "true", "a: beat at 2026-03-04T12:00:00Z\n"},
		{"beat", "/api/v1/heartbeats/a", "false", "a: beat at 2026-03-04T12:00:00Z, too soon after the one before to be kept in the history\n"},
		{"start", "/api/v1/heartbeats/a/start", "true", "a: start at 2026-03-04T12:00:00Z\n"},
		{"fail", "/api/v1/heartbeats/a/fail", "true", "a: failure at 2026-03-04T12:00:00Z\n"},
	} {
		w, api := withAPI(t, map[string][]answer{"POST " + test.path: {{201, beat + test.stored + "}"}}})
		if r := w.run("heartbeat", test.command, "a", "--note", "7"); r != (result{0, test.says, ""}) {
			t.Errorf("%+v", r)
		}
		if diff := cmp.Diff([]string{"POST " + test.path + " 7"}, api.asked); diff != "" {
			t.Errorf("asked (-want +got):\n%s", diff)
		}
	}
}

func TestAHeartbeatMayBeCalledLikeACommand(t *testing.T) {
	t.Parallel()
	w, _ := withAPI(t, map[string][]answer{"POST /api/v1/heartbeats/list": {{201, `{"at":"2026-03-04T12:00:00Z"}`}}})
	w.run("heartbeat", "beat", "list").is(t, 0, "list: beat at 2026-03-04T12:00:00Z\n", "")
}

func TestHeartbeatRemove(t *testing.T) {
	t.Parallel()
	there := map[string][]answer{"DELETE /api/v1/heartbeats/lst": {{204, ""}}}
	w, _ := withAPI(t, there)
	w.run("heartbeat", "remove", "lst", "--yes").is(t, 0, "lst: removed\n", "")
	w, _ = withAPI(t, there)
	w.terminal, w.stdin = true, "y\n"
	w.run("heartbeat", "remove", "lst").is(t, 0, "lst: removed\n", "Remove the heartbeat lst and its history? [y/N] ")
	w, api := withAPI(t, there)
	w.terminal, w.stdin = true, "n\n"
	w.run("heartbeat", "remove", "lst").is(t, 1, "", "narrative: not removed; nothing was changed\n")
	w.terminal = false
	w.run("heartbeat", "remove", "lst").is(t, 2, "", "needs --yes")
	if len(api.asked) > 0 {
		t.Errorf("asked %v", api.asked)
	}
}

func TestHeartbeatList(t *testing.T) {
	t.Parallel()
	const listed = `{"items":[
		{"name":"agent","last_success":"2026-03-04T11:59:30Z","last_start":null,"last_fail":null,"kind":"success","note":null},
		{"name":"backup","last_success":"2026-03-03T02:10:00Z","last_start":"2026-03-04T02:00:00Z","last_fail":"2026-03-04T02:01:00Z","kind":"fail","note":{"exit_code":1}}
	],"next_cursor":"c2"}`
	w, api := withAPI(t, map[string][]answer{"GET /api/v1/heartbeats": {{200, listed}}})
	w.run("heartbeat", "list", "--limit", "2").is(t, 0, ""+
		"NAME    LAST     SUCCESS  START    FAIL    NOTE\n"+
		"agent   success  30s ago\n"+
		"backup  fail     33h ago  10h ago  9h ago  {\"exit_code\":1}\n", "there are more; add --cursor c2\n")
	if diff := cmp.Diff([]string{"GET /api/v1/heartbeats?limit=2"}, api.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	w.stdout, w.stderr = buffer{}, buffer{}
	w.run("heartbeat", "list", "--quiet").is(t, 0, "agent\nbackup\n", "")
	w, _ = withAPI(t, map[string][]answer{"GET /api/v1/heartbeats": {{200, `{"items":[]}`}}})
	w.run("heartbeat", "list").is(t, 0, "no heartbeats\n", "")
}
