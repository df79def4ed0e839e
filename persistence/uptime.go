package persistence

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

// Uptime returns the history of a heartbeat. Its beats are read in order, from an index that holds all that is asked, and
// kept in memory, eight bytes each, until the median of their distances is known.
func (s *Store) Uptime(ctx context.Context, q narrative.UptimeQuery) (narrative.Uptime, error) {
	if err := checkUptime(q).Err(); err != nil {
		return narrative.Uptime{}, during(err, "tell the history of %q", q.Name)
	}
	var all moments
	b := &engine.Batch{}
	queueMoments(b, &all, q, narrative.BeatSuccess, narrative.UptimeBefore)
	queueMoments(b, &all, q, narrative.BeatFail, 1)
	queueLast(b, &all, q)
	if err := s.engine.Read(ctx, b); err != nil {
		return narrative.Uptime{}, during(err, "tell the history of %q", q.Name)
	}
	return narrative.UptimeOf(q, all.marks()), nil
}

func checkUptime(q narrative.UptimeQuery) narrative.Problems {
	var t texts
	t.add("name", q.Name)
	wrong := func(path, message string) {
		t.problems = append(t.problems, narrative.Problem{Path: path, Message: message})
	}
	if q.Limit < 0 || q.Limit > narrative.MaxPage {
		wrong("limit", fmt.Sprintf("must be from 1 to %d", narrative.MaxPage))
	}
	if q.Threshold < 0 {
		wrong("threshold", "must not be negative")
	}
	if q.Now.IsZero() {
		wrong("now", "is required")
	}
	if !q.Since.IsZero() && !q.Until.IsZero() && !q.Since.Before(q.Until) {
		wrong("until", "must be after since")
	}
	return t.problems
}

// moments are when something beat, in microseconds since 1970, times four, and what that was. Of the same moment the
// success comes first.
type moments []int64

const (
	aSuccess int64 = iota
	unbroken       // a success that was not kept, from before the next beat that was
	aFail
)

func momentOf(at time.Time, what int64) int64 { return at.UnixMicro()<<2 | what }

// marks are the moments in order.
func (m moments) marks() iter.Seq[narrative.Mark] {
	if !slices.IsSorted(m) {
		slices.Sort(m)
	}
	return func(yield func(narrative.Mark) bool) {
		for _, one := range m {
			if !yield(narrative.Mark{At: time.UnixMicro(one >> 2).UTC(), Fail: one&3 == aFail, Unbroken: one&3 == unbroken}) {
				return
			}
		}
	}
}

// queueMoments loads the times of the beats of a kind in the window, of some before it, and of the first after it.
func queueMoments(b *engine.Batch, to *moments, q narrative.UptimeQuery, kind narrative.BeatKind, earlier int) {
	const known = `
		FROM datums
		WHERE origin = 'heartbeat' AND name = $1 AND (expires_at IS NULL OR expires_at > $2)`
	args := []any{narrative.Beat{Name: q.Name, Kind: kind}.DatumName(), q.Now, q.End()}
	since := ""
	if !q.Since.IsZero() {
		since = ` AND at >= COALESCE((SELECT MIN(at) FROM (SELECT at` + known + ` AND at < $4 ORDER BY at DESC LIMIT $5) AS earlier), $4)`
		args = append(args, q.Since, earlier)
	}
	what := aSuccess
	if kind == narrative.BeatFail {
		what = aFail
	}
	var at, before, newest time.Time
	row := []any{moment{&at}, moment{&before}} // one for all rows
	b.Query(func(r engine.Row) error {
		err := r.Scan(row...)
		if before.After(newest) {
			*to = append(*to, momentOf(before, unbroken))
			newest = before
		}
		if what == aSuccess {
			newest = at
		}
		*to = append(*to, momentOf(at, what))
		return err
	}, `
		SELECT at, success_before`+known+since+` AND at <= COALESCE((SELECT MIN(at)`+known+` AND at > $3), $3)
		ORDER BY at`, args...)
}

// queueLast adds the last success and the one before it, which may not have been kept, where no later beat was.
func queueLast(b *engine.Batch, to *moments, q narrative.UptimeQuery) {
	b.Query(func(r engine.Row) error {
		var at, before time.Time
		err := r.Scan(moment{&at}, moment{&before})
		newest := int64(math.MinInt64)
		if len(*to) > 0 {
			newest = slices.Max(*to)
		}
		if one := momentOf(before, unbroken); !before.IsZero() && one > newest {
			*to = append(*to, one)
		}
		if one := momentOf(at, aSuccess); one > newest {
			*to = append(*to, one)
		}
		return err
	}, "SELECT last_success, success_before FROM heartbeats WHERE name = $1 AND last_success <= $2", q.Name, q.Now.Add(narrative.MaxSkew))
}
