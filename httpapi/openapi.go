package httpapi

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	narrative "github.com/narrative-go/narrative"
)

// describe is what huma is told of the API as a whole. Its documentation page, which loads from elsewhere, its schema
// links, which would add a field to every answer, and its own paths of the description are left off.
func describe(version string) huma.Config {
	config := huma.DefaultConfig("Narrative", version)
	config.Info.Description = "Watches an application's business logic: assertions, issues, datums."
	config.OpenAPIPath, config.DocsPath, config.SchemasPath, config.CreateHooks = "", "", "", nil
	config.RejectUnknownQueryParameters = true
	config.Transformers = []huma.Transformer{malformedQuery, withInstance}
	config.Components.Schemas.RegisterTypeAlias(reflect.TypeFor[narrative.Duration](), reflect.TypeFor[string]())
	return config
}

// serveDescription adds /openapi.json, encoded once.
func (a *api) serveDescription() error {
	schemas := a.doc.OpenAPI().Components.Schemas
	for name, schema := range schemas.Map() {
		neverNullable(schema)
		nullablePointers(schema, schemas.TypeFromRef("#/components/schemas/"+name))
	}
	description, err := json.MarshalIndent(a.doc.OpenAPI(), "", "  ")
	if err != nil {
		return narrative.Errorf(narrative.Internal, "describe the API: %w", err)
	}
	a.mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(description) // a reader that went away is not our failure
	})
	return a.serveDocs()
}

// neverNullable takes back that lists may be null: in this API they are not.
func neverNullable(s *huma.Schema) {
	if s == nil {
		return
	}
	if s.Type == huma.TypeArray {
		s.Nullable = false
	}
	neverNullable(s.Items)
	for _, property := range s.Properties {
		neverNullable(property)
	}
}

// nullablePointers says that the pointers to structs among t's fields may be null, which huma leaves out.
func nullablePointers(s *huma.Schema, t reflect.Type) {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return
	}
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		property := s.Properties[name]
		if t.Field(i).Type.Kind() != reflect.Pointer || property == nil || property.Ref == "" || options == "omitempty" {
			continue
		}
		s.Properties[name] = &huma.Schema{OneOf: []*huma.Schema{property, {Type: "null"}}}
	}
}

func schemaOf[T any](a *api) *huma.Schema {
	return a.doc.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, "")
}

func jsonContent(s *huma.Schema) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"application/json": {Schema: s}}
}
