package narrative

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrorKind says what sort of failure an [Error] is. One table maps kinds to HTTP statuses (httpapi), one to
// Temporal's retryability (activities). The zero value is an unexpected failure, worth a retry.
type ErrorKind string

// The kinds of failure.
const (
	Internal    ErrorKind = ""            // unexpected; retrying may help
	Invalid     ErrorKind = "invalid"     // the input can never work as it is
	NotFound    ErrorKind = "not_found"   // the thing named does not exist
	Conflict    ErrorKind = "conflict"    // not possible in the present state
	Unavailable ErrorKind = "unavailable" // a service this depends on does not answer; retrying may help
	Uncertain   ErrorKind = "unknown"     // an action that may or may not have happened
)

// Error is a failure with a kind and a sentence that says what was being attempted.
type Error struct {
	Kind    ErrorKind
	Message string
	Err     error // what lies beneath; may be nil
	// RetryAfter is how long what did not answer asks to be left alone; zero: it does not say.
	RetryAfter time.Duration
}

// Errorf makes an [Error]. A %w verb in the format is kept as the cause.
func Errorf(kind ErrorKind, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Message: err.Error(), Err: errors.Unwrap(err)}
}

// Error returns the whole sentence.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the outermost [Error] in err's chain; [Problems] are [Invalid]; anything else,
// nil included, is [Internal].
func KindOf(err error) ErrorKind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	var p Problems
	if errors.As(err, &p) {
		return Invalid
	}
	return Internal
}

// Problem is one mistake in a piece of input.
type Problem struct {
	Path    string `json:"path"`    // where: assertions[0].args.violations
	Message string `json:"message"` // what is wrong and what was expected
}

// Problems are all the mistakes found in a piece of input; as an error their kind is [Invalid].
type Problems []Problem

// Error lists the problems, one a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.Message
		if one.Path != "" {
			lines[i] = one.Path + ": " + one.Message
		}
	}
	return strings.Join(lines, "\n")
}

// At returns the problems with prefix put before each path.
func (p Problems) At(prefix string) Problems {
	moved := make(Problems, len(p))
	for i, one := range p {
		moved[i] = Problem{Path: joinPath(prefix, one.Path), Message: one.Message}
	}
	return moved
}

// Err returns p as an error, or nil when there are none.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

func joinPath(prefix, path string) string {
	switch {
	case prefix == "":
		return path
	case path == "" || strings.HasPrefix(path, "["):
		return prefix + path
	default:
		return prefix + "." + path
	}
}

// ProblemsOf turns an error into problems: [Problems] in its chain as they are, any other as one at path.
func ProblemsOf(path string, err error) Problems {
	if err == nil {
		return nil
	}
	var p Problems
	if errors.As(err, &p) {
		return p.At(path)
	}
	return Problems{{Path: path, Message: err.Error()}}
}

// maxChain is how many errors [ErrorChain] follows.
const maxChain = 20

// ErrorChain returns the errors that err is made of, outermost first, each as its type and what it says: what a
// traceback would be elsewhere. Errors that were joined follow one another. Those that say what the one around them
// says are left out; at most 20 are followed.
func ErrorChain(err error) []string {
	var chain []string
	said := ""
	var follow func(error)
	follow = func(err error) {
		if err == nil || len(chain) >= maxChain {
			return
		}
		if text := err.Error(); text != said {
			said = text
			chain = append(chain, fmt.Sprintf("%T: %s", err, text))
		}
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				follow(e)
			}
			return
		}
		follow(errors.Unwrap(err))
	}
	follow(err)
	return chain
}
