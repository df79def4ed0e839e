package persistence

import "github.com/narrative-go/narrative/persistence/engine"

// pieceSize is about how many bytes of rows make a piece.
const pieceSize = 1 << 20

// pieces gather rows for a statement over [engine.Dialect.Rows] and hand them on a piece at a time, so that any number
// takes little memory.
type pieces struct {
	table engine.Table
	size  int // of the table, in bytes
	send  func(table engine.Table, size int) error
}

// add adds a row.
func (p *pieces) add(row ...string) error {
	if p.table == nil {
		p.table = make(engine.Table, len(row))
	}
	for n, value := range row {
		p.table[n] = append(p.table[n], value)
		p.size += len(value)
	}
	if p.size < pieceSize {
		return nil
	}
	return p.rest()
}

// rest hands on the rows that were not yet.
func (p *pieces) rest() error {
	if p.table == nil {
		return nil
	}
	table, size := p.table, p.size
	p.table, p.size = nil, 0
	return p.send(table, size)
}
