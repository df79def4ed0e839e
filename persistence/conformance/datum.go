package conformance

import (
	"encoding/json"
	"fmt"
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
		stored := must(b.store.AddDatums(b.ctx, all))(b)
		b.same("listed", stored, must(b.store.Datums(b.ctx, narrative.DatumQuery{}, narrative.Page{Limit: 300}))(b).Items)
	},
	"one bad datum refuses all": func(b *bench) {
		_, err := b.store.AddDatums(b.ctx, []narrative.Datum{{Origin: "o", Name: "n", At: at(0)}, {Origin: "o", At: at(0)}})
		b.refused("add", narrative.Invalid, err)
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
			var names []string
			for _, d := range must(b.store.Datums(b.ctx, test.query, narrative.Page{}))(b).Items {
				names = append(names, d.Name)
			}
			b.same(what, test.want, names)
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
