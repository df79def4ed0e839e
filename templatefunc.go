package narrative

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"time"
)

// What filling in one text may take. A text and every value made on the way are at most maxFilled bytes long; all
// values together maxMade; its loops go around maxLoops times in all.
const (
	maxFilled = 1 << 20
	maxMade   = 16 << 20
	maxLoops  = 100_000
)

// turn is the name of the function that counts the turns of a template's loops. Nobody can write it.
const turn = "turn"

// withheld are those of text/template's functions that there is no use for here.
var withheld = []string{"call", "js"}

// templateFunctions are the names of all functions that a template may use, sorted.
func templateFunctions() []string {
	names := []string{"and", "eq", "ge", "gt", "index", "le", "len", "lt", "ne", "not", "or", "slice"}
	for name := range (&budget{}).functions() {
		if name != turn {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// budget is what is left of what filling in one text may take.
type budget struct {
	made, turns int
}

// functions are those that make text, text/template's own among them, within the budget.
func (b *budget) functions() template.FuncMap {
	change := func(f func(string) string) func(any) (string, error) {
		return func(v any) (string, error) { return b.make(f(textOf(v)), nil) }
	}
	list := func(f func(...any) string) func(...any) (string, error) {
		return func(all ...any) (string, error) {
			if err := b.take(all...); err != nil {
				return "", err
			}
			return b.make(f(all...), nil)
		}
	}
	return template.FuncMap{
		turn:    b.turn,
		"upper": change(strings.ToUpper),
		"lower": change(strings.ToLower),
		"trim":  change(strings.TrimSpace),
		"join":  b.join,
		"json":  func(v any) (string, error) { return b.make(jsonOf(v)) },
		"date":  func(layout string, v any) (string, error) { return b.make(dateOf(layout, v)) },
		"default": func(otherwise, v any) any {
			if truth, _ := template.IsTrue(v); truth {
				return v
			}
			return otherwise
		},
		"print":    list(fmt.Sprint),
		"println":  list(fmt.Sprintln),
		"html":     list(template.HTMLEscaper),
		"urlquery": list(template.URLQueryEscaper),
		"printf":   b.printf,
	}
}

// make takes a value that was made into the budget.
func (b *budget) make(s string, err error) (string, error) {
	if err != nil {
		return "", err
	}
	b.made += len(s)
	switch {
	case len(s) > maxFilled:
		return "", Errorf(Invalid, "makes a text of more than 1 MiB")
	case b.made > maxMade:
		return "", Errorf(Invalid, "makes more than 16 MiB of text on the way")
	}
	return s, nil
}

// take refuses arguments of which too long a text would be made.
func (b *budget) take(all ...any) error {
	size := 0
	for _, v := range all {
		if r := reflect.ValueOf(v); r.Kind() == reflect.String {
			size += r.Len()
		}
	}
	if size > maxFilled {
		return Errorf(Invalid, "makes a text of more than 1 MiB")
	}
	return nil
}

func (b *budget) turn() (string, error) {
	if b.turns++; b.turns > maxLoops {
		return "", Errorf(Invalid, "its loops go around more than %d times", maxLoops)
	}
	return "", nil
}

func (b *budget) join(separator string, v any) (string, error) {
	r := reflect.Indirect(reflect.ValueOf(v))
	if !r.IsValid() {
		return "", nil
	}
	if r.Kind() != reflect.Slice && r.Kind() != reflect.Array {
		return "", Errorf(Invalid, "is for a list, not %s", r.Kind())
	}
	if separator != "" && r.Len() > maxFilled/len(separator) {
		return "", Errorf(Invalid, "makes a text of more than 1 MiB")
	}
	parts := make([]string, r.Len())
	for i := range parts {
		parts[i] = textOf(r.Index(i).Interface())
	}
	return b.make(strings.Join(parts, separator), nil)
}

// printf is fmt's, without widths taken from data and without arguments chosen by number, which would let a short
// format make a text of any length.
func (b *budget) printf(format string, all ...any) (string, error) {
	if err := b.take(append(all, format)...); err != nil {
		return "", err
	}
	padding := 0
	for _, verb := range strings.Split(format, "%")[1:] {
		flags := verb[:len(verb)-len(strings.TrimLeft(verb, "+-# 0123456789.*[]"))]
		if strings.ContainsAny(flags, "*[") {
			return "", Errorf(Invalid, "takes no * and no [n] in its format")
		}
		for _, digits := range strings.FieldsFunc(flags, func(r rune) bool { return r < '0' || r > '9' }) {
			width := 0
			for _, d := range digits {
				width = min(10*width+int(d-'0'), maxFilled+1)
			}
			padding += width
		}
		if padding > maxFilled {
			return "", Errorf(Invalid, "makes a text of more than 1 MiB")
		}
	}
	return b.make(fmt.Sprintf(format, all...), nil)
}

func textOf(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

func jsonOf(v any) (string, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSuffix(out.String(), "\n"), err
}

// dateOf writes a time, or a text that is one, in UTC. No time is the empty text.
func dateOf(layout string, v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case time.Time:
		return v.UTC().Format(layout), nil
	case *time.Time:
		if v == nil {
			return "", nil
		}
		return v.UTC().Format(layout), nil
	case string:
		at, err := time.Parse(time.RFC3339, v)
		if err != nil {
			return "", Errorf(Invalid, "%q is not a time such as 2026-01-02T15:04:05Z", v)
		}
		return at.UTC().Format(layout), nil
	}
	return "", Errorf(Invalid, "is for a time, not %T", v)
}

// bounded is a text that is being filled in.
type bounded struct{ strings.Builder }

// Write refuses what makes the text too long.
func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxFilled {
		return 0, Errorf(Invalid, "the text is longer than 1 MiB")
	}
	return b.Builder.Write(p)
}

// checkFunctions returns what is wrong with the functions that a template uses.
func checkFunctions(text string, list *parse.ListNode) error {
	known := templateFunctions()
	return visitNodes(list, func(n parse.Node) error {
		switch n := n.(type) {
		case *parse.TemplateNode:
			return Errorf(Invalid, "%d: define, block and template are not for a text like this", lineOf(text, n.Pos))
		case *parse.IdentifierNode:
			if slices.Contains(known, n.Ident) {
				return nil
			}
			why := "there is no function"
			if slices.Contains(withheld, n.Ident) {
				why = "a template cannot use the function"
			}
			return Errorf(Invalid, "%d: %s %q%s (known: %s)", lineOf(text, n.Pos), why, n.Ident, DidYouMean(n.Ident, known), strings.Join(known, ", "))
		}
		return nil
	})
}

func lineOf(text string, at parse.Pos) int {
	return 1 + strings.Count(text[:min(int(at), len(text))], "\n")
}

// visitNodes calls visit with every node of a template but its text, outer ones first.
func visitNodes(n parse.Node, visit func(parse.Node) error) error {
	if n == nil || reflect.ValueOf(n).IsNil() {
		return nil
	}
	if err := visit(n); err != nil {
		return err
	}
	for _, inner := range within(n) {
		if err := visitNodes(inner, visit); err != nil {
			return err
		}
	}
	return nil
}

// within are the nodes right beneath a node.
func within(n parse.Node) (all []parse.Node) {
	switch n := n.(type) {
	case *parse.ListNode:
		return n.Nodes
	case *parse.ActionNode:
		return []parse.Node{n.Pipe}
	case *parse.IfNode:
		return []parse.Node{n.Pipe, n.List, n.ElseList}
	case *parse.RangeNode:
		return []parse.Node{n.Pipe, n.List, n.ElseList}
	case *parse.WithNode:
		return []parse.Node{n.Pipe, n.List, n.ElseList}
	case *parse.TemplateNode:
		return []parse.Node{n.Pipe}
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			all = append(all, c)
		}
	case *parse.CommandNode:
		return n.Args
	case *parse.ChainNode:
		return []parse.Node{n.Node}
	}
	return all
}

// countTurns makes every loop of the template count its turns.
func countTurns(list *parse.ListNode) error {
	counter := parse.New("")
	counter.Mode = parse.SkipFuncCheck
	if _, err := counter.Parse("{{"+turn+"}}", "", "", map[string]*parse.Tree{}); err != nil {
		return err
	}
	return visitNodes(list, func(n parse.Node) error {
		if loop, ok := n.(*parse.RangeNode); ok {
			loop.List.Nodes = append([]parse.Node{counter.Root.Nodes[0]}, loop.List.Nodes...)
		}
		return nil
	})
}
