package narrative

import (
	"context"
	"time"
)

// DatumStore keeps datums.
type DatumStore interface {
	// AddDatums stores all of them or none. Their ids are given by the store, as are empty thread ids.
	AddDatums(ctx context.Context, d []Datum) ([]Datum, error)
	// ArrivedDatums returns, at most limit, those of a query that come after the one of that id (empty: from the first), by
	// their ids, whatever order the query asks for: for following them live. An id is made when a datum is about to be
	// stored, by the clock of the process that stores it; until it can be seen, others with higher ids may be.
	ArrivedDatums(ctx context.Context, q DatumQuery, after string, limit int) ([]Datum, error)
	// MarkDatums returns a mark of the datums that can be seen now, for the Unseen of a query.
	MarkDatums(ctx context.Context) (DatumMark, error)
	// SweepDatums deletes at most limit datums that are expired at now, in one short transaction, and returns how many.
	// Several at once do not wait for one another where the database can do that.
	SweepDatums(ctx context.Context, now time.Time, limit int) (int, error)
	DatumReader
}

// HeartbeatStore keeps what beats.
type HeartbeatStore interface {
	// Beat keeps the beat as the heartbeat's last unless a newer one is kept, and as a datum, which it returns as it is or
	// would be stored. A start or failure is always stored; a success only where the one stored last is at least
	// minInterval older, or more than [MaxSkew] ahead, or a failure came since. Of several at once one is stored.
	Beat(ctx context.Context, b Beat, minInterval time.Duration) (d Datum, stored bool, err error)
	// Heartbeats lists what was told by Beat, by name.
	Heartbeats(ctx context.Context, p Page) (Listed[Heartbeat], error)
	// RemoveHeartbeat forgets a heartbeat: at most limit datums of its history at a time, whose number it returns, and what
	// was told by Beat. One of which nothing is known is NotFound.
	RemoveHeartbeat(ctx context.Context, name string, limit int) (int, error)
	// Uptime returns the history of a heartbeat; of one that never beat, nothing is known.
	Uptime(ctx context.Context, q UptimeQuery) (Uptime, error)
}

// DatumQuery selects datums; zero fields select all.
type DatumQuery struct {
	Origin, Name, ThreadID string
	Level                  Level     // exactly this
	MinLevel               Level     // this or higher
	Since, Until           time.Time // at or after; before
	// Text is looked for in name, origin and the beginning of the note, in any case: each of its words must occur, as the
	// beginning of one; where there is no full text search, its parts between white space, anywhere.
	Text        string
	Now         time.Time    // datums expired by then are left out; zero: now
	IDs         []string     // those of these; at most [MaxPage]
	Unseen      DatumMark    // those that could not be seen yet at the mark
	Note        []NoteFilter // all of these
	OldestFirst bool
	// Offset is how many are skipped at the start of the first page, at most [MaxOffset]; of a page with a cursor, none.
	// What is counted is not skipped. Cursors are cheaper.
	Offset int
}

// DatumMark tells what could be seen at a moment from what could not. It is of the store that gave it, and holds for
// hours.
type DatumMark string

// MaxOffset is how many datums can be skipped.
const MaxOffset = 10_000
