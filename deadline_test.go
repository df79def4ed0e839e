package narrative_test

import (
	"testing"
	"time"

	"github.com/narrative-go/narrative"
)

// again has admins told again after so long each time.
func again(after ...string) func(*narrative.Policy) {
	return func(p *narrative.Policy) { p.Renotify = durations(after...) }
}

func escalates(levels ...narrative.Escalation) func(*narrative.Policy) {
	return func(p *narrative.Policy) { p.Escalate = levels }
}

func escalated(levels int) func(*narrative.Issue) {
	return func(i *narrative.Issue) { i.Escalated = levels }
}

func held(after string) narrative.Escalation {
	return unless(level(after, "ann@example.com"), narrative.UnlessAcknowledged)
}

func TestQuiet(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		issue *narrative.Issue
		want  bool
	}{
		"not by itself":                         {failing(), false},
		"for ever once it is acknowledged":      {failing(acknowledged(nil)), true},
		"before its acknowledgement ends":       {failing(acknowledged(until(61))), true},
		"not when it ends":                      {failing(acknowledged(until(60))), false},
		"nor afterwards":                        {failing(acknowledged(until(59))), false},
		"before its snooze ends":                {failing(snoozed(61)), true},
		"not when that ends":                    {failing(snoozed(60)), false},
		"while the longer of the two lasts":     {failing(snoozed(60), acknowledged(until(61))), true},
		"while the longer lasts, the other way": {failing(snoozed(61), acknowledged(until(60))), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, tt.issue.Quiet(at(60)))
		})
	}
}

func TestNextDeadline(t *testing.T) {
	t.Parallel()
	two := escalates(held("1h"), level("4h", "cto@example.com"))
	due := func(kind narrative.DeadlineKind, seconds int) *narrative.Deadline {
		return &narrative.Deadline{Kind: kind, At: at(seconds)}
	}
	const (
		verify, approval, acknowledgement = narrative.DeadlineVerify, narrative.DeadlineApproval, narrative.DeadlineAcknowledged
		snooze, renotify, escalate        = narrative.DeadlineSnoozed, narrative.DeadlineRenotify, narrative.DeadlineEscalate
	)
	for name, tt := range map[string]struct {
		issue  *narrative.Issue
		policy narrative.Policy
		want   *narrative.Deadline
	}{
		"none":                                   {failing(), ruled(), nil},
		"none of an impasse":                     {failing(awaitedSince(50)), ruled(), nil},
		"none of a closed issue":                 {failing(notified(0, 0), snoozed(100), acknowledged(until(90)), closedAt(5)), ruled(again("1h"), two), nil},
		"verify":                                 {failing(applied(1), verifiedAt(100)), ruled(), due(verify, 100)},
		"verify, that was missed":                {failing(applied(1), verifiedAt(10)), ruled(), due(verify, 10)},
		"verify, however quiet":                  {failing(applied(1), verifiedAt(100), acknowledged(nil)), ruled(), due(verify, 100)},
		"approval":                               {failing(approvalSince(50, until(100))), ruled(), due(approval, 100)},
		"approval has none without a timeout":    {failing(approvalSince(50, nil)), ruled(), nil},
		"approval is not pressed for in quiet":   {failing(approvalSince(50, until(100)), acknowledged(nil)), ruled(), nil},
		"a choice has none":                      {failing(awaitedSince(50), func(i *narrative.Issue) { i.Awaiting.Until = until(100) }), ruled(), nil},
		"acknowledged":                           {failing(acknowledged(until(100))), ruled(), due(acknowledgement, 100)},
		"acknowledged until recovery has none":   {failing(acknowledged(nil)), ruled(again("1h"), escalates(held("1h"))), nil},
		"snoozed":                                {failing(snoozed(100)), ruled(), due(snooze, 100)},
		"snoozed, that has passed":               {failing(snoozed(10)), ruled(), due(snooze, 10)},
		"renotify":                               {failing(notified(10, 0)), ruled(again("1m", "1h")), due(renotify, 70)},
		"renotify after the second time":         {failing(notified(10, 1)), ruled(again("1m", "1h")), due(renotify, 3610)},
		"renotify by the last one from then on":  {failing(notified(10, 7)), ruled(again("1m", "1h")), due(renotify, 3610)},
		"renotify only where somebody was told":  {failing(), ruled(again("1m")), nil},
		"renotify not during a round":            {failing(notified(10, 0), working), ruled(again("1m")), nil},
		"renotify not in quiet":                  {failing(notified(10, 0), acknowledged(nil)), ruled(again("1m")), nil},
		"escalate":                               {failing(), ruled(two), due(escalate, 3600)},
		"escalate to the next level":             {failing(escalated(1)), ruled(two), due(escalate, 4*3600)},
		"escalate no further than the last":      {failing(escalated(2)), ruled(two), nil},
		"escalate no further than a shorter one": {failing(escalated(7)), ruled(two), nil},
		"escalate during a round, too":           {failing(working), ruled(two), due(escalate, 3600)},
		"escalate past a level that is held":     {failing(acknowledged(nil)), ruled(two), due(escalate, 4*3600)},
		"escalate however quiet":                 {failing(acknowledged(nil)), ruled(escalates(level("1h", "cto@example.com"))), due(escalate, 3600)},
		"escalate once the acknowledgement ends": {failing(acknowledged(until(60))), ruled(escalates(held("1s"))), due(escalate, 1)},
		"the first of several": {
			failing(applied(1), verifiedAt(100), notified(10, 0), snoozed(60), acknowledged(until(99))),
			ruled(again("85s"), escalates(level("96s", "cto@example.com"))), due(snooze, 60),
		},
		"what is to be told waits for the quiet to end": {
			failing(applied(1), verifiedAt(100), notified(10, 0), acknowledged(until(99))), ruled(again("85s"), two), due(acknowledgement, 99),
		},
		"of two at once, the verification": {failing(applied(1), verifiedAt(100), snoozed(100)), ruled(), due(verify, 100)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, tt.issue.NextDeadline(tt.policy, at(60)))
		})
	}
}

