package narrative

import (
	"encoding/json"
	"reflect"
	"strings"
	"text/template/parse"
)

// CheckTemplates returns what is wrong with the templates and references in the strings of a JSON value: they must
// parse, and look only at the given roots (Issue, Record, Verdict, or Summary, Details). With no roots, the value has
// no templates and only its references are looked at.
func CheckTemplates(value json.RawMessage, roots ...string) Problems {
	_, err := mapStrings(value, func(s string) (string, error) {
		if err := checkReferences(s); err != nil {
			return s, err
		}
		if len(roots) == 0 || !strings.Contains(s, "{{") {
			return s, nil
		}
		t, err := parseTemplate(s)
		if err != nil {
			return s, err
		}
		return s, checkFields(t.Root, roots, false)
	})
	return ProblemsOf("", err)
}

// checkFields looks at the fields that a template reads off the top: off $, and off the dot where neither range nor
// with has moved it.
func checkFields(n parse.Node, roots []string, moved bool) error {
	var err error
	visit := func(nodes ...parse.Node) error {
		for _, each := range nodes {
			if err := checkFields(each, roots, moved); err != nil {
				return err
			}
		}
		return nil
	}
	branch := func(b parse.BranchNode) error {
		if err := visit(b.Pipe, b.ElseList); err != nil {
			return err
		}
		return checkFields(b.List, roots, true)
	}
	switch n := n.(type) {
	case *parse.ListNode:
		if n != nil {
			err = visit(n.Nodes...)
		}
	case *parse.ActionNode:
		err = visit(n.Pipe)
	case *parse.IfNode:
		err = visit(n.Pipe, n.List, n.ElseList)
	case *parse.RangeNode:
		err = branch(n.BranchNode)
	case *parse.WithNode:
		err = branch(n.BranchNode)
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			if err = visit(c.Args...); err != nil {
				break
			}
		}
	case *parse.FieldNode:
		if !moved {
			err = checkField(n.Ident, roots)
		}
	case *parse.VariableNode:
		if n.Ident[0] == "$" && len(n.Ident) > 1 {
			err = checkField(n.Ident[1:], roots)
		}
	}
	return err
}

var fieldsOf = map[string]reflect.Type{
	"Issue":   reflect.TypeFor[Issue](),
	"Verdict": reflect.TypeFor[Verdict](),
}

func checkField(ident, roots []string) error {
	known := false
	for _, r := range roots {
		known = known || r == ident[0]
	}
	if !known {
		return Errorf(Invalid, "there is no .%s here; a template sees .%s%s", ident[0], strings.Join(roots, ", ."), DidYouMean(ident[0], roots))
	}
	t := fieldsOf[ident[0]]
	if t == nil || len(ident) < 2 {
		return nil
	}
	var names []string
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get("json") != "-" && f.Name != "Steps" {
			names = append(names, f.Name)
		}
	}
	for _, m := range names {
		if m == ident[1] {
			return nil
		}
	}
	if _, ok := t.MethodByName(ident[1]); ok {
		return nil
	}
	return Errorf(Invalid, "%s has no field %s%s", ident[0], ident[1], DidYouMean(ident[1], names))
}
