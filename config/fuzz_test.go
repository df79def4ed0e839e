package config_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/config"
)

// FuzzWrite holds every document to what readers of it rely on: it is read or refused with mistakes in the file, and what
// was read can be written and read again as it was.
func FuzzWrite(f *testing.F) {
	for _, text := range documents(f) {
		f.Add(text)
	}
	f.Add(everyKey)
	f.Add("\x00: 1\n")
	f.Add("a: {b\r\r\r")
	f.Add("assertions: [{nam: &a [*a]}]\n")
	f.Fuzz(func(t *testing.T, text string) {
		config.Warnings([]config.File{{Text: []byte(text)}})
		m, err := config.Parse([]byte(text), config.Options{File: "f.yaml"})
		if err != nil {
			var mistakes *config.Mistakes
			if !errors.As(err, &mistakes) || narrative.KindOf(err) != narrative.Invalid {
				t.Fatalf("the error is %T: %v", err, err)
			}
			lines := strings.Count(text, "\n") + strings.Count(text, "\r") + 1
			for _, one := range mistakes.List {
				if one.Line < 1 || one.Line > lines+1 || one.Column < 1 {
					t.Errorf("%s is not in the file, which has %d lines", one, lines)
				}
			}
			return
		}
		written, err := config.Write(m)
		if err != nil {
			t.Fatalf("write %q: %v", text, err)
		}
		again, err := config.Parse(written, config.Options{File: "f.yaml"})
		if err != nil {
			t.Fatalf("read again: %v\n%s", err, written)
		}
		if a, b := canonical(t, m), canonical(t, again); a != b {
			t.Fatalf("was\n%s\nis\n%s\nwritten:\n%s", a, b, written)
		}
	})
}
