package diagnosis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"github.com/narrative-go/narrative"
)

// Bounds on an expression.
const (
	maxLength  = 4096 // bytes
	maxNodes   = 500
	maxNesting = 2               // of functions that walk a list
	maxTime    = 5 * time.Second // of one evaluation
)

// Compile makes a declared case walkable; issue.age is seen from the machine's clock.
func Compile(c narrative.DeclaredCase) (narrative.DiagnosticCase, error) {
	return Compiler(time.Now)(c)
}

var _ narrative.CaseCompiler = Compile

// Compiler is [Compile] with a clock.
func Compiler(now func() time.Time) narrative.CaseCompiler {
	return func(c narrative.DeclaredCase) (narrative.DiagnosticCase, error) {
		when, err := compileWhen(c.When)
		if err != nil {
			return narrative.DiagnosticCase{}, narrative.Problems{{Path: "when", Message: err.Error()}}
		}
		return narrative.DiagnosticCase{
			Name: c.Case,
			Diagnose: func(ctx context.Context, issue narrative.Issue) (*narrative.ResolutionStep, error) {
				applies, err := when.holds(ctx, issue, now())
				if err != nil {
					return nil, narrative.Problems{{Path: "when", Message: err.Error()}}
				}
				if !applies {
					return nil, nil
				}
				return propose(c, issue)
			},
		}, nil
	}
}

// propose is the step of a case that applies.
func propose(c narrative.DeclaredCase, issue narrative.Issue) (*narrative.ResolutionStep, error) {
	if c.Pass {
		reason := c.Reason
		if reason == "" {
			reason = "the case " + c.Case + " says to do nothing now"
		}
		return narrative.PassStep(reason), nil
	}
	reason := c.Reason
	if reason == "" {
		reason = issue.Summary
	}
	data, err := narrative.IssueData(issue)
	if err != nil {
		return nil, err
	}
	filled, err := narrative.FillPlan(c.Plan, data, nil)
	if err != nil {
		return nil, narrative.ProblemsOf("plan", err)
	}
	step := narrative.ExecStep(reason, filled...)
	step.Policy = c.StepPolicy
	step.Solution.Template, step.Solution.Data = c.Plan, data
	if len(c.Rollback) > 0 {
		// Entries without an action, which undo nothing, stay what they are.
		if step.Solution.Rollback, err = narrative.FillPlan(c.Rollback, data, nil); err != nil {
			return nil, narrative.ProblemsOf("rollback", err)
		}
		step.Solution.RollbackTemplate = c.Rollback
	}
	return step, nil
}

// condition is a compiled `when`; its zero value always holds.
type condition struct {
	program *vm.Program
	looksAt [][]string // members of record and verdict.details, to say which of them is null
}

func compileWhen(source string) (condition, error) {
	if strings.TrimSpace(source) == "" {
		return condition{}, nil
	}
	if len(source) > maxLength {
		return condition{}, fmt.Errorf("is %d bytes long; at most %d fit", len(source), maxLength)
	}
	looked := &visitor{depths: map[*ast.PredicateNode]int{}}
	program, err := expr.Compile(source, expr.Env(view{}), expr.AsBool(), expr.MaxNodes(maxNodes),
		expr.DisableBuiltin("repeat"), expr.Patch(looked), expr.Function(numberFunction, number, new(func(any) any)))
	if err != nil {
		return condition{}, explained(source, err)
	}
	if looked.mistake != "" {
		return condition{}, errors.New(looked.mistake)
	}
	return condition{program, looked.looksAt}, nil
}

// holds evaluates the expression. It cannot be interrupted, so it is given up on rather than waited for; its bounds
// see to it that it ends.
func (c condition) holds(ctx context.Context, issue narrative.Issue, now time.Time) (bool, error) {
	if c.program == nil {
		return true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	env := viewOf(issue, now)
	type result struct {
		value any
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := expr.Run(c.program, env)
		done <- result{value, err}
	}()
	select {
	case <-ctx.Done():
		return false, fmt.Errorf("was not evaluated in time: %w", context.Cause(ctx))
	case r := <-done:
		if r.err != nil {
			return false, c.nothing(env, r.err)
		}
		holds, ok := r.value.(bool)
		if !ok {
			return false, c.nothing(env, fmt.Errorf("must be true or false; it is %v", r.value))
		}
		return holds, nil
	}
}

// nothing adds which of the values that the expression looks at are null.
func (c condition) nothing(env view, err error) error {
	var absent []string
	for _, path := range c.looksAt {
		from := env.Record
		if path[0] == "verdict.details" {
			from = env.Verdict.Details
		}
		if from[path[1]] == nil {
			absent = append(absent, path[0]+"."+path[1])
		}
	}
	if len(absent) == 0 {
		return err
	}
	return fmt.Errorf("%s is null or absent: %w", strings.Join(absent, " and "), err)
}

// explained adds what was probably meant to the compiler's message.
func explained(source string, err error) error {
	var at *file.Error
	if errors.As(err, &at) && at.From > 0 && at.From <= len(source) && strings.HasPrefix(source[at.From:], "=") &&
		!strings.HasPrefix(source[at.From:], "==") && !strings.ContainsAny(source[at.From-1:at.From], "=!<>") {
		return fmt.Errorf("write == to compare: %w", err)
	}
	// The compiler names this package's types, which mean nothing to who wrote the expression.
	message := strings.NewReplacer("type diagnosis.issueView", "issue", "type diagnosis.verdictView", "verdict",
		"type diagnosis.recordView", "issue.record", "type diagnosis.stepView", "a step").Replace(err.Error())
	first, rest, _ := strings.Cut(message, " (")
	words := strings.Fields(first)
	if strings.Contains(first, "has no field ") || strings.HasPrefix(first, "unknown name ") {
		return errors.New(first + narrative.DidYouMean(words[len(words)-1], names) + " (" + rest)
	}
	return errors.New(message)
}
