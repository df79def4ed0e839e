package httpapi

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"sort"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	narrative "github.com/narrative-go/narrative"
)

//go:embed docs.html
var docsHTML string

//go:embed docs.css
var docsCSS string

// The documentation page: made of the description, once, and without a script. Nothing is loaded from anywhere, and
// the policy that it is sent with would not let it be.

type docsPage struct {
	Title, Version, Text string
	Style                template.CSS
	Tags                 []docsTag
	Schemas              []docsSchema
}

type docsTag struct {
	Name       string
	Operations []docsOperation
}

type docsOperation struct {
	ID, Method, Path, Summary, Text, Scope string
	Parameters                             []docsField
	Body                                   *docsBody
	Responses                              []docsResponse
}

type docsBody struct {
	Text     string
	Required bool
	Content  []docsContent
}

type docsContent struct {
	Type, Text string
	Schema     docsType
	Examples   []docsExample
}

type docsExample struct{ Summary, Text string }

type docsResponse struct {
	Status, Text string
	Schema       docsType
}

type docsSchema struct {
	Name, Text string
	Fields     []docsField
}

type docsField struct {
	Name, In, Text string
	Required       bool
	Type           docsType
}

// docsType is a type in words, and the schema that it links to.
type docsType struct{ Before, Name, After string }

// serveDocs adds /docs.
func (a *api) serveDocs() error {
	described := a.doc.OpenAPI()
	page := docsPage{
		Title: described.Info.Title, Version: described.Info.Version, Text: described.Info.Description,
		Style: template.CSS(docsCSS), Tags: docsTags(described), Schemas: docsSchemas(described.Components.Schemas.Map()), //nolint:gosec // our own file
	}
	var out bytes.Buffer
	t, err := template.New("docs").Parse(docsHTML)
	if err == nil {
		err = t.Execute(&out, page)
	}
	if err != nil {
		return narrative.Errorf(narrative.Internal, "make the documentation page: %w", err)
	}
	sum := sha256.Sum256([]byte(docsCSS))
	policy := fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		base64.StdEncoding.EncodeToString(sum[:]))
	a.mux.HandleFunc("GET /docs", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", policy)
		_, _ = w.Write(out.Bytes()) // a reader that went away is not our failure
	})
	return nil
}

// methodsInOrder are the methods as they are listed.
var methodsInOrder = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

func docsTags(described *huma.OpenAPI) []docsTag {
	byTag := map[string][]docsOperation{}
	for _, path := range sortedNames(described.Paths) {
		item := described.Paths[path]
		for n, o := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if o != nil && len(o.Tags) > 0 {
				byTag[o.Tags[0]] = append(byTag[o.Tags[0]], docsOperationOf(methodsInOrder[n], path, o))
			}
		}
	}
	var tags []docsTag
	for _, name := range sortedNames(byTag) {
		tags = append(tags, docsTag{name, byTag[name]})
	}
	return tags
}

func docsOperationOf(method, path string, o *huma.Operation) docsOperation {
	d := docsOperation{ID: o.OperationID, Method: method, Path: path, Summary: o.Summary, Text: o.Description}
	for _, needed := range o.Security {
		for _, scopes := range needed {
			d.Scope = strings.Join(scopes, ", ")
		}
	}
	for _, p := range o.Parameters {
		text := p.Description
		if text == "" && p.Schema != nil {
			text = p.Schema.Description
		}
		d.Parameters = append(d.Parameters, docsField{Name: p.Name, In: p.In, Required: p.Required, Text: text, Type: docsTypeOf(p.Schema)})
	}
	if o.RequestBody != nil {
		d.Body = &docsBody{Text: o.RequestBody.Description, Required: o.RequestBody.Required, Content: docsContents(o.RequestBody.Content)}
	}
	for _, status := range sortedNames(o.Responses) {
		r := docsResponse{Status: status, Text: o.Responses[status].Description}
		for _, kind := range sortedNames(o.Responses[status].Content) {
			r.Schema = docsTypeOf(o.Responses[status].Content[kind].Schema)
		}
		d.Responses = append(d.Responses, r)
	}
	return d
}

func docsContents(content map[string]*huma.MediaType) (all []docsContent) {
	for _, kind := range sortedNames(content) {
		c := docsContent{Type: kind, Schema: docsTypeOf(content[kind].Schema)}
		if s := content[kind].Schema; s != nil {
			c.Text = s.Description
		}
		for _, name := range sortedNames(content[kind].Examples) {
			e := content[kind].Examples[name]
			c.Examples = append(c.Examples, docsExample{e.Summary, indented(e.Value)})
		}
		all = append(all, c)
	}
	return all
}

func docsSchemas(schemas map[string]*huma.Schema) (all []docsSchema) {
	for _, name := range sortedNames(schemas) {
		s := docsSchema{Name: name, Text: schemas[name].Description}
		for _, field := range sortedNames(schemas[name].Properties) {
			property := schemas[name].Properties[field]
			s.Fields = append(s.Fields, docsField{
				Name: field, Text: property.Description, Type: docsTypeOf(property), Required: slices.Contains(schemas[name].Required, field),
			})
		}
		all = append(all, s)
	}
	return all
}

func docsTypeOf(s *huma.Schema) docsType {
	switch {
	case s == nil:
		return docsType{}
	case s.Ref != "":
		return docsType{Name: refName(s)}
	case s.Type == huma.TypeArray:
		t := docsTypeOf(s.Items)
		t.Before = "list of " + t.Before
		return t
	case len(s.OneOf) > 0:
		t := docsTypeOf(s.OneOf[0])
		for _, other := range s.OneOf[1:] {
			o := docsTypeOf(other)
			t.After += " or " + o.Before + o.Name + o.After
		}
		return t
	case s.Type == "":
		return docsType{Before: "any JSON"}
	}
	t := docsType{Before: s.Type}
	if s.Format != "" && s.Format != "int64" && s.Format != "double" {
		t.Before += " (" + s.Format + ")"
	}
	if len(s.Enum) > 0 {
		words := make([]string, len(s.Enum))
		for i, word := range s.Enum {
			words[i] = fmt.Sprint(word)
		}
		t.Before += ": " + strings.Join(words, ", ")
	}
	if s.Default != nil {
		t.After += fmt.Sprintf(", default %v", s.Default)
	}
	return t
}

// indented is an example as it is shown.
func indented(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	b, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return ""
	}
	return string(b)
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
