package narrative_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
)

// tester is a *testing.T or a *rapid.T.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
}

// same fails the test unless got is want, and shows where they differ.
func same[T any](t tester, want, got T, options ...cmp.Option) {
	t.Helper()
	if diff := cmp.Diff(want, got, options...); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}

// failure is what there is to tell of an error: its kind and its sentence.
type failure struct {
	Kind    narrative.ErrorKind
	Message string
}

func failureOf(err error) *failure {
	if err == nil {
		return nil
	}
	return &failure{narrative.KindOf(err), err.Error()}
}

// at is a moment of the tests' only day, so many seconds after noon.
func at(seconds int) time.Time {
	return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(seconds) * time.Second)
}

func until(seconds int) *time.Time {
	t := at(seconds)
	return &t
}

// must returns v where err is nil.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func mustJSON(v any) json.RawMessage { return must(json.Marshal(v)) }

var errOops = errors.New("oops")

func duration(s string) narrative.Duration { return must(narrative.ParseDuration(s)) }

func ids(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("r%02d", i)
	}
	return names
}
