package narrative_test

import (
	"fmt"
	"time"

	"github.com/narrative-go/narrative"
)

// An issue at an impasse, of which people are told again and more of them in time, but not while it is acknowledged.
func ExampleIssue_NextDeadline() {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	issue := narrative.Issue{Status: narrative.StatusImpasse, OpenedAt: noon, NotifiedAt: &noon}
	policy := narrative.Policy{
		Renotify: []narrative.Duration{narrative.Duration(time.Hour), narrative.Duration(4 * time.Hour)},
		Escalate: []narrative.Escalation{{
			After: narrative.Duration(2 * time.Hour), Notify: narrative.Recipients{Email: []string{"manager@example.com"}},
			Unless: narrative.UnlessAcknowledged,
		}},
	}

	now := noon.Add(90 * time.Minute)
	until := noon.Add(150 * time.Minute)
	issue.Acknowledge(narrative.Signal{By: "ann", Until: &until}, noon)
	for range 4 {
		next := issue.NextDeadline(policy, now)
		if now.Before(next.At) {
			now = next.At // the workflow sleeps until then
		}
		met, entry := issue.Meet(policy, now)
		fmt.Println(now.Format("15:04"), met.Kind, "-", entry.Text)
	}
	next := issue.NextDeadline(policy, now)
	fmt.Println(next.At.Format("15:04"), next.Kind)
	// Output:
	// 14:30 renotify - still unresolved after 2h30m: admins are told again
	// 14:30 escalate - still unresolved after 2h30m: escalated, level 1 of 1
	// 14:30 acknowledged - the acknowledgement by ann has ended
	// 18:30 renotify - still unresolved after 6h30m: admins are told again
	// 22:30 renotify
}
