package narrative_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/narrative-go/narrative"
)

// checked builds a check's facts: assertion a of severity error with the default policies, check 10 at second 60, a
// streak that ended with check 9, nothing open and nothing barred.
func checked(edits ...func(*narrative.CheckFacts)) narrative.CheckFacts {
	f := narrative.CheckFacts{
		Meta:   narrative.AssertionMeta{Meta: narrative.Meta{Name: "a"}}.WithDefaults(),
		Now:    at(60),
		Streak: narrative.Streak{LastSeq: 9},
		Record: narrative.CheckRecord{CheckRun: narrative.CheckRun{Seq: 10, Outcome: narrative.OutcomePassed}},
		Barred: func(narrative.IssueKey) bool { return false },
	}
	for _, edit := range edits {
		edit(&f)
	}
	return f
}

type fact = func(*narrative.CheckFacts)

func fails(summary string) fact {
	return func(f *narrative.CheckFacts) {
		f.Record.Outcome, f.Record.Verdict = narrative.OutcomeFailed, narrative.Verdict{Summary: summary, Reason: "sum"}
	}
}

func errored(f *narrative.CheckFacts) {
	f.Record.Outcome, f.Record.Error = narrative.OutcomeErrored, "no route"
}

func policies(edit func(*narrative.AssertionMeta)) fact {
	return func(f *narrative.CheckFacts) { edit(&f.Meta) }
}

func streak(s narrative.Streak) fact {
	return func(f *narrative.CheckFacts) { s.LastSeq = 9; f.Streak = s }
}

func barred(keys ...narrative.IssueKey) fact {
	return func(f *narrative.CheckFacts) {
		f.Barred = func(k narrative.IssueKey) bool {
			for _, b := range keys {
				if b == k {
					return true
				}
			}
			return false
		}
	}
}

// violated makes it a failed check of a record assertion with these records violating it.
func violated(recordIDs ...string) fact {
	return func(f *narrative.CheckFacts) {
		f.Record.OverRecords, f.Record.Total = true, len(recordIDs)
		if len(recordIDs) > 0 {
			f.Record.Outcome = narrative.OutcomeFailed
		}
		for _, id := range recordIDs {
			f.Record.Violations = append(f.Record.Violations, narrative.Violation{Record: rec(id), Summary: id + " is off", Reason: "sum"})
		}
	}
}

// before tells in how many checks in a row the records violated it before this one.
func before(times map[string]int) fact {
	return func(f *narrative.CheckFacts) { f.Violated = func(r narrative.Record) int { return times[r.ID] } }
}

// gone are records with an open issue that exist no more.
func gone(recordIDs ...string) fact {
	return func(f *narrative.CheckFacts) {
		for _, id := range recordIDs {
			f.Record.Gone = append(f.Record.Gone, rec(id))
		}
	}
}

// changedMeta makes it the first check of a changed meta.
func changedMeta(f *narrative.CheckFacts) { f.Meta.CheckedRevision, f.Record.Revision = 3, 4 }

// soft is what the meta says of the checks before.
func soft(text string) fact { return policies(func(m *narrative.AssertionMeta) { m.Soft = text }) }

func failAfter(n int) fact { return policies(func(m *narrative.AssertionMeta) { m.FailAfter = n }) }

func resolveAfter(n int) fact {
	return policies(func(m *narrative.AssertionMeta) { m.ResolveAfter = n })
}

func rec(id string) narrative.Record { return narrative.Record{Type: "invoice", ID: id} }

func recKey(id string) narrative.IssueKey {
	return narrative.IssueKey{Kind: narrative.KindRecord, Record: rec(id)}
}

// unresolved is an open issue as the store gives it back; its verdict is the one of fails and violated.
func unresolved(id string, key narrative.IssueKey, edits ...func(*narrative.Issue)) narrative.Issue {
	summary, reason := "off", "sum"
	switch key.Kind {
	case narrative.KindRecord:
		summary = key.Record.ID + " is off"
	case narrative.KindCheckError:
		summary, reason = "no route", ""
	case narrative.KindMany:
		summary, reason = "1 more records violate a than the 1 issues that may be open at once", ""
	}
	i := narrative.Issue{
		ID: id, Assertion: "a", Kind: key.Kind, Record: key.Record, Status: narrative.StatusOpen, Severity: narrative.SeverityError,
		Summary: summary, Verdict: narrative.Verdict{Summary: summary, Reason: reason}, NextRoundAt: at(50),
	}
	for _, edit := range edits {
		edit(&i)
	}
	return i
}

