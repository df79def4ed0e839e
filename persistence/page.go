package persistence

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
)

// cursor is where a page ended: the last item's place in the order, a time in microseconds or a sequence number, and
// its id. It is bound to the list it came from.
type cursor struct {
	list  string
	place int64
	id    string
}

const cursorVersion = "1"

func (c cursor) String() string {
	plain := strings.Join([]string{cursorVersion, c.list, strconv.FormatInt(c.place, 10), c.id}, "|")
	return base64.RawURLEncoding.EncodeToString([]byte(plain))
}

// at returns the place as a time.
func (c cursor) at() time.Time { return time.UnixMicro(c.place).UTC() }

// pageOf returns how many items a page has, and where the page before ended, nil for the first one.
func pageOf(list string, p narrative.Page) (limit int, after *cursor, err error) {
	switch {
	case p.Limit < 0 || p.Limit > narrative.MaxPage:
		return 0, nil, narrative.Problems{{Path: "limit", Message: "must be from 1 to " + strconv.Itoa(narrative.MaxPage)}}
	case p.Limit == 0:
		p.Limit = narrative.DefaultPage
	}
	if p.Cursor == "" {
		return p.Limit, nil, nil
	}
	foreign := narrative.Problems{{Path: "cursor", Message: "is not one that this list gave out"}}
	plain, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil {
		return 0, nil, foreign
	}
	parts := strings.Split(string(plain), "|")
	if len(parts) != 4 || parts[0] != cursorVersion || parts[1] != list || narrative.CheckText(parts[3]) != nil {
		return 0, nil, foreign
	}
	place, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil || place > maxPlace || place < -maxPlace {
		return 0, nil, foreign
	}
	return p.Limit, &cursor{list: list, place: place, id: parts[3]}, nil
}

// maxPlace keeps a forged cursor within the times that a database knows: the year 9999 or so, in microseconds.
const maxPlace = 253_402_300_799_000_000

// listed makes the page of items, of which one more than limit was asked for.
func listed[T any](items []T, limit int, end func(T) cursor) narrative.Listed[T] {
	if items == nil {
		items = []T{}
	}
	if len(items) <= limit {
		return narrative.Listed[T]{Items: items}
	}
	items = items[:limit]
	return narrative.Listed[T]{Items: items, NextCursor: end(items[limit-1]).String()}
}
