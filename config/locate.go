package config

import (
	"strconv"
	"strings"

	"github.com/narrative-go/narrative"
)

// locate finds where the document says what a problem is about: the value of its path; where there is none, the
// nearest one around it. The argument that an action or class does not know may stand deeper than its path says.
func locate(root *node, p narrative.Problem) position {
	n, at := root, root.at
	path := steps(p.Path)
	for i, s := range path {
		if unknown := strings.HasPrefix(p.Message, "is not a known field"); unknown && i == len(path)-1 {
			if key, found := n.search(s); found {
				return key
			}
		}
		next, place, ok := n.child(s)
		if !ok {
			return at
		}
		n, at = next, place
	}
	return at
}

// steps splits assertions[0].args.dsn into assertions, [0], args and dsn.
func steps(path string) []string {
	var all []string
	for _, part := range strings.Split(strings.ReplaceAll(path, "[", ".["), ".") {
		if part != "" {
			all = append(all, part)
		}
	}
	return all
}

// lastStep is the key a path ends with, and the indexes behind it: email[0].
func lastStep(path string) string {
	return path[strings.LastIndexByte(path, '.')+1:]
}

// child takes one step. The place is that of the value, or of the key where the value is on other lines.
func (n *node) child(s string) (*node, position, bool) {
	if index, ok := strings.CutPrefix(s, "["); ok {
		i, err := strconv.Atoi(strings.TrimSuffix(index, "]"))
		if n.kind != list || err != nil || i < 0 || i >= len(n.items) {
			return nil, position{}, false
		}
		return n.items[i], n.items[i].at, true
	}
	if f, ok := n.member(s); ok {
		at := f.at
		if f.value.kind != object && f.value.kind != list && f.value.at.line == f.at.line {
			at = f.value.at
		}
		return f.value, at, true
	}
	// In the API's form of a plan's entry, the arguments do not stand below the action's name.
	if apiForm(n) {
		if action, _ := n.member("action"); action.value.text == s {
			if args, ok := n.member("args"); ok {
				return args.value, args.at, true
			}
			return &node{kind: null, at: action.at}, action.value.at, true
		}
	}
	return nil, position{}, false
}

// maxSearched bounds a search, since aliases can make little source into many nodes.
const maxSearched = 10_000

// search finds a key at any depth below n, the nearest first.
func (n *node) search(key string) (position, bool) {
	level, searched := []*node{n}, 0
	for len(level) > 0 && searched < maxSearched {
		var below []*node
		searched += len(level)
		for _, each := range level {
			if f, ok := each.member(key); ok {
				return f.at, true
			}
			for _, f := range each.fields {
				below = append(below, f.value)
			}
			below = append(below, each.items...)
		}
		level = below
	}
	return position{}, false
}
