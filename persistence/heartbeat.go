package persistence

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
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
	s.queueBeatDatum(batch, b.Name, b.Kind, one[0], always, &stored)
	if err := s.engine.Write(ctx, batch); err != nil {
		return narrative.Datum{}, false, during(err, "keep a beat of %q", b.Name)
	}
	return one[0], stored == 1, nil
}

// queueBeat makes the beat the heartbeat's last, unless a newer one is, which must not be dated ahead. kept_id becomes the
// datum's where a success is to be stored.
func queueBeat(b *engine.Batch, name string, kind narrative.BeatKind, d narrative.Datum, minInterval time.Duration, always bool) {
	newer := func(column, time string) string {
		return fmt.Sprintf("%[1]s = CASE WHEN h.%[2]s > excluded.%[2]s AND h.%[2]s <= $5 THEN h.%[1]s ELSE excluded.%[1]s END", column, time)
	}
	last := "last_" + string(kind)
	args := []any{name, d.At, string(kind), engine.JSON(d.Note), d.At.Add(narrative.MaxSkew)}
	columns, values := "", ""
	set := []string{newer(last, last), newer("kind", "at"), newer("note", "at"), newer("at", "at")}
	switch kind {
	case narrative.BeatFail:
		columns, values = ", fail_note", ", $4"
		set = append(set, newer("fail_note", last))
	case narrative.BeatSuccess:
		columns, values = ", kept_at, kept_id", ", $2, $6"
		args = append(args, d.ID)
		keep := "%[1]s = excluded.%[1]s"
		if !always {
			keep = "%[1]s = CASE WHEN h.kept_at > $7 AND h.kept_at <= $5 AND (h.last_fail IS NULL OR h.last_fail < h.kept_at) THEN h.%[1]s ELSE excluded.%[1]s END"
			args = append(args, d.At.Add(-minInterval))
		}
		set = append(set, fmt.Sprintf(keep, "kept_at"), fmt.Sprintf(keep, "kept_id"),
			"success_before = CASE WHEN h.last_success < excluded.last_success THEN h.last_success ELSE h.success_before END")
	}
	b.Exec(`
		INSERT INTO heartbeats AS h (name, at, kind, note, `+last+columns+`)
		VALUES ($1, $2, $3, $4, $2`+values+`)
		ON CONFLICT (name) DO UPDATE
		SET `+strings.Join(set, ", "), args...)
}

// queueBeatDatum stores the datum of a beat, with the success before it, where it is to be kept.
func (s *Store) queueBeatDatum(b *engine.Batch, name string, kind narrative.BeatKind, d narrative.Datum, always bool, stored *int) {
	fields := s.datumFields()
	values := make([]any, len(fields), len(fields)+1)
	s.datumValues(d, values)
	values = append(values, name)
	before, condition := "CASE WHEN last_success <= $7 THEN last_success END", ""
	if kind == narrative.BeatSuccess {
		before = "CASE WHEN last_success = $7 THEN success_before END"
	}
	if !always {
		condition = " AND kept_id = $1"
	}
	b.Count(stored, fmt.Sprintf("INSERT INTO datums (%s, success_before) SELECT %s, %s FROM heartbeats WHERE name = $%d%s",
		strings.Join(fields, ", "), placeholders(len(fields)), before, len(values), condition), values...)
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

// RemoveHeartbeat forgets a heartbeat, a part of its history at a time.
func (s *Store) RemoveHeartbeat(ctx context.Context, name string, limit int) (int, error) {
	if limit <= 0 {
		return 0, narrative.Errorf(narrative.Invalid, "remove a heartbeat: the limit must be at least 1, not %d", limit)
	}
	var datums, known int
	b := &engine.Batch{}
	b.Count(&known, "DELETE FROM heartbeats WHERE name = $1", name)
	b.Count(&datums, `
		DELETE FROM datums
		WHERE id IN (SELECT id FROM datums WHERE origin = 'heartbeat' AND name IN ($1, $2, $3) LIMIT $4)`,
		name, narrative.Beat{Name: name, Kind: narrative.BeatStart}.DatumName(), narrative.Beat{Name: name, Kind: narrative.BeatFail}.DatumName(), limit)
	if err := s.engine.Write(ctx, b); err != nil {
		return 0, during(err, "remove the heartbeat %q", name)
	}
	return datums, found(known+datums > 0, "heartbeat %q has never beat", name)
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
