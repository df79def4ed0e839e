package persistence

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

func TestWordsOfADatum(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		datum narrative.Datum
		want  engine.Words
	}{
		"letters and digits in lower case, each once": {
			narrative.Datum{Origin: "Shop", Name: "order.placed", Note: json.RawMessage(`{"ORDER":17,"Straße":"É"}`)},
			engine.Words{"17", "order", "placed", "shop", "straße", "é"},
		},
		"no part of an escape": {
			narrative.Datum{Origin: "o", Name: `a\nb`, Note: json.RawMessage(`"one\ntwo\\three\u001ffour\"five\`)},
			engine.Words{"a", "five", "four", "nb", "o", "one", "three", "two"},
		},
		"marks are of the word": {narrative.Datum{Origin: "हिन्दी", Name: "e\u0301"}, engine.Words{"e\u0301", "हिन्दी"}},
		"two characters at a time where words have no space between them": {
			narrative.Datum{Origin: "客户发票", Name: "ab税x", Note: json.RawMessage(`"カード。ไทย"`)},
			engine.Words{"ab", "x", "ทย", "ย", "ไท", "カー", "ド", "ード", "发票", "客户", "户发", "票", "税"},
		},
		"none": {narrative.Datum{Origin: "!", Name: "—"}, engine.Words{}},
		"a long one is cut at a rune": {
			narrative.Datum{Origin: "!", Name: "!", Note: json.RawMessage(`"x` + strings.Repeat("ü", 100) + `"`)},
			engine.Words{"x" + strings.Repeat("ü", 31)},
		},
		"those of the beginning of a note": {
			narrative.Datum{Origin: "!", Name: "!", Note: json.RawMessage(`"` + strings.Repeat(" ", wordsOfNote-3) + `abc"`)}, engine.Words{"ab"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, wordsOf(tt.datum)); diff != "" {
				t.Errorf("words (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSoughtWordsAreBeginnings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                      "",
		" '!\\ ":                "",
		"Pay":                   "'pay':*",
		"b a, B/a":              "'a':* & 'b':*",
		"O'Neill":               "'neill':* & 'o':*",
		"发票":                    "'发票':* & '票':*",
		strings.Repeat("y", 99): "'" + strings.Repeat("y", maxWord) + "':*",
	} {
		if got := soughtWords(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

// FuzzWordsAreFoundAgain looks for every word of a text.
func FuzzWordsAreFoundAgain(f *testing.F) {
	f.Add("Order 17 — größe/ΣΊΣΥΦΟΣ İ 客户发票カードab")
	f.Fuzz(func(t *testing.T, text string) {
		words := wordsOf(narrative.Datum{Name: text})
		if !slices.IsSorted(words) {
			t.Errorf("the words of %q are not sorted: %q", text, words)
		}
		for _, word := range words {
			for _, sought := range appendWords(nil, word) {
				if !slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, sought) }) {
					t.Errorf("%q of %q is looked for as %q", word, text, sought)
				}
			}
		}
	})
}
