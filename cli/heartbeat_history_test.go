package cli

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const outage = `{"uptime":99.9999,"threshold":"1m30s","beats":20160,"omitted":2,"items":[
	{"state":"up","from":"2026-03-04T09:00:00Z","to":null},
	{"state":"down","from":"2026-03-04T08:58:30.4Z","to":"2026-03-04T09:00:00Z"},
	{"state":"up","from":"2026-02-25T12:00:00Z","to":"2026-03-04T08:58:30.4Z"}]}`

func TestHeartbeatHistory(t *testing.T) {
	t.Parallel()
	w, api := withAPI(t, map[string][]answer{"GET /api/v1/heartbeats/agent/history": {{200, outage}}})
	w.run("heartbeat", "history", "agent", "--since", "7d", "--threshold", "90s").is(t, 0, ""+
		"agent: up 99.99% of the time (20160 beats; a silence of more than 1m30s is an outage)\n\n"+
		"STATE  FROM                 TO                   FOR\n"+
		"up     "+local("2026-03-04 09:00:00")+"  …                    3h\n"+
		"down   "+local("2026-03-04 08:58:30")+"  "+local("2026-03-04 09:00:00")+"  1m30s\n"+
		"up     "+local("2026-02-25 12:00:00")+"  "+local("2026-03-04 08:58:30")+"  6d20h58m30s\n",
		"2 older periods are left out; they count for the percentage\n")
	want := []string{"GET /api/v1/heartbeats/agent/history?limit=50&since=2026-02-25T12%3A00%3A00Z&threshold=1m30s"}
	if diff := cmp.Diff(want, api.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	w.stdout, w.stderr = buffer{}, buffer{}
	w.run("heartbeat", "history", "agent", "-o", "json").is(t, 0, outage+"\n", "")
}

func TestAHistoryThatEndsBeforeNowIsLookedAtUntilThen(t *testing.T) {
	t.Parallel()
	w, _ := withAPI(t, map[string][]answer{"GET /api/v1/heartbeats/agent/history": {{200, outage}}})
	w.run("heartbeat", "history", "agent", "--until", "2026-03-04T10:00:00Z").is(t, 0, local("2026-03-04 09:00:00")+"  …                    1h\n", "2 older")
}

func TestHistoryOfWhatHardlyBeat(t *testing.T) {
	t.Parallel()
	for says, body := range map[string]string{
		"a: nothing is known; there is no beat in the history\n":                              `{"uptime":null,"threshold":"0s","beats":0,"items":[],"omitted":0}`,
		"a: up 100% of the time (1 beat; too few beats to tell a silence from an outage)\n\n": `{"uptime":100,"threshold":"0s","beats":1,"items":[{"state":"up","from":"2026-03-04T11:00:00Z","to":null}],"omitted":0}`,
	} {
		w, _ := withAPI(t, map[string][]answer{"GET /api/v1/heartbeats/a/history": {{200, body}}})
		w.run("heartbeat", "history", "a").is(t, 0, says, "")
	}
}

func TestHistoryRefused(t *testing.T) {
	t.Parallel()
	for stderr, args := range map[string][]string{
		`narrative: --threshold is "-5s"; expected a duration such as 90s, 5m or 1h`:  {"--threshold", "-5s"},
		`narrative: --threshold is "soon"; expected a duration such as 90s, 5m or 1h`: {"--threshold", "soon"},
		`narrative: --limit is 501; expected 1 to 500`:                                {"--limit", "501"},
		`narrative: --since is "tuesday"; expected a day`:                             {"--since", "tuesday"},
		`narrative: --output is "xml"`:                                                {"-o", "xml"},
	} {
		w, api := withAPI(t, nil)
		w.run(append([]string{"heartbeat", "history", "a"}, args...)...).is(t, 2, "", stderr)
		if len(api.asked) > 0 {
			t.Errorf("asked %v", api.asked)
		}
	}
}

// local is a time of UTC where the test runs.
func local(utc string) string {
	at, err := time.Parse(time.DateTime, utc)
	if err != nil {
		panic(err)
	}
	return at.Local().Format(time.DateTime)
}
