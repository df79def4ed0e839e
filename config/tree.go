package config

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds on what a document may hold.
const (
	maxDepth    = 64       // of nesting
	maxKeys     = 1000     // of one object; the parser takes time by their square
	maxExpanded = 16 << 20 // what it comes to with every alias written out: a byte per character, and one a node
)

// kind is what a node is, in words fit for a message.
type kind string

const (
	null    kind = "nothing"
	boolean kind = "true or false"
	number  kind = "a number"
	text    kind = "a string"
	list    kind = "a list"
	object  kind = "an object"
)

// node is a value of the document, with its place. An alias is the node that its anchor names, so nodes form a graph
// without cycles.
type node struct {
	kind   kind
	at     position
	text   string // a string's value; otherwise a scalar's JSON
	items  []*node
	fields []field
	size   int // of it and all below it, aliases written out
	height int // levels below it, aliases written out
}

// field is a member of an object.
type field struct {
	key   string
	at    position
	value *node
}

// member returns the object's member of that name.
func (n *node) member(key string) (*field, bool) {
	for i := range n.fields {
		if n.fields[i].key == key {
			return &n.fields[i], true
		}
	}
	return nil, false
}

// parseTree reads the document. It answers nil, and reports why, where its form is too broken to look at what it says.
func parseTree(source []byte, dir string, r *report) *node {
	if !utf8.Valid(source) {
		r.add(firstInvalid(source), "", "the file is not valid UTF-8 here")
		return nil
	}
	tokens := lexer.Tokenize(string(source))
	if tk, message := tooMuch(tokens); tk != nil {
		r.add(place(tk), "", message)
		return nil
	}
	file, err := parse(tokens)
	if err != nil {
		at, message := syntaxError(source, err)
		r.add(at, "", "this is not YAML: "+message)
		return nil
	}
	b := builder{report: r, dir: dir, anchors: map[string]*node{}}
	root := b.document(file)
	if root == nil || b.stopped {
		return nil
	}
	return root
}

// parse turns a panic of the parser into an error: whatever a file holds, it is the file that is wrong.
func parse(tokens token.Tokens) (file *ast.File, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("it cannot be read")
		}
	}()
	// Duplicate keys are let through here and reported by builder, all of them and at their places.
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

// json writes the value as JSON, members in the order of the file.
func (n *node) json() json.RawMessage {
	var b strings.Builder
	n.writeJSON(&b)
	return json.RawMessage(b.String())
}

func (n *node) writeJSON(b *strings.Builder) {
	switch n.kind {
	case text:
		writeString(b, n.text)
	case list:
		b.WriteByte('[')
		for i, item := range n.items {
			if i > 0 {
				b.WriteByte(',')
			}
			item.writeJSON(b)
		}
		b.WriteByte(']')
	case object:
		b.WriteByte('{')
		for i, f := range n.fields {
			if i > 0 {
				b.WriteByte(',')
			}
			writeString(b, f.key)
			b.WriteByte(':')
			f.value.writeJSON(b)
		}
		b.WriteByte('}')
	default:
		b.WriteString(n.text)
	}
}

func writeString(b *strings.Builder, s string) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes; the line end that follows it is white space in JSON
}
