package config

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/narrative-go/narrative"
)

// builder makes nodes of what the parser read.
type builder struct {
	report  *report
	dir     string
	anchors map[string]*node
	stopped bool // a bound was reached: nothing more is built
}

func (b *builder) document(file *ast.File) *node {
	var bodies []ast.Node
	for _, d := range file.Docs {
		if d != nil && d.Body != nil {
			if _, directive := d.Body.(*ast.DirectiveNode); !directive {
				bodies = append(bodies, d.Body)
			}
		}
	}
	if len(bodies) == 0 {
		return &node{kind: null, at: position{1, 1}, text: "null"}
	}
	if len(bodies) > 1 {
		b.report.add(b.build(bodies[1], "", 0).at, "", "a second document begins here; write one document a file")
		return nil
	}
	return b.build(bodies[0], "", 0)
}

func (b *builder) build(from ast.Node, path string, depth int) *node {
	at := position{1, 1}
	if from != nil {
		at = place(from.GetToken())
	}
	n := &node{kind: null, at: at, text: "null", size: 1}
	if b.stopped {
		return n
	}
	if depth > maxDepth {
		b.stop(at, path, fmt.Sprintf("the file is nested deeper than %d levels here", maxDepth))
		return n
	}
	switch v := from.(type) {
	case *ast.MappingNode:
		b.object(n, v.Values, path, depth)
	case *ast.MappingValueNode:
		b.object(n, []*ast.MappingValueNode{v}, path, depth)
	case *ast.SequenceNode:
		n.kind = list
		for i, item := range v.Values {
			n.items = append(n.items, b.build(item, fmt.Sprintf("%s[%d]", path, i), depth+1))
			n.hold(n.items[i])
		}
	case *ast.AnchorNode:
		n = b.build(v.Value, path, depth+1)
		if v.Name != nil {
			b.anchors[v.Name.GetToken().Value] = n
		}
	case *ast.AliasNode:
		n = b.alias(v, n, path)
	case *ast.TagNode:
		n = b.tag(v, n, path, depth)
	default:
		b.scalar(n, from, path)
	}
	if depth+n.height > maxDepth {
		b.stop(at, path, fmt.Sprintf("the file is nested deeper than %d levels here, aliases written out", maxDepth))
	}
	if n.size > maxExpanded {
		b.stop(at, path, "the file comes to more than 16 MiB with its aliases written out here")
	}
	return n
}

// hold counts what a list or object holds.
func (n *node) hold(below *node) {
	n.size += below.size
	n.height = max(n.height, below.height+1)
}

func (b *builder) stop(at position, path, message string) {
	if !b.stopped {
		b.report.add(at, path, message)
	}
	b.stopped = true
}

func (b *builder) alias(v *ast.AliasNode, n *node, path string) *node {
	name := ""
	if v.Value != nil {
		name = v.Value.GetToken().Value
	}
	target, ok := b.anchors[name]
	if !ok {
		b.report.add(n.at, path, fmt.Sprintf("no anchor &%s stands above", name))
		return n
	}
	return target
}

func (b *builder) tag(v *ast.TagNode, n *node, path string, depth int) *node {
	switch tag := v.Start.Value; tag {
	case "!!str":
		if v.Value == nil {
			n.kind, n.text = text, ""
			return n
		}
		value := b.build(v.Value, path, depth+1)
		if value.kind != list && value.kind != object && value.kind != text {
			return &node{kind: text, at: value.at, text: v.Value.GetToken().Value, size: value.size}
		}
		return value
	case "!!map", "!!seq", "!!int", "!!float", "!!bool", "!!null":
		return b.build(v.Value, path, depth+1)
	default:
		b.report.add(n.at, path, fmt.Sprintf("the tag %s is not known here; leave it out", tag))
		return n
	}
}

