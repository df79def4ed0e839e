// Package config reads narrative.yaml, the file that says what is to be watched, into a [narrative.Manifest].
//
// The file is strict: a key that is not known, a value of the wrong type, a key written twice are mistakes, never
// ignored. All mistakes of a file are reported at once, each with the line, the column and the piece of source that it
// is about, and with what was probably meant:
//
//	narrative.yaml:4:5: "evry" is not a known key; did you mean "every"? (known: name, display_name, …)
//	  4 |     evry: 5m
//	    |     ^
//
// JSON is YAML, so the same document may be written as JSON, where an entry of a plan may also have the form
// {"action": …, "args": …} in which the API answers it.
//
// What the file says about the environment is left alone: ${env:NAME} and ${file:PATH} are resolved where a check or an
// action runs. Only relative paths are made absolute, as seen from the file's folder.
//
// Reading is bounded: the file's size, its nesting, and what its aliases expand to.
package config
