package sql

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	maxText    = 2000 // bytes of a column kept in the details
	maxSummary = 200  // bytes of a summary's columns
	maxBrief   = 60   // bytes of one of them
)

// plain is a column's value as JSON and templates can hold it.
func plain(v any) any {
	switch v := v.(type) {
	case nil, bool, int64:
		return v
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Sprint(v)
		}
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v) // as it will be read back from the store
		}
		return v
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case []byte:
		if !utf8.Valid(v) {
			return shortened(`\x` + hex.EncodeToString(v[:min(len(v), maxText)]))
		}
		return text(string(v))
	case string:
		return text(v)
	default:
		return text(fmt.Sprint(v))
	}
}

// text is a string as the store takes it.
func text(s string) string {
	return shortened(strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd"))
}

func shortened(s string) string { return cut(s, maxText) }

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// written is a plain value as a person would write it.
func written(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return fmt.Sprint(v)
	}
}

// cells are the values of a row, made plain when they are asked for.
type cells interface{ value(column int) any }

// row is one row of a result; it is gone when the next one comes.
type row struct {
	columns []string
	cells
}

func (r row) details() map[string]any {
	d := make(map[string]any, len(r.columns))
	for i, c := range r.columns {
		d[c] = r.value(i)
	}
	return d
}

// String is the row in short: total=120.00, lines_total=100.00.
func (r row) String() string {
	values := make([]any, len(r.columns))
	for i := range values {
		values[i] = r.value(i)
	}
	return string(brief(nil, r.columns, values, -1))
}

// brief appends a row in short, but for one column.
func brief(to []byte, columns []string, values []any, but int) []byte {
	start := len(to)
	for i, c := range columns {
		if i == but {
			continue
		}
		if len(to) > start {
			to = append(to, ", "...)
		}
		to = append(to, c...)
		to = append(to, '=')
		to = appendBrief(to, values[i])
	}
	if len(to)-start > maxSummary {
		return append(to[:start], cut(string(to[start:]), maxSummary)...)
	}
	return to
}

// appendBrief appends a plain value in one line and in short.
func appendBrief(to []byte, v any) []byte {
	if n, ok := v.(int64); ok {
		return strconv.AppendInt(to, n, 10)
	}
	s := written(v)
	if len(s) <= maxBrief && oneSpaced(s) {
		return append(to, s...)
	}
	return append(to, cut(strings.Join(strings.Fields(s), " "), maxBrief)...)
}

// oneSpaced tells whether words of plain letters stand one space apart from each other.
func oneSpaced(s string) bool {
	before := byte(' ')
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == ' ' && before == ' ' {
			return false
		}
		before = s[i]
	}
	return before != ' '
}
