package narrative_test

import (
	"testing"

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
				Raised: []narrative.Raised{{From: narrative.SeverityError, Issue: unresolved("i", failureKey, func(i *narrative.Issue) {
					i.NextRoundAt, i.Severity = at(60), narrative.SeverityCritical
				})}},
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
				Raised: []narrative.Raised{{From: narrative.SeverityError, Issue: unresolved("i", failureKey, func(i *narrative.Issue) {
					i.NextRoundAt, i.Severity = at(60), narrative.SeverityCritical
				})}},
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