func (b *builder) object(n *node, values []*ast.MappingValueNode, path string, depth int) {
	n.kind = object
	if len(values) > 0 && values[0].Key != nil {
		n.at = place(values[0].Key.GetToken())
	}
	var merged []*node
	seen := make(map[string]position, len(values))
	for _, v := range values {
		at := place(v.Key.GetToken())
		if _, merge := v.Key.(*ast.MergeKeyNode); merge {
			merged = append(merged, b.build(v.Value, path, depth+1))
			continue
		}
		key, ok := b.key(v.Key, path)
		if !ok {
			continue
		}
		value := b.build(v.Value, step(path, key), depth+1)
		if _, implicit := v.Value.(*ast.NullNode); implicit || v.Value == nil {
			value.at = at
		}
		if first, taken := seen[key]; taken {
			b.report.add(at, step(path, key), fmt.Sprintf("the key %q stands twice; the first is on line %d", key, first.line))
			continue
		}
		seen[key] = at
		n.fields = append(n.fields, field{key: key, at: at, value: value})
		n.size += len(key)
		n.hold(value)
	}
	for _, m := range merged {
		b.merge(n, m, seen, path)
	}
}

// merge adds the members of what a << names; the object's own win, and the first of several.
func (b *builder) merge(n, from *node, seen map[string]position, path string) {
	switch from.kind {
	case list:
		for _, item := range from.items {
			b.merge(n, item, seen, path)
		}
	case object:
		for _, f := range from.fields {
			if _, taken := seen[f.key]; !taken {
				seen[f.key] = f.at
				n.fields = append(n.fields, f)
				n.size += len(f.key)
				n.hold(f.value)
			}
		}
	default:
		b.report.add(from.at, path, "<< merges an object, such as *name; not "+string(from.kind))
	}
}

func (b *builder) key(k ast.MapKeyNode, path string) (string, bool) {
	at := place(k.GetToken())
	var from ast.Node = k
	if explicit, ok := k.(*ast.MappingKeyNode); ok {
		from = explicit.Value
	}
	switch from.(type) {
	case *ast.StringNode, *ast.LiteralNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		n := node{at: at}
		b.scalar(&n, from, path)
		if n.kind != text {
			return from.GetToken().Value, true
		}
		return n.text, true
	}
	b.report.add(at, path, "a key must be a plain word")
	return "", false
}

func (b *builder) scalar(n *node, from ast.Node, path string) {
	switch v := from.(type) {
	case *ast.StringNode:
		n.kind, n.text = text, v.Value
	case *ast.LiteralNode:
		n.kind, n.text = text, v.Value.Value
	case *ast.BoolNode:
		n.kind, n.text = boolean, fmt.Sprint(v.Value)
	case *ast.IntegerNode:
		b.number(n, v.Token, v.Value, path)
	case *ast.FloatNode:
		b.number(n, v.Token, v.Value, path)
	case *ast.InfinityNode, *ast.NanNode:
		n.kind, n.text = number, "0"
		b.report.add(n.at, path, from.GetToken().Value+" is not a number that can be kept; give a finite one")
	case *ast.NullNode, nil:
		return
	default:
		b.report.add(n.at, path, "this is not understood here")
	}
	n.size += len(n.text)
	if n.kind == text {
		if err := narrative.CheckText(n.text); err != nil {
			b.report.add(n.at, path, "the string "+err.Error())
		}
		n.text = b.relocate(n, path)
	}
}

// number keeps a number as it was written where that is JSON, else as YAML reads it: 0x10 as 16.
func (b *builder) number(n *node, tk *token.Token, value any, path string) {
	n.kind, n.text = number, tk.Value
	if json.Valid([]byte(n.text)) {
		return
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		b.report.add(n.at, path, tk.Value+" is not a number that can be kept; give a finite one")
		encoded = []byte("0")
	}
	n.text = string(encoded)
}

var fileReference = regexp.MustCompile(`\$\{file:([^${}]+)\}`)

// asWritten is the folder of a document whose relative paths are left as they are, since nobody is to follow them.
const asWritten = "-"

// relocate makes the paths of a text's references absolute.
func (b *builder) relocate(n *node, path string) string {
	return fileReference.ReplaceAllStringFunc(n.text, func(ref string) string {
		file := fileReference.FindStringSubmatch(ref)[1]
		switch {
		case filepath.IsAbs(file) || b.dir == asWritten:
			return ref
		case b.dir == "":
			b.report.add(n.at, path, lastStep(path)+": "+relativePath)
			return ref
		}
		return "${file:" + filepath.Join(b.dir, file) + "}"
	})
}

// step is the path of an object's member.
func step(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
