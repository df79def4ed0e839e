package persistence

import (
	"context"
	"encoding/json"
	"time"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

const heartbeatColumns = "name, last_success, last_start, last_fail, kind, note, fail_note"

func scanHeartbeat(r engine.Row) (h narrative.Heartbeat, err error) {
	err = r.Scan(&h.Name, perhaps{&h.LastSuccess}, perhaps{&h.LastStart}, perhaps{&h.LastFail}, (*string)(&h.Kind),
		document{&h.Note}, document{&h.FailNote})
	return h, err
}

// Beat keeps a beat, in one batch. Whoever comes at the same moment waits for the heartbeat's row.
func (s *Store) Beat(ctx context.Context, b narrative.Beat, minInterval time.Duration) (narrative.Datum, bool, error) {
	if b.Kind == "" {
		b.Kind = narrative.BeatSuccess
	}
	problems := b.Validate()
	if minInterval < 0 {
		problems = append(problems, narrative.Problem{Path: "min_interval", Message: "must not be negative"})
	}
	d, more := b.Datum().Plain()
	if len(problems) == 0 {
		problems = more
	}
	if err := problems.Err(); err != nil {
		return narrative.Datum{}, false, during(err, "keep a beat of %q", b.Name)
	}
	one := []narrative.Datum{d}
	s.identify(one)
	stored := 0
	batch := &engine.Batch{}
	always := b.Kind != narrative.BeatSuccess || minInterval == 0
	queueBeat(batch, b.Name, b.Kind, one[0], minInterval, always)
	condition := ""
	if !always {
		condition = " WHERE EXISTS (SELECT 1 FROM heartbeats WHERE name = $3 AND kept_id = $1)"
	}
	s.queueDatum(batch, one[0], &stored, condition)
	if err := s.engine.Write(ctx, batch); err != nil {
		return narrative.Datum{}, false, during(err, "keep a beat of %q", b.Name)
	}
	return one[0], stored == 1, nil
}

// queueBeat makes the beat the heartbeat's last, unless a newer one is. kept_id becomes the datum's where a success is
// to be stored.
func queueBeat(b *engine.Batch, name string, kind narrative.BeatKind, d narrative.Datum, minInterval time.Duration, always bool) {
	const newer = "CASE WHEN h.at > excluded.at THEN h."
	column := "last_" + string(kind)
	args := []any{name, d.At, string(kind), engine.JSON(d.Note)}
	columns, values, set := "", "", ""
	switch {
	case kind == narrative.BeatFail:
		columns, values = ", fail_note", ", $4"
		set = ", fail_note = CASE WHEN h.last_fail > excluded.last_fail THEN h.fail_note ELSE excluded.fail_note END"
	case kind == narrative.BeatSuccess && always:
		columns, values, set = ", kept_at, kept_id", ", $2, $5", ", kept_at = excluded.kept_at, kept_id = excluded.kept_id"
		args = append(args, d.ID)
	case kind == narrative.BeatSuccess:
		columns, values = ", kept_at, kept_id", ", $2, $5"
		const kept = "CASE WHEN h.kept_at > $6 AND h.kept_at <= $7 AND (h.last_fail IS NULL OR h.last_fail < h.kept_at) THEN h."
		set = ", kept_at = " + kept + "kept_at ELSE excluded.kept_at END, kept_id = " + kept + "kept_id ELSE excluded.kept_id END"
		args = append(args, d.ID, d.At.Add(-minInterval), d.At.Add(narrative.MaxSkew))
	}
	b.Exec(`
		INSERT INTO heartbeats AS h (name, at, kind, note, `+column+columns+`)
		VALUES ($1, $2, $3, $4, $2`+values+`)
		ON CONFLICT (name) DO UPDATE
		SET `+column+` = CASE WHEN h.`+column+` > excluded.`+column+` THEN h.`+column+` ELSE excluded.`+column+` END,
			kind = `+newer+`kind ELSE excluded.kind END,
			note = `+newer+`note ELSE excluded.note END,
			at = `+newer+`at ELSE excluded.at END`+set, args...)
}

// Heartbeats lists what was told by Beat, by name.
func (s *Store) Heartbeats(ctx context.Context, p narrative.Page) (narrative.Listed[narrative.Heartbeat], error) {
	var none narrative.Listed[narrative.Heartbeat]
	limit, after, err := pageOf("heartbeats", p)
	if err != nil {
		return none, err
	}
	query := statements.Select(heartbeatColumns).From("heartbeats").OrderBy("name").Limit(uint64(limit) + 1)
	if after != nil {
		query = query.Where("name > ?", after.id)
	}
	var all []narrative.Heartbeat
	if err := s.read(ctx, query, collect(&all, scanHeartbeat)); err != nil {
		return none, during(err, "list the heartbeats")
	}
	return listed(all, limit, func(h narrative.Heartbeat) cursor { return cursor{list: "heartbeats", id: h.Name} }), nil
}

// Heartbeat returns what is known last of a heartbeat.
func (s *Store) Heartbeat(ctx context.Context, name string, now time.Time) (narrative.Heartbeat, error) {
	var kept, told []narrative.Beat
	b := &engine.Batch{}
	b.Query(func(r engine.Row) error {
		h, err := scanHeartbeat(r)
		kept = beatsOf(h)
		return err
	}, "SELECT "+heartbeatColumns+" FROM heartbeats WHERE name = $1", name)
	latest := now.Add(narrative.MaxSkew)
	for _, kind := range []narrative.BeatKind{narrative.BeatSuccess, narrative.BeatStart, narrative.BeatFail} {
		b.Query(collect(&told, func(r engine.Row) (narrative.Beat, error) {
			one := narrative.Beat{Kind: kind}
			return one, r.Scan(moment{&one.At}, document{&one.Note})
		}), `
			SELECT at, note
			FROM datums
			WHERE origin = 'heartbeat' AND name = $1 AND at <= $2 AND (expires_at IS NULL OR expires_at > $3)
			ORDER BY at DESC LIMIT 1`,
			narrative.Beat{Name: name, Kind: kind}.DatumName(), latest, now)
	}
	if err := s.engine.Read(ctx, b); err != nil {
		return narrative.Heartbeat{}, during(err, "load the heartbeat %q", name)
	}
	h := lastOf(append(kept, told...), latest)
	h.Name = name
	return h, found(h.Kind != "", "heartbeat %q has never beat", name)
}

// beatsOf are the beats that a heartbeat knows. The notes of some are not known any more.
func beatsOf(h narrative.Heartbeat) (beats []narrative.Beat) {
	for _, b := range []struct {
		kind narrative.BeatKind
		at   *time.Time
	}{{narrative.BeatSuccess, h.LastSuccess}, {narrative.BeatStart, h.LastStart}, {narrative.BeatFail, h.LastFail}} {
		switch {
		case b.at == nil:
		case b.kind == narrative.BeatFail:
			beats = append(beats, narrative.Beat{Kind: b.kind, At: *b.at, Note: h.FailNote})
		case b.kind == h.Kind:
			beats = append(beats, narrative.Beat{Kind: b.kind, At: *b.at, Note: h.Note})
		default:
			beats = append(beats, narrative.Beat{Kind: b.kind, At: *b.at})
		}
	}
	return beats
}

// lastOf is what beats tell that are not later than latest; of those of the same moment the last.
func lastOf(beats []narrative.Beat, latest time.Time) narrative.Heartbeat {
	null := json.RawMessage("null")
	h := narrative.Heartbeat{Note: null, FailNote: null}
	to := map[narrative.BeatKind]**time.Time{
		narrative.BeatSuccess: &h.LastSuccess, narrative.BeatStart: &h.LastStart, narrative.BeatFail: &h.LastFail,
	}
	var newest time.Time
	for _, b := range beats {
		last := to[b.Kind]
		if b.At.After(latest) || *last != nil && b.At.Before(**last) {
			continue
		}
		*last = &b.At
		if b.Kind == narrative.BeatFail {
			h.FailNote = b.Note
		}
		if !b.At.Before(newest) {
			newest, h.Kind, h.Note = b.At, b.Kind, b.Note
		}
	}
	if h.Note == nil {
		h.Note = null
	}
	return h
}
