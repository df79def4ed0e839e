package narrative_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/narrative-go/narrative"
)

func TestIdentityJSON(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"b":1.0,"a":1e0,"c":-0}`:           `{"a":1,"b":1,"c":0}`,
		`9007199254740991`:                   `9007199254740991`,
		`9007199254740993`:                   `9007199254740993`,
		`-9007199254740993.0`:                `-9007199254740993`,
		`[1E21,1000000000000000000000]`:      `[1000000000000000000000,1000000000000000000000]`,
		`{"id":1234567890123456789,"x":0.1}`: `{"id":1234567890123456789,"x":0.1}`,
	} {
		same(t, want, string(must(narrative.IdentityJSON([]byte(in)))))
	}
	_, err := narrative.IdentityJSON([]byte(`[1e400]`))
	same(t, &failure{narrative.Invalid, "number 1e400 does not fit a double"}, failureOf(err))
}

// TestIdentityIsThatOfTheValue writes random values in two ways, and changes one of them.
func TestIdentityIsThatOfTheValue(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3000) {
		value := randomValue(rand.New(rand.NewPCG(seed, 3)), 3)
		r := rand.New(rand.NewPCG(seed, 4))
		one, other := string(must(narrative.IdentityJSON([]byte(written(r, value))))), string(must(narrative.IdentityJSON([]byte(written(r, value)))))
		if one != other {
			t.Fatalf("seed %d: one value is known by %s and by %s", seed, one, other)
		}
		changed := []any{value, "changed"}
		if third := string(must(narrative.IdentityJSON([]byte(written(r, changed[:1+r.IntN(2)]))))); third == one {
			t.Fatalf("seed %d: two values are known by %s", seed, one)
		}
	}
}

// whole is a whole number of any size.
type whole int64

func randomValue(r *rand.Rand, depth int) any {
	switch n := r.IntN(8); {
	case n == 0 && depth > 0:
		list := make([]any, r.IntN(4))
		for i := range list {
			list[i] = randomValue(r, depth-1)
		}
		return list
	case n < 3 && depth > 0:
		object := map[string]any{}
		for range r.IntN(5) {
			object[string(rune('a'+r.IntN(26)))+"ü🎉\""[:r.IntN(2)*2]] = randomValue(r, depth-1)
		}
		return object
	case n == 3:
		return whole(r.Int64() - r.Int64())
	case n == 4:
		return r.NormFloat64()
	case n == 5:
		return r.IntN(2) == 0
	case n == 6:
		return nil
	}
	return fmt.Sprint("text \n é 🎉 ", r.IntN(1000))
}

// written is the JSON of a value: its members in any order, its numbers and texts in any of their forms.
func written(r *rand.Rand, v any) string {
	switch v := v.(type) {
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = written(r, v[i])
		}
		return "[" + strings.Join(parts, " , "[r.IntN(2):2]) + "]"
	case map[string]any:
		var parts []string
		for k, e := range v { // in Go's order, which is any
			parts = append(parts, written(r, k)+": "[:1+r.IntN(2)]+written(r, e))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case whole:
		forms := []string{strconv.FormatInt(int64(v), 10), strconv.FormatInt(int64(v), 10) + ".0", strconv.FormatInt(int64(v), 10) + "0e-1"}
		return forms[r.IntN(3)]
	case float64:
		return strconv.FormatFloat(v, []byte("eEf")[r.IntN(3)], -1, 64)
	case string:
		if r.IntN(2) == 0 {
			return escaped(v)
		}
	}
	encoded, _ := json.Marshal(v)
	return string(encoded)
}

// escaped writes a text with nothing but escapes.
func escaped(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, u := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(&b, `\u%04X`, u)
	}
	b.WriteByte('"')
	return b.String()
}
