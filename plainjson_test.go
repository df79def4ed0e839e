package narrative_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/narrative-go/narrative"
)

func TestPlainJSON(t *testing.T) {
	t.Parallel()
	nested := func(depth int) string { return strings.Repeat(`[`, depth) + strings.Repeat(`]`, depth) }
	many := ""
	for n := range 50 {
		many += fmt.Sprintf(`"%d":[{"%d":%d}],`, n, n, n)
	}
	object := strings.Repeat(`{"a":`, 1001) + "1" + strings.Repeat("}", 1001)
	for name, tt := range map[string]struct{ in, want string }{
		"is the value as it is where that is plain": {`{"b":[1.50,-0,1E+9],"a":"ü\n\"\\"}`, `{"b":[1.50,-0,1E+9],"a":"ü\n\"\\"}`},
		"leaves white space out":                    {" \t\r\n{ \"a b\" : [ 1 , 2 ] , \"c\" : { } } \n", `{"a b":[1,2],"c":{}}`},
		"writes text without escapes":               {`"\u0041\/\u00fc\ud83c\udf89\u2028"`, "\"A/ü🎉\u2028\""},
		"keeps the escapes that JSON needs":         {`"\u0022\u005c\u000a\u0008\u001F\b\f\n\r\t"`, `"\"\\\n\b\u001f\b\f\n\r\t"`},
		"mends half a surrogate pair":               {`["\ud800","\udc00\ud800x","\ud800\u0041"]`, "[\"\ufffd\",\"\ufffd\ufffdx\",\"\ufffdA\"]"},
		"keeps the order of members":                {`{"z":1,"\u0061":2,"b":3}`, `{"z":1,"a":2,"b":3}`},
		"keeps the last member of a name":           {`{"z":1,"a":{"z":2,"z":[{}]},"z":3,"z":{"a":4}}`, `{"a":{"z":[{}]},"z":{"a":4}}`},
		"keeps the last of a name with escapes":     {` { "a" : {"b":1,"b":2} , "\u0061" : 2 , "\n":3,"\u000a":4}`, `{"a":2,"\n":4}`},
		"keeps the last member of a name of many":   {"{" + many + `"20":{"b":1,"b":2},` + many + `"b":3}`, "{" + many + `"b":3}`},
		"keeps numbers of any size":                 {`[9007199254740993,1e999,-0.10]`, `[9007199254740993,1e999,-0.10]`},
		"reads what is deep":                        {nested(1000), nested(1000)},
		"reads a bare literal":                      {` null `, `null`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, string(must(narrative.PlainJSON([]byte(tt.in)))))
		})
	}
	for name, tt := range map[string]struct{ in, want string }{
		"nothing":               {"", "is not valid JSON: EOF"},
		"two values":            {"1 2", "is more than one JSON value"},
		"a bracket too many":    {"{}}", "is more than one JSON value"},
		"half a value":          {`{"a":`, "is not valid JSON: unexpected EOF"},
		"a comma too many":      {"[1,]", "is not valid JSON: invalid character ']' looking for beginning of value"},
		"a leading zero":        {"01", "is more than one JSON value"},
		"a line break in text":  {"\"a\nb\"", `is not valid JSON: invalid character '\n' in string literal`},
		"an unknown escape":     {`"\x"`, `is not valid JSON: invalid character 'x' in string escape code`},
		"broken UTF-8":          {"\"\xff\"", "is not valid UTF-8"},
		"the null character":    {`{"a\u0000":1}`, `contains the character \u0000, which cannot be stored`},
		"what is too deep":      {nested(1001), "is nested more than 1000 deep"},
		"objects too deep":      {object, "is nested more than 1000 deep"},
		"what is much too deep": {strings.Repeat("[", 1<<20), "is nested more than 1000 deep"},
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			t.Parallel()
			_, err := narrative.PlainJSON([]byte(tt.in))
			same(t, &failure{narrative.Invalid, tt.want}, failureOf(err))
		})
	}
}

// TestPlainJSONAgreesWithTheDecoder holds it against encoding/json over texts that are nearly JSON.
func TestPlainJSONAgreesWithTheDecoder(t *testing.T) {
	t.Parallel()
	parts := strings.Split(`{ } [ ] , : " "a" "a": {"a":1,"\u0061": "\u00fc" \ \" \u0041 \ud83c \udf89 \/ 0 1 -1 . e 1.5e3 true false null nul é`, " ")
	parts = append(parts, " ", "\n", "\x01", "\xff")
	random := rand.New(rand.NewPCG(1, 2))
	valid := 0
	for range 300_000 {
		var text []byte
		for range 1 + random.IntN(7) {
			text = append(text, parts[random.IntN(len(parts))]...)
		}
		plain, err := narrative.PlainJSON(text)
		if want := json.Valid(text) && utf8.Valid(text); want != (err == nil) {
			t.Fatalf("%q: got error %v, but that it is valid is %v", text, err, want)
		}
		if err != nil {
			continue
		}
		valid++
		var compact bytes.Buffer
		if err := json.Compact(&compact, plain); err != nil || !bytes.Equal(compact.Bytes(), plain) {
			t.Fatalf("%q became %q, which is not compact (%v)", text, plain, err)
		}
		same(t, decodedJSON(t, text), decodedJSON(t, plain))
	}
	if valid < 1000 {
		t.Errorf("only %d of the texts were JSON", valid)
	}
}

func decodedJSON(t *testing.T, b []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func FuzzPlainJSON(f *testing.F) {
	f.Add([]byte(`{"a":[1.50,"\u00fc"]}`))
	f.Add([]byte(`{"a":{"b":1,"b":2},"\u0061":{"c":3,"c":{"d":4,"d":5}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		plain, err := narrative.PlainJSON(b)
		if err != nil {
			return
		}
		again, err := narrative.PlainJSON(plain)
		if err != nil || !bytes.Equal(plain, again) {
			t.Errorf("%q became %q and then %q (%v)", b, plain, again, err)
		}
		same(t, decodedJSON(t, b), decodedJSON(t, plain))
	})
}

func BenchmarkPlainJSON(b *testing.B) {
	members := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf(`"member_%d":%d`, i, i))
		}
		return "{" + strings.Join(all, ",") + "}"
	}
	for _, bench := range []struct{ name, note string }{
		{"small", `{"n":1,"text":"hello"}`},
		{"order", `{"order":{"id":42,"customer":"c-7","total":19.90,"paid":true},"items":[{"sku":"A","n":1},{"sku":"B","n":2}],"by":"web","at":"2026-01-02T03:04:05Z"}`},
		{"wide", members(40)},
		{"widest", members(50_000)},
		{"escaped", `{"gr\u00f6\u00dfe":1,"stra\u00dfe":"x","name":"y"}`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(bench.note)))
			b.ReportAllocs()
			for b.Loop() {
				must(narrative.PlainJSON([]byte(bench.note)))
			}
		})
	}
}
