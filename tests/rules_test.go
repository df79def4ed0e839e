package tests

import (
	"fmt"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	narrative "github.com/narrative-go/narrative"
)

// TestChangedConfigurationReachesOpenIssues applies another configuration while an issue is open: its deadlines are the
// new ones, and of the timers it has waited by, one is left.
func TestChangedConfigurationReachesOpenIssues(t *testing.T) {
	t.Parallel()
	var g gate
	g.shut.Store(true)
	h := build(t, &g, quietYAML)
	i := h.issue("gate", narrative.StatusOpen)
	h.rewrite(`
config:
  admins: {email: [ops@example.com]}
  renotify: [1s, 1h]
  escalate: [{after: 1s, notify: {email: [lead@example.com]}}]
assertions:
  - {name: gate, class: gate, every: 1h}
`)
	await(t, 30*time.Second, "ops are told again, and the lead is told", func() error {
		if letters := h.told(); count(letters, "renotified") == 0 || count(letters, "escalated") != 1 {
			return fmt.Errorf("mails %+v", letters)
		}
		return nil
	})
	for n := range 3 {
		if out, code := h.cli("issue", "comment", i.ID, fmt.Sprint("word ", n)); code != 0 {
			t.Fatalf("comment: exit code %d\n%s", code, out)
		}
	}
	await(t, 20*time.Second, "it waits by one timer", func() error {
		waiting := 0
		for _, e := range h.history(i.WorkflowID, "") {
			switch e.EventType {
			case enumspb.EVENT_TYPE_TIMER_STARTED:
				waiting++
			case enumspb.EVENT_TYPE_TIMER_FIRED, enumspb.EVENT_TYPE_TIMER_CANCELED:
				waiting--
			}
		}
		if waiting != 1 {
			return fmt.Errorf("%d timers", waiting)
		}
		return nil
	})
}
