package webhook

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// leastHidden is the length, in bytes, from which a text is kept out of errors: a shorter one stands in half of all
// words.
const leastHidden = 4

// leastSegment is the same for one part of a URL's path, which is more often a word than a secret.
const leastSegment = 8

// secrets are texts that no error says.
type secrets []string

// secretsOf are what a request's URL and headers hold, which a server may repeat, and more besides.
func secretsOf(r *http.Request, more []string) secrets {
	all := slices.Clone(more)
	all = append(all, r.URL.String(), r.URL.RequestURI(), r.URL.RawQuery)
	if r.URL.Path != "/" {
		all = append(all, r.URL.Path, r.URL.EscapedPath())
	}
	for part := range strings.SplitSeq(r.URL.Path, "/") {
		if len(part) >= leastSegment {
			all = append(all, part)
		}
	}
	for _, values := range r.URL.Query() {
		all = append(all, values...)
	}
	if password, ok := r.URL.User.Password(); ok {
		all = append(all, password)
	}
	for name, values := range r.Header {
		if !slices.Contains([]string{"Accept", "Content-Type", "Idempotency-Key", "User-Agent", KindHeader}, name) {
			all = append(all, values...)
		}
		for _, v := range values {
			if _, credentials, ok := strings.Cut(v, " "); ok && name == "Authorization" {
				all = append(all, credentials)
			}
		}
	}
	for _, one := range slices.Clone(all) {
		all = append(all, url.QueryEscape(one), url.PathEscape(one))
	}
	all = slices.DeleteFunc(all, func(s string) bool { return len(s) < leastHidden })
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) }) // the longest first
	return all
}

// from returns the text without any of the secrets.
func (s secrets) from(text string) string {
	for _, one := range s {
		text = strings.ReplaceAll(text, one, "[redacted]")
	}
	return text
}

// sentence is the beginning of a text as one line of printable characters, at most [maxWords] bytes long.
func sentence(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError || !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	return strings.ToValidUTF8(text[:min(len(text), maxWords)], "") // without half a character at its end
}
