package narrative_test

import (
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/narrative-go/narrative"
)

func TestKindOf(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err  error
		want narrative.ErrorKind
	}{
		"no error is internal":               {nil, narrative.Internal},
		"a foreign error is internal":        {errOops, narrative.Internal},
		"an error has its own kind":          {narrative.Errorf(narrative.NotFound, "no issue 7"), narrative.NotFound},
		"a wrapped error keeps its kind":     {fmt.Errorf("load: %w", narrative.Errorf(narrative.Conflict, "taken")), narrative.Conflict},
		"the outermost error tells the kind": {narrative.Errorf(narrative.Unavailable, "check: %w", narrative.Errorf(narrative.Invalid, "bad")), narrative.Unavailable},
		"problems are invalid":               {fmt.Errorf("apply: %w", narrative.Problems{{Path: "name", Message: "is required"}}), narrative.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, narrative.KindOf(tt.err))
		})
	}
}

func TestErrorfKeepsTheCause(t *testing.T) {
	t.Parallel()
	err := narrative.Errorf(narrative.Unavailable, "open issue for %s: %w", "invoices", errOops)
	same(t, &failure{narrative.Unavailable, "open issue for invoices: oops"}, failureOf(err))
	if !errors.Is(err, errOops) {
		t.Error("the cause is lost")
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	p := narrative.Problems{{Path: "[0].to", Message: "is required"}, {Message: "takes no plan"}, {Path: "cc", Message: "is no address"}}

	t.Run("are one a line with their paths", func(t *testing.T) {
		t.Parallel()
		same(t, "[0].to: is required\ntakes no plan\ncc: is no address", p.Error())
	})
	t.Run("move below a prefix", func(t *testing.T) {
		t.Parallel()
		same(t, narrative.Problems{
			{Path: "plan[0].to", Message: "is required"}, {Path: "plan", Message: "takes no plan"}, {Path: "plan.cc", Message: "is no address"},
		}, p.At("plan"))
	})
	t.Run("stay where they are without a prefix", func(t *testing.T) {
		t.Parallel()
		same(t, p, p.At(""))
	})
	t.Run("none are no error", func(t *testing.T) {
		t.Parallel()
		if err := (narrative.Problems{}).Err(); err != nil {
			t.Errorf("Err() = %v, want nil", err)
		}
	})
}

func TestProblemsOf(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err  error
		want narrative.Problems
	}{
		"no error has none":       {nil, nil},
		"an error is one problem": {errOops, narrative.Problems{{Path: "args", Message: "oops"}}},
		"problems in the chain are kept apart": {
			fmt.Errorf("decode: %w", narrative.Problems{{Path: "dsn", Message: "is required"}}),
			narrative.Problems{{Path: "args.dsn", Message: "is required"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, narrative.ProblemsOf("args", tt.err))
		})
	}
}

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	known := []string{"every", "enabled", "severity"}
	for word, want := range map[string]string{
		"evry":     `; did you mean "every"?`,
		"SEVERITY": `; did you mean "severity"?`,
		"every":    `; did you mean "every"?`,
		"eevry":    `; did you mean "every"?`,
		"colour":   "",
		"":         "",
	} {
		t.Run("for "+word, func(t *testing.T) {
			t.Parallel()
			same(t, want, narrative.DidYouMean(word, known))
		})
	}
}

// sameSaid is an error that says the same as the one it holds.
type sameSaid struct{ error }

func (s sameSaid) Unwrap() error { return s.error }

func TestErrorChain(t *testing.T) {
	t.Parallel()
	refused := errors.New("connection refused")
	deep := error(refused)
	for n := range 30 {
		deep = fmt.Errorf("%d: %w", n, deep)
	}
	for name, tt := range map[string]struct {
		err  error
		want []string
	}{
		"of none is empty":    {nil, nil},
		"of one is the error": {refused, []string{"*errors.errorString: connection refused"}},
		"goes from the outermost inwards": {
			narrative.Errorf(narrative.Unavailable, "send the mail: %w", &net.OpError{Op: "dial", Net: "tcp", Err: refused}),
			[]string{
				"*narrative.Error: send the mail: dial tcp: connection refused", "*net.OpError: dial tcp: connection refused",
				"*errors.errorString: connection refused",
			},
		},
		"leaves out what says the same": {
			sameSaid{refused}, []string{"narrative_test.sameSaid: connection refused"},
		},
		"follows all that were joined": {
			errors.Join(refused, errOops),
			[]string{"*errors.joinError: connection refused\noops", "*errors.errorString: connection refused", "*errors.errorString: oops"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, narrative.ErrorChain(tt.err))
		})
	}
	t.Run("ends after twenty", func(t *testing.T) {
		t.Parallel()
		same(t, 20, len(narrative.ErrorChain(deep)))
	})
}
