package config

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/narrative-go/narrative"
)

// sqlArgs are arguments with a path in them.
type sqlArgs struct {
	DSN        string     `json:"dsn"`
	Violations string     `json:"violations,omitempty"`
	Record     *sqlRecord `json:"record,omitempty"`
}

type sqlRecord struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

func (a *sqlArgs) Relocate(dir string) {
	if path, ok := strings.CutPrefix(a.DSN, "sqlite:"); ok && !filepath.IsAbs(path) {
		a.DSN = "sqlite:" + filepath.Join(dir, path)
	}
}

func (a *sqlArgs) ValidateArgs() (p narrative.Problems) {
	if a.DSN == "" {
		p = append(p, narrative.Problem{Path: "dsn", Message: "is missing"})
	}
	return p
}

type holds struct{}

func (holds) Check(context.Context) (narrative.Verdict, error) {
	return narrative.Passed("it holds"), nil
}

type quiet struct{}

func (quiet) Detect(context.Context) ([]narrative.Occurrence, error) { return nil, nil }

// mailer knows the action email alone.
type mailer struct{}

func (mailer) Run(context.Context, narrative.ActionCall) (string, error) { return "", nil }
func (mailer) Repeatable(string) bool                                    { return true }

func (mailer) Validate(plan narrative.Plan) (p narrative.Problems) {
	for i, a := range plan {
		at := narrative.Problems{{Path: "[" + string(rune('0'+i)) + "]"}}[0].Path
		if a.Action != "email" {
			p = append(p, narrative.Problem{Path: at, Message: "there is no action " + a.Action})
			continue
		}
		var args struct{ To, Subject string }
		p = append(p, narrative.ProblemsOf(at+".email", narrative.DecodeArgs(a.Args, &args))...)
	}
	return p
}

func compile(c narrative.DeclaredCase) (narrative.DiagnosticCase, error) {
	if strings.Contains(c.When, "rounds = ") {
		return narrative.DiagnosticCase{}, narrative.Problems{{Path: "when", Message: "one = does not compare"}}
	}
	return narrative.DiagnosticCase{Name: c.Case}, nil
}

func validator() narrative.Validator {
	reg := narrative.NewRegistry()
	narrative.AddAssertion(reg, "sql", func(sqlArgs) (narrative.Assertion, error) { return holds{}, nil })
	narrative.AddAssertion(reg, "plain", func(struct{}) (narrative.Assertion, error) { return holds{}, nil })
	narrative.AddEvent(reg, "datums", func(struct {
		Origin string `json:"origin"`
	},
	) (narrative.Event, error) {
		return quiet{}, nil
	})
	return narrative.Validator{Registry: reg, Executor: mailer{}, CompileCase: compile}
}

func parseFor(t *testing.T, text string) (narrative.Manifest, error) {
	t.Helper()
	return Parse([]byte(text), Options{File: "narrative.yaml", Dir: "/srv/shop", Validator: validator()})
}

func compact(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	canonical, err := narrative.CanonicalJSON(raw)
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return string(canonical)
}
