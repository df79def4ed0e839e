package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/token"
)

// tooMuch finds what would cost the parser more than a file is worth: nesting that could exhaust the stack, and
// objects of very many keys.
func tooMuch(tokens token.Tokens) (*token.Token, string) {
	depth, line, inLine := 0, 0, 0
	keys := map[int]int{} // of the block object that is open at a column
	below := func(column int) {
		for c := range keys {
			if c > column {
				delete(keys, c)
			}
		}
	}
	for _, tk := range tokens {
		if tk.Position.Line != line {
			line, inLine = tk.Position.Line, 0
		}
		switch tk.Type {
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.SequenceEntryType:
			inLine++
			below(tk.Position.Column)
		case token.MappingKeyType:
			inLine++
		case token.AnchorType, token.TagType:
			if tk.Prev != nil && tk.Prev.Position.Line == line {
				inLine++
			}
		case token.CollectEntryType:
			inLine = 0
		case token.MappingValueType:
			if depth == 0 && tk.Prev != nil {
				column := tk.Prev.Position.Column
				below(column)
				if keys[column]++; keys[column] > maxKeys {
					return tk, fmt.Sprintf("an object has more than %d keys here", maxKeys)
				}
			}
		}
		if depth > maxDepth || inLine > maxDepth {
			return tk, fmt.Sprintf("the file is nested deeper than %d levels here", maxDepth)
		}
	}
	return nil, ""
}

// syntaxError says what the parser did not understand, in words that help where its own do not.
func syntaxError(source []byte, err error) (position, string) {
	at, message := position{1, 1}, err.Error()
	var syntax yaml.Error
	if errors.As(err, &syntax) {
		message = syntax.GetMessage()
		if syntax.GetToken() != nil {
			at = place(syntax.GetToken())
		}
	}
	if line := lineOf(source, at.line); bytes.HasPrefix(bytes.TrimLeft(line, " "), []byte("\t")) {
		return position{at.line, bytes.IndexByte(line, '\t') + 1}, "a tab indents this line; indent with spaces"
	}
	if strings.HasPrefix(message, "mapping value is not allowed") {
		message = "a key and its value cannot stand here; is the line indented like those around it? " +
			"A text with a colon and a space in it needs quotes"
	}
	return at, message
}

func lineOf(source []byte, number int) []byte {
	for ; number > 1; number-- {
		_, rest, found := bytes.Cut(source, []byte("\n"))
		if !found {
			return nil
		}
		source = rest
	}
	line, _, _ := bytes.Cut(source, []byte("\n"))
	return line
}

func firstInvalid(source []byte) position {
	at := position{1, 1}
	for len(source) > 0 {
		r, size := utf8.DecodeRune(source)
		switch {
		case r == utf8.RuneError && size == 1:
			return at
		case r == '\n':
			at = position{at.line + 1, 1}
		default:
			at.column++
		}
		source = source[size:]
	}
	return at
}

// place is where a token begins.
func place(tk *token.Token) position {
	if tk == nil || tk.Position == nil {
		return position{1, 1}
	}
	return position{max(tk.Position.Line, 1), max(tk.Position.Column, 1)}
}
