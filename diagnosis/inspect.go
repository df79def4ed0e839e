package diagnosis

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/expr-lang/expr/ast"
)

// visitor looks through an expression.
type visitor struct {
	looksAt [][]string // each member of record and verdict.details once
	mistake string
	depths  map[*ast.PredicateNode]int
}

// Visit is called with every node of the expression.
func (v *visitor) Visit(n *ast.Node) {
	switch node := (*n).(type) {
	case *ast.BinaryNode:
		if node.Operator == ".." {
			v.mistake = "ranges (1..9) are not available here"
		}
		if ordering[node.Operator] {
			asNumber(&node.Left)
			asNumber(&node.Right)
		}
	case *ast.PredicateNode:
		// Nodes are visited from the leaves up, so the depths below this one are known.
		below := &deepest{depths: v.depths}
		ast.Walk(&node.Node, below)
		if v.depths[node] = below.depth + 1; v.depths[node] > maxNesting {
			v.mistake = fmt.Sprintf("nests functions over lists more than %d deep", maxNesting)
		}
	case *ast.MemberNode:
		name, ok := node.Property.(*ast.StringNode)
		if !ok {
			return
		}
		switch from := node.Node.(type) {
		case *ast.IdentifierNode:
			if from.Value == "record" {
				v.look("record", name.Value)
			}
		case *ast.MemberNode:
			if from.String() == "verdict.details" {
				v.look("verdict.details", name.Value)
			}
		}
	}
}

func (v *visitor) look(from, name string) {
	for _, known := range v.looksAt {
		if known[0] == from && known[1] == name {
			return
		}
	}
	v.looksAt = append(v.looksAt, []string{from, name})
}

// ordering are the operators to which a decimal is a number.
var ordering = map[string]bool{"<": true, "<=": true, ">": true, ">=": true, "-": true, "*": true, "/": true}

// numberFunction is what asNumber calls.
const numberFunction = "narrative_number"

// asNumber makes an operand that is a column a number where it is a decimal: databases' decimals come as strings, to
// be printed as they are written, and would be compared letter by letter.
func asNumber(operand *ast.Node) {
	member, ok := (*operand).(*ast.MemberNode)
	if !ok {
		return
	}
	if from := member.Node.String(); from != "record" && from != "verdict.details" {
		return
	}
	call := &ast.CallNode{Callee: &ast.IdentifierNode{Value: numberFunction}, Arguments: []ast.Node{member}}
	call.SetLocation(member.Location())
	call.Callee.SetLocation(member.Location())
	*operand = call
}

var decimal = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

func number(arguments ...any) (any, error) {
	if s, ok := arguments[0].(string); ok && decimal.MatchString(s) {
		return strconv.ParseFloat(s, 64)
	}
	return arguments[0], nil
}

// deepest finds the greatest known depth in a part of an expression.
type deepest struct {
	depths map[*ast.PredicateNode]int
	depth  int
}

// Visit is called with every node of the part.
func (d *deepest) Visit(n *ast.Node) {
	if p, ok := (*n).(*ast.PredicateNode); ok {
		d.depth = max(d.depth, d.depths[p])
	}
}
