package narrative

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Change is what applying a manifest does to a meta or to the configuration.
type Change string

// The changes.
const (
	ChangeCreated  Change = "created"
	ChangeChanged  Change = "changed"
	ChangePruned   Change = "pruned"   // removed, since the source that it came from names it no more
	ChangeOrphaned Change = "orphaned" // as pruned, but pruning was not asked for: it stays as it is
)

// Difference is how one meta, or the configuration, differs between the store and a manifest.
type Difference struct {
	Path   string            `json:"path"` // assertions.NAME, events.NAME or config
	Change Change            `json:"change"`
	Fields []FieldDifference `json:"fields"` // of what is changed
}

// FieldDifference is one value that differs. Where there is none on one side, it is null there.
type FieldDifference struct {
	Path string          `json:"path"` // within the meta, such as every or diagnostics[0].plan[0].webhook.url
	From json.RawMessage `json:"from"`
	To   json.RawMessage `json:"to"`
}

// Compare returns the values that differ between two JSON objects, by path. Lists of objects are compared entry by
// entry, and other lists as a whole; the entries of plans as a file writes them, by the name of their action.
func Compare(from, to json.RawMessage) ([]FieldDifference, error) {
	a, err := plainJSON(from)
	if err != nil {
		return nil, err
	}
	b, err := plainJSON(to)
	if err != nil {
		return nil, err
	}
	c := comparison{found: []FieldDifference{}}
	c.values("", a, b)
	return c.found, c.err
}

func plainJSON(raw json.RawMessage) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, Errorf(Invalid, "compare: %w", err)
	}
	return v, nil
}

type comparison struct {
	found []FieldDifference
	err   error
}

func (c *comparison) values(path string, from, to any) {
	a, b := c.encode(from), c.encode(to)
	if bytes.Equal(a, b) {
		return
	}
	if x, y, ok := both[map[string]any](from, to); ok {
		c.objects(path, x, y)
		return
	}
	if x, y, ok := both[[]any](from, to); ok && objectsOnly(x) && objectsOnly(y) {
		for i := range max(len(x), len(y)) {
			c.values(fmt.Sprintf("%s[%d]", path, i), entry(x, i), entry(y, i))
		}
		return
	}
	c.found = append(c.found, FieldDifference{Path: path, From: a, To: b})
}

func (c *comparison) objects(path string, from, to map[string]any) {
	names := map[string]bool{}
	for name := range from {
		names[name] = true
	}
	for name := range to {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		x, y := from[name], to[name]
		if name == "plan" || name == "rollback" || name == "respond" {
			x, y = spelledPlan(x), spelledPlan(y)
		}
		c.values(joinPath(path, name), x, y)
	}
}

func (c *comparison) encode(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil && c.err == nil {
		c.err = Errorf(Internal, "compare: %w", err)
	}
	return bytes.TrimSpace(b.Bytes())
}

// spelledPlan writes the entries of a plan as a file does: {webhook: {…}, timeout: 30s}.
func spelledPlan(v any) any {
	plan, ok := v.([]any)
	if !ok {
		return v
	}
	spelled := make([]any, len(plan))
	for i, one := range plan {
		action, _ := one.(map[string]any)
		name, named := action["action"].(string)
		if !named || name == "" {
			spelled[i] = one
			continue
		}
		short := map[string]any{name: action["args"]}
		for _, beside := range []string{"timeout", "retry"} {
			if value, there := action[beside]; there {
				short[beside] = value
			}
		}
		spelled[i] = short
	}
	return spelled
}

func both[T any](x, y any) (a, b T, ok bool) {
	a, first := x.(T)
	b, second := y.(T)
	return a, b, first && second
}

func objectsOnly(list []any) bool {
	for _, one := range list {
		if _, object := one.(map[string]any); !object {
			return false
		}
	}
	return true
}

func entry(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return nil
}