func open(issues ...narrative.Issue) fact {
	return func(f *narrative.CheckFacts) { f.Open = issues }
}

var (
	failureKey    = narrative.IssueKey{Kind: narrative.KindFailure}
	checkErrorKey = narrative.IssueKey{Kind: narrative.KindCheckError}
	manyKey       = narrative.IssueKey{Kind: narrative.KindMany}
)

// opened is a new issue.
func opened(key narrative.IssueKey, v narrative.Verdict) narrative.Issue {
	severity := v.Severity
	if severity == "" {
		severity = narrative.SeverityError
	}
	return narrative.Issue{Kind: key.Kind, Record: key.Record, Status: narrative.StatusOpen, Severity: severity, Summary: v.Summary, Verdict: v}
}

func sees(id string, passed bool) []narrative.Observation {
	return []narrative.Observation{{IssueID: id, CheckSeq: 10, Passed: passed}}
}

func wakes(ids ...string) (all []narrative.Observation) {
	for _, id := range ids {
		all = append(all, narrative.Observation{IssueID: id, Wake: true})
	}
	return all
}

type decision = narrative.CheckDecision

// decided compares decisions; a streak that is not named is not looked at.
func decided(t *testing.T, want decision, f narrative.CheckFacts) {
	t.Helper()
	got := narrative.DecideCheck(f)
	if want.Streak == (narrative.Streak{}) {
		want.Streak = got.Streak
	}
	same(t, want, got, cmpopts.EquateEmpty())
}

