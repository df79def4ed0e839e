package conformance

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
)

var soughtTests = map[string]func(*bench){
	"datums are found by the words of origin, name and note": func(b *bench) {
		for name, note := range map[string]string{
			"payment-failed":   `{"customer":"Änne O'Neill","mail":"anne.oneill@shop.example","order":"2026-0017","path":"/srv/shop/orders.db"}`,
			"refund":           `{"text":"line one\nsecond line\tGRÖSSE 100%","order":"2026-0018","url":"https://shop.example/refunds?id=17&by=x"}`,
			"<b>bold</b> name": `["1.50",{"uuid":"0191d7a0-aaaa-7bbb-8ccc-1234567890ab"}]`,
			"noise":            `"!? --- ..."`,
			"客户发票":             `"東京タワーへ行く"`,
		} {
			must(b.store.AddDatums(b.ctx, []narrative.Datum{{Origin: "Kasse_7", Name: name, Note: json.RawMessage(note), At: at(0)}}))(b)
		}
		const payment, refund, bold, noise, invoice = "payment-failed", "refund", "<b>bold</b> name", "noise", "客户发票"
		for text, want := range map[string][]string{
			"payment": {payment}, "PAYMENT": {payment}, "pay": {payment}, "failed": {payment}, "payment-failed": {payment},
			"änne": {payment}, "ÄNNE": {payment}, "O'Neill": {payment}, "anne.oneill@shop.example": {payment}, "oneill@shop": {payment},
			"2026-0017": {payment}, "0017": {payment}, "2026-001": {payment, refund}, "/srv/shop/orders.db": {payment},
			"orders.db": {payment}, "shop/orders": {payment}, "shop.example": {payment, refund}, "kasse_7": {payment, refund, bold, noise, invoice},
			"second": {refund}, "line": {refund}, "grösse": {refund}, "100%": {refund}, "refunds?id=17": {refund},
			"bold": {bold}, "<b>bold</b>": {bold}, "name bold": {bold}, "1.50": {bold}, "1234567890ab": {bold}, "0191d7a0-aaaa": {bold},
			"line grösse second": {refund}, "shop 0018": {refund}, "payment refund": nil, "nothing": nil, "zz": nil,
			"发票": {invoice}, "票": {invoice}, "户发": {invoice}, "发户": nil, "タワー": {invoice}, "kasse 东京": nil, "kasse 東京": {invoice},
			"!?": {noise}, "---": {noise}, "'": {payment}, `\`: {refund}, "💥": nil, "a & !b | (c:*)": nil,
		} {
			q := narrative.DatumQuery{Text: text}
			b.same(text, sorted(want), sorted(namesOf(must(b.store.Datums(b.ctx, q, narrative.Page{}))(b).Items)))
			b.same(text+", counted", len(want), must(b.store.CountDatums(b.ctx, q))(b))
			b.same(text+", followed", len(want), len(must(b.store.ArrivedDatums(b.ctx, q, "", 0))(b)))
		}
	},
	"what has expired is seen by nobody, whether the time is said or not": func(b *bench) {
		now := time.Now()
		for name, expires := range map[string]time.Time{"gone": now.Add(-time.Second), "there": now.Add(time.Hour)} {
			must(b.store.AddDatums(b.ctx, []narrative.Datum{{Origin: "o", Name: name, At: now.Add(-time.Minute), ExpiresAt: &expires}}))(b)
		}
		for _, q := range []narrative.DatumQuery{{}, {Now: now}, {Text: "o"}} {
			b.same("listed", []string{"there"}, namesOf(must(b.store.Datums(b.ctx, q, narrative.Page{}))(b).Items))
			b.same("counted", 1, must(b.store.CountDatums(b.ctx, q))(b))
			b.same("followed", 1, len(must(b.store.ArrivedDatums(b.ctx, q, "", 0))(b)))
		}
	},
	"a text that cannot be looked for is refused": func(b *bench) {
		for _, text := range []string{"\x00", "\xff", strings.Repeat("x ", 1000)} {
			_, err := b.store.Datums(b.ctx, narrative.DatumQuery{Text: text}, narrative.Page{})
			b.refused(fmt.Sprintf("%.10q", text), narrative.Invalid, err)
		}
	},
	"large notes are stored and found by their beginning": func(b *bench) {
		var words, distinct strings.Builder
		for words.Len() < narrative.MaxDatumNote-100 {
			words.WriteString("word ")
			fmt.Fprintf(&distinct, "n%d ", distinct.Len()/10*10)
		}
		for name, content := range map[string]string{
			"repeated": words.String(), "distinct": distinct.String()[:narrative.MaxDatumNote-100], "one": strings.Repeat("x", narrative.MaxDatumNote-100),
			"umlauts": strings.Repeat("ü", narrative.MaxDatumNote/2-100), "marks": strings.Repeat("!", narrative.MaxDatumNote-100),
		} {
			note := json.RawMessage(`"beginning` + fmt.Sprint(len(name)) + " " + content + `"`)
			stored := must(b.store.AddDatums(b.ctx, []narrative.Datum{{Origin: "o", Name: name, Note: note, At: at(0)}}))(b)
			b.same(name, len(note), len(stored[0].Note))
		}
		b.same("found", 5, must(b.store.CountDatums(b.ctx, narrative.DatumQuery{Text: "beginning"}))(b))
		b.same("a long word", 1, must(b.store.CountDatums(b.ctx, narrative.DatumQuery{Text: strings.Repeat("x", 900)}))(b))
		b.same("a number", 1, must(b.store.CountDatums(b.ctx, narrative.DatumQuery{Text: "distinct n5000"}))(b))
	},
}

func sorted(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return names
}
