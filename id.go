package narrative

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"
)

// NewID returns a UUID of version 7 (RFC 9562): those made later sort later, to the millisecond.
func NewID(at time.Time) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(at.UnixMilli()))
	copy(b[:6], ms[2:])
	b[6] = b[6]&0x0f | 0x70
	b[8] = b[8]&0x3f | 0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// FirstID returns an id that sorts before all that [NewID] makes at that time or later, and after those before.
func FirstID(at time.Time) string {
	ms := fmt.Sprintf("%012x", uint64(max(at.UnixMilli(), 0))&(1<<48-1))
	return ms[:8] + "-" + ms[8:] + "-7000-8000-000000000000"
}
