package persistence

import (
	"bytes"
	"slices"
	"strings"

	"github.com/narrative-go/narrative"
)

// orphans are the names, sorted, of the metas that came from the manifest's sources and that it names no more.
func (h *heldMetas) orphans(m narrative.Manifest, all []wanted) []string {
	named := map[string]bool{}
	for _, w := range all {
		named[w.meta.Name] = true
	}
	sources := m.Sources
	if len(sources) == 0 {
		sources = []string{m.Source}
	}
	var names []string
	for name, source := range h.sources {
		if source != "" && !named[name] && slices.Contains(sources, source) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// differences are how the store differs from the manifest; it must be asked before anything is queued.
func (h *heldMetas) differences(m narrative.Manifest, all []wanted) ([]narrative.Difference, error) {
	found := []narrative.Difference{}
	for _, w := range all {
		name := w.meta.Name
		d := narrative.Difference{Path: pathOf(w.kind, name), Change: narrative.ChangeCreated, Fields: []narrative.FieldDifference{}}
		if kind, taken := h.kinds[name]; taken && kind == w.kind {
			if bytes.Equal(h.content[name], w.content) {
				continue
			}
			fields, err := narrative.Compare(h.content[name], w.content)
			if err != nil {
				return nil, err
			}
			d.Change, d.Fields = narrative.ChangeChanged, fields
		}
		found = append(found, d)
	}
	change := narrative.ChangeOrphaned
	if m.Prune {
		change = narrative.ChangePruned
	}
	for _, name := range h.orphans(m, all) {
		found = append(found, narrative.Difference{Path: pathOf(h.kinds[name], name), Change: change, Fields: []narrative.FieldDifference{}})
	}
	slices.SortStableFunc(found, func(a, b narrative.Difference) int { return strings.Compare(a.Path, b.Path) })
	fields, err := h.configDifferences(m.Config)
	if len(fields) > 0 {
		found = slices.Insert(found, 0, narrative.Difference{Path: "config", Change: narrative.ChangeChanged, Fields: fields})
	}
	return found, err
}

func (h *heldMetas) configDifferences(to *narrative.Config) ([]narrative.FieldDifference, error) {
	if to == nil {
		return nil, nil
	}
	before, err := contentOf(evenConfig(h.config))
	if err != nil {
		return nil, err
	}
	after, err := contentOf(evenConfig(*to))
	if err != nil {
		return nil, err
	}
	return narrative.Compare(before, after)
}

// pathOf is where a meta stands in a manifest, by name.
func pathOf(kind narrative.MetaKind, name string) string { return string(kind) + "s." + name }
