package narrative

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// CheckText returns an [Invalid] error for text that the store refuses: with \u0000 in it, or not UTF-8.
func CheckText(s string) error {
	switch {
	case strings.ContainsRune(s, 0):
		return Errorf(Invalid, "contains the character \\u0000, which cannot be stored")
	case !utf8.ValidString(s):
		return Errorf(Invalid, "is not valid UTF-8")
	}
	return nil
}

// CheckJSON returns an [Invalid] error for JSON that the store refuses: what [PlainJSON] does.
func CheckJSON(b []byte) error {
	_, err := PlainJSON(b)
	return err
}

// DecodeJSON reads one JSON value with whole numbers as int64, where they fit, and others as float64, so that
// templates print them as they were written.
func DecodeJSON(b []byte) (any, error) {
	v, err := decodeNumbers(b)
	if err != nil {
		return nil, err
	}
	return plainNumbers(v), nil
}

// decodeNumbers reads one JSON value with its numbers as they were written.
func decodeNumbers(b []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, Errorf(Invalid, "is not valid JSON: %w", err)
	}
	if !ended(d) {
		return nil, Errorf(Invalid, "is more than one JSON value")
	}
	return v, nil
}

// ended tells whether nothing follows the value decoded. The decoder's More would not see a bracket too many.
func ended(d *json.Decoder) bool {
	_, err := d.Token()
	return errors.Is(err, io.EOF)
}

func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = plainNumbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plainNumbers(v[k])
		}
	}
	return v
}

// HashText is the lower-case hexadecimal SHA-256 of s.
func HashText(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// CanonicalJSON rewrites a JSON value in the canonical form of RFC 8785: no white space, members sorted by UTF-16
// code units, numbers as ECMAScript writes them.
func CanonicalJSON(b []byte) ([]byte, error) { return canonical(b, asDouble) }

// IdentityJSON rewrites a JSON value in the form by which it is told from others: the canonical one, but for whole
// numbers beyond 2^53. Those stay whole, where a double would take several for the same.
func IdentityJSON(b []byte) ([]byte, error) { return canonical(b, asWhole) }

func canonical(b []byte, number func(json.Number) (string, error)) ([]byte, error) {
	v, err := decodeNumbers(b)
	if err != nil {
		return nil, err
	}
	w := canonicalWriter{number: number}
	if err := w.write(v); err != nil {
		return nil, err
	}
	return w.out.Bytes(), nil
}

// asDouble writes a number as ECMAScript does.
func asDouble(n json.Number) (string, error) {
	f, err := n.Float64()
	if err != nil || math.IsInf(f, 0) {
		return "", Errorf(Invalid, "number %s does not fit a double", n)
	}
	return canonicalNumber(f), nil
}

// maxExact is up to where doubles tell whole numbers apart.
const maxExact = 1 << 53

func asWhole(n json.Number) (string, error) {
	short, err := asDouble(n)
	if f, _ := n.Float64(); err != nil || math.Abs(f) < maxExact {
		return short, err
	}
	if exact, ok := new(big.Rat).SetString(n.String()); ok && exact.IsInt() {
		return exact.Num().String(), nil
	}
	return short, nil
}

// canonicalOf is the canonical JSON of anything that encodes as JSON.
func canonicalOf(v any) ([]byte, error) {
	encoded, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return CanonicalJSON(encoded)
}

// canonicalWriter writes in the canonical form, its numbers in one of two.
type canonicalWriter struct {
	out    bytes.Buffer
	number func(json.Number) (string, error)
}

func (w *canonicalWriter) write(v any) error {
	out := &w.out
	switch v := v.(type) {
	case nil:
		out.WriteString("null")
	case bool:
		out.WriteString(strconv.FormatBool(v))
	case json.Number:
		number, err := w.number(v)
		if err != nil {
			return err
		}
		out.WriteString(number)
	case string:
		writeCanonicalString(out, v)
	case []any:
		out.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				out.WriteByte(',')
			}
			if err := w.write(e); err != nil {
				return err
			}
		}
		out.WriteByte(']')
	case map[string]any:
		return w.object(v)
	}
	return nil
}

func (w *canonicalWriter) object(v map[string]any) error {
	out := &w.out
	keys := make([]string, 0, len(v))
	for k := range v {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return utf16Less(keys[i], keys[j]) })
	out.WriteByte('{')
	for i, k := range keys {
		if i > 0 {
			out.WriteByte(',')
		}
		writeCanonicalString(out, k)
		out.WriteByte(':')
		if err := w.write(v[k]); err != nil {
			return err
		}
	}
	out.WriteByte('}')
	return nil
}

func utf16Less(a, b string) bool {
	x, y := utf16.Encode([]rune(a)), utf16.Encode([]rune(b))
	for i := 0; i < len(x) && i < len(y); i++ {
		if x[i] != y[i] {
			return x[i] < y[i]
		}
	}
	return len(x) < len(y)
}

func writeCanonicalString(out *bytes.Buffer, s string) {
	short := map[rune]string{'"': `\"`, '\\': `\\`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`}
	out.WriteByte('"')
	for _, r := range s {
		switch esc, ok := short[r]; {
		case ok:
			out.WriteString(esc)
		case r < 0x20:
			fmt.Fprintf(out, `\u%04x`, r)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
}

// canonicalNumber writes a double as ECMAScript's Number::toString does.
func canonicalNumber(f float64) string {
	if f == 0 {
		return "0"
	}
	if a := math.Abs(f); a >= 1e21 || a < 1e-6 {
		s := strconv.FormatFloat(f, 'e', -1, 64)
		mantissa, exponent, _ := strings.Cut(s, "e")
		sign, digits := exponent[:1], strings.TrimLeft(exponent[1:], "0")
		return mantissa + "e" + sign + digits
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}
