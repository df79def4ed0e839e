package narrative_test

import (
	"fmt"
	"testing"

	"github.com/narrative-go/narrative"
)

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