func TestDecideCheckOfTheWhole(t *testing.T) {
	t.Parallel()
	off := narrative.Verdict{Summary: "off", Reason: "sum"}
	for name, tt := range map[string]struct {
		facts narrative.CheckFacts
		want  decision
	}{
		"a pass with nothing open changes nothing": {checked(), decision{Streak: narrative.Streak{Passed: 1, LastSeq: 10}}},
		"a failure opens an issue": {
			checked(fails("off")), decision{Streak: narrative.Streak{Failed: 1, LastSeq: 10}, Open: []narrative.Issue{opened(failureKey, off)}},
		},
		"the verdict's severity goes before the meta's": {
			checked(func(f *narrative.CheckFacts) {
				f.Record.Outcome, f.Record.Verdict = narrative.OutcomeFailed, narrative.Verdict{Summary: "off", Severity: narrative.SeverityInfo}
			}),
			decision{Open: []narrative.Issue{opened(failureKey, narrative.Verdict{Summary: "off", Severity: narrative.SeverityInfo})}},
		},
		"a failure before fail_after opens none": {
			checked(fails("off"), failAfter(3), streak(narrative.Streak{Failed: 1})),
			decision{Streak: narrative.Streak{Failed: 2, LastSeq: 10}, Soft: "failed in 2 checks; an issue opens after 3 in a row"},
		},
		"nothing is soft where a won't fix keeps the issue away": {checked(fails("off"), failAfter(3), barred(failureKey)), decision{}},
		"the failure that fills fail_after opens one": {
			checked(fails("off"), failAfter(3), streak(narrative.Streak{Failed: 2})),
			decision{Streak: narrative.Streak{Failed: 3, LastSeq: 10}, Open: []narrative.Issue{opened(failureKey, off)}},
		},
		"a pass between begins to count anew": {
			checked(streak(narrative.Streak{Failed: 2, Errored: 1})), decision{Streak: narrative.Streak{Passed: 1, LastSeq: 10}},
		},
		"errors between neither count nor reset": {
			checked(errored, streak(narrative.Streak{Failed: 2})), decision{Streak: narrative.Streak{Failed: 2, Errored: 1, LastSeq: 10}},
		},
		"errors before it do not count towards fail_after": {
			checked(fails("off"), failAfter(3), streak(narrative.Streak{Failed: 1, Errored: 2})),
			decision{Streak: narrative.Streak{Failed: 2, LastSeq: 10}, Soft: "failed in 2 checks; an issue opens after 3 in a row"},
		},
		"a won't fix keeps a new issue away": {checked(fails("off"), barred(failureKey)), decision{}},
		"an older verdict than the newest recorded changes nothing": {
			checked(fails("off"), func(f *narrative.CheckFacts) { f.Streak = narrative.Streak{Passed: 2, LastSeq: 11} }),
			decision{Stale: true, Streak: narrative.Streak{Passed: 2, LastSeq: 11}},
		},
		"the same verdict twice changes nothing": {
			checked(fails("off"), func(f *narrative.CheckFacts) { f.Streak.LastSeq = 10 }), decision{Stale: true, Streak: narrative.Streak{LastSeq: 10}},
		},
		"a failure is seen by an issue whose round is due": {
			checked(fails("off"), open(unresolved("i", failureKey))), decision{Observe: sees("i", false)},
		},
		"a failing tick that changes nothing is not seen before the round is due": {
			checked(fails("off"), open(unresolved("i", failureKey, func(i *narrative.Issue) { i.NextRoundAt = at(61) }))), decision{},
		},
		"nor while a plan is carried out": {
			checked(fails("off"), open(unresolved("i", failureKey, func(i *narrative.Issue) { i.Working = true }))), decision{},
		},
		"nor at an impasse": {
			checked(fails("off"), open(unresolved("i", failureKey, impasse))), decision{},
		},
		"nor where it began before the solution was enacted": {
			checked(fails("off"), open(unresolved("i", failureKey, func(i *narrative.Issue) { i.Status, i.EnactedSeq = narrative.StatusSolutionApplied, 10 }))), decision{},
		},
		"a failure after the solution is seen": {
			checked(fails("off"), open(unresolved("i", failureKey, func(i *narrative.Issue) { i.Status, i.EnactedSeq = narrative.StatusSolutionApplied, 9 }))),
			decision{Observe: sees("i", false)},
		},
		"an issue open already is updated below fail_after, too": {
			checked(fails("off"), failAfter(3), open(unresolved("i", failureKey))),
			decision{Observe: sees("i", false)},
		},
		"another summary is kept and not seen before the round is due": {
			checked(fails("far off"), open(unresolved("i", failureKey, later))),
			decision{Changed: []narrative.Issue{unresolved("i", failureKey, later, func(i *narrative.Issue) {
				i.Summary, i.Verdict.Summary = "far off", "far off"
			})}},
		},
		"other details are kept, too": {
			checked(fails("off"), details(map[string]any{"total": 8}), open(unresolved("i", failureKey, later, found(map[string]any{"total": int64(7)})))),
			decision{Changed: []narrative.Issue{unresolved("i", failureKey, later, found(map[string]any{"total": 8}))}},
		},
		"the same details as read back are no change": {
			checked(fails("off"), details(map[string]any{"total": 7, "by": at(1), "of": []string{"x"}}),
				open(unresolved("i", failureKey, later, found(map[string]any{"total": int64(7), "by": "2026-03-01T12:00:01Z", "of": []any{"x"}})))),
			decision{},
		},
		"another reason is seen at once": {
			checked(fails("off"), open(unresolved("i", failureKey, later, func(i *narrative.Issue) { i.Verdict.Reason = "timeout" }))),
			decision{
				Changed: []narrative.Issue{unresolved("i", failureKey, func(i *narrative.Issue) { i.NextRoundAt = at(60) })},
				Observe: sees("i", false), Reasons: map[string]string{"i": "now fails with severity error: off"},
			},
		},
		"another severity is seen at once": {
			checked(fails("off"), policies(func(m *narrative.AssertionMeta) { m.Severity = narrative.SeverityCritical }), open(unresolved("i", failureKey, later))),
			decision{
				Changed: []narrative.Issue{unresolved("i", failureKey, func(i *narrative.Issue) {
					i.NextRoundAt, i.Severity = at(60), narrative.SeverityCritical
				})},
				Observe: sees("i", false), Reasons: map[string]string{"i": "now fails with severity critical: off"},
			},
		},
		"another reason at an impasse is kept and starts nothing": {
			checked(fails("off"), open(unresolved("i", failureKey, impasse, func(i *narrative.Issue) { i.Verdict.Reason = "timeout" }))),
			decision{
				Changed: []narrative.Issue{unresolved("i", failureKey, impasse, func(i *narrative.Issue) { i.NextRoundAt = at(60) })},
				Observe: wakes("i"), Reasons: map[string]string{"i": "now fails with severity error: off"},
			},
		},
		"another reason before the solution is verified starts nothing": {
			checked(fails("off"), open(unresolved("i", failureKey, applied(1), verifiedAt(61), reason("timeout")))),
			decision{
				Changed: []narrative.Issue{unresolved("i", failureKey, applied(1), verifiedAt(61), func(i *narrative.Issue) { i.NextRoundAt = at(60) })},
				Observe: wakes("i"), Reasons: map[string]string{"i": "now fails with severity error: off"},
			},
		},
		"another reason breaks through an acknowledgement": {
			checked(fails("off"), open(unresolved("i", failureKey, acknowledged(nil), reason("timeout")))),
			decision{
				Changed: []narrative.Issue{unresolved("i", failureKey, func(i *narrative.Issue) { i.NextRoundAt = at(60) })},
				Observe: sees("i", false), Reasons: map[string]string{"i": "now fails with severity error: off; that was not what was acknowledged"},
			},
		},
		"another severity breaks through one, too": {
			checked(fails("off"), policies(func(m *narrative.AssertionMeta) { m.Severity = narrative.SeverityCritical }), open(unresolved("i", failureKey, acknowledged(until(100))))),
			decision{
				Changed: []narrative.Issue{unresolved("i", failureKey, func(i *narrative.Issue) {
					i.NextRoundAt, i.Severity = at(60), narrative.SeverityCritical
				})},
				Observe: sees("i", false), Reasons: map[string]string{"i": "now fails with severity critical: off; that was not what was acknowledged"},
			},
		},
		"one broken through at an impasse is heard of": {
			checked(fails("off"), open(unresolved("i", failureKey, impasse, acknowledged(nil), reason("timeout")))),
			decision{
				Changed: []narrative.Issue{unresolved("i", failureKey, impasse, func(i *narrative.Issue) { i.NextRoundAt = at(60) })},
				Observe: wakes("i"), Reasons: map[string]string{"i": "now fails with severity error: off; that was not what was acknowledged"},
			},
		},
		"another summary does not break through": {
			checked(fails("far off"), open(unresolved("i", failureKey, acknowledged(nil)))),
			decision{Changed: []narrative.Issue{unresolved("i", failureKey, acknowledged(nil), func(i *narrative.Issue) {
				i.Summary, i.Verdict.Summary = "far off", "far off"
			})}},
		},
		"nor do other details": {
			checked(fails("off"), details(map[string]any{"total": 8}), open(unresolved("i", failureKey, acknowledged(nil)))),
			decision{Changed: []narrative.Issue{unresolved("i", failureKey, acknowledged(nil), found(map[string]any{"total": 8}))}},
		},
		"another reason does not end a snooze": {
			checked(fails("off"), open(unresolved("i", failureKey, snoozed(61), reason("timeout")))),
			decision{
				Changed: []narrative.Issue{unresolved("i", failureKey, snoozed(61), func(i *narrative.Issue) { i.NextRoundAt = at(60) })},
				Observe: wakes("i"), Reasons: map[string]string{"i": "now fails with severity error: off"},
			},
		},
		"nothing is seen while it is acknowledged":              {checked(fails("off"), open(unresolved("i", failureKey, acknowledged(until(61))))), decision{}},
		"it is seen once that has ended":                        {checked(fails("off"), open(unresolved("i", failureKey, acknowledged(until(60))))), decision{Observe: sees("i", false)}},
		"nothing is seen while it is snoozed":                   {checked(fails("off"), open(unresolved("i", failureKey, snoozed(61)))), decision{}},
		"nothing is seen before the solution is to be verified": {checked(fails("off"), open(unresolved("i", failureKey, applied(1), verifiedAt(61)))), decision{}},
		"it is seen from then on":                               {checked(fails("off"), open(unresolved("i", failureKey, applied(1), verifiedAt(60)))), decision{Observe: sees("i", false)}},
		"a pass is seen before that":                            {checked(open(unresolved("i", failureKey, applied(1), verifiedAt(61)))), decision{Observe: sees("i", true)}},
		"a pass is seen while it is acknowledged":               {checked(open(unresolved("i", failureKey, acknowledged(nil)))), decision{Observe: sees("i", true)}},
		"a changed meta is heard of by every open issue": {
			checked(fails("off"), changedMeta, open(unresolved("i", failureKey, later), unresolved("x", checkErrorKey), unresolved("m", manyKey, later))),
			decision{Observe: append(append(sees("x", true), sees("m", true)...), wakes("i")...)},
		},
		"and by one that sees the check not twice": {
			checked(fails("off"), changedMeta, open(unresolved("i", failureKey))), decision{Observe: sees("i", false)},
		},
		"a meta that was checked before is not news": {
			checked(fails("off"), changedMeta, func(f *narrative.CheckFacts) { f.Meta.CheckedRevision = 4 }, open(unresolved("i", failureKey, later))), decision{},
		},
		"a pass is seen":               {checked(open(unresolved("i", failureKey))), decision{Observe: sees("i", true)}},
		"a pass is seen at an impasse": {checked(open(unresolved("i", failureKey, impasse))), decision{Observe: sees("i", true)}},
		"a pass before resolve_after is counted": {
			checked(resolveAfter(2), open(unresolved("i", failureKey))),
			decision{
				Changed: []narrative.Issue{unresolved("i", failureKey, func(i *narrative.Issue) { i.Passes = 1 })},
				Soft:    "passed in 1 check; its issue is resolved after 2 in a row",
			},
		},
		"one that began before the solution was enacted is not": {
			checked(resolveAfter(2), open(unresolved("i", failureKey, func(i *narrative.Issue) { i.EnactedSeq = 10 }))), decision{},
		},
		"passes are counted while a plan is carried out": {
			checked(resolveAfter(2), open(unresolved("i", failureKey, working))),
			decision{
				Changed: []narrative.Issue{unresolved("i", failureKey, working, func(i *narrative.Issue) { i.Passes = 1 })},
				Soft:    "passed in 1 check; its issue is resolved after 2 in a row",
			},
		},
		"but do not resolve it": {
			checked(resolveAfter(2), open(unresolved("i", failureKey, working, func(i *narrative.Issue) { i.Passes = 1 }))), decision{},
		},
		"the pass that fills resolve_after is seen": {
			checked(resolveAfter(2), open(unresolved("i", failureKey, func(i *narrative.Issue) { i.Passes = 1 }))),
			decision{Observe: sees("i", true)},
		},
		"a failure between begins to count anew": {
			checked(fails("off"), resolveAfter(2), open(unresolved("i", failureKey, later, func(i *narrative.Issue) { i.Passes = 1 }))),
			decision{Changed: []narrative.Issue{unresolved("i", failureKey, later)}},
		},
		"a pass is not seen while a plan is carried out": {
			checked(open(unresolved("i", failureKey, func(i *narrative.Issue) { i.Working = true }))), decision{},
		},
		"a pass that began before the solution was enacted is not seen": {
			checked(open(unresolved("i", failureKey, func(i *narrative.Issue) { i.EnactedSeq = 10 }))), decision{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			decided(t, tt.want, tt.facts)
		})
	}
}

