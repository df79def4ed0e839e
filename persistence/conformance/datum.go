package conformance

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/narrative-go/narrative"
)

var datumTests = map[string]func(*bench){
	"datums come back whole": func(b *bench) {
		given := []narrative.Datum{
			{
				Origin: "shop", Name: "größer 漢字 🎉", Note: json.RawMessage(`{"b":1.50,"a":[9007199254740993,null]}`), Level: narrative.Warn,
				ThreadID: "t", At: at(time.Hour), ExpiresAt: ptr(2 * time.Hour),
			},
			{Origin: "shop", Name: "bare", At: at(0)},
		}
		stored := must(b.store.AddDatums(b.ctx, given))(b)
		want := []narrative.Datum{given[0], given[1]}
		want[0].At, want[0].ExpiresAt = kept(time.Hour), keptPtr(2*time.Hour)
		want[1].At, want[1].Level, want[1].Note = kept(0), narrative.Info, json.RawMessage("null")
		b.same("stored", want, stored, cmpopts.IgnoreFields(narrative.Datum{}, "ID", "ThreadID"))
		b.same("thread ids", []any{"t", true}, []any{stored[0].ThreadID, stored[1].ThreadID != ""})
		b.same("listed", stored, must(b.store.Datums(b.ctx, narrative.DatumQuery{}, narrative.Page{}))(b).Items)
		b.same("none", 0, len(must(b.store.AddDatums(b.ctx, nil))(b)))
	},
	"many datums at once come back whole": func(b *bench) {
		var all []narrative.Datum
		for i := range 300 {
			all = append(all, narrative.Datum{Origin: "größer", Name: fmt.Sprint(i), Note: json.RawMessage(`{"b":1.50,"a":["ü"]}`), At: at(-time.Duration(i) * time.Second), ExpiresAt: ptr(time.Hour)})
		}
		all[0].ExpiresAt, all[0].Note, all[1].Level, all[2].ThreadID = nil, nil, narrative.ErrorLevel, "t"
		all[0].At, all[299].At = time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
		stored := must(b.store.AddDatums(b.ctx, all))(b)
		b.same("listed", stored, must(b.store.Datums(b.ctx, narrative.DatumQuery{}, narrative.Page{Limit: 300}))(b).Items)
	},
	"one bad datum refuses all": func(b *bench) {
		far := time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC)
		for what, bad := range map[string]narrative.Datum{
			"no name": {Origin: "o", At: at(0)}, "far away": {Origin: "o", Name: "n", At: far}, "for long": {Origin: "o", Name: "n", At: at(0), ExpiresAt: &far},
		} {
			_, err := b.store.AddDatums(b.ctx, []narrative.Datum{{Origin: "o", Name: "n", At: at(0)}, bad})
			b.refused(what, narrative.Invalid, err)
		}
		b.same("stored", 0, len(must(b.store.Datums(b.ctx, narrative.DatumQuery{}, narrative.Page{}))(b).Items))
	},
	"datums are selected": func(b *bench) {
		datum := func(origin, name, note string, level narrative.Level, after time.Duration, expires *time.Time) narrative.Datum {
			return narrative.Datum{Origin: origin, Name: name, Note: json.RawMessage(note), Level: level, ThreadID: name + "-thread", At: at(after), ExpiresAt: expires}
		}
		must(b.store.AddDatums(b.ctx, []narrative.Datum{
			datum("shop", "order", `"GRÖSSE 100%"`, narrative.Info, 0, nil),
			datum("shop", "refund", `{"text":"gr\u00f6sse"}`, narrative.Warn, time.Hour, ptr(3*time.Hour)),
			datum("bank", "transfer", `null`, narrative.ErrorLevel, 2*time.Hour, nil),
			datum("bank", "trace", `1`, narrative.Trace, 3*time.Hour, nil),
		}))(b)
		for what, test := range map[string]struct {
			query narrative.DatumQuery
			want  []string
		}{
			"all":            {narrative.DatumQuery{}, []string{"trace", "transfer", "refund", "order"}},
			"origin":         {narrative.DatumQuery{Origin: "shop"}, []string{"refund", "order"}},
			"name":           {narrative.DatumQuery{Name: "order"}, []string{"order"}},
			"thread":         {narrative.DatumQuery{ThreadID: "refund-thread"}, []string{"refund"}},
			"level":          {narrative.DatumQuery{Level: narrative.Warn}, []string{"refund"}},
			"minimum level":  {narrative.DatumQuery{MinLevel: narrative.Warn}, []string{"transfer", "refund"}},
			"since":          {narrative.DatumQuery{Since: kept(2 * time.Hour)}, []string{"trace", "transfer"}},
			"until":          {narrative.DatumQuery{Until: kept(2 * time.Hour)}, []string{"refund", "order"}},
			"text in note":   {narrative.DatumQuery{Text: "Grösse"}, []string{"refund", "order"}},
			"text in origin": {narrative.DatumQuery{Text: "BANK"}, []string{"trace", "transfer"}},
			"text in name":   {narrative.DatumQuery{Text: "Tran"}, []string{"transfer"}},
			"no wildcards":   {narrative.DatumQuery{Text: "100%"}, []string{"order"}},
			"no pattern":     {narrative.DatumQuery{Text: "_rder"}, nil},
			"expired":        {narrative.DatumQuery{Now: kept(3 * time.Hour), Origin: "shop"}, []string{"order"}},
			"not expired":    {narrative.DatumQuery{Now: kept(3*time.Hour - time.Microsecond), Origin: "shop"}, []string{"refund", "order"}},
		} {
			b.same(what, test.want, namesOf(must(b.store.Datums(b.ctx, test.query, narrative.Page{}))(b).Items))
			b.same(what+", counted", len(test.want), must(b.store.CountDatums(b.ctx, test.query))(b))
		}
	},
	"pages hold every datum once, newest first": func(b *bench) {
		var all []narrative.Datum
		for i := range 25 {
			all = append(all, narrative.Datum{Origin: "o", Name: fmt.Sprint(i), At: at(time.Duration(i/10) * time.Microsecond)})
		}
		must(b.store.AddDatums(b.ctx, all))(b)
		var got []narrative.Datum
		pages := 0
		for page := (narrative.Page{Limit: 5}); ; pages++ {
			list := must(b.store.Datums(b.ctx, narrative.DatumQuery{}, page))(b)
			got = append(got, list.Items...)
			if page.Cursor = list.NextCursor; page.Cursor == "" {
				break
			}
		}
		b.same("pages", 4, pages)
		b.same("as one page", must(b.store.Datums(b.ctx, narrative.DatumQuery{}, narrative.Page{}))(b).Items, got)
	},
	"oldest first, in pages of their own": func(b *bench) {
		var all []narrative.Datum
		for i := range 12 {
			all = append(all, narrative.Datum{Origin: "o", Name: fmt.Sprint(i), At: at(time.Duration(i/5) * time.Microsecond)})
		}
		must(b.store.AddDatums(b.ctx, all))(b)
		q := narrative.DatumQuery{OldestFirst: true}
		var got []string
		page := narrative.Page{Limit: 5}
		for {
			list := must(b.store.Datums(b.ctx, q, page))(b)
			got = append(got, namesOf(list.Items)...)
			if page.Cursor = list.NextCursor; page.Cursor == "" {
				break
			}
		}
		b.same("order", namesOf(all), got)
		q.Offset = 10
		b.same("from an offset", []string{"10", "11"}, namesOf(must(b.store.Datums(b.ctx, q, narrative.Page{}))(b).Items))
	},
	"a cursor belongs to its order": func(b *bench) {
		must(b.store.AddDatums(b.ctx, []narrative.Datum{{Origin: "o", Name: "a", At: at(0)}, {Origin: "o", Name: "b", At: at(0)}}))(b)
		for _, oldestFirst := range []bool{true, false} {
			cursor := must(b.store.Datums(b.ctx, narrative.DatumQuery{OldestFirst: oldestFirst}, narrative.Page{Limit: 1}))(b).NextCursor
			_, err := b.store.Datums(b.ctx, narrative.DatumQuery{OldestFirst: !oldestFirst}, narrative.Page{Cursor: cursor})
			b.refused("the other order", narrative.Invalid, err)
		}
	},
	"pages hold every datum once while others are written": func(b *bench) {
		const before = 300
		random := func(r *rand.Rand, name string) narrative.Datum {
			return narrative.Datum{Origin: "o", Name: name, At: at(time.Duration(r.IntN(100)) * time.Microsecond)}
		}
		var all []narrative.Datum
		r := rand.New(rand.NewPCG(1, 5))
		for i := range before {
			all = append(all, random(r, fmt.Sprint(i)))
		}
		must(b.store.AddDatums(b.ctx, all))(b)
		stop := make(chan struct{})
		var writers sync.WaitGroup
		for w := range uint64(2) {
			writers.Go(func() {
				r := rand.New(rand.NewPCG(w, 6))
				for range 500 {
					select {
					case <-stop:
						return
					default:
					}
					if _, err := b.store.AddDatums(b.ctx, []narrative.Datum{random(r, "later")}); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		for round := range 6 {
			seen := map[string]int{}
			q := narrative.DatumQuery{OldestFirst: round%2 == 0}
			var last narrative.Datum
			for page, pages := (narrative.Page{Limit: 1 + r.IntN(60)}), 0; pages < 1500; pages++ {
				list := must(b.store.Datums(b.ctx, q, page))(b)
				for _, d := range list.Items {
					seen[d.ID+" "+d.Name]++
					if order := cmp.Or(last.At.Compare(d.At), cmp.Compare(last.ID, d.ID)); last.ID != "" && (order < 0) != q.OldestFirst {
						b.Fatalf("%v follows %v", d, last)
					}
					last = d
				}
				if page.Cursor = list.NextCursor; page.Cursor == "" {
					break
				}
			}
			once := 0
			for name, times := range seen {
				if times != 1 {
					b.Errorf("%s was listed %d times", name, times)
				}
				if !strings.HasSuffix(name, " later") {
					once++
				}
			}
			b.same("listed", before, once)
		}
		close(stop)
		writers.Wait()
	},
	"ids go up in order of arrival": func(b *bench) {
		var ids []string
		for i := range 20 {
			size := 1 + i%3*20 // a few and many
			var some []narrative.Datum
			for range size {
				some = append(some, narrative.Datum{Origin: "o", Name: "n", At: at(-time.Duration(i) * time.Hour)})
			}
			for _, d := range must(b.store.AddDatums(b.ctx, some))(b) {
				ids = append(ids, d.ID)
			}
		}
		b.same("sorted", true, slices.IsSorted(ids))
		b.same("each once", len(ids), len(slices.Compact(ids)))
	},
	"what arrived after a datum is followed in order": func(b *bench) {
		first := must(b.store.AddDatums(b.ctx, []narrative.Datum{
			{Origin: "o", Name: "late", At: at(time.Hour)}, {Origin: "o", Name: "early", At: at(-time.Hour)},
		}))(b)
		must(b.store.AddDatums(b.ctx, []narrative.Datum{
			{Origin: "o", Name: "next", At: at(0)}, {Origin: "p", Name: "other", At: at(0)}, {Origin: "o", Name: "last", At: at(-2 * time.Hour)},
		}))(b)
		for what, test := range map[string]struct {
			q     narrative.DatumQuery
			after string
			limit int
			want  []string
		}{
			"from the first":   {narrative.DatumQuery{}, "", 0, []string{"late", "early", "next", "other", "last"}},
			"after one":        {narrative.DatumQuery{}, first[1].ID, 0, []string{"next", "other", "last"}},
			"a few":            {narrative.DatumQuery{}, first[0].ID, 2, []string{"early", "next"}},
			"those of a query": {narrative.DatumQuery{Origin: "o", Until: at(0)}, "", 0, []string{"early", "last"}},
		} {
			b.same(what, test.want, namesOf(must(b.store.ArrivedDatums(b.ctx, test.q, test.after, test.limit))(b)))
		}
		_, err := b.store.ArrivedDatums(b.ctx, narrative.DatumQuery{}, "", narrative.MaxPage+1)
		b.refused("too many", narrative.Invalid, err)
	},
	"what could not be seen at a mark is told from what could": func(b *bench) {
		unseen := func(mark narrative.DatumMark) []string {
			return namesOf(must(b.store.ArrivedDatums(b.ctx, narrative.DatumQuery{Unseen: mark}, "", 0))(b))
		}
		add := func(name string, expires *time.Time) {
			must(b.store.AddDatums(b.ctx, []narrative.Datum{{Origin: "o", Name: name, At: at(0), ExpiresAt: expires}}))(b)
		}
		empty := must(b.store.MarkDatums(b.ctx))(b)
		add("1", nil)
		add("2", ptr(0))
		mark := must(b.store.MarkDatums(b.ctx))(b)
		b.same("nothing yet", 0, len(unseen(mark)))
		must(b.store.SweepDatums(b.ctx, at(0), 10))(b)
		add("3", nil)
		must(b.store.AddDatums(b.ctx, slices.Repeat([]narrative.Datum{{Origin: "o", Name: "4", At: at(0)}}, 20)))(b)
		b.same("since the mark", append([]string{"3"}, slices.Repeat([]string{"4"}, 20)...), unseen(mark))
		b.same("since there was nothing", append([]string{"1", "3"}, slices.Repeat([]string{"4"}, 20)...), unseen(empty))
		_, err := b.store.ArrivedDatums(b.ctx, narrative.DatumQuery{Unseen: "yesterday"}, "", 0)
		b.refused("a foreign mark", narrative.Invalid, err)
	},
	"a datum without a thread begins one": func(b *bench) {
		stored := must(b.store.AddDatums(b.ctx, []narrative.Datum{{Origin: "o", Name: "a", At: at(0)}, {Origin: "o", Name: "b", At: at(0)}}))(b)
		b.same("threads", true, stored[0].ThreadID != "" && stored[0].ThreadID != stored[1].ThreadID)
	},
	"many writers lose nothing": func(b *bench) {
		errs := together(8, func(i int) error {
			for n := range 25 {
				if _, err := b.store.AddDatums(b.ctx, []narrative.Datum{{Origin: "o", Name: fmt.Sprint(i, "-", n), At: at(0)}}); err != nil {
					return err
				}
			}
			return nil
		})
		b.same("errors", make([]error, 8), errs)
		b.same("stored", 200, len(must(b.store.Datums(b.ctx, narrative.DatumQuery{}, narrative.Page{Limit: narrative.MaxPage}))(b).Items))
	},
}

func namesOf(datums []narrative.Datum) (names []string) {
	for _, d := range datums {
		names = append(names, d.Name)
	}
	return names
}
