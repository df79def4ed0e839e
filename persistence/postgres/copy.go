package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/narrative-go/narrative/persistence/engine"
)

// Insert copies the rows, in one round trip. They are written as they are needed.
func (e *Engine) Insert(ctx context.Context, table string, columns []string, rows engine.Rows) error {
	err := e.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		_, err := conn.Conn().PgConn().CopyFrom(ctx, newCopier(len(columns), rows), "COPY "+pgx.Identifier{table}.Sanitize()+
			" ("+strings.Join(columns, ", ")+") FROM STDIN BINARY")
		return err
	})
	return mapped(ctx, err)
}

// copier writes rows in the binary format of COPY.
type copier struct {
	rows   engine.Rows
	values []any
	next   int // row
	buffer []byte
	read   int // of the buffer
}

// copyHeader is the signature, no flags, and no extension.
const copyHeader = "PGCOPY\n\xff\r\n\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"

// copyPiece is about how much is written at a time.
const copyPiece = 64 << 10

func newCopier(columns int, rows engine.Rows) *copier {
	return &copier{rows: rows, values: make([]any, columns), buffer: append(make([]byte, 0, 2*copyPiece), copyHeader...)}
}

// Read implements [io.Reader].
func (c *copier) Read(p []byte) (int, error) {
	if c.read == len(c.buffer) {
		c.buffer, c.read = c.buffer[:0], 0
	}
	for len(c.buffer) < copyPiece && c.next <= c.rows.Len {
		if err := c.row(); err != nil {
			return 0, err
		}
	}
	if c.read == len(c.buffer) {
		return 0, io.EOF
	}
	n := copy(p, c.buffer[c.read:])
	c.read += n
	return n, nil
}

// row adds the next row, or what ends them.
func (c *copier) row() (err error) {
	fields := uint16(len(c.values))
	if c.next == c.rows.Len {
		fields = 0xffff
	}
	c.buffer = binary.BigEndian.AppendUint16(c.buffer, fields)
	if c.next < c.rows.Len {
		c.rows.Row(c.next, c.values)
		for _, v := range c.values {
			if c.buffer, err = appendField(c.buffer, v); err != nil {
				return err
			}
		}
	}
	c.next++
	return nil
}

// appendField adds a value after its length.
func appendField(b []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case string:
		return append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...), nil
	case engine.JSON:
		return append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...), nil
	case time.Time:
		return appendTime(b, v), nil
	case *time.Time:
		if v != nil {
			return appendTime(b, *v), nil
		}
		return binary.BigEndian.AppendUint32(b, 0xffffffff), nil
	case engine.Words:
		return appendWords(b, v), nil
	}
	return nil, fmt.Errorf("a %T cannot be copied", value)
}

// epoch is PostgreSQL's, in microseconds since 1970.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

func appendTime(b []byte, at time.Time) []byte {
	return binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), uint64(at.UnixMicro()-epoch))
}

// appendWords adds a tsvector without places.
func appendWords(b []byte, words engine.Words) []byte {
	length := 4
	for _, w := range words {
		length += len(w) + 3
	}
	b = binary.BigEndian.AppendUint32(b, uint32(length))
	b = binary.BigEndian.AppendUint32(b, uint32(len(words)))
	for _, w := range words {
		b = append(append(b, w...), 0, 0, 0)
	}
	return b
}

// textOf is a tsvector as text. A word holds neither quotes nor backslashes.
func textOf(words engine.Words) string {
	if len(words) == 0 {
		return ""
	}
	return "'" + strings.Join(words, "' '") + "'"
}
