package narrative

import (
	"hash/maphash"
	"math/bits"
	"slices"
)

// fewMembers is up to how many members of an object are compared one with each other.
const fewMembers = 24

// span is a part of the text.
type span struct{ from, to int }

// object reads one, and notes which of its members come again.
func (s *scanner) object(depth int) error {
	if s.names == nil {
		s.names = make([]span, 0, 8)
	}
	outer := len(s.names)
	err := s.list('}', depth, s.member)
	if own := s.names[outer:]; len(own) > fewMembers {
		s.repeatsAmongMany(own)
	} else {
		s.repeatsAmongFew(own)
	}
	s.names = s.names[:outer]
	return err
}

func (s *scanner) repeatsAmongFew(names []span) {
	for n, name := range names {
		if slices.ContainsFunc(names[n+1:], func(later span) bool { return s.same(name, later) }) {
			s.repeats = append(s.repeats, span{name.from, names[n+1].from})
		}
	}
}

// repeatsAmongMany keeps the names in a hash table, each by its number from 1.
func (s *scanner) repeatsAmongMany(names []span) {
	table := make([]int, 2<<bits.Len(uint(len(names))))
	seed, last := maphash.MakeSeed(), uint64(len(table)-1)
	for n, name := range names {
		at := maphash.Bytes(seed, s.in[name.from:name.to]) & last
		for table[at] != 0 && !s.same(names[table[at]-1], name) {
			at = (at + 1) & last
		}
		if before := table[at]; before != 0 {
			s.repeats = append(s.repeats, span{names[before-1].from, names[before].from})
		}
		table[at] = n + 1
	}
}

func (s *scanner) same(a, b span) bool {
	return a.to-a.from == b.to-b.from && string(s.in[a.from:a.to]) == string(s.in[b.from:b.to])
}

// withoutRepeats leaves out of plain JSON each member of an object of which a later one has the name.
func withoutRepeats(plain []byte) []byte {
	s := scanner{in: plain}
	if s.value(0) != nil || len(s.repeats) == 0 {
		return plain
	}
	slices.SortFunc(s.repeats, func(a, b span) int { return a.from - b.from })
	kept, from := make([]byte, 0, len(plain)), 0
	for _, left := range s.repeats {
		if left.to <= from { // it lies in one that is left out
			continue
		}
		kept = append(kept, plain[from:left.from]...)
		from = left.to
	}
	return append(kept, plain[from:]...)
}
