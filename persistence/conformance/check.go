package conformance

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/narrative-go/narrative"
)

var checkTests = map[string]func(*bench){
	"a check begins with what it needs": func(b *bench) {
		b.watch(assertion("a"))
		first := must(b.store.BeginCheck(b.ctx, "a", "one"))(b)
		meta := must(b.store.AssertionMeta(b.ctx, "a"))(b)
		b.same("first", narrative.CheckState{Meta: meta, Config: narrative.DefaultConfig(), Seq: 1}, first)
		r := b.begin("a", 0)
		r.OverRecords = true
		r.Violations, r.Total = []narrative.Violation{violation("7")}, 1
		verdict := narrative.Failed("1 violates").With("n", 3).With("share", 0.5).With("big", int64(9007199254740993))
		opened := b.record(r, verdict).Opened
		next := must(b.store.BeginCheck(b.ctx, "a", "three"))(b)
		opened[0].CurrentSeq = 3
		want := narrative.CheckState{
			Meta: must(b.store.AssertionMeta(b.ctx, "a"))(b), Config: narrative.DefaultConfig(), Seq: 3,
			Streak: narrative.Streak{Failed: 1, LastSeq: 2}, Open: opened,
		}
		b.same("streak of the meta", want.Streak, want.Meta.Streak)
		want.Last = &narrative.Verdict{Summary: "1 violates", Details: map[string]any{"n": int64(3), "share": 0.5, "big": int64(9007199254740993)}}
		b.same("next", want, next)
	},
	"a retry of a recorded run gets what was recorded and no number": func(b *bench) {
		b.watch(assertion("a"))
		r := b.begin("a", 0)
		result := b.record(r, narrative.Failed("broken"))
		state := must(b.store.BeginCheck(b.ctx, "a", r.RunID))(b)
		b.same("number", int64(0), state.Seq)
		b.same("recorded", &result.Run, state.Recorded)
		b.same("hand-offs", result.Handoffs, state.Handoffs)
		b.do(b.store.HandoffsDone(b.ctx, []string{result.Handoffs[0].ID}, at(0)))
		b.same("hand-offs once done", 0, len(must(b.store.BeginCheck(b.ctx, "a", r.RunID))(b).Handoffs))
		b.same("the next number", int64(2), b.begin("a", 0).Seq)
	},
	"recorded twice, a check answers like the first time": func(b *bench) {
		b.watch(assertion("a"))
		for _, v := range []narrative.Verdict{narrative.Passed("fine"), narrative.Failed("broken"), narrative.Passed("fine again")} {
			r := b.begin("a", 0)
			first := b.record(r, v)
			b.same(v.Summary, first, b.record(r, narrative.Failed("something else")))
		}
		b.same("runs", 3, len(must(b.store.CheckRuns(b.ctx, "a", narrative.Page{}))(b).Items))
		b.same("issues", 1, len(b.unresolved()))
	},
	"a run id belongs to one assertion": func(b *bench) {
		b.watch(assertion("a"), assertion("b"))
		r := b.begin("a", 0)
		b.record(r, narrative.Passed("fine"))
		r.Assertion = "b"
		_, err := b.store.RecordCheck(b.ctx, r)
		b.refused("record", narrative.Conflict, err)
		_, err = b.store.BeginCheck(b.ctx, "b", r.RunID)
		b.refused("begin", narrative.Conflict, err)
	},
	"runs come back whole, begun last first": func(b *bench) {
		b.watch(assertion("a"))
		passed := b.check("a", 0, narrative.Passed("größer").With("n", 1)).Run
		r := b.begin("a", time.Minute)
		r.Outcome, r.Error = narrative.OutcomeErrored, "no route to host"
		errored := must(b.store.RecordCheck(b.ctx, r))(b).Run
		want := r.CheckRun
		want.Summary = "no route to host"
		want.ScheduledAt, want.StartedAt, want.FinishedAt = kept(time.Minute), kept(61*time.Second), kept(62*time.Second)
		b.same("errored", want, errored, cmpopts.IgnoreFields(narrative.CheckRun{}, "ID"))
		passed.Verdict.Details = map[string]any{"n": int64(1)}
		got := must(b.store.CheckRuns(b.ctx, "a", narrative.Page{}))(b)
		b.same("list", narrative.Listed[narrative.CheckRun]{Items: []narrative.CheckRun{errored, passed}}, got)
		b.same("another's", []narrative.CheckRun{}, must(b.store.CheckRuns(b.ctx, "b", narrative.Page{}))(b).Items)
	},
	"an errored check is not the last verdict": func(b *bench) {
		b.watch(assertion("a"))
		b.check("a", 0, narrative.Passed("fine"))
		r := b.begin("a", time.Minute)
		r.Outcome, r.Error = narrative.OutcomeErrored, "no route to host"
		must(b.store.RecordCheck(b.ctx, r))(b)
		state := must(b.store.BeginCheck(b.ctx, "a", "next"))(b)
		b.same("last", &narrative.Verdict{Passed: true, Summary: "fine"}, state.Last)
		b.same("streak", narrative.Streak{Passed: 1, Errored: 1, LastSeq: 2}, state.Streak)
	},
	"an older verdict never overrides a newer": func(b *bench) {
		b.watch(assertion("a"))
		for _, v := range []narrative.Verdict{narrative.Failed("old"), narrative.Passed("old")} {
			older, newer := b.begin("a", 0), b.begin("a", time.Minute)
			b.record(newer, narrative.Passed("new"))
			late := b.record(older, v)
			b.same("opened", 0, len(late.Opened)+len(late.Handoffs))
			state := must(b.store.BeginCheck(b.ctx, "a", "look-"+string(rune('a'+newer.Seq))))(b)
			b.same("last", "new", state.Last.Summary)
			b.same("streak", newer.Seq, state.Streak.LastSeq)
		}
		b.same("runs", 4, len(must(b.store.CheckRuns(b.ctx, "a", narrative.Page{}))(b).Items))
	},
	"what is not acted upon yet is kept until a check says otherwise": func(b *bench) {
		a := assertion("a")
		a.FailAfter, a.ResolveAfter = 3, 2
		b.watch(a)
		soft := func() string {
			listed := must(b.store.AssertionMetas(b.ctx))(b)[0].Soft
			b.same("soft, as begun with", listed, must(b.store.BeginCheck(b.ctx, "a", fmt.Sprint("look-", b.runs.Add(1))))(b).Meta.Soft)
			return listed
		}
		for _, test := range []struct {
			verdict narrative.Verdict
			want    string
		}{
			{narrative.Failed("broken"), "failed in 1 check; an issue opens after 3 in a row"},
			{narrative.Passed("fine"), ""}, // where nothing is open
			{narrative.Failed("broken"), "failed in 1 check; an issue opens after 3 in a row"},
			{narrative.Failed("broken"), "failed in 2 checks; an issue opens after 3 in a row"},
			{narrative.Failed("broken"), ""},
			{narrative.Passed("fine"), "passed in 1 check; its issue is resolved after 2 in a row"},
			{narrative.Passed("fine"), ""},
		} {
			r := b.begin("a", 0)
			result := b.record(r, test.verdict)
			b.same("answered", test.want, result.Soft)
			b.same("recorded twice", result, b.record(r, test.verdict))
			b.same("kept", test.want, soft())
			errored := b.begin("a", 0)
			errored.Outcome, errored.Error = narrative.OutcomeErrored, "no route to host"
			b.same("answered to an errored check", test.want, must(b.store.RecordCheck(b.ctx, errored))(b).Soft)
			b.same("kept by an errored check", test.want, soft())
			if test.want == "" {
				continue
			}
			stale := r
			stale.RunID = "late-" + r.RunID
			b.same("stale", "", b.record(stale, narrative.Passed("late")).Soft)
			b.same("kept by a stale check", test.want, soft())
		}
	},
	"a check of a meta that is gone is not found": func(b *bench) {
		for _, o := range []narrative.Outcome{narrative.OutcomePassed, narrative.OutcomeFailed} {
			_, err := b.store.RecordCheck(b.ctx, narrative.CheckRecord{CheckRun: narrative.CheckRun{Assertion: "gone", RunID: "r", Outcome: o, Seq: 1}})
			b.refused(string(o), narrative.NotFound, err)
		}
	},
	"a verdict too large keeps its summary and says what was dropped": func(b *bench) {
		b.watch(assertion("a"))
		run := b.check("a", 0, narrative.Failed("broken").With("dump", strings.Repeat("x", 100_000))).Run
		b.same("summary", "broken", run.Verdict.Summary)
		b.same("kept", []string{"dropped"}, keysOf(run.Verdict.Details))
		last := must(b.store.BeginCheck(b.ctx, "a", "next"))(b).Last
		b.same("last", &run.Verdict, last)
	},
	"pending hand-offs are found until they are done": func(b *bench) {
		b.watch(assertion("a"), assertion("b"))
		one := b.check("a", 0, narrative.Failed("broken")).Handoffs
		two := b.check("b", time.Minute, narrative.Failed("broken")).Handoffs
		b.same("made", narrative.Observation{IssueID: one[0].Observation.IssueID, CheckSeq: 1}, *one[0].Observation)
		b.same("workflow", "issue/a", one[0].WorkflowID)
		b.same("created", kept(2*time.Second), one[0].CreatedAt)
		b.same("oldest first", append(one, two...), must(b.store.PendingHandoffs(b.ctx, at(time.Hour), 10))(b))
		b.same("limited", one, must(b.store.PendingHandoffs(b.ctx, at(time.Hour), 1))(b))
		b.same("made before", one, must(b.store.PendingHandoffs(b.ctx, at(time.Minute), 10))(b))
		b.do(b.store.HandoffsDone(b.ctx, []string{one[0].ID, one[0].ID, "unknown"}, at(time.Minute)))
		b.do(b.store.HandoffsDone(b.ctx, nil, at(time.Minute)))
		b.same("once done", two, must(b.store.PendingHandoffs(b.ctx, at(time.Hour), 10))(b))
	},
}

func keysOf(m map[string]any) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}