func TestMeet(t *testing.T) {
	t.Parallel()
	two := escalates(level("1m", "ann@example.com"), level("2m", "cto@example.com"))
	lapsed := func(i *narrative.Issue) { i.NextRoundAt = time.Time{} } // the next failing check starts a round
	for name, tt := range map[string]struct {
		issue  *narrative.Issue
		policy narrative.Policy
		kind   narrative.DeadlineKind // empty: nothing is due
		at     int
		text   string
		then   *narrative.Issue
	}{
		"nothing where there is no deadline":  {issue: failing(), policy: ruled(), then: failing()},
		"nothing before it":                   {issue: failing(snoozed(121)), policy: ruled(), then: failing(snoozed(121))},
		"nothing of a closed issue":           {issue: failing(snoozed(90), closedAt(80)), policy: ruled(), then: failing(snoozed(90), closedAt(80))},
		"a solution is verified at that time": {failing(applied(1), verifiedAt(120)), ruled(), narrative.DeadlineVerify, 120, "it is checked whether the solution helped", failing(applied(1))},
		"and after it":                        {failing(applied(1), verifiedAt(90)), ruled(), narrative.DeadlineVerify, 90, "it is checked whether the solution helped", failing(applied(1))},
		"an approval that is late is escalated once": {
			failing(approvalSince(60, until(110))), ruled(), narrative.DeadlineApproval, 110, "nobody has approved for 1m: escalated",
			failing(approvalSince(60, nil)),
		},
		"an acknowledgement ends": {
			failing(acknowledged(until(110))), ruled(), narrative.DeadlineAcknowledged, 110, "the acknowledgement by ann has ended", failing(lapsed),
		},
		"one of nobody in particular, too": {
			failing(acknowledged(until(110)), func(i *narrative.Issue) { i.Acknowledged.By = "" }), ruled(),
			narrative.DeadlineAcknowledged, 110, "the acknowledgement has ended", failing(lapsed),
		},
		"a snooze ends": {failing(snoozed(110)), ruled(), narrative.DeadlineSnoozed, 110, "the snooze has ended", failing(lapsed)},
		"people are told again": {
			failing(notified(10, 1)), ruled(again("1h", "100s")), narrative.DeadlineRenotify, 110,
			"still unresolved after 2m: admins are told again", failing(notified(120, 2)),
		},
		"more people are told": {
			failing(), ruled(two), narrative.DeadlineEscalate, 60, "still unresolved after 2m: escalated, level 1 of 2", failing(escalated(1)),
		},
		"the next ones are": {
			failing(escalated(1)), ruled(two), narrative.DeadlineEscalate, 120, "still unresolved after 2m: escalated, level 2 of 2", failing(escalated(2)),
		},
		"a level that is held is passed over": {
			failing(acknowledged(nil)), ruled(escalates(held("1m"), level("2m", "cto@example.com"))), narrative.DeadlineEscalate, 120,
			"still unresolved after 2m: escalated, level 2 of 2", failing(acknowledged(nil), escalated(2)),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want *narrative.Deadline
			var wantEntry narrative.Entry
			if tt.kind != "" {
				want = &narrative.Deadline{Kind: tt.kind, At: at(tt.at)}
				wantEntry = narrative.Entry{At: at(120), Kind: narrative.EntryDeadline, Text: tt.text}
			}
			got, entry := tt.issue.Meet(tt.policy, at(120))
			same(t, want, got)
			same(t, wantEntry, entry)
			same(t, tt.then, tt.issue)
		})
	}
}

