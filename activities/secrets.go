package activities

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	narrative "github.com/narrative-go/narrative"
)

// redacted stands where a secret stood.
const redacted = "[redacted]"

// maxSecretFile bounds a file that a reference names, in bytes.
const maxSecretFile = 64 << 10

// secrets resolves the references of one activity's run and remembers what they stand for, so that it can be kept out
// of everything that leaves the activity.
type secrets struct {
	env      func(string) (string, bool)
	readFile func(string) ([]byte, error)
	values   map[string]bool
}

func (a *Activities) newSecrets() *secrets {
	return &secrets{env: a.o.LookupEnv, readFile: a.o.ReadFile, values: map[string]bool{}}
}

// Resolve resolves one reference where this process runs, by the rules by which activities resolve those of metas.
func Resolve(kind, name string) (string, error) {
	return (&secrets{env: os.LookupEnv, readFile: os.ReadFile, values: map[string]bool{}}).resolve(kind, name)
}

// resolve is a [narrative.Resolver].
func (s *secrets) resolve(kind, name string) (string, error) {
	if kind == "env" {
		value, ok := s.env(name)
		if !ok {
			return "", narrative.Errorf(narrative.Invalid, "the environment variable %s, which ${env:%s} names, is not set where the worker runs", name, name)
		}
		s.remember(value)
		return value, nil
	}
	path := filepath.Clean(name)
	for _, kernel := range []string{"/proc/", "/sys/", "/dev/"} {
		if strings.HasPrefix(path, kernel) {
			return "", narrative.Errorf(narrative.Invalid, "${file:%s} is refused: it is not an ordinary file", name)
		}
	}
	content, err := s.readFile(path)
	switch {
	case err != nil:
		return "", narrative.Errorf(narrative.Invalid, "read ${file:%s} where the worker runs: %w", name, err)
	case len(content) > maxSecretFile:
		return "", narrative.Errorf(narrative.Invalid, "${file:%s} is larger than 64 KiB", name)
	}
	value := strings.TrimRight(string(content), "\r\n")
	s.remember(value)
	return value, nil
}

// leastSecret is the length, in bytes, from which a value is kept out of what leaves the activity: a shorter one stands
// in half of all words, and is no secret.
const leastSecret = 4

// remember keeps a secret; where it is a URL, its password too, which drivers quote alone; and each line of a longer
// one.
func (s *secrets) remember(value string) {
	s.rememberForms(value)
	for line := range strings.Lines(value) {
		s.rememberForms(strings.TrimSpace(line))
	}
	if u, err := url.Parse(value); err == nil && u.User != nil {
		password, _ := u.User.Password()
		s.rememberForms(password)
	}
}

// rememberForms keeps a text as it is and as it looks quoted, in JSON and in URLs.
func (s *secrets) rememberForms(value string) {
	if len(value) < leastSecret {
		return
	}
	inJSON, _ := json.Marshal(value) // a string encodes
	quoted := strconv.Quote(value)
	var plain strings.Builder
	e := json.NewEncoder(&plain)
	e.SetEscapeHTML(false)
	_ = e.Encode(value)
	for _, form := range []string{
		value, quoted[1 : len(quoted)-1], string(inJSON[1 : len(inJSON)-1]), strings.Trim(strings.TrimSpace(plain.String()), `"`),
		url.QueryEscape(value), url.PathEscape(value),
	} {
		s.values[form] = true
	}
}

// redact returns the text without any secret, the longest ones first.
func (s *secrets) redact(text string) string {
	text = storable(text)
	if s == nil || len(s.values) == 0 {
		return text
	}
	values := make([]string, 0, len(s.values))
	for v := range s.values {
		values = append(values, v)
	}
	sort.Slice(values, func(i, j int) bool {
		return len(values[i]) > len(values[j]) || len(values[i]) == len(values[j]) && values[i] < values[j]
	})
	for _, v := range values {
		text = strings.ReplaceAll(text, v, redacted)
	}
	return text
}

// storable makes what somebody else's code says fit to be kept: as UTF-8, without NUL.
func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// maxError bounds what an error may say, in bytes.
const maxError = 8 << 10

// redactError returns the error, of the same kind, without any secret.
func (s *secrets) redactError(err error) error {
	if err == nil {
		return nil
	}
	text := s.redact(err.Error())
	if len(text) > maxError {
		text = strings.ToValidUTF8(text[:maxError], "") + "…"
	}
	return &narrative.Error{Kind: narrative.KindOf(err), Message: text}
}

func (s *secrets) redactValue(v any) any {
	switch v := v.(type) {
	case string:
		return s.redact(v)
	case []any:
		for i := range v {
			v[i] = s.redactValue(v[i])
		}
	case map[string]any:
		clean := make(map[string]any, len(v))
		for k, e := range v {
			clean[s.redact(k)] = s.redactValue(e)
		}
		return clean
	}
	return v
}

func (s *secrets) redactJSON(raw json.RawMessage) json.RawMessage {
	if s == nil || len(s.values) == 0 || len(raw) == 0 {
		return raw
	}
	v, err := narrative.DecodeJSON(raw)
	if err != nil {
		return raw
	}
	clean, err := json.Marshal(s.redactValue(v))
	if err != nil {
		return raw
	}
	return clean
}

// Bounds of what a check may say, in bytes.
const (
	maxSummary = 1 << 10
	maxDetails = 64 << 10
)

// tidy makes what the user's code found fit to be kept: without secrets, within bounds, as plain JSON values.
func (s *secrets) tidy(summary string, details map[string]any) (string, map[string]any, error) {
	summary = s.redact(summary)
	if len(summary) > maxSummary {
		summary = strings.ToValidUTF8(summary[:maxSummary], "") + "…"
	}
	if len(details) == 0 {
		return summary, nil, nil
	}
	encoded, err := json.Marshal(details)
	if err != nil {
		return "", nil, narrative.Errorf(narrative.Invalid, "the details found do not encode as JSON: %w", err)
	}
	if len(encoded) > maxDetails {
		return summary, map[string]any{"dropped": "the details were larger than 64 KiB"}, nil
	}
	plain, err := narrative.DecodeJSON(encoded)
	if err != nil {
		return "", nil, err
	}
	object, _ := s.redactValue(plain).(map[string]any)
	return summary, object, nil
}
