package sql

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/narrative-go/narrative"
)

// rollbackTime is how long a server has to end a transaction, whose connection is closed otherwise.
const rollbackTime = 5 * time.Second

func openPostgres(dsn string) (*sql.DB, error) {
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		// The parser's error repeats the dsn.
		return nil, narrative.Errorf(narrative.Invalid, "the dsn is not a PostgreSQL URL such as postgres://user:password@host:5432/database")
	}
	c.RuntimeParams["default_transaction_read_only"] = "on"
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "narrative"
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 10 * time.Second
	}
	// The extended protocol refuses several statements; nothing is prepared, so that poolers in between do not mind.
	// Values come as text.
	c.DefaultQueryExecMode = pgx.QueryExecModeExec
	db := stdlib.OpenDB(*c)
	db.SetMaxIdleConns(2)
	return db, nil
}

// streamPostgres goes past database/sql, which would make a value of every column of every row, whoever wants it.
func streamPostgres(ctx context.Context, db *sql.DB, q query, to sink) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(driver any) error {
		return readOnly(ctx, driver.(*stdlib.Conn).Conn(), func(tx pgx.Tx) error {
			ctx, giveUp := context.WithCancel(ctx)
			rows, err := tx.Query(ctx, q.text, q.args...)
			// Where it stops early, closing the rows alone would read all that are left.
			defer func() { giveUp(); rows.Close() }()
			if err != nil {
				return err
			}
			return readPostgres(rows, to)
		})
	})
}

// readOnly calls do in a transaction that cannot write.
func readOnly(ctx context.Context, conn *pgx.Conn, do func(pgx.Tx) error) error {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTime)
		defer cancel()
		_ = tx.Rollback(ctx) // there is nothing to commit
	}()
	if deadline, ok := ctx.Deadline(); ok {
		// A little more than the context has, whose end says better what happened; it is for when nobody is left to
		// cancel the query.
		ms := time.Until(deadline).Milliseconds() + 1000
		if _, err := tx.Exec(ctx, fmt.Sprintf("SET LOCAL statement_timeout = %d", max(ms, 1))); err != nil {
			return err
		}
	}
	return do(tx)
}

func readPostgres(rows pgx.Rows, to sink) error {
	next := rows.Next() // before it, a query that PostgreSQL refuses has no columns
	if err := rows.Err(); err != nil {
		return err
	}
	fields := rows.FieldDescriptions()
	columns := make([]string, len(fields))
	one := postgresRow{plain: make([]func([]byte) any, len(fields))}
	for i, f := range fields {
		columns[i], one.plain[i] = f.Name, plainText(rows.Conn().TypeMap(), f.DataTypeOID)
	}
	if err := to.begin(columns); err != nil {
		return err
	}
	for ; next; next = rows.Next() {
		one.raw = rows.RawValues()
		if more, err := to.each(row{columns, &one}); err != nil || !more {
			return err
		}
	}
	return rows.Err()
}

// postgresRow is a row as the server sent it.
type postgresRow struct {
	raw   [][]byte // nil: NULL
	plain []func([]byte) any
}

func (p *postgresRow) value(column int) any {
	if p.raw[column] == nil {
		return nil
	}
	return p.plain[column](p.raw[column])
}

// plainText returns what makes a plain value of a type's text.
func plainText(types *pgtype.Map, oid uint32) func(text []byte) any {
	switch oid {
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.OIDOID, pgtype.XIDOID, pgtype.CIDOID:
		return func(text []byte) any {
			n, err := strconv.ParseInt(string(text), 10, 64)
			return plainOr(n, err, text)
		}
	case pgtype.Float4OID, pgtype.Float8OID:
		bits := map[uint32]int{pgtype.Float4OID: 32, pgtype.Float8OID: 64}[oid]
		return func(text []byte) any {
			f, err := strconv.ParseFloat(string(text), bits)
			return plainOr(f, err, text)
		}
	case pgtype.BoolOID:
		return func(text []byte) any { return string(text) == "t" }
	case pgtype.ByteaOID:
		return func(text []byte) any { return plainByCodec(types, oid, text) }
	case pgtype.DateOID, pgtype.TimestampOID, pgtype.TimestamptzOID:
		return func(text []byte) any { return plainTime(types, oid, text) }
	}
	return func(text []byte) any { return plain(string(text)) }
}

// plainOr is the value, or the text where it could not be read.
func plainOr(v any, err error, text []byte) any {
	if err != nil {
		return plain(string(text))
	}
	return plain(v)
}

// plainTime makes a plain value of a time's text; pgx knows all of them, and most are in UTC.
func plainTime(types *pgtype.Map, oid uint32, text []byte) any {
	if at, ok := inUTC(text); ok {
		return at
	}
	return plainByCodec(types, oid, text)
}

func plainByCodec(types *pgtype.Map, oid uint32, text []byte) any {
	t, ok := types.TypeForOID(oid)
	if !ok {
		return plain(string(text))
	}
	v, err := t.Codec.DecodeDatabaseSQLValue(types, oid, pgtype.TextFormatCode, text)
	return plainOr(v, err, text)
}

// inUTC turns 2026-03-01, 2026-03-01 10:00:00.5 and 2026-03-01 10:00:00.5+00 into RFC 3339, as pgx and package time
// would; false for all else.
func inUTC(text []byte) (string, bool) {
	const date, seconds = len("2026-03-01"), len("2026-03-01 10:00:00")
	if len(text) == date && text[4] == '-' && text[7] == '-' {
		return string(text) + "T00:00:00Z", true
	}
	text = bytes.TrimSuffix(text, []byte("+00"))
	if len(text) < seconds || text[4] != '-' || text[7] != '-' || text[date] != ' ' {
		return "", false
	}
	for i, c := range text[seconds:] {
		if (i > 0 || c != '.') && (c < '0' || c > '9') {
			return "", false
		}
	}
	at := append(make([]byte, 0, 40), text...)
	at[date] = 'T'
	return string(append(at, 'Z')), true
}
