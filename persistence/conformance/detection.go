package conformance

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/narrative-go/narrative"
)

var detectionTests = map[string]func(*bench){
	"a detection begins with what it needs": func(b *bench) {
		b.notice(event("e", time.Hour))
		state := must(b.store.BeginDetection(b.ctx, "e", "run"))(b)
		want := narrative.DetectionState{Meta: must(b.store.EventMeta(b.ctx, "e"))(b), Config: narrative.DefaultConfig(), Seq: 1}
		b.same("state", want, state)
	},
	"each distinct occurrence is claimed once until it expires": func(b *bench) {
		b.notice(event("e", time.Hour))
		o := narrative.Occurrence{Summary: map[string]any{"who": "ü", "n": 1}, Details: map[string]any{"count": 3}}
		same := narrative.Occurrence{Summary: map[string]any{"n": 1.0, "who": "ü"}, Details: map[string]any{"count": 4}}
		first := b.detect("e", 0, o, same)
		want := narrative.Occurrence{
			Event: "e", Summary: map[string]any{"who": "ü", "n": int64(1)}, Details: map[string]any{"count": int64(3)},
			At: kept(0), ExpiresAt: keptPtr(time.Hour),
		}
		b.same("how many", 1, len(first.Claimed))
		id := first.Claimed[0].ID
		b.same("kept", want, must(b.store.Occurrence(b.ctx, id))(b), cmpopts.IgnoreFields(narrative.Occurrence{}, "ID"))
		b.same("hand-off", narrative.Handoff{WorkflowID: "occurrence/" + id, OccurrenceID: id, CreatedAt: kept(0)},
			first.Handoffs[0], cmpopts.IgnoreFields(narrative.Handoff{}, "ID"))
		b.same("before it expires", 0, len(b.detect("e", time.Hour-time.Microsecond, o).Claimed))
		must(b.store.AnswerOccurrence(b.ctx, id, narrative.Solution{ID: "old", Problem: "p"}))(b)
		again := b.detect("e", time.Hour, o)
		b.same("once it has expired", 1, len(again.Claimed))
		b.same("another id", false, again.Claimed[0].ID == id)
		_, err := b.store.Occurrence(b.ctx, id)
		b.refused("the old one", narrative.NotFound, err)
		b.same("answer", (*narrative.Solution)(nil), must(b.store.Occurrence(b.ctx, again.Claimed[0].ID))(b).Solution)
	},
	"occurrences of large numbers are different": func(b *bench) {
		b.notice(event("e", time.Hour))
		const id = 1 << 60
		for n := range 3 {
			b.same("claimed", 1, len(b.detect("e", 0, narrative.Occurrence{Summary: map[string]any{"id": int64(id + n)}}).Claimed))
		}
		b.same("claimed again", 0, len(b.detect("e", 0, narrative.Occurrence{Summary: map[string]any{"id": json.Number("1152921504606846977.0")}}).Claimed))
	},
	"without a ttl an occurrence never expires": func(b *bench) {
		b.notice(event("e", 0), event("f", 0))
		o := narrative.Occurrence{Summary: map[string]any{"who": "me"}}
		b.same("expiry", (*time.Time)(nil), b.detect("e", 0, o).Claimed[0].ExpiresAt)
		b.same("years later", 0, len(b.detect("e", 100_000*time.Hour, o).Claimed))
		b.same("another event", 1, len(b.detect("f", 0, o).Claimed))
	},
	"recorded twice, a detection answers like the first time": func(b *bench) {
		b.notice(event("e", time.Hour))
		for _, occurrences := range [][]narrative.Occurrence{nil, {{Summary: map[string]any{"who": "me"}}}} {
			r := b.beginDetection("e", 0)
			r.Occurrences = occurrences
			first := must(b.store.RecordDetection(b.ctx, r))(b)
			b.same("again", first, must(b.store.RecordDetection(b.ctx, r))(b))
			state := must(b.store.BeginDetection(b.ctx, "e", r.RunID))(b)
			b.same("recorded", &first.Run, state.Recorded)
			b.same("hand-offs", first.Handoffs, state.Handoffs)
		}
		b.same("runs", 2, len(must(b.store.CheckRuns(b.ctx, "e", narrative.Page{}))(b).Items))
		b.same("checked", int64(1), must(b.store.EventMeta(b.ctx, "e"))(b).CheckedRevision)
	},
	"a detection of an event that is gone is not found": func(b *bench) {
		r := narrative.DetectionRecord{CheckRun: narrative.CheckRun{Assertion: "gone", RunID: "r", Outcome: narrative.OutcomeNotDetected}}
		_, err := b.store.RecordDetection(b.ctx, r)
		b.refused("record", narrative.NotFound, err)
	},
	"each occurrence is written down as a datum": func(b *bench) {
		e := event("e", time.Hour)
		e.Class, e.DisplayName = "shop.Refunds", "Refunds are many"
		c := narrative.DefaultConfig()
		c.MinimumDatumLogLevel = narrative.ErrorLevel // which does not matter
		must(b.store.Apply(b.ctx, narrative.Manifest{Events: []narrative.EventMeta{e}, Config: &c}, at(0)))(b)
		o := narrative.Occurrence{Summary: map[string]any{"shop": "Köln", "n": 17}, Details: map[string]any{"count": 3}}
		claimed := b.detect("e", 0, o, o, narrative.Occurrence{}).Claimed
		b.detect("e", time.Minute, o)
		want := []narrative.Datum{
			{Origin: "shop.Refunds", Name: "Refunds are many", Note: json.RawMessage(`{"n":17,"shop":"Köln"}`), Level: narrative.Info, ThreadID: claimed[0].ID, At: kept(0), ExpiresAt: keptPtr(time.Hour)},
			{Origin: "shop.Refunds", Name: "Refunds are many", Note: json.RawMessage(`{}`), Level: narrative.Info, ThreadID: claimed[1].ID, At: kept(0), ExpiresAt: keptPtr(time.Hour)},
		}
		q := narrative.DatumQuery{OldestFirst: true}
		b.same("datums", want, must(b.store.Datums(b.ctx, q, narrative.Page{}))(b).Items, cmpopts.IgnoreFields(narrative.Datum{}, "ID"))
		b.same("found", 1, must(b.store.CountDatums(b.ctx, narrative.DatumQuery{Text: "köln 17"}))(b))
		b.detect("e", time.Hour, o)
		b.same("once it occurred again", 3, must(b.store.CountDatums(b.ctx, narrative.DatumQuery{}))(b))
	},
	"of a hundred detections of one occurrence, however it is written, one is the first": func(b *bench) {
		b.notice(event("e", time.Hour))
		forms := []map[string]any{
			{"who": "ü", "n": 1, "big": 1e21, "in": map[string]any{"a": 0.5, "b": nil}},
			{"in": map[string]any{"b": nil, "a": json.Number("5e-1")}, "big": json.Number("1000000000000000000000"), "n": 1.0, "who": "\u00fc"},
			{"n": json.Number("1.0"), "who": "ü", "in": json.RawMessage(`{ "b": null, "a": 0.50 }`), "big": json.Number("1E21")},
		}
		for round, after := range []time.Duration{0, time.Hour} {
			var claimed atomic.Int64
			errs := together(100, func(i int) error {
				r := b.beginDetection("e", after)
				r.Occurrences = []narrative.Occurrence{{Summary: forms[i%len(forms)], Details: map[string]any{"i": i}}}
				result, err := b.store.RecordDetection(b.ctx, r)
				claimed.Add(int64(len(result.Claimed)))
				return err
			})
			b.same("errors", make([]error, len(errs)), errs)
			b.same(fmt.Sprintf("claims in round %d", round), int64(1), claimed.Load())
			b.same(fmt.Sprintf("datums after round %d", round), round+1, must(b.store.CountDatums(b.ctx, narrative.DatumQuery{}))(b))
			b.same("hand-offs", 1, len(must(b.store.PendingHandoffs(b.ctx, at(1000*time.Hour), 1000))(b)))
		}
	},
	"of many claims of one occurrence, one wins": func(b *bench) {
		b.notice(event("e", time.Hour))
		for round := range 2 {
			claimed := make([]int, 8)
			errs := together(len(claimed), func(i int) error {
				r := b.beginDetection("e", time.Duration(round)*2*time.Hour)
				r.Occurrences = []narrative.Occurrence{{Summary: map[string]any{"who": "me"}}, {Summary: map[string]any{"i": i}}}
				result, err := b.store.RecordDetection(b.ctx, r)
				for _, o := range result.Claimed {
					if o.Summary["who"] == "me" {
						claimed[i]++
					}
				}
				return err
			})
			b.same("errors", make([]error, len(errs)), errs)
			total := 0
			for _, n := range claimed {
				total += n
			}
			b.same(fmt.Sprintf("claims in round %d", round), 1, total)
		}
	},
}

func (b *bench) beginDetection(name string, after time.Duration) narrative.DetectionRecord {
	b.Helper()
	runID := fmt.Sprintf("run-%d", b.runs.Add(1))
	state, err := b.store.BeginDetection(b.ctx, name, runID)
	if err != nil {
		b.Error(err)
	}
	return narrative.DetectionRecord{Revision: state.Meta.Revision, CheckRun: narrative.CheckRun{
		Assertion: name, RunID: runID, Seq: state.Seq, Outcome: narrative.OutcomeDetected, Summary: "detected",
		ScheduledAt: at(after), StartedAt: at(after), FinishedAt: at(after),
	}}
}

func (b *bench) detect(name string, after time.Duration, o ...narrative.Occurrence) narrative.DetectionResult {
	b.Helper()
	r := b.beginDetection(name, after)
	r.Occurrences = o
	return must(b.store.RecordDetection(b.ctx, r))(b)
}