func reason(r string) func(*narrative.Issue) {
	return func(i *narrative.Issue) { i.Verdict.Reason = r }
}

func impasse(i *narrative.Issue) {
	i.Status, i.Awaiting = narrative.StatusImpasse, &narrative.Awaiting{For: narrative.AwaitingChoice, Since: at(1)}
}

// later puts the next round off until after the check.
func later(i *narrative.Issue) { i.NextRoundAt = at(100) }

func details(d map[string]any) fact {
	return func(f *narrative.CheckFacts) { f.Record.Verdict.Details = d }
}

func found(d map[string]any) func(*narrative.Issue) {
	return func(i *narrative.Issue) { i.Verdict.Details = d }
}

func TestDecideCheckOfErrors(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		facts narrative.CheckFacts
		want  decision
	}{
		"errors before error_after open nothing": {
			checked(errored, streak(narrative.Streak{Errored: 1})), decision{Streak: narrative.Streak{Errored: 2, LastSeq: 10}},
		},
		"the error that fills it opens a check_error issue": {
			checked(errored, streak(narrative.Streak{Errored: 2})),
			decision{Streak: narrative.Streak{Errored: 3, LastSeq: 10}, Open: []narrative.Issue{opened(checkErrorKey, narrative.Verdict{Summary: "no route"})}},
		},
		"a won't fix keeps that away, too": {checked(errored, streak(narrative.Streak{Errored: 2}), barred(checkErrorKey)), decision{}},
		"an error neither resolves nor is seen by a failure": {
			checked(errored, open(unresolved("i", failureKey))), decision{Streak: narrative.Streak{Errored: 1, LastSeq: 10}},
		},
		"an error leaves what is soft as it is": {
			checked(errored, soft("failed in 1 check; an issue opens after 2 in a row")),
			decision{Streak: narrative.Streak{Errored: 1, LastSeq: 10}, Soft: "failed in 1 check; an issue opens after 2 in a row"},
		},
		"a check that is made says anew what is soft": {checked(soft("failed in 1 check; an issue opens after 2 in a row")), decision{}},
		"an error of a changed meta is heard of, too": {
			checked(errored, changedMeta, open(unresolved("i", failureKey))),
			decision{Streak: narrative.Streak{Errored: 1, LastSeq: 10}, Observe: wakes("i")},
		},
		"an error is seen by the check_error issue": {
			checked(errored, streak(narrative.Streak{Errored: 7}), open(unresolved("i", checkErrorKey))), decision{Observe: sees("i", false)},
		},
		"another error is kept": {
			checked(errored, streak(narrative.Streak{Errored: 7}), open(unresolved("i", checkErrorKey, later, func(i *narrative.Issue) { i.Summary, i.Verdict.Summary = "refused", "refused" }))),
			decision{Changed: []narrative.Issue{unresolved("i", checkErrorKey, later)}},
		},
		"a pass closes it, whatever resolve_after": {
			checked(resolveAfter(5), open(unresolved("i", checkErrorKey))), decision{Observe: sees("i", true)},
		},
		"a failure closes it, too": {
			checked(fails("off"), open(unresolved("i", checkErrorKey))),
			decision{Observe: sees("i", true), Open: []narrative.Issue{opened(failureKey, narrative.Verdict{Summary: "off", Reason: "sum"})}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			decided(t, tt.want, tt.facts)
		})
	}
}

