package narrative_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/narrative-go/narrative"
)

// The values are those of RFC 8785, appendix B.
func TestCanonicalJSONWritesNumbersAsECMAScript(t *testing.T) {
	t.Parallel()
	for bits, want := range map[uint64]string{
		0x0000000000000000: "0",
		0x8000000000000000: "0",
		0x0000000000000001: "5e-324",
		0x8000000000000001: "-5e-324",
		0x7fefffffffffffff: "1.7976931348623157e+308",
		0xffefffffffffffff: "-1.7976931348623157e+308",
		0x4340000000000000: "9007199254740992",
		0xc340000000000000: "-9007199254740992",
		0x4430000000000000: "295147905179352830000",
		0x44b52d02c7e14af5: "9.999999999999997e+22",
		0x44b52d02c7e14af6: "1e+23",
		0x44b52d02c7e14af7: "1.0000000000000001e+23",
		0x444b1ae4d6e2ef4e: "999999999999999700000",
		0x444b1ae4d6e2ef4f: "999999999999999900000",
		0x444b1ae4d6e2ef50: "1e+21",
		0x3eb0c6f7a0b5ed8c: "9.999999999999997e-7",
		0x3eb0c6f7a0b5ed8d: "0.000001",
		0x41b3de4355555553: "333333333.3333332",
		0x41b3de4355555554: "333333333.33333325",
		0x41b3de4355555555: "333333333.3333333",
		0x41b3de4355555556: "333333333.3333334",
		0x41b3de4355555557: "333333333.33333343",
		0xbecbf647612f3696: "-0.0000033333333333333333",
		0x43143ff3c1cb0959: "1424953923781206.2",
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			written := strconv.FormatFloat(math.Float64frombits(bits), 'e', 17, 64)
			same(t, want, string(must(narrative.CanonicalJSON([]byte(written)))))
		})
	}
}

func TestCanonicalJSON(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ in, want string }{
		"rewrites the example of RFC 8785, 3.2.2": {
			`{
			  "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
			  "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
			  "literals": [null, true, false]
			}`,
			`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
		},
		"sorts by UTF-16 code units, as RFC 8785, 3.2.3": {
			`{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Dalet","1":"One","\ud83d\ude00":"Grinning Face","\u0080":"Control","\u00f6":"Diaeresis"}`,
			"{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Grinning Face\",\"\ufb33\":\"Dalet\"}",
		},
		"sorts a name before what it begins": {`{"aa":1,"a":2,"":3}`, `{"":3,"a":2,"aa":1}`},
		"escapes what must be, and no more": {
			`"\b\f\n\r\t\u0001\u001f\u007f\u2028</&\u003e"`,
			"\"\\b\\f\\n\\r\\t\\u0001\\u001f\u007f\u2028</&>\"",
		},
		"drops white space":        {" [ 1 , { } , [ ] ] ", `[1,{},[]]`},
		"keeps the order of lists": {`[3,1,2]`, `[3,1,2]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			once := must(narrative.CanonicalJSON([]byte(tt.in)))
			same(t, tt.want, string(once))
			same(t, tt.want, string(must(narrative.CanonicalJSON(once))))
		})
	}
}

// notOneValue are texts that are not a JSON value and nothing else.
var notOneValue = map[string]string{
	"nothing":                 "",
	"half a value":            `{"a":`,
	"two values":              `{} {}`,
	"a bracket too many":      `{}}`,
	"a list's end too many":   `[1]]`,
	"something after a value": `{} x`,
	"a bare word":             `NaN`,
}

func TestWhatIsNotOneJSONValueIsRefused(t *testing.T) {
	t.Parallel()
	for name, text := range notOneValue {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, canonicalErr := narrative.CanonicalJSON([]byte(text))
			_, decodeErr := narrative.DecodeJSON([]byte(text))
			_, resolveErr := narrative.ResolveReferences([]byte(text), nil)
			var args struct{}
			want := []narrative.ErrorKind{narrative.Invalid, narrative.Invalid, narrative.Invalid, narrative.Invalid, narrative.Invalid}
			got := []narrative.ErrorKind{
				narrative.KindOf(canonicalErr), narrative.KindOf(decodeErr), narrative.KindOf(narrative.CheckJSON([]byte(text))),
				narrative.KindOf(resolveErr), narrative.KindOf(narrative.DecodeArgs([]byte(text), &args)),
			}
			if text == "" { // no JSON at all stands for no arguments
				want[3], want[4] = narrative.Internal, narrative.Internal
			}
			same(t, want, got)
		})
	}
	t.Run("a number beyond a double has no canonical form", func(t *testing.T) {
		t.Parallel()
		_, err := narrative.CanonicalJSON([]byte(`[1e400]`))
		same(t, &failure{narrative.Invalid, "number 1e400 does not fit a double"}, failureOf(err))
	})
}

func TestDecodeJSONKeepsWholeNumbers(t *testing.T) {
	t.Parallel()
	got := must(narrative.DecodeJSON([]byte(`{"id": 9007199254740993, "n": [-1, 0, 1.5, 1.0, 1e3, 12345678901234567890], "s": "7", "none": null}`)))
	same(t, any(map[string]any{
		"id": int64(9007199254740993),
		"n":  []any{int64(-1), int64(0), 1.5, 1.0, 1000.0, 12345678901234567890.0},
		"s":  "7", "none": nil,
	}), got)
}

func TestCheckText(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		want *failure
	}{
		"empty text is fine":        {"", nil},
		"any language is fine":      {"Grüße, 世界 👋\n\t\u0001", nil},
		"the null character is not": {"a\x00b", &failure{narrative.Invalid, `contains the character \u0000, which cannot be stored`}},
		"broken UTF-8 is not":       {"caf\xe9", &failure{narrative.Invalid, "is not valid UTF-8"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, failureOf(narrative.CheckText(tt.text)))
		})
	}
}

func TestCheckJSON(t *testing.T) {
	t.Parallel()
	null := &failure{narrative.Invalid, `contains the character \u0000, which cannot be stored`}
	for name, tt := range map[string]struct {
		json string
		want *failure
	}{
		"any value is fine":                         {`[1, {"a": ["\u0001", null, true]}]`, nil},
		"an escaped backslash before u0000 is fine": {`"\\u0000"`, nil},
		"the null character in a value is not":      {`{"a": ["\u0000"]}`, null},
		"the null character in a name is not":       {`[{"\u0000": 1}]`, null},
		"broken UTF-8 is not":                       {"\"caf\xe9\"", &failure{narrative.Invalid, "is not valid UTF-8"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, failureOf(narrative.CheckJSON([]byte(tt.json))))
		})
	}
}

func TestHashText(t *testing.T) {
	t.Parallel()
	same(t, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", narrative.HashText("abc"))
}

func TestNewID(t *testing.T) {
	t.Parallel()
	earlier, later := narrative.NewID(at(0)), narrative.NewID(at(1))
	if earlier >= later {
		t.Errorf("%s does not sort before %s", earlier, later)
	}
	if earlier == narrative.NewID(at(0)) {
		t.Error("two ids of one moment are the same")
	}
	want := fmt.Sprintf("%012x", at(0).UnixMilli())
	same(t, want, strings.ReplaceAll(earlier[:13], "-", ""))
	same(t, []int{36, '7'}, []int{len(earlier), int(earlier[14])})
	if !strings.ContainsRune("89ab", rune(earlier[19])) {
		t.Errorf("%s is not of RFC 9562's variant", earlier)
	}
}
