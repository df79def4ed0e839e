package httpapi_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/config"
	"github.com/narrative-go/narrative/diagnosis"
	"github.com/narrative-go/narrative/executor"
)

// sqlArgs are the arguments of the class that the tests' metas are of.
type sqlArgs struct {
	DSN   string `json:"dsn,omitempty"`
	Limit int    `json:"limit,omitempty"`
}

// Relocate makes the path of a file absolute.
func (a *sqlArgs) Relocate(dir string) {
	if path, ok := strings.CutPrefix(a.DSN, "sqlite:"); ok && !filepath.IsAbs(path) {
		a.DSN = "sqlite:" + filepath.Join(dir, path)
	}
}

type neverFails struct{}

func (neverFails) Check(context.Context) (narrative.Verdict, error) {
	return narrative.Passed(""), nil
}

func (neverFails) Detect(context.Context) ([]narrative.Occurrence, error) { return nil, nil }

// parsing is how the service reads and judges a document.
func parsing(t testing.TB) func([]byte) (narrative.Manifest, error) {
	t.Helper()
	validator := judging(t)
	return func(text []byte) (narrative.Manifest, error) {
		m, err := config.Parse(text, config.Options{Validator: validator})
		return m, config.Plain(err)
	}
}

// judging is what the service judges documents by.
func judging(t testing.TB) narrative.Validator {
	t.Helper()
	reg := narrative.NewRegistry()
	narrative.AddAssertion(reg, "sql", func(sqlArgs) (narrative.Assertion, error) { return neverFails{}, nil })
	narrative.AddEvent(reg, "datums", func(sqlArgs) (narrative.Event, error) { return neverFails{}, nil })
	run, err := executor.ForValidation(reg)
	if err != nil {
		t.Fatal(err)
	}
	return narrative.Validator{Registry: reg, Executor: run, CompileCase: diagnosis.Compile}
}
