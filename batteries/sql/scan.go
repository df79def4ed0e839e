package sql

import "strings"

// scanner walks through a query: its words, and each other character by itself; comments and the insides of strings
// and quoted names are passed over.
type scanner struct{ rest string }

func (s *scanner) next() (token string, ok bool) {
	for {
		s.rest = strings.TrimLeft(s.rest, " \t\r\n\f")
		switch {
		case s.rest == "":
			return "", false
		case strings.HasPrefix(s.rest, "--"):
			_, s.rest, _ = strings.Cut(s.rest, "\n")
		case strings.HasPrefix(s.rest, "/*"):
			s.comment()
		default:
			return s.token(), true
		}
	}
}

// comment passes over a comment; PostgreSQL's nest.
func (s *scanner) comment() {
	depth := 0
	for s.rest != "" {
		switch {
		case strings.HasPrefix(s.rest, "/*"):
			depth++
			s.rest = s.rest[2:]
		case strings.HasPrefix(s.rest, "*/"):
			depth--
			s.rest = s.rest[2:]
			if depth == 0 {
				return
			}
		default:
			s.rest = s.rest[1:]
		}
	}
}

func (s *scanner) token() string {
	switch c := s.rest[0]; c {
	case '\'', '"', '`':
		// A doubled quote reads as the end of one and the begin of the next, which comes to the same here.
		_, s.rest, _ = strings.Cut(s.rest[1:], string(c))
		return string(c)
	case '[':
		_, s.rest, _ = strings.Cut(s.rest[1:], "]")
		return "["
	case '$':
		if tag, ok := dollarTag(s.rest); ok {
			_, s.rest, _ = strings.Cut(s.rest[len(tag):], tag)
			return tag
		}
	}
	end := 0
	for end < len(s.rest) && wordByte(s.rest[end]) {
		end++
	}
	end = max(end, 1)
	word := s.rest[:end]
	s.rest = s.rest[end:]
	return word
}

// dollarTag is the $tag$ that begins a string of PostgreSQL's.
func dollarTag(s string) (string, bool) {
	end := 1
	for end < len(s) && wordByte(s[end]) {
		end++
	}
	if end < len(s) && s[end] == '$' {
		return s[:end+1], true
	}
	return "", false
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