func TestDecideCheckOfRecords(t *testing.T) {
	t.Parallel()
	wrong := func(id string) narrative.Issue {
		return opened(recKey(id), narrative.Verdict{Summary: id + " is off", Reason: "sum"})
	}
	atMost := func(n int) fact { return policies(func(m *narrative.AssertionMeta) { m.MaxIssues = n }) }
	tooMany := func(count, room int, sample ...any) narrative.Verdict {
		return narrative.Verdict{
			Summary: fmt.Sprintf("%d more records violate a than the %d issues that may be open at once", count, room),
			Details: map[string]any{"count": count, "sample": sample},
		}
	}
	sixty := ids(60)
	for name, tt := range map[string]struct {
		facts narrative.CheckFacts
		want  decision
	}{
		"each record has its own issue": {checked(violated("7", "8")), decision{Open: []narrative.Issue{wrong("7"), wrong("8")}}},
		"the next one is opened beside": {
			checked(violated("7", "8"), open(unresolved("i7", recKey("7"), later))), decision{Open: []narrative.Issue{wrong("8")}},
		},
		"one that is right again recovers, the others stay": {
			checked(violated("8"), open(unresolved("i7", recKey("7")), unresolved("i8", recKey("8"), later))), decision{Observe: sees("i7", true)},
		},
		"all recover where none violates": {
			checked(violated(), open(unresolved("i7", recKey("7")), unresolved("i8", recKey("8")))),
			decision{Observe: append(sees("i7", true), sees("i8", true)...)},
		},
		"a record under won't fix is left out and takes no room": {
			checked(violated("7", "8"), atMost(1), barred(recKey("7"))), decision{Open: []narrative.Issue{wrong("8")}},
		},
		"a record of which nothing could be said neither opens nor recovers": {
			checked(violated("8"), func(f *narrative.CheckFacts) { f.Record.Unknown = []narrative.Record{rec("7"), rec("9")} },
				open(unresolved("i7", recKey("7")), unresolved("i8", recKey("8"), later))),
			decision{},
		},
		"a record before fail_after opens none": {
			checked(violated("7", "8"), failAfter(3), before(map[string]int{"7": 1})),
			decision{Soft: "2 records found violating in fewer than 3 checks in a row, and so without an issue yet"},
		},
		"each record is counted by itself, whatever the streak": {
			checked(violated("7", "8"), failAfter(3), streak(narrative.Streak{Failed: 9}), before(map[string]int{"7": 2, "8": 1})),
			decision{
				Streak: narrative.Streak{Failed: 10, LastSeq: 10},
				Open:   []narrative.Issue{wrong("7")}, Soft: "1 record found violating in fewer than 3 checks in a row, and so without an issue yet",
			},
		},
		"one under won't fix is not soft": {
			checked(violated("7"), failAfter(3), before(nil), barred(recKey("7"))), decision{},
		},
		"one with an issue is updated below fail_after": {
			checked(violated("7"), failAfter(3), before(nil), open(unresolved("i7", recKey("7")))), decision{Observe: sees("i7", false)},
		},
		"what was not kept counts for many once the whole fails often enough": {
			checked(violated("7"), failAfter(2), streak(narrative.Streak{Failed: 1}), before(map[string]int{"7": 1}), func(f *narrative.CheckFacts) { f.Record.Total = 12_000 }),
			decision{
				Streak: narrative.Streak{Failed: 2, LastSeq: 10},
				Open:   []narrative.Issue{wrong("7"), opened(manyKey, tooMany(11_999, 50))},
			},
		},
		"and not before": {
			checked(violated("7"), failAfter(2), before(nil), func(f *narrative.CheckFacts) { f.Record.Total = 12_000 }),
			decision{Soft: "1 record found violating in fewer than 2 checks in a row, and so without an issue yet"},
		},
		"a record that is gone closes its issue as such": {
			checked(violated("8"), gone("7"), open(unresolved("i7", recKey("7")), unresolved("i8", recKey("8"), later))),
			decision{Observe: []narrative.Observation{{IssueID: "i7", CheckSeq: 10, Passed: true, Gone: true}}},
		},
		"at once, whatever resolve_after": {
			checked(violated(), gone("7"), resolveAfter(3), open(unresolved("i7", recKey("7")))),
			decision{Observe: []narrative.Observation{{IssueID: "i7", CheckSeq: 10, Passed: true, Gone: true}}},
		},
		"not while a plan is carried out": {
			checked(violated(), gone("7"), open(unresolved("i7", recKey("7"), working))), decision{},
		},
		"nor where the check began before the solution was enacted": {
			checked(violated(), gone("7"), open(unresolved("i7", recKey("7"), func(i *narrative.Issue) { i.EnactedSeq = 10 }))), decision{},
		},
		"one that is gone and violates all the same is not gone": {
			checked(violated("7"), gone("7"), open(unresolved("i7", recKey("7"), later))), decision{},
		},
		"a record's pass before resolve_after is counted": {
			checked(violated("8"), resolveAfter(2), open(unresolved("i7", recKey("7")), unresolved("i8", recKey("8"), later))),
			decision{Changed: []narrative.Issue{unresolved("i7", recKey("7"), func(i *narrative.Issue) { i.Passes = 1 })}},
		},
		"a record's other reason breaks through its acknowledgement alone": {
			checked(violated("7", "8"), open(unresolved("i7", recKey("7"), acknowledged(nil), reason("timeout")), unresolved("i8", recKey("8"), acknowledged(nil)))),
			decision{
				Changed: []narrative.Issue{unresolved("i7", recKey("7"), func(i *narrative.Issue) { i.NextRoundAt = at(60) })},
				Observe: sees("i7", false), Reasons: map[string]string{"i7": "now fails with severity error: 7 is off; that was not what was acknowledged"},
			},
		},
		"a changed meta is heard of by every open record": {
			checked(violated("7", "8"), changedMeta, open(unresolved("i7", recKey("7"), later), unresolved("i8", recKey("8"), working))),
			decision{Observe: wakes("i7", "i8")},
		},
		"many stands for the rest, with the exact count": {
			checked(violated("7", "8", "9"), atMost(1)),
			decision{Open: []narrative.Issue{wrong("7"), opened(manyKey, tooMany(2, 1, "8", "9"))}},
		},
		"its sample is of ten": {
			checked(violated(sixty...), atMost(48)),
			decision{Open: append(wrongs(wrong, sixty[:48]), opened(manyKey, tooMany(12, 48,
				"r48", "r49", "r50", "r51", "r52", "r53", "r54", "r55", "r56", "r57")))},
		},
		"violations that were not kept are counted": {
			checked(violated("7", "8"), atMost(1), func(f *narrative.CheckFacts) { f.Record.Total = 12_000 }),
			decision{Open: []narrative.Issue{wrong("7"), opened(manyKey, tooMany(11_999, 1, "8"))}},
		},
		"issues that are open take the room": {
			checked(violated("7", "8"), atMost(1), open(unresolved("i8", recKey("8"), later))),
			decision{Open: []narrative.Issue{opened(manyKey, tooMany(1, 1, "7"))}},
		},
		"many under won't fix stays away": {
			checked(violated("7", "8"), atMost(1), barred(manyKey)), decision{Open: []narrative.Issue{wrong("7")}},
		},
		"many is updated while it is too many": {
			checked(violated("7", "8", "9"), atMost(1), open(unresolved("i7", recKey("7"), later), unresolved("im", manyKey, later))),
			decision{Changed: []narrative.Issue{unresolved("im", manyKey, later, func(i *narrative.Issue) {
				i.Verdict = tooMany(2, 1, "8", "9")
				i.Summary = i.Verdict.Summary
			})}},
		},
		"many recovers once there is room": {
			checked(violated("7"), atMost(1), open(unresolved("i7", recKey("7"), later), unresolved("im", manyKey))), decision{Observe: sees("im", true)},
		},
		"the issue of the whole recovers once it is over records": {
			checked(violated("7"), open(unresolved("i", failureKey))), decision{Open: []narrative.Issue{wrong("7")}, Observe: sees("i", true)},
		},
		"those of records recover once it is of the whole": {
			checked(fails("off"), open(unresolved("i7", recKey("7")), unresolved("im", manyKey), unresolved("i", failureKey, later))),
			decision{Observe: append(sees("i7", true), sees("im", true)...)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			decided(t, tt.want, tt.facts)
		})
	}
}

