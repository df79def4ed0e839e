package persistence

import (
	"bytes"
	"maps"
	"slices"

	"github.com/narrative-go/narrative"
)

// expected answers a Conflict unless the store holds what is expected. A name that the other kind has is left to the
// refusal of what is wanted, which says more.
func (h *heldMetas) expected(e narrative.Expected, all []wanted) error {
	kinds := map[string]narrative.MetaKind{}
	for _, w := range all {
		kinds[w.meta.Name] = w.kind
	}
	for _, name := range slices.Sorted(maps.Keys(e.Revisions)) {
		if kind, held := h.kinds[name]; held && kinds[name] != "" && kinds[name] != kind {
			continue
		}
		if h.revisions[name] != e.Revisions[name] {
			return changedMeanwhile(name)
		}
	}
	if e.Config == nil {
		return nil
	}
	held, err := contentOf(h.config)
	if err != nil {
		return err
	}
	seen, err := contentOf(*e.Config)
	if err != nil {
		return err
	}
	if !bytes.Equal(held, seen) {
		return narrative.Errorf(narrative.Conflict, "the configuration was changed meanwhile; read it again")
	}
	return nil
}

func changedMeanwhile(name string) error {
	return narrative.Errorf(narrative.Conflict, "%q was changed meanwhile; read it again", name)
}
