package persistence

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	sq "github.com/Masterminds/squirrel"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

var datumColumns = []string{"id", "origin", "name", "note", "level", "thread_id", "at", "expires_at"}

// fewDatums is up to how many are sent as a batch, which is one round trip to PostgreSQL where copying takes two.
const fewDatums = 32

func scanDatum(r engine.Row) (d narrative.Datum, err error) {
	err = r.Scan(&d.ID, &d.Origin, &d.Name, document{&d.Note}, (*string)(&d.Level), &d.ThreadID, moment{&d.At}, perhaps{&d.ExpiresAt})
	return d, err
}

// AddDatums stores all of them or none and returns them as they are stored.
func (s *Store) AddDatums(ctx context.Context, datums []narrative.Datum) ([]narrative.Datum, error) {
	stored := make([]narrative.Datum, len(datums))
	var problems narrative.Problems
	for i, d := range datums {
		var p narrative.Problems
		stored[i], p = storable(d)
		problems = append(problems, p.At(fmt.Sprintf("datums[%d]", i))...)
	}
	if err := problems.Err(); err != nil {
		return nil, during(err, "add datums")
	}
	if err := s.insertDatums(ctx, stored); err != nil {
		return nil, during(err, "add datums")
	}
	return stored, nil
}

func (s *Store) insertDatums(ctx context.Context, datums []narrative.Datum) error {
	rows := make([][]any, len(datums))
	for i, d := range datums {
		rows[i] = []any{d.ID, d.Origin, d.Name, engine.JSON(d.Note), string(d.Level), d.ThreadID, d.At, d.ExpiresAt}
	}
	if len(rows) > fewDatums {
		return s.engine.Insert(ctx, "datums", datumColumns, rows)
	}
	b := &engine.Batch{}
	for _, row := range rows {
		b.Exec("INSERT INTO datums ("+strings.Join(datumColumns, ", ")+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", row...)
	}
	return s.engine.Write(ctx, b)
}

// storable returns the datum as it will be read back.
func storable(d narrative.Datum) (narrative.Datum, narrative.Problems) {
	problems := d.Validate()
	if !utf8.Valid(d.Note) {
		problems = append(problems, narrative.Problem{Path: "note", Message: "is not valid UTF-8"})
	}
	if len(problems) > 0 {
		return d, problems
	}
	d.Level, _ = narrative.ParseLevel(string(d.Level))
	d.Note = plainNote(d.Note)
	d.At = d.At.UTC().Truncate(time.Microsecond)
	if d.ExpiresAt != nil {
		expires := d.ExpiresAt.UTC().Truncate(time.Microsecond)
		d.ExpiresAt = &expires
	}
	d.ID = narrative.NewID(d.At)
	d.ThreadID = cmp.Or(d.ThreadID, narrative.NewID(d.At))
	return d, nil
}

// plainNote compacts a note. One that was written with escapes is written anew without, so that the text in it can be
// found; a number keeps the form it has.
func plainNote(note json.RawMessage) json.RawMessage {
	if len(note) == 0 {
		return json.RawMessage("null")
	}
	if bytes.Contains(note, []byte(`\u`)) {
		d := json.NewDecoder(bytes.NewReader(note))
		d.UseNumber()
		var plain any
		if d.Decode(&plain) == nil {
			if written, err := encodeJSON(plain); err == nil {
				return written
			}
		}
	}
	var out bytes.Buffer
	if json.Compact(&out, note) != nil {
		return note
	}
	return out.Bytes()
}

// Datums lists datums, newest first.
func (s *Store) Datums(ctx context.Context, q narrative.DatumQuery, p narrative.Page) (narrative.Listed[narrative.Datum], error) {
	var none narrative.Listed[narrative.Datum]
	limit, after, err := pageOf("datums", p)
	if err != nil {
		return none, err
	}
	var t texts
	t.add("q", q.Text)
	if err := t.err(); err != nil {
		return none, err
	}
	if q.Offset < 0 || q.Offset > narrative.MaxOffset {
		return none, narrative.Problems{{Path: "offset", Message: fmt.Sprintf("must be from 0 to %d", narrative.MaxOffset)}}
	}
	query := s.datumQuery(q, datumColumns...).OrderBy("at DESC", "id DESC").Limit(uint64(limit) + 1)
	switch {
	case after != nil:
		query = query.Where("(at, id) < (?, ?)", after.at(), after.id)
	case q.Offset > 0:
		query = query.Offset(uint64(q.Offset))
	}
	var datums []narrative.Datum
	if err := s.read(ctx, query, collect(&datums, scanDatum)); err != nil {
		return none, during(err, "list the datums")
	}
	return listed(datums, limit, func(d narrative.Datum) cursor { return cursor{"datums", d.At.UnixMicro(), d.ID} }), nil
}

// CountDatums counts the datums of a query.
func (s *Store) CountDatums(ctx context.Context, q narrative.DatumQuery) (int, error) {
	var t texts
	t.add("q", q.Text)
	if err := t.err(); err != nil {
		return 0, err
	}
	var n int
	err := s.read(ctx, s.datumQuery(q, "COUNT(*)"), func(r engine.Row) error { return r.Scan(&n) })
	return n, during(err, "count the datums")
}

func (s *Store) datumQuery(q narrative.DatumQuery, columns ...string) sq.SelectBuilder {
	query := statements.Select(columns...).From("datums")
	for _, f := range []struct{ column, value string }{
		{"origin", q.Origin}, {"name", q.Name}, {"thread_id", q.ThreadID}, {"level", string(q.Level)},
	} {
		if f.value != "" {
			query = query.Where(sq.Eq{f.column: f.value})
		}
	}
	if q.IDs != nil {
		query = query.Where(sq.Eq{"id": q.IDs})
	}
	if q.MinLevel != "" {
		var levels []string
		for _, l := range narrative.Levels[q.MinLevel.Rank():] {
			levels = append(levels, string(l))
		}
		query = query.Where(sq.Eq{"level": levels})
	}
	if !q.Since.IsZero() {
		query = query.Where(sq.GtOrEq{"at": q.Since})
	}
	if !q.Until.IsZero() {
		query = query.Where(sq.Lt{"at": q.Until})
	}
	if !q.Now.IsZero() {
		query = query.Where(sq.Or{sq.Eq{"expires_at": nil}, sq.Gt{"expires_at": q.Now}})
	}
	if q.Text != "" {
		query = query.Where(s.contains(q.Text, "name", "origin", "CAST(note AS text)"))
	}
	return query
}

// contains looks for a text in any of some columns.
func (s *Store) contains(sought string, columns ...string) sq.Or {
	var any sq.Or
	for _, column := range columns {
		any = append(any, sq.Expr(fmt.Sprintf(s.dialect.Contains, column, "?"), sought))
	}
	return any
}