func wrongs(wrong func(string) narrative.Issue, ids []string) (all []narrative.Issue) {
	for _, id := range ids {
		all = append(all, wrong(id))
	}
	return all
}

func TestRoundDue(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		edit func(*narrative.Issue)
		want bool
	}{
		"for an open issue":                   {func(*narrative.Issue) {}, true},
		"for one whose solution did not help": {func(i *narrative.Issue) { i.Status, i.EnactedSeq = narrative.StatusSolutionApplied, 9 }, true},
		"at the very moment":                  {func(i *narrative.Issue) { i.NextRoundAt = at(60) }, true},
		"not before":                          {func(i *narrative.Issue) { i.NextRoundAt = at(61) }, false},
		"not during a round":                  {func(i *narrative.Issue) { i.Working = true }, false},
		"not while a person is awaited":       {impasse, false},
		"not by a check as old as the fix":    {func(i *narrative.Issue) { i.EnactedSeq = 10 }, false},
		"not while it is acknowledged":        {acknowledged(nil), false},
		"not until it is no longer":           {acknowledged(until(61)), false},
		"once it is no longer":                {acknowledged(until(60)), true},
		"not while it is snoozed":             {snoozed(61), false},
		"once it is not":                      {snoozed(60), true},
		"not while either holds":              {func(i *narrative.Issue) { acknowledged(until(60))(i); snoozed(61)(i) }, false},
		"not before the fix is verified":      {verifiedAt(61), false},
		"at that time":                        {verifiedAt(60), true},
		"not while approval is awaited":       {approvalSince(50, nil), false},
		"not for a resolved issue":            {func(i *narrative.Issue) { i.Status = narrative.StatusResolved }, false},
		"not for one that won't be fixed":     {func(i *narrative.Issue) { i.Status = narrative.StatusWontFix }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, narrative.RoundDue(unresolved("i", failureKey, tt.edit), 10, at(60)))
		})
	}
}

