package main

import (
	"strings"
	"testing"
)

func TestQuantile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		samples []float64
		q, want float64
	}{
		"none":           {nil, 0.5, 0},
		"one":            {[]float64{7}, 0.99, 7},
		"the middle one": {[]float64{5, 1, 3}, 0.5, 3},
		"between two":    {[]float64{4, 1, 2, 3}, 0.5, 2.5},
		"the least":      {[]float64{3, 1, 2}, 0, 1},
		"the greatest":   {[]float64{3, 1, 2}, 1, 3},
		"near the end":   {[]float64{0, 100}, 0.99, 99},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := quantile(c.samples, c.q); got != c.want {
				t.Errorf("quantile %g of %v is %g; want %g", c.q, c.samples, got, c.want)
			}
		})
	}
}

// TestTable prints a row of each kind, one of them beyond its bound.
func TestTable(t *testing.T) {
	t.Parallel()
	rows := []row{
		{what: "speed", ours: []float64{9, 18, 40}, floor: []float64{10, 20, 50}, bound: bound{"≥", 0.85}},
		{what: "time", ours: []float64{3, 5, 4}, floor: []float64{1, 2, 3}, compare: difference, note: "a note"},
		{what: "memory", ours: []float64{310}, compare: alone, bound: bound{"≤", 300}},
	}
	const want = `MEASURED   NARRATIVE             FLOOR                 FIGURE               BOUND          NOTE
speed      18.0 (9.00–40.0)      20.0 (10.0–50.0)      × 0.90 (0.80–0.90)   ≥ 0.85 ok      
time       4.00 (3.00–5.00)      2.00 (1.00–3.00)      + 2.00 (1.00–3.00)   –              a note
memory     310 (310–310)         –                     310 (310–310)        ≤ 300 BEYOND   
`
	var got strings.Builder
	if err := printTable(&got, rows); err != nil {
		t.Fatal(err)
	}
	if squeeze(got.String()) != squeeze(want) {
		t.Errorf("the table is\n%s; want\n%s", got.String(), want)
	}
	if !beyond(rows) || beyond(rows[:2]) {
		t.Error("the last row, and no other, is beyond its bound")
	}
}

// squeeze leaves one space where there are several.
func squeeze(s string) string {
	var lines []string
	for line := range strings.Lines(s) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}
