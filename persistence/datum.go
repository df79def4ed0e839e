package persistence

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	sq "github.com/Masterminds/squirrel"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

var datumColumns = []string{"id", "origin", "name", "note", "level", "thread_id", "at", "expires_at"}

// fewDatums is up to how many are sent as a batch: of a statement that is prepared, where copying is not.
const fewDatums = 8

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
		if stored[i], p = d.Plain(); len(p) > 0 {
			problems = append(problems, p.At(fmt.Sprintf("datums[%d]", i))...)
		}
	}
	if err := problems.Err(); err != nil {
		return nil, during(err, "add datums")
	}
	s.identify(stored)
	if err := s.insertDatums(ctx, stored); err != nil {
		return nil, during(err, "add datums")
	}
	return stored, nil
}

// identify gives datums ids, and those without a thread one of their own, named after them.
func (s *Store) identify(datums []narrative.Datum) {
	for i, id := range s.datumIDs.next(len(datums), s.now()) {
		datums[i].ID = id
		datums[i].ThreadID = cmp.Or(datums[i].ThreadID, id)
	}
}

func (s *Store) insertDatums(ctx context.Context, datums []narrative.Datum) error {
	if len(datums) > fewDatums {
		return s.engine.Insert(ctx, "datums", s.datumFields(), engine.Rows{Len: len(datums), Row: func(n int, values []any) {
			s.datumValues(datums[n], values)
		}})
	}
	b := &engine.Batch{}
	for _, d := range datums {
		s.queueDatum(b, d)
	}
	return s.engine.Write(ctx, b)
}

// queueDatum adds the statement that stores a datum.
func (s *Store) queueDatum(b *engine.Batch, d narrative.Datum) {
	values := make([]any, len(s.datumFields()))
	s.datumValues(d, values)
	b.Exec(s.insertDatum, values...)
}

// insertDatumInto is the statement that stores a datum of those columns.
func insertDatumInto(fields []string) string {
	return "INSERT INTO datums (" + strings.Join(fields, ", ") + ") VALUES (" + placeholders(len(fields)) + ")"
}

// placeholders are those of so many values.
func placeholders(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = "$" + strconv.Itoa(i+1)
	}
	return strings.Join(all, ", ")
}

// datumFields are the columns that are written.
func (s *Store) datumFields() []string {
	if s.dialect.Words {
		return datumColumnsAndWords
	}
	return datumColumns
}

var datumColumnsAndWords = append(slices.Clone(datumColumns), "words")

// datumValues fills in what is written.
func (s *Store) datumValues(d narrative.Datum, values []any) {
	copy(values, []any{d.ID, d.Origin, d.Name, engine.JSON(d.Note), string(d.Level), d.ThreadID, d.At, d.ExpiresAt})
	if s.dialect.Words {
		values[len(datumColumns)] = wordsOf(d)
	}
}

// Datums lists datums, newest first or oldest first.
func (s *Store) Datums(ctx context.Context, q narrative.DatumQuery, p narrative.Page) (narrative.Listed[narrative.Datum], error) {
	var none narrative.Listed[narrative.Datum]
	list, order, beyond := "datums", "DESC", "<"
	if q.OldestFirst {
		list, order, beyond = "datums/oldest", "ASC", ">"
	}
	limit, after, err := pageOf(list, p)
	if err != nil {
		return none, err
	}
	if q.Offset < 0 || q.Offset > narrative.MaxOffset {
		return none, narrative.Problems{{Path: "offset", Message: fmt.Sprintf("must be from 0 to %d", narrative.MaxOffset)}}
	}
	query, err := s.datumQuery(q, datumColumns...)
	if err != nil {
		return none, err
	}
	query = query.OrderBy("at "+order, "id "+order).Limit(uint64(limit) + 1)
	switch {
	case after != nil:
		query = query.Where("(at, id) "+beyond+" (?, ?)", after.at(), after.id)
	case q.Offset > 0:
		query = query.Offset(uint64(q.Offset))
	}
	var datums []narrative.Datum
	if err := s.read(ctx, query, collect(&datums, scanDatum)); err != nil {
		return none, during(err, "list the datums")
	}
	return listed(datums, limit, func(d narrative.Datum) cursor { return cursor{list, d.At.UnixMicro(), d.ID} }), nil
}

// ArrivedDatums returns datums in the order in which they were stored.
func (s *Store) ArrivedDatums(ctx context.Context, q narrative.DatumQuery, after string, limit int) ([]narrative.Datum, error) {
	limit, _, err := pageOf("", narrative.Page{Limit: limit})
	if err != nil {
		return nil, err
	}
	query, err := s.datumQuery(q, datumColumns...)
	if err != nil {
		return nil, err
	}
	var datums []narrative.Datum
	err = s.read(ctx, query.Where(sq.Gt{"id": after}).OrderBy("id").Limit(uint64(limit)), collect(&datums, scanDatum))
	return datums, during(err, "follow the datums")
}

// MarkDatums returns a mark of what can be seen now.
func (s *Store) MarkDatums(ctx context.Context) (mark narrative.DatumMark, err error) {
	b := &engine.Batch{}
	b.Query(func(r engine.Row) error { return r.Scan((*string)(&mark)) }, s.dialect.Mark("datums"))
	return mark, during(s.engine.Read(ctx, b), "mark the datums")
}

// CountDatums counts the datums of a query.
func (s *Store) CountDatums(ctx context.Context, q narrative.DatumQuery) (int, error) {
	query, err := s.datumQuery(q, "COUNT(*)")
	if err != nil {
		return 0, err
	}
	var n int
	err = s.read(ctx, query, func(r engine.Row) error { return r.Scan(&n) })
	return n, during(err, "count the datums")
}

// SweepDatums deletes expired datums.
func (s *Store) SweepDatums(ctx context.Context, now time.Time, limit int) (int, error) {
	if limit <= 0 {
		return 0, narrative.Errorf(narrative.Invalid, "sweep: the limit must be at least 1, not %d", limit)
	}
	swept := 0
	b := &engine.Batch{}
	s.queueSweepDatums(b, now, limit, &swept)
	return swept, during(s.engine.Write(ctx, b), "sweep")
}

// queueSweepDatums leaves alone what another sweep is about to delete.
func (s *Store) queueSweepDatums(b *engine.Batch, now time.Time, limit int, swept *int) {
	b.Count(swept, `
		WITH expired AS MATERIALIZED (
			SELECT id FROM datums WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2`+s.dialect.Lock("FOR UPDATE SKIP LOCKED")+`
		)
		DELETE FROM datums WHERE id IN (SELECT id FROM expired)`, now, limit)
}

// datumQuery selects what a query does, or says what is wrong with it.
func (s *Store) datumQuery(q narrative.DatumQuery, columns ...string) (sq.SelectBuilder, error) {
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
	if q.Now.IsZero() {
		q.Now = s.now()
	}
	query = query.Where(sq.Or{sq.Eq{"expires_at": nil}, sq.Gt{"expires_at": q.Now}})
	if q.Unseen != "" {
		condition, args, err := s.dialect.Unseen(string(q.Unseen))
		if err != nil {
			return query, err
		}
		query = query.Where(condition, args...)
	}
	members, problems := s.noteFilters(q.Note)
	problems = append(problems, checkSought(q.Text)...)
	if q.Text != "" {
		query = query.Where(s.sought(q.Text))
	}
	if len(members) > 0 {
		query = query.Where(members)
	}
	return query, problems.Err()
}
