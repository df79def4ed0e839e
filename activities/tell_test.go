package activities

import "testing"

func TestValuesAreWrittenAsPeopleReadThem(t *testing.T) {
	t.Parallel()
	got := values(map[string]any{"name": "a<b", "count": 3, "tags": []any{"x", map[string]any{"y": true}}, "none": nil})
	if want := `count: 3, name: a<b, none: null, tags: ["x",{"y":true}]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
