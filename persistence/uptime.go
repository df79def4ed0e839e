package persistence

import (
	"context"
	"fmt"
	"iter"
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
	var successes, fails moments
	b := &engine.Batch{}
	queueMoments(b, &successes, q, narrative.BeatSuccess, narrative.UptimeBefore)
	queueMoments(b, &fails, q, narrative.BeatFail, 1)
	if err := s.engine.Read(ctx, b); err != nil {
		return narrative.Uptime{}, during(err, "tell the history of %q", q.Name)
	}
	return narrative.UptimeOf(q, marks(successes, fails)), nil
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

// moments are times in microseconds since 1970, in order.
type moments []int64

// queueMoments loads the times of the beats of a kind in the window, of some before it, and of the first after it.
func queueMoments(b *engine.Batch, to *moments, q narrative.UptimeQuery, kind narrative.BeatKind, before int) {
	const known = `
		FROM datums
		WHERE origin = 'heartbeat' AND name = $1 AND (expires_at IS NULL OR expires_at > $2)`
	args := []any{narrative.Beat{Name: q.Name, Kind: kind}.DatumName(), q.Now, q.End()}
	since := ""
	if !q.Since.IsZero() {
		since = ` AND at >= COALESCE((SELECT MIN(at) FROM (SELECT at` + known + ` AND at < $4 ORDER BY at DESC LIMIT $5) AS earlier), $4)`
		args = append(args, q.Since, before)
	}
	var at time.Time
	row := []any{moment{&at}} // one for all rows
	b.Query(func(r engine.Row) error {
		err := r.Scan(row...)
		*to = append(*to, at.UnixMicro())
		return err
	}, `
		SELECT at`+known+since+` AND at <= COALESCE((SELECT MIN(at)`+known+` AND at > $3), $3)
		ORDER BY at`, args...)
}

// marks merges successes and fails in order; of the same moment the success comes first.
func marks(successes, fails moments) iter.Seq[narrative.Mark] {
	return func(yield func(narrative.Mark) bool) {
		rest := fails
		for _, at := range successes {
			for ; len(rest) > 0 && rest[0] < at; rest = rest[1:] {
				if !yield(narrative.Mark{At: time.UnixMicro(rest[0]).UTC(), Fail: true}) {
					return
				}
			}
			if !yield(narrative.Mark{At: time.UnixMicro(at).UTC()}) {
				return
			}
		}
		for _, at := range rest {
			if !yield(narrative.Mark{At: time.UnixMicro(at).UTC(), Fail: true}) {
				return
			}
		}
	}
}
