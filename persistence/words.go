package persistence

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

// Bounds of the words that a datum is found by, in bytes: of a note, and of a word.
const (
	wordsOfNote = 64 << 10
	maxWord     = 64
)

// wordsOf returns the words of a datum: what stands in a row of letters, marks and digits, in lower case. In scripts
// that put no space between words, each character and the one behind it are one, as in Lucene's CJKAnalyzer.
func wordsOf(d narrative.Datum) engine.Words {
	note := d.Note
	if len(note) > wordsOfNote {
		note = note[:wordsOfNote]
	}
	words := make(engine.Words, 0, 16)
	words = appendWords(words, d.Origin)
	words = appendWords(words, d.Name)
	words = appendWords(words, unescaped(string(note)))
	slices.Sort(words)
	return slices.Compact(words)
}

// unescaped puts spaces in the place of escapes, which are such as no word holds.
func unescaped(json string) string {
	if strings.IndexByte(json, '\\') < 0 {
		return json
	}
	plain := []byte(json)
	for at := 0; at < len(plain); at++ {
		if plain[at] != '\\' {
			continue
		}
		length := 2
		if at+1 < len(plain) && plain[at+1] == 'u' {
			length = 6
		}
		for end := min(at+length, len(plain)); at < end; at++ {
			plain[at] = ' '
		}
		at--
	}
	return string(plain)
}

func appendWords(words []string, text string) []string {
	text = strings.ToLower(text)
	begin := -1
	for at := 0; at < len(text); {
		r, size := rune(text[at]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[at:])
		}
		unspaced := isUnspaced(r)
		switch inWord := !unspaced && isWord(r); {
		case inWord && begin < 0:
			begin = at
		case !inWord && begin >= 0:
			words = append(words, clipWord(text[begin:at]))
			begin = -1
		}
		if unspaced {
			next, more := utf8.DecodeRuneInString(text[at+size:])
			if !isUnspaced(next) {
				more = 0
			}
			words = append(words, text[at:at+size+more])
		}
		at += size
	}
	if begin >= 0 {
		words = append(words, clipWord(text[begin:]))
	}
	return words
}

func isWord(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z'
	}
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r)
}

// isUnspaced tells whether a letter is of a script that puts no space between words.
func isUnspaced(r rune) bool {
	if r < '\u0e00' || !isWord(r) {
		return false
	}
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) ||
		r == 'ー' // Katakana's, of the script Common
}

// clipWord cuts a word, at a rune: a longer one is found by its beginning.
func clipWord(word string) string {
	if len(word) <= maxWord {
		return word
	}
	cut := maxWord
	for !utf8.RuneStart(word[cut]) {
		cut--
	}
	return word[:cut]
}

// soughtWords is the full text query for the words of a text, each the beginning of one; empty where it has none.
func soughtWords(text string) string {
	words := appendWords(nil, text)
	slices.Sort(words)
	var query strings.Builder
	for n, word := range slices.Compact(words) {
		if n > 0 {
			query.WriteString(" & ")
		}
		query.WriteString("'" + word + "':*")
	}
	return query.String()
}
