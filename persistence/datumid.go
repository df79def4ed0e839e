package persistence

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"sync"
	"time"
)

// datumIDs gives out UUIDs of version 7 that go up: with the moment of storing to 1/4096 ms, where narrative.NewID has
// the millisecond alone (RFC 9562, 6.2, method 3). They are no secrets.
type datumIDs struct {
	mu   sync.Mutex
	last uint64 // given out, in 1/4096 ms since 1970
}

// ahead is how far the ids may be ahead of the clock, having been made faster than it runs or before it was set back.
const ahead = 1000 << 12

// next makes n ids.
func (g *datumIDs) next(n int, now time.Time) []string {
	micros := uint64(now.UnixMicro())
	tick := micros/1000<<12 | micros%1000<<12/1000
	g.mu.Lock()
	if tick <= g.last && g.last < tick+ahead {
		tick = g.last + 1
	}
	g.last = tick + uint64(n) - 1
	g.mu.Unlock()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = datumID(tick + uint64(i))
	}
	return ids
}

func datumID(tick uint64) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], tick>>12<<16|7<<12|tick&0xfff)
	binary.BigEndian.PutUint64(b[8:], rand.Uint64()>>2|1<<63)
	var s [36]byte
	hex.Encode(s[:], b[:4])
	hex.Encode(s[9:], b[4:6])
	hex.Encode(s[14:], b[6:8])
	hex.Encode(s[19:], b[8:10])
	hex.Encode(s[24:], b[10:])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}
