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
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return fmt.Sprint(v)
	}
}

// row is one row of a result.
type row struct {
	columns []string
	values  []any // plain
}

func (r row) details() map[string]any {
	d := make(map[string]any, len(r.columns))
	for i, c := range r.columns {
		d[c] = r.values[i]
	}
	return d
}

// String is the row in short: total=120.00, lines_total=100.00.
func (r row) String() string { return r.without(-1) }

// without is the row in short, but for one column.
func (r row) without(column int) string {
	parts := make([]string, 0, len(r.columns))
	for i, c := range r.columns {
		if i != column {
			parts = append(parts, c+"="+cut(strings.Join(strings.Fields(written(r.values[i])), " "), 60))
		}
	}
	return cut(strings.Join(parts, ", "), maxSummary)
}
