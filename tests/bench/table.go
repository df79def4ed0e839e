package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
)

// row is a line of the table.
type row struct {
	what    string
	ours    []float64
	floor   []float64 // sample by sample beside ours; nil where there is nothing to compare to
	compare comparison
	bound   bound
	note    string
}

// comparison is how a row's figure comes from ours and the floor.
type comparison int

const (
	ratio      comparison = iota // ours divided by the floor
	difference                   // ours beyond the floor
	alone                        // ours as it is
)

// bound is what a figure must be; the zero value lets it be anything.
type bound struct {
	sign  string // ≥ or ≤
	limit float64
}

func (b bound) holds(figure float64) bool {
	switch b.sign {
	case "≥":
		return figure >= b.limit
	case "≤":
		return figure <= b.limit
	}
	return true
}

// figures compares sample by sample, so that what disturbs both at one time cancels out.
func (r row) figures() []float64 {
	var figures []float64
	for i, ours := range r.ours {
		switch r.compare {
		case ratio:
			ours /= r.floor[i]
		case difference:
			ours -= r.floor[i]
		}
		figures = append(figures, ours)
	}
	return figures
}

func beyond(rows []row) bool {
	return slices.ContainsFunc(rows, func(r row) bool { return !r.bound.holds(median(r.figures())) })
}

// median is the one in the middle, or the mean of the two there; 0 of none.
func median(samples []float64) float64 { return quantile(samples, 0.5) }

// quantile interpolates between the two samples nearest to q, which is from 0 to 1.
func quantile(samples []float64, q float64) float64 {
	if len(samples) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(samples))
	at := q * float64(len(sorted)-1)
	below := int(at)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (at-float64(below))*(sorted[above]-sorted[below])
}

func printTable(out io.Writer, rows []row) error {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "MEASURED\tNARRATIVE\tFLOOR\tFIGURE\tBOUND\tNOTE")
	for _, r := range rows {
		floor, figure, limit := "–", spread(r.figures()), "–"
		switch r.compare {
		case ratio:
			floor, figure = spread(r.floor), "× "+figure
		case difference:
			floor, figure = spread(r.floor), "+ "+figure
		}
		if r.bound.sign != "" {
			limit = r.bound.sign + " " + number(r.bound.limit) + " ok"
			if !r.bound.holds(median(r.figures())) {
				limit = r.bound.sign + " " + number(r.bound.limit) + " BEYOND"
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.what, spread(r.ours), floor, figure, limit, r.note)
	}
	return w.Flush()
}

// spread is the median, and the least and the greatest.
func spread(samples []float64) string {
	return fmt.Sprintf("%s (%s–%s)", number(median(samples)), number(quantile(samples, 0)), number(quantile(samples, 1)))
}

// number has three digits that count.
func number(x float64) string {
	switch size := math.Abs(x); {
	case size >= 99.95:
		return fmt.Sprintf("%.0f", x)
	case size >= 9.995:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}
