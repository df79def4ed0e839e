package http

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"

	"github.com/narrative-go/narrative"
)

// view is what an expression sees.
type view struct {
	Body    any               `expr:"body"`
	Status  int               `expr:"status"`
	Headers map[string]string `expr:"headers"` // by lower-case name

	Step func(any) (any, error) `expr:"narrative_step"`
}

var names = []string{"body", "status", "headers"}

// condition is a compiled expression.
type condition struct{ program *vm.Program }

func compile(source string) (*condition, error) {
	if len(source) > maxExpression {
		return nil, fmt.Errorf("is %d bytes long; at most %d fit", len(source), maxExpression)
	}
	program, err := expr.Compile(source, expr.Env(view{}), expr.AsBool(), expr.DisableBuiltin("repeat"), expr.Patch(steps{}))
	if err == nil {
		return &condition{program}, nil
	}
	message := err.Error()
	if strings.Contains(message, `Operator("=")`) {
		return nil, fmt.Errorf("write == to compare: %s", message)
	}
	if first, rest, _ := strings.Cut(message, " ("); strings.HasPrefix(first, "unknown name ") {
		return nil, errors.New(first + narrative.DidYouMean(strings.TrimPrefix(first, "unknown name "), names) +
			" (known: " + strings.Join(names, ", ") + ") (" + rest)
	}
	return nil, errors.New(message)
}

// steps makes each turn of a function over a list ask whether there is time for it: an expression cannot be
// interrupted, and a list of the target's may be long.
type steps struct{}

// Visit is called with every node of the expression.
func (steps) Visit(n *ast.Node) {
	if predicate, ok := (*n).(*ast.PredicateNode); ok {
		call := &ast.CallNode{Callee: &ast.IdentifierNode{Value: "narrative_step"}, Arguments: []ast.Node{predicate.Node}}
		call.SetLocation(predicate.Node.Location())
		call.Callee.SetLocation(predicate.Node.Location())
		predicate.Node = call
	}
}

// holds decodes the body and evaluates the expression.
func (c *condition) holds(ctx context.Context, got answer) (bool, error) {
	if len(bytes.TrimSpace(got.body)) == 0 {
		return false, errors.New("the body is empty, where JSON is expected")
	}
	body, err := narrative.DecodeJSON(got.body)
	if err != nil {
		return false, fmt.Errorf("the body %w", err)
	}
	value, err := expr.Run(c.program, view{
		Body: body, Status: got.status, Headers: lowered(got.headers),
		Step: func(v any) (any, error) { return v, ctx.Err() },
	})
	switch {
	case ctx.Err() != nil:
		return false, errors.New("the expression took too long over this body")
	case err != nil:
		message, _, _ := strings.Cut(err.Error(), "\n") // what follows points into the source
		return false, fmt.Errorf("the expression cannot be evaluated: %s", message)
	}
	holds, _ := value.(bool) // the compiler saw to it; null counts as false
	return holds, nil
}

func lowered(h http.Header) map[string]string {
	all := make(map[string]string, len(h))
	for name, values := range h {
		all[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	return all
}