// TestMeetSeveral meets what is due at once, and what that makes due.
func TestMeetSeveral(t *testing.T) {
	t.Parallel()
	type due struct {
		Kind narrative.DeadlineKind
		At   int // seconds
	}
	for name, tt := range map[string]struct {
		issue  *narrative.Issue
		policy narrative.Policy
		now    int
		met    []due
		next   *narrative.Deadline
	}{
		"all that was missed is met, oldest first": {
			failing(applied(1), verifiedAt(30), notified(10, 0), snoozed(50)), ruled(again("10s", "1h"), escalates(level("20s", "ann@example.com"), level("40s", "cto@example.com"))), 60,
			[]due{{narrative.DeadlineRenotify, 20}, {narrative.DeadlineEscalate, 20}, {narrative.DeadlineVerify, 30}, {narrative.DeadlineEscalate, 40}, {narrative.DeadlineSnoozed, 50}},
			&narrative.Deadline{Kind: narrative.DeadlineRenotify, At: at(3660)},
		},
		"an acknowledgement that ends lets people be told again": {
			failing(notified(10, 0), acknowledged(until(100))), ruled(again("1h"), escalates(held("2h"))), 100,
			[]due{{narrative.DeadlineAcknowledged, 100}},
			&narrative.Deadline{Kind: narrative.DeadlineRenotify, At: at(3610)},
		},
		"at once, where that was due meanwhile": {
			failing(notified(10, 0), acknowledged(until(7300))), ruled(again("1h"), escalates(held("2h"))), 7300,
			[]due{{narrative.DeadlineRenotify, 3610}, {narrative.DeadlineEscalate, 7200}, {narrative.DeadlineAcknowledged, 7300}},
			&narrative.Deadline{Kind: narrative.DeadlineRenotify, At: at(10_900)},
		},
		"a snooze that goes on holds them back": {
			failing(notified(10, 0), acknowledged(until(7300)), snoozed(8000)), ruled(again("1h"), escalates(held("2h"))), 7300,
			[]due{{narrative.DeadlineAcknowledged, 7300}},
			&narrative.Deadline{Kind: narrative.DeadlineSnoozed, At: at(8000)},
		},
		"an approval is pressed for once the quiet is over": {
			failing(approvalSince(50, until(100)), snoozed(200)), ruled(), 200,
			[]due{{narrative.DeadlineApproval, 100}, {narrative.DeadlineSnoozed, 200}},
			nil,
		},
		"nothing is told twice after a long sleep": {
			failing(notified(10, 0)), ruled(again("1m")), 86_400,
			[]due{{narrative.DeadlineRenotify, 70}},
			&narrative.Deadline{Kind: narrative.DeadlineRenotify, At: at(86_460)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var met []due
			for range 10 {
				if d, _ := tt.issue.Meet(tt.policy, at(tt.now)); d != nil {
					met = append(met, due{d.Kind, int(d.At.Sub(at(0)).Seconds())})
				}
			}
			same(t, tt.met, met)
			same(t, tt.next, tt.issue.NextDeadline(tt.policy, at(tt.now)))
		})
	}
}
