package conformance

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
)

// notes are what datums hold that are looked for by their members, by name.
var notes = map[string]string{
	"order": `{"customer":42,"order":{"customer":"c-7","total":1.50,"paid":true,"by":null},"items":[{"sku":"A"},{"sku":"B"}]}`,
	"text":  `{"customer":"42","order":{"customer":"O'Brien \"Bob\" \\ 100%","lines":"a\nb"},"items":[]}`,
	"odd":   `{"größe":"ü","a b":{"c-d":[[1,2],[3,{"e":9007199254740993}]]},"$x":"dollar","0":"zero","it's":"so","http.method":"GET"}`,
	"list":  `["a",{"customer":42}]`,
	"bare":  `42`,
	"big":   `{"customer":4.2e1,"n":9007199254740993,"deep":` + strings.Repeat(`[`, 999) + strings.Repeat(`]`, 999) + `}`,
	"none":  `null`,
}

var noteTests = map[string]func(*bench){
	"datums are selected by members of their notes": func(b *bench) {
		b.addNotes()
		for path, test := range map[string]struct {
			value string
			want  []string
		}{
			"customer":          {"42", []string{"order", "text"}},
			"order.customer":    {"c-7", []string{"order"}},
			"order.total":       {"1.50", []string{"order"}},
			"order.paid":        {"true", []string{"order"}},
			"order.by":          {"null", []string{"order"}},
			"order.lines":       {"a\nb", []string{"text"}},
			"items":             {"[]", []string{"text"}},
			"items[0].sku":      {"A", []string{"order"}},
			"items[1]":          {`{"sku":"B"}`, []string{"order"}},
			"größe":             {"ü", []string{"odd"}},
			"a b.c-d[0]":        {"[1,2]", []string{"odd"}},
			"a b.c-d[1][1].e":   {"9007199254740993", []string{"odd"}},
			"n":                 {"9007199254740993", []string{"big"}},
			"$x":                {"dollar", []string{"odd"}},
			`http\.method`:      {"GET", []string{"odd"}},
			"http.method":       {"GET", nil},
			"0":                 {"zero", []string{"odd"}},
			"it's":              {"so", []string{"odd"}},
			"[1].customer":      {"42", []string{"list"}},
			"[0]":               {"a", []string{"list"}},
			"deep[0][0][0][0]":  {strings.Repeat(`[`, 995) + strings.Repeat(`]`, 995), []string{"big"}},
			"a.b.c.d.e.f.g.h":   {"1", nil},
			"customer.name":     {"42", nil},
			"customer[0]":       {"42", nil},
			"items.0.sku":       {"A", nil},
			"order[0]":          {"c-7", nil},
			"order.nothing":     {"null", nil},
			"$":                 {"42", nil},
			"%":                 {"42", nil},
			"customer' OR 1=1-": {"42", nil},
		} {
			b.same(path, test.want, b.withNote(narrative.NoteFilter{Path: path, Value: test.value}))
		}
		for _, value := range []string{"1.5", "4.20e1", "42.0", "", "TRUE", "' OR '1'='1", `"42"`, `\`, "%", "4_"} {
			for _, path := range []string{"customer", "order.total", "order.paid"} {
				b.same(path+" "+value, 0, len(b.withNote(narrative.NoteFilter{Path: path, Value: value})))
			}
		}
		b.same("quotes and all", []string{"text"}, b.withNote(narrative.NoteFilter{Path: "order.customer", Value: `O'Brien "Bob" \ 100%`}))
		b.same("two members", []string{"order"}, b.withNote(
			narrative.NoteFilter{Path: "customer", Value: "42"}, narrative.NoteFilter{Path: "order.customer", Value: "c-7"}))
	},
	"a path that is none is refused by its name": func(b *bench) {
		b.addNotes()
		for _, path := range []string{
			"", ".", "a.", ".a", "a..b", "a[", "a[]", "a[x]", "a[-1]", "a[01]", "a[1", "a]", "a[1]b", "a[99999999999]", `a"b`, `a\b`, `\`, `a\`, `a\\.b`,
			"a\x00", "a\nb", "a\xff", strings.Repeat("x", 256), "a.b.c.d.e.f.g.h.i", "a[0][1][2][3][4][5][6][7]",
		} {
			_, err := b.store.Datums(b.ctx, narrative.DatumQuery{Note: []narrative.NoteFilter{{Path: path, Value: "1"}}}, narrative.Page{})
			b.refused(fmt.Sprintf("%q", path), narrative.Invalid, err)
			if err != nil && !strings.Contains(err.Error(), "note.") {
				b.Errorf("%q: %v does not name the field", path, err)
			}
		}
		_, err := b.store.CountDatums(b.ctx, narrative.DatumQuery{Note: []narrative.NoteFilter{{Path: "a", Value: "\x00"}}})
		b.refused("a value with the null character", narrative.Invalid, err)
		_, err = b.store.CountDatums(b.ctx, narrative.DatumQuery{Note: make([]narrative.NoteFilter, 100)})
		b.refused("a hundred members", narrative.Invalid, err)
	},
	"of members of one name the last is kept and found": func(b *bench) {
		must(b.store.AddDatums(b.ctx, []narrative.Datum{{Origin: "o", Name: "text", Note: json.RawMessage(`{"k":1,"in":{"k":3},"\u006b":2,"in":{"k":4,"k":5}}`), At: at(0)}}))(b)
		for value, want := range map[string][]string{"1": nil, "2": {"text"}} {
			b.same("k="+value, want, b.withNote(narrative.NoteFilter{Path: "k", Value: value}))
		}
		for value, want := range map[string][]string{"3": nil, "4": nil, "5": {"text"}} {
			b.same("in.k="+value, want, b.withNote(narrative.NoteFilter{Path: "in.k", Value: value}))
		}
	},
	"notes come back as they were written, but for white space, escapes and repeated members": func(b *bench) {
		for given, want := range map[string]string{
			`{ "b" : 1.50 , "a" : [ 9007199254740993 , -0 , 1E5 ] }`: `{"b":1.50,"a":[9007199254740993,-0,1E5]}`,
			`"\u00fc\/\u001f\n\ud83c\udf89\ud800"`:                   "\"ü/\\u001f\\n🎉\ufffd\"",
			`{"a":1,"b":0,"a":2}`:                                    `{"b":0,"a":2}`,
			strings.Repeat("[", 1000) + strings.Repeat("]", 1000):    strings.Repeat("[", 1000) + strings.Repeat("]", 1000),
		} {
			stored := must(b.store.AddDatums(b.ctx, []narrative.Datum{{Origin: "o", Name: "n", Note: json.RawMessage(given), At: at(0)}}))(b)
			read := must(b.store.Datums(b.ctx, narrative.DatumQuery{IDs: []string{stored[0].ID}}, narrative.Page{}))(b).Items
			b.same("read", want, string(read[0].Note))
			b.same("returned", want, string(stored[0].Note))
		}
		for what, note := range map[string]string{
			"the null character": `{"a":"\u0000"}`, "broken UTF-8": "\"\xff\"", "two values": "1 2", "half a value": `{"a":`,
			"too deep": strings.Repeat("[", 1001) + strings.Repeat("]", 1001), "much too deep": strings.Repeat("[", 100_000),
			"too long": `"` + strings.Repeat("x", narrative.MaxDatumNote) + `"`,
		} {
			_, err := b.store.AddDatums(b.ctx, []narrative.Datum{{Origin: "o", Name: "n", Note: json.RawMessage(note), At: at(0)}})
			b.refused(what, narrative.Invalid, err)
		}
	},
}

func (b *bench) addNotes() {
	b.Helper()
	for name, note := range notes {
		must(b.store.AddDatums(b.ctx, []narrative.Datum{{Origin: "o", Name: name, Note: json.RawMessage(note), At: at(-time.Duration(len(name)))}}))(b)
	}
}

// withNote returns the names of the datums selected, by their number.
func (b *bench) withNote(filters ...narrative.NoteFilter) (names []string) {
	b.Helper()
	found := map[string]bool{}
	for _, d := range must(b.store.Datums(b.ctx, narrative.DatumQuery{Note: filters}, narrative.Page{}))(b).Items {
		found[d.Name] = true
	}
	for _, name := range []string{"order", "text", "odd", "list", "bare", "big", "none"} {
		if found[name] {
			names = append(names, name)
		}
	}
	return names
}
