package config

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/narrative-go/narrative"
)

// decoder reads nodes into the manifest.
type decoder struct {
	*report
	registry *narrative.Registry
	dir      string
}

// key is a key that an object may have.
type key struct {
	name     string
	required bool
	read     func(n *node, path string)
	schema   schema // of its value
}

// object reads the members of n; null reads as an object without any. It answers false where n is no object.
func (d *decoder) object(n *node, path string, keys []key) bool {
	switch n.kind {
	case object, null:
	default:
		d.mistyped(n, path, "an object with keys such as "+keys[0].name)
		return false
	}
	known := make(map[string]key, len(keys))
	names := make([]string, len(keys))
	for i, k := range keys {
		known[k.name], names[i] = k, k.name
	}
	for _, f := range n.fields {
		k, ok := known[f.key]
		switch {
		case !ok:
			d.unknownKey(n, f, path, names)
		case f.value.kind != null:
			k.read(f.value, step(path, f.key))
		}
	}
	for _, k := range keys {
		if f, there := n.member(k.name); k.required && !d.said(step(path, k.name)) && (!there || f.value.kind == null) {
			d.add(n.at, step(path, k.name), k.name+" is missing")
		}
	}
	return true
}

// unknownKey reports a key. The one that was probably meant is not asked for besides, unless it stands there too.
func (d *decoder) unknownKey(n *node, f field, path string, names []string) {
	meant := narrative.DidYouMean(f.key, names)
	known := " (known: " + strings.Join(names, ", ") + ")"
	d.add(f.at, step(path, f.key), fmt.Sprintf("%q is not a known key%s%s", f.key, meant, known))
	for _, name := range names {
		if _, there := n.member(name); !there && strings.Contains(meant, `"`+name+`"`) {
			d.silenced[step(path, name)] = true
			if name == "cron" {
				d.silenced[step(path, "every")] = true
			}
		}
	}
}

// mistyped reports a value that is not what was expected.
func (d *decoder) mistyped(n *node, path, expected string) {
	given := string(n.kind)
	switch n.kind {
	case text:
		given = fmt.Sprintf("%q", shortened(n.text))
	case number, boolean:
		given = n.text
	}
	message := fmt.Sprintf("%s is not %s", given, expected)
	if path == "" {
		message = "the file should be an object with keys such as config and assertions; it is " + given
	} else if name := lastStep(path); name != "" {
		message = name + ": " + message
	}
	d.add(n.at, path, message)
}

func shortened(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

func (d *decoder) list(n *node, path string, each func(n *node, path string)) {
	if n.kind != list {
		d.mistyped(n, path, "a list")
		return
	}
	for i, item := range n.items {
		each(item, fmt.Sprintf("%s[%d]", path, i))
	}
}

func textKey[S ~string](d *decoder, name string, into *S) key {
	return key{name: name, schema: ofType("string"), read: func(n *node, path string) {
		if n.kind != text {
			d.mistyped(n, path, "a string; put it in quotes if it is meant as one")
			return
		}
		*into = S(n.text)
	}}
}

// nameKey reads a name; which are legal is for the validator to know.
func nameKey(d *decoder, name string, into *string) key {
	k := textKey(d, name, into)
	k.schema = schema{"type": "string", "pattern": namePattern}
	return k
}

// choiceKey reads one of a few words; which they are is for the validator to know, and for people to read.
func choiceKey[S ~string](d *decoder, name, words string, into *S) key {
	return key{name: name, schema: choiceOf(strings.Split(strings.ReplaceAll(words, " or ", ", "), ", ")...), read: func(n *node, path string) {
		if n.kind != text {
			d.mistyped(n, path, words)
			return
		}
		*into = S(n.text)
	}}
}

func (k key) must() key {
	k.required = true
	return k
}

// oneOf says which values the validator lets pass.
func oneOf[S ~string](k key, values ...S) key {
	k.schema = choiceOf(values...)
	return k
}

func (d *decoder) boolKey(name string, into *bool) key {
	return key{name: name, schema: ofType("boolean"), read: func(n *node, path string) {
		if n.kind != boolean {
			d.mistyped(n, path, "true or false")
			return
		}
		*into = n.text == "true"
	}}
}

// intKey reads a whole number of at least least.
func (d *decoder) intKey(name string, least int, into *int) key {
	return key{name: name, schema: schema{"type": "integer", "minimum": least}, read: func(n *node, path string) {
		var v int
		if n.kind != number || json.Unmarshal([]byte(n.text), &v) != nil || v < least || v > math.MaxInt32 {
			d.mistyped(n, path, fmt.Sprintf("a whole number of at least %d", least))
			return
		}
		*into = v
	}}
}

func (d *decoder) durationKey(name string, into *narrative.Duration) key {
	return key{name: name, schema: refTo("duration"), read: func(n *node, path string) {
		if n.kind == text {
			v, err := narrative.ParseDuration(n.text)
			if err == nil {
				*into = v
				return
			}
		}
		d.mistyped(n, path, "a duration such as 90s, 5m, 1h or 30d")
	}}
}

// argsKey reads an object whose keys are the class's or the action's own.
func (d *decoder) argsKey(name string, into *json.RawMessage) key {
	return key{name: name, schema: ofType("object"), read: func(n *node, path string) {
		if n.kind != object {
			d.mistyped(n, path, "an object")
			return
		}
		*into = n.json()
	}}
}
