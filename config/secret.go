package config

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/narrative-go/narrative"
)

// Warnings returns the places where files hold what should not be in the open: passwords and tokens that are written out,
// where a reference would keep them out of the store, of answers and of logs. It is nil where there are none. What is
// no YAML is for [ParseFiles] to tell.
func Warnings(files []File) *Mistakes {
	var all Mistakes
	for _, f := range files {
		if len(f.Text) > MaxSize {
			continue
		}
		found := &report{file: Options{File: f.Name}.withDefaults().File, silenced: map[string]bool{}}
		if root := parseTree(plainLines(f.Text), asWritten, &report{silenced: map[string]bool{}}); root != nil {
			(&secrets{report: found, seen: map[*node]bool{}}).look(root, "", "")
		}
		all.add(found)
	}
	if len(all.List) == 0 {
		return nil
	}
	return &all
}

// secrets looks for them. Its report has no source, so that no excerpt shows what it found.
type secrets struct {
	*report
	seen map[*node]bool // aliases make one node stand in many places
}

func (s *secrets) look(n *node, key, path string) {
	if s.seen[n] {
		return
	}
	s.seen[n] = true
	if what := secretIn(n, key); what != "" {
		s.add(n.at, path, fmt.Sprintf("warning: %s %s as it is, which is kept and shown so, also to keys of the scope read; "+
			"write ${env:NAME} or ${file:PATH} in its place", lastStep(path), what))
	}
	for i, item := range n.items {
		s.look(item, key, fmt.Sprintf("%s[%d]", path, i))
	}
	for _, f := range n.fields {
		s.look(f.value, f.key, step(path, f.key))
	}
}

// secretIn says what a value holds that is secret; empty for nothing. What is filled in later holds nothing yet.
func secretIn(n *node, key string) string {
	switch {
	case n.kind != text && n.kind != number:
		return ""
	case isSecret(key) && n.text != "" && !narrative.HasReference(n.text) && !strings.Contains(n.text, "{{"):
		return "holds a secret"
	case passwordIn(n.text):
		return "holds a password"
	}
	return ""
}

// secretNames are what arguments and headers with secrets in them are called, or end with after an underscore.
var secretNames = regexp.MustCompile(`^(.*_)?(authorization|cookie|password|passwd|passphrase|secret|token|api_?key|(access|private|secret)_key)$`)

func isSecret(key string) bool {
	return secretNames.MatchString(strings.ToLower(strings.ReplaceAll(key, "-", "_")))
}

var (
	reference    = regexp.MustCompile(`\$\{(env|file):[^${}]*\}|\{\{.*?\}\}`)
	withPassword = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#\s]*?:[^@/?#\s]+@`)
)

// passwordIn tells whether a text is a URL with a password in it, before the host or in its query.
func passwordIn(s string) bool {
	if !strings.Contains(s, "://") || strings.ContainsAny(s, " \n") {
		return false
	}
	s = reference.ReplaceAllString(s, "")
	if withPassword.MatchString(s) {
		return true
	}
	_, query, _ := strings.Cut(s, "?")
	values, _ := url.ParseQuery(query)
	for name := range values {
		if isSecret(name) && values.Get(name) != "" {
			return true
		}
	}
	return false
}
