package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/httpapi"
)

// description is /openapi.json, as far as answers are judged by it.
type description struct {
	root  map[string]any
	paths []describedPath
}

type describedPath struct {
	template string
	matches  *regexp.Regexp
	item     map[string]any
}

func describedBy(text []byte) (*description, error) {
	d := &description{}
	if err := json.Unmarshal(text, &d.root); err != nil {
		return nil, err
	}
	parameter := regexp.MustCompile(`\\\{[^/]+\\\}`)
	for template, item := range d.root["paths"].(map[string]any) {
		pattern := "^" + parameter.ReplaceAllString(regexp.QuoteMeta(template), "[^/]+") + "$"
		d.paths = append(d.paths, describedPath{template, regexp.MustCompile(pattern), item.(map[string]any)})
	}
	sort.Slice(d.paths, func(i, j int) bool { // the ones without parameters first
		a, b := strings.Count(d.paths[i].template, "{"), strings.Count(d.paths[j].template, "{")
		return a < b || a == b && d.paths[i].template < d.paths[j].template
	})
	return d, nil
}

// ofEvery are statuses that any request may meet, before its route sees it.
var ofEvery = []int{400, 401, 403, 404, 405, 408, 409, 413, 415, 429, 500, 503}

// judge fails the test where an answer is not what the description says.
func (d *description) judge(t *testing.T, method, path string, r reply) {
	t.Helper()
	var operation map[string]any
	for _, p := range d.paths {
		if p.matches.MatchString(path) && p.item[strings.ToLower(method)] != nil {
			operation = p.item[strings.ToLower(method)].(map[string]any)
			break
		}
	}
	if operation == nil {
		if r.header.Get("Content-Type") == "application/problem+json" {
			d.judgeProblem(t, method, path, r)
		}
		return
	}
	response, described := operation["responses"].(map[string]any)[fmt.Sprint(r.status)].(map[string]any)
	if !described {
		if !slices.Contains(ofEvery, r.status) {
			t.Errorf("%s %s: status %d is not described", method, path, r.status)
			return
		}
		d.judgeProblem(t, method, path, r)
		return
	}
	content, _ := response["content"].(map[string]any)
	if len(content) == 0 {
		if r.body != "" {
			t.Errorf("%s %s: status %d is described without a body, and has: %s", method, path, r.status, r.body)
		}
		return
	}
	kind, _, _ := strings.Cut(r.header.Get("Content-Type"), ";")
	media, described := content[kind].(map[string]any)
	if !described {
		t.Errorf("%s %s: status %d is not described as %q", method, path, r.status, kind)
		return
	}
	schema, _ := media["schema"].(map[string]any)
	if schema != nil && strings.HasSuffix(kind, "json") {
		d.judgeJSON(t, method+" "+path, schema, r)
	}
}

func (d *description) judgeProblem(t *testing.T, method, path string, r reply) {
	t.Helper()
	d.judgeJSON(t, method+" "+path, map[string]any{"$ref": "#/components/schemas/ErrorModel"}, r)
}

func (d *description) judgeJSON(t *testing.T, what string, schema map[string]any, r reply) {
	t.Helper()
	var value any
	decoder := json.NewDecoder(strings.NewReader(r.body))
	decoder.UseNumber() // what somebody sent may be beyond a float64
	if err := decoder.Decode(&value); err != nil {
		t.Errorf("%s: status %d: %v: %s", what, r.status, err, r.body)
		return
	}
	if found := d.mistakes(schema, value, "body"); len(found) > 0 {
		t.Errorf("%s: status %d: not as described: %s (%d such mistakes)\n%.2000s", what, r.status, found[0], len(found), r.body)
	}
}

// mistakes returns what of a value is not as the schema has it. It knows the keywords that the description uses.
func (d *description) mistakes(schema map[string]any, value any, at string) (found []string) {
	if number, ok := value.(json.Number); ok {
		value, _ = number.Float64() // infinite where it does not fit, which is a number still
	}
	if ref, ok := schema["$ref"].(string); ok {
		return d.mistakes(d.referred(ref), value, at)
	}
	for keyword := range schema {
		if !slices.Contains(knownKeywords, keyword) {
			found = append(found, at+": the validator does not know "+keyword)
		}
	}
	if choices, ok := schema["oneOf"].([]any); ok {
		fits := 0
		for _, choice := range choices {
			if len(d.mistakes(choice.(map[string]any), value, at)) == 0 {
				fits++
			}
		}
		if fits != 1 {
			found = append(found, fmt.Sprintf("%s: fits %d of oneOf", at, fits))
		}
	}
	if kinds := typesOf(schema["type"]); len(kinds) > 0 && !slices.ContainsFunc(kinds, func(kind string) bool { return isOf(kind, value) }) {
		return append(found, fmt.Sprintf("%s: is %T, not %v", at, value, kinds))
	}
	if allowed, ok := schema["enum"].([]any); ok && !slices.Contains(allowed, value) {
		found = append(found, fmt.Sprintf("%s: %v is none of %v", at, value, allowed))
	}
	switch value := value.(type) {
	case string:
		if _, err := time.Parse(time.RFC3339Nano, value); schema["format"] == "date-time" && (err != nil || !strings.HasSuffix(value, "Z")) {
			found = append(found, at+": is no UTC time: "+value)
		}
	case float64:
		if least, ok := schema["minimum"].(float64); ok && value < least {
			found = append(found, fmt.Sprintf("%s: %v is less than %v", at, value, least))
		}
		if most, ok := schema["maximum"].(float64); ok && value > most {
			found = append(found, fmt.Sprintf("%s: %v is more than %v", at, value, most))
		}
	case []any:
		if items, ok := schema["items"].(map[string]any); ok {
			for n, item := range value {
				found = append(found, d.mistakes(items, item, fmt.Sprintf("%s[%d]", at, n))...)
			}
		}
	case map[string]any:
		found = append(found, d.objectMistakes(schema, value, at)...)
	}
	return found
}

