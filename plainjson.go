package narrative

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and objects may lie in one another in a note.
const MaxDepth = 1000

// PlainJSON returns a JSON value in the one form that notes are kept in: no white space between its parts, and no
// escapes but those that JSON needs, so that the text in it can be found. Numbers and the order of members stay as they
// were written; of members of one name in an object the last is kept. What the store refuses is [Invalid]: what is
// malformed, more than one value, not UTF-8, nested more than [MaxDepth] deep, or has \u0000 in a string; half a
// surrogate pair becomes U+FFFD. The result may be b itself.
func PlainJSON(b []byte) ([]byte, error) {
	if !utf8.Valid(b) { // the decoder would put U+FFFD in its place
		return nil, Errorf(Invalid, "is not valid UTF-8")
	}
	s := scanner{in: b}
	s.space()
	err := s.value(0)
	if err == nil {
		s.space()
		if s.at < len(b) {
			err = malformed
		}
	}
	switch {
	case err == malformed:
		if _, said := decodeNumbers(b); said != nil {
			return nil, said
		}
		return nil, err
	case err != nil:
		return nil, err
	}
	plain := b[s.from:]
	if s.out != nil {
		plain = append(s.out, plain...)
	}
	if s.escaped || len(s.repeats) > 0 {
		plain = withoutRepeats(plain)
	}
	return plain, nil
}

// malformed stands for what the decoder says better.
var malformed = Errorf(Invalid, "is not valid JSON")

// scanner reads JSON that is UTF-8. What is left out or written otherwise is in out; from is where the rest begins.
type scanner struct {
	in   []byte
	at   int
	out  []byte
	from int

	names   []span // of the members of the objects that are being read, outermost first
	escaped bool   // there is an escape in a name, which may be another's written otherwise
	repeats []span // the members of which a later one has the name, each with the comma behind it
}

// replace writes something in the place of what was read since at.
func (s *scanner) replace(at int, with ...byte) {
	if s.out == nil {
		s.out = make([]byte, 0, len(s.in))
	}
	s.out = append(append(s.out, s.in[s.from:at]...), with...)
	s.from = s.at
}

// next is the byte to read, 0 at the end.
func (s *scanner) next() byte {
	if s.at < len(s.in) {
		return s.in[s.at]
	}
	return 0
}

// space leaves white space out.
func (s *scanner) space() {
	begin := s.at
	for s.at < len(s.in) && (s.in[s.at] == ' ' || s.in[s.at] == '\n' || s.in[s.at] == '\t' || s.in[s.at] == '\r') {
		s.at++
	}
	if s.at > begin {
		s.replace(begin)
	}
}

func (s *scanner) value(depth int) error {
	switch c := s.next(); {
	case c == '"':
		return s.text()
	case c == '{':
		return s.object(depth + 1)
	case c == '[':
		return s.list(']', depth+1, s.value)
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	}
	for _, literal := range []string{"true", "false", "null"} {
		if bytes.HasPrefix(s.in[s.at:], []byte(literal)) {
			s.at += len(literal)
			return nil
		}
	}
	return malformed
}

// list reads what stands between brackets, comma by comma.
func (s *scanner) list(end byte, depth int, entry func(depth int) error) error {
	if depth > MaxDepth {
		return Errorf(Invalid, "is nested more than %d deep", MaxDepth)
	}
	s.at++
	if s.space(); s.next() == end {
		s.at++
		return nil
	}
	for {
		if err := entry(depth); err != nil {
			return err
		}
		s.space()
		switch s.next() {
		case end:
			s.at++
			return nil
		case ',':
			s.at++
			s.space()
		default:
			return malformed
		}
	}
}

func (s *scanner) member(depth int) error {
	if s.next() != '"' {
		return malformed
	}
	begin := s.at
	if err := s.text(); err != nil {
		return err
	}
	s.names = append(s.names, span{begin, s.at})
	s.escaped = s.escaped || bytes.IndexByte(s.in[begin:s.at], '\\') >= 0
	if s.space(); s.next() != ':' {
		return malformed
	}
	s.at++
	s.space()
	return s.value(depth)
}

func (s *scanner) text() error {
	for s.at++; s.at < len(s.in); s.at++ {
		switch c := s.in[s.at]; {
		case c == '"':
			s.at++
			return nil
		case c == '\\':
			if err := s.escape(); err != nil {
				return err
			}
		case c < ' ':
			return malformed
		}
	}
	return malformed
}

// escape reads an escape but for its last byte.
func (s *scanner) escape() error {
	begin := s.at
	s.at++
	switch s.next() {
	case '"', '\\', 'b', 'f', 'n', 'r', 't':
		return nil
	case '/':
		s.from, s.at = s.dropped(begin, begin+1), begin+1
		return nil
	case 'u':
		r, ok := s.hex(begin)
		if !ok {
			return malformed
		}
		s.at = begin + 6
		if utf16.IsSurrogate(r) {
			if low, ok := s.hex(s.at); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
				r, s.at = utf16.DecodeRune(r, low), s.at+6
			} else {
				r = utf8.RuneError
			}
		}
		if r == 0 {
			return Errorf(Invalid, "contains the character \\u0000, which cannot be stored")
		}
		s.replace(begin, plainRune(r)...)
		s.at--
		return nil
	}
	return malformed
}

// dropped leaves out what lies between two places.
func (s *scanner) dropped(from, to int) int {
	s.at = to
	s.replace(from)
	return to
}

// hex reads the four digits of an escape that begins there.
func (s *scanner) hex(at int) (rune, bool) {
	if len(s.in) < at+6 || s.in[at] != '\\' || s.in[at+1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(s.in[at+2:at+6]), 16, 16)
	return rune(n), err == nil
}

// plainRune is how a character stands in a string.
func plainRune(r rune) []byte {
	const digits = "0123456789abcdef"
	switch {
	case r == '"' || r == '\\':
		return []byte{'\\', byte(r)}
	case r >= ' ':
		return utf8.AppendRune(nil, r)
	}
	if n := bytes.IndexByte([]byte("\b\f\n\r\t"), byte(r)); n >= 0 {
		return []byte{'\\', "bfnrt"[n]}
	}
	return []byte{'\\', 'u', '0', '0', digits[r>>4], digits[r&0xf]}
}

func (s *scanner) number() error {
	if s.next() == '-' {
		s.at++
	}
	if s.next() == '0' {
		s.at++
	} else if !s.digits() {
		return malformed
	}
	if s.next() == '.' {
		if s.at++; !s.digits() {
			return malformed
		}
	}
	if c := s.next(); c == 'e' || c == 'E' {
		s.at++
		if c := s.next(); c == '+' || c == '-' {
			s.at++
		}
		if !s.digits() {
			return malformed
		}
	}
	return nil
}

// digits reads one digit or more.
func (s *scanner) digits() bool {
	begin := s.at
	for c := s.next(); c >= '0' && c <= '9'; c = s.next() {
		s.at++
	}
	return s.at > begin
}
