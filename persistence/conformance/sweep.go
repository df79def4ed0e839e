package conformance

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/narrative-go/narrative"
)

var sweepTests = map[string]func(*bench){
	"a sweep deletes what is past keeping, a few at a time": func(b *bench) {
		b.watch(assertion("a"))
		b.notice(event("e", time.Hour))
		var datums []narrative.Datum // besides those of the occurrences
		for i := range 5 {
			datums = append(datums, narrative.Datum{Origin: "o", Name: fmt.Sprint(i), At: at(0), ExpiresAt: ptr(time.Hour)})
			b.check("a", time.Duration(i)*time.Second, narrative.Passed("fine"))
			b.detect("e", 0, narrative.Occurrence{Summary: map[string]any{"i": i}})
		}
		datums = append(datums, narrative.Datum{Origin: "o", Name: "kept", At: at(0)}, narrative.Datum{Origin: "o", Name: "later", At: at(0), ExpiresAt: ptr(2 * time.Hour)})
		must(b.store.AddDatums(b.ctx, datums))(b)
		pending := must(b.store.PendingHandoffs(b.ctx, at(time.Hour), 100))(b)
		b.do(b.store.HandoffsDone(b.ctx, handoffIDs(pending), at(0)))
		b.check("a", 24*time.Hour, narrative.Passed("fine"))
		sweep := func(now time.Time) narrative.Swept {
			return must(b.store.Sweep(b.ctx, now, at(12*time.Hour), 3))(b)
		}
		b.same("first", narrative.Swept{Datums: 3, Occurrences: 3, CheckRuns: 3}, sweep(kept(time.Hour)))
		b.same("second", narrative.Swept{Datums: 3, Occurrences: 2, CheckRuns: 3}, sweep(kept(time.Hour)))
		b.same("third", narrative.Swept{Datums: 3, CheckRuns: 3}, sweep(kept(time.Hour)))
		b.same("fourth", narrative.Swept{Datums: 1, CheckRuns: 1}, sweep(kept(time.Hour)))
		b.same("nothing left", narrative.Swept{}, sweep(kept(time.Hour)))
		b.same("datums", 2, len(must(b.store.Datums(b.ctx, narrative.DatumQuery{}, narrative.Page{}))(b).Items))
		b.same("runs", 1, len(must(b.store.CheckRuns(b.ctx, "a", narrative.Page{}))(b).Items))
	},
	"expired datums are swept by themselves, a few at a time": func(b *bench) {
		var datums []narrative.Datum
		for i := range 5 {
			datums = append(datums, narrative.Datum{Origin: "o", Name: fmt.Sprint(i), At: at(0), ExpiresAt: ptr(time.Duration(5-i) * time.Hour)})
		}
		must(b.store.AddDatums(b.ctx, append(datums, narrative.Datum{Origin: "o", Name: "kept", At: at(0)})))(b)
		left := func() []string {
			return namesOf(must(b.store.Datums(b.ctx, narrative.DatumQuery{OldestFirst: true}, narrative.Page{}))(b).Items)
		}
		b.same("nothing yet", 0, must(b.store.SweepDatums(b.ctx, kept(time.Hour-time.Microsecond), 10))(b))
		b.same("two", 2, must(b.store.SweepDatums(b.ctx, kept(3*time.Hour), 2))(b))
		b.same("left", []string{"0", "1", "2", "kept"}, left())
		b.same("the rest", 1, must(b.store.SweepDatums(b.ctx, kept(3*time.Hour), 2))(b))
		b.same("left after", []string{"0", "1", "kept"}, left())
		_, err := b.store.SweepDatums(b.ctx, at(0), 0)
		b.refused("no limit", narrative.Invalid, err)
	},
	"of many who sweep, each datum is deleted by one": func(b *bench) {
		datums := make([]narrative.Datum, 1000)
		for i := range datums {
			datums[i] = narrative.Datum{Origin: "o", Name: fmt.Sprint(i), At: at(0), ExpiresAt: ptr(time.Hour)}
		}
		must(b.store.AddDatums(b.ctx, datums))(b)
		var swept atomic.Int64
		errs := together(8, func(int) error {
			for range 20 {
				n, err := b.store.SweepDatums(b.ctx, at(time.Hour), 10)
				if err != nil {
					return err
				}
				swept.Add(int64(n))
			}
			return nil
		})
		b.same("errors", make([]error, 8), errs)
		left := must(b.store.CountDatums(b.ctx, narrative.DatumQuery{}))(b)
		b.same("swept or left", 1000, int(swept.Load())+left)
		b.same("swept", true, swept.Load() > 0)
	},
	"a run whose hand-off is pending is kept until it is done": func(b *bench) {
		b.watch(assertion("a"))
		handoffs := b.check("a", 0, narrative.Failed("broken")).Handoffs
		b.same("pending", narrative.Swept{}, must(b.store.Sweep(b.ctx, at(time.Hour), at(time.Hour), 10))(b))
		b.do(b.store.HandoffsDone(b.ctx, handoffIDs(handoffs), at(time.Hour)))
		b.same("done", narrative.Swept{CheckRuns: 1}, must(b.store.Sweep(b.ctx, at(time.Hour), at(time.Hour), 10))(b))
		b.same("its issue", 1, len(b.unresolved()))
	},
	"the occurrences of an event that was removed go with its runs": func(b *bench) {
		b.notice(event("e", 0), event("other", 0))
		for i := range 3 {
			b.detect("e", 0, narrative.Occurrence{Summary: map[string]any{"i": i}})
		}
		b.detect("other", 0, narrative.Occurrence{Summary: map[string]any{"i": 0}})
		b.do(b.store.RemoveMeta(b.ctx, "e", at(time.Minute)))
		b.same("too early", narrative.Swept{}, must(b.store.Sweep(b.ctx, at(time.Hour), kept(time.Minute), 2))(b))
		b.same("at most", 2, must(b.store.Sweep(b.ctx, at(time.Hour), at(2*time.Minute), 2))(b).Occurrences)
		b.same("the rest", 1, must(b.store.Sweep(b.ctx, at(time.Hour), at(2*time.Minute), 2))(b).Occurrences)
		b.same("nothing left", 0, must(b.store.Sweep(b.ctx, at(time.Hour), at(2*time.Minute), 2))(b).Occurrences)
	},
	"a sweep needs a limit": func(b *bench) {
		_, err := b.store.Sweep(b.ctx, at(0), at(0), 0)
		b.refused("sweep", narrative.Invalid, err)
	},
}
