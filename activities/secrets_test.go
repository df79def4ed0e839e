package activities

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	narrative "github.com/narrative-go/narrative"
)

func testSecrets(env map[string]string, files map[string]string) *secrets {
	return &secrets{
		env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		readFile: func(path string) ([]byte, error) {
			if content, ok := files[path]; ok {
				return []byte(content), nil
			}
			return nil, fs.ErrNotExist
		},
		values: map[string]bool{},
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind, ref, want, refused string
	}{
		"a variable":                       {kind: "env", ref: "A", want: "value"},
		"a variable that is not set":       {kind: "env", ref: "B", refused: "B"},
		"a file, less its last line's end": {kind: "file", ref: "/run/token", want: "from file"},
		"a file that is not there":         {kind: "file", ref: "/none", refused: "/none"},
		"the process's own environment":    {kind: "file", ref: "/proc/self/environ", refused: "not an ordinary file"},
		"the same by a roundabout way":     {kind: "file", ref: "/run/../proc/self/environ", refused: "not an ordinary file"},
		"a file that is too large":         {kind: "file", ref: "/large", refused: "64 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testSecrets(map[string]string{"A": "value"}, map[string]string{"/run/token": "from file\n", "/large": strings.Repeat("x", maxSecretFile+1)})
			got, err := s.resolve(c.kind, c.ref)
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) || narrative.KindOf(err) != narrative.Invalid {
					t.Errorf("%v; want it refused, naming %q", err, c.refused)
				}
				return
			}
			if err != nil || got != c.want {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	s := testSecrets(nil, nil)
	s.remember("postgres://ann:p%40ss@db/shop")
	s.remember("p%40ss-longer")
	s.remember("tok\"en\\x+/=é")
	s.remember("a")
	s.remember("-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----")
	for text, want := range map[string]string{
		"cannot reach postgres://ann:p%40ss@db/shop": "cannot reach [redacted]",
		"password p@ss is wrong":                     "password [redacted] is wrong",
		"p%40ss-longer first":                        "[redacted] first",
		"nothing secret":                             "nothing secret",
		`quoted "tok\"en\\x+/=é"`:                    `quoted "[redacted]"`,
		"in a URL ?t=tok%22en%5Cx%2B%2F%3D%C3%A9":    "in a URL ?t=[redacted]",
		"a line of a file: MIIEvQIBADANBg":           "a line of a file: [redacted]",
	} {
		if got := s.redact(text); got != want {
			t.Errorf("redact(%q) = %q; want %q", text, got, want)
		}
	}
	err := s.redactError(narrative.Errorf(narrative.Unavailable, "dial: %w", errors.New("p@ss")))
	if err.Error() != "dial: [redacted]" || narrative.KindOf(err) != narrative.Unavailable || errors.Unwrap(err) != nil {
		t.Errorf("redactError = %v of kind %q; want it without the secret, its cause and of the same kind", err, narrative.KindOf(err))
	}
}

func TestTidy(t *testing.T) {
	t.Parallel()
	s := testSecrets(nil, nil)
	s.remember("hush")
	summary, details, err := s.tidy("said hush "+strings.Repeat("é", maxSummary), map[string]any{"hush": []any{"a hush", 3, nil}, "n": 2.5})
	if err != nil || !strings.HasPrefix(summary, "said [redacted] é") || len(summary) > maxSummary+len("…") {
		t.Errorf("summary of %d bytes, %v; want it redacted and cut", len(summary), err)
	}
	want := map[string]any{"[redacted]": []any{"a [redacted]", int64(3), nil}, "n": 2.5}
	if diff := cmp.Diff(want, details); diff != "" {
		t.Errorf("details (-want +got):\n%s", diff)
	}
	if _, details, _ := s.tidy("", map[string]any{"x": strings.Repeat("x", maxDetails)}); details["dropped"] == nil {
		t.Errorf("details %v; want it said that they were dropped", details)
	}
	if _, _, err := s.tidy("", map[string]any{"c": make(chan int)}); narrative.KindOf(err) != narrative.Invalid {
		t.Errorf("details that do not encode: %v; want it invalid", err)
	}
}