func (d *description) objectMistakes(schema, value map[string]any, at string) (found []string) {
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if _, there := value[name.(string)]; !there {
			found = append(found, fmt.Sprintf("%s: %s is missing", at, name))
		}
	}
	properties, _ := schema["properties"].(map[string]any)
	for name, member := range value {
		below := at + "." + name
		if property, ok := properties[name].(map[string]any); ok {
			found = append(found, d.mistakes(property, member, below)...)
			continue
		}
		switch more := schema["additionalProperties"].(type) {
		case map[string]any:
			found = append(found, d.mistakes(more, member, below)...)
		case bool:
			if !more {
				found = append(found, below+": is not described")
			}
		}
	}
	return found
}

var knownKeywords = []string{
	"type", "properties", "required", "additionalProperties", "items", "enum", "oneOf", "format", "minimum", "maximum", "description", "examples",
	"default", "contentEncoding", "title", "example", "maxLength", "maxItems",
}

func (d *description) referred(ref string) map[string]any {
	var at any = d.root
	for _, step := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		at = at.(map[string]any)[step]
	}
	return at.(map[string]any)
}

func typesOf(kind any) (kinds []string) {
	switch kind := kind.(type) {
	case string:
		return []string{kind}
	case []any:
		for _, k := range kind {
			kinds = append(kinds, k.(string))
		}
	}
	return kinds
}

func isOf(kind string, value any) bool {
	switch value := value.(type) {
	case nil:
		return kind == "null"
	case bool:
		return kind == "boolean"
	case string:
		return kind == "string"
	case float64:
		return kind == "number" || kind == "integer" && value == math.Trunc(value)
	case []any:
		return kind == "array"
	case map[string]any:
		return kind == "object"
	}
	return false
}

// itself is what the API says of itself.
var itself = sync.OnceValues(func() (*description, error) {
	store := newFakeStore()
	h, err := httpapi.New(httpapi.Options{
		Store: store, Operator: &fakeOperator{},
		Apply: func(context.Context, httpapi.Application) (narrative.Applied, error) { return narrative.Applied{}, nil },
		Parse: func([]byte) (narrative.Manifest, error) { return narrative.Manifest{}, nil },
		Put:   func(context.Context, narrative.Manifest) (narrative.Applied, error) { return narrative.Applied{}, nil },
		Ready: func(context.Context) httpapi.Readiness { return httpapi.Readiness{} },
	})
	if err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	return describedBy(w.Body.Bytes())
})

// judged checks an answer by what the API itself says of it.
func judged(t *testing.T, method, path string, r reply) reply {
	t.Helper()
	if method == http.MethodHead || strings.HasPrefix(path, "/openapi.json") {
		return r
	}
	d, err := itself()
	if err != nil {
		t.Fatal(err)
	}
	path, _, _ = strings.Cut(path, "?")
	d.judge(t, method, path, r)
	return r
}

func TestTheSchemaValidatorSeesWhatIsWrong(t *testing.T) {
	t.Parallel()
	d, err := describedBy([]byte(`{"paths":{},"components":{"schemas":{"A":{"type":"object","additionalProperties":false,"required":["n","at"],
		"properties":{"n":{"type":"integer","minimum":0},"at":{"type":["string","null"],"format":"date-time"},"l":{"type":"array","items":{"enum":["a","b"]}},
		"o":{"oneOf":[{"type":"null"},{"type":"string"}]}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	schema := map[string]any{"$ref": "#/components/schemas/A"}
	for value, want := range map[string]int{
		`{"n":1,"at":null,"l":["a"],"o":null}`:        0,
		`{"n":1.5,"at":"noon","l":["c"],"o":7,"x":1}`: 5,
		`{"n":-1}`: 2, `[]`: 1,
	} {
		if got := d.mistakes(schema, decoded(t, value), "body"); len(got) != want {
			t.Errorf("%s: %q, want %d", value, got, want)
		}
	}
}