func TestRoundWait(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		interval time.Duration
		idle     int
		want     time.Duration
	}{
		"the next tick after something new":  {5 * time.Minute, 0, 0},
		"the next tick after one idle round": {5 * time.Minute, 1, 5*time.Minute - 150*time.Second},
		"the second tick after two":          {5 * time.Minute, 2, 10*time.Minute - 150*time.Second},
		"the fourth tick after three":        {5 * time.Minute, 3, 20*time.Minute - 150*time.Second},
		"an hour at most":                    {5 * time.Minute, 9, time.Hour - 150*time.Second},
		"an hour at most for seconds":        {time.Second, 1_000_000, time.Hour - 500*time.Millisecond},
		"the next tick of an hourly check":   {time.Hour, 7, 0},
		"the next tick of a daily check":     {24 * time.Hour, 7, 0},
	} {
		t.Run("is "+name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, narrative.RoundWait(tt.interval, tt.idle))
		})
	}
}

func TestArbitrate(t *testing.T) {
	t.Parallel()
	const exec, pass = narrative.Exec, narrative.Pass
	for want, proposals := range map[narrative.Ruling][][]narrative.StepAction{
		narrative.RuleNone: {nil, {}}, narrative.RulePass: {{pass}}, narrative.RuleExec: {{exec}},
		narrative.RuleSeveral: {{exec, exec}, {pass, pass}, {exec, pass}, {pass, exec, pass}},
	} {
		for _, proposed := range proposals {
			t.Run(fmt.Sprintf("%s of %v", want, proposed), func(t *testing.T) {
				t.Parallel()
				same(t, want, narrative.Arbitrate(proposed))
			})
		}
	}
}

func TestExhausted(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status   narrative.Status
		attempts int
		want     bool
	}{
		"after the last solution":  {narrative.StatusSolutionApplied, 3, true},
		"not after the one before": {narrative.StatusSolutionApplied, 2, false},
		"not while it is open":     {narrative.StatusOpen, 3, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, narrative.Exhausted(tt.status, tt.attempts, 3))
		})
	}
}
