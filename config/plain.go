package config

import (
	"errors"
	"strings"

	"github.com/narrative-go/narrative"
)

// Plain gives the mistakes of a document that nobody wrote as lines: what a program sent. It says where by path alone.
// Any other error is answered as it is.
func Plain(err error) error {
	var m *Mistakes
	if !errors.As(err, &m) {
		return err
	}
	problems := make(narrative.Problems, 0, len(m.List))
	for _, one := range m.List {
		message := strings.TrimPrefix(one.Message, lastStep(one.Path)+": ")
		problems = append(problems, narrative.Problem{Path: one.Path, Message: message})
	}
	return problems
}
