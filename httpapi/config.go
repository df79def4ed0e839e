package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	narrative "github.com/narrative-go/narrative"
)

func (a *api) configRoutes() {
	const path = "/api/v1/config"
	add(a, route{
		method: http.MethodGet, path: path, id: "get-config", tag: "configuration",
		summary: "Get the configuration", errors: []int{http.StatusServiceUnavailable},
	}, a.getConfig)
	patch := &huma.MediaType{Schema: schemaOf[narrative.Config](a), Examples: examples(
		"minimum", "Keep warnings and worse alone", `{"minimum_datum_log_level": "warn"}`,
		"admins", "Tell other people; null takes a field back to its default", `{"admins": {"email": ["ops@example.com"], "slack": null}}`,
	)}
	add(a, route{
		method: http.MethodPatch, path: path, id: "patch-config", tag: "configuration",
		summary: "Change the configuration by a JSON merge patch (RFC 7396)", timeout: 2 * time.Minute,
		errors: []int{
			http.StatusConflict, http.StatusPreconditionFailed, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType,
			http.StatusUnprocessableEntity, http.StatusServiceUnavailable,
		},
		body: &huma.RequestBody{
			Required: true, Description: "The fields to change; a list takes the place of the list before",
			Content: map[string]*huma.MediaType{"application/merge-patch+json": patch, "application/json": patch},
		},
	}, a.patchConfig)
	// a patch has any of the fields, and null for those that are to be their defaults
	patch.Schema = &huma.Schema{Type: huma.TypeObject, Description: "Any fields of Config"}
}

// configAnswer is the configuration and what names this state of it.
type configAnswer struct {
	ETag string `header:"ETag"`
	Body narrative.Config
}

// answerConfig answers the configuration, whose ETag is made of what it says.
func answerConfig(c narrative.Config) *configAnswer {
	c.Admins.Email = orEmpty(c.Admins.Email)
	return &configAnswer{ETag: etagOf(0, c), Body: c}
}

func (a *api) getConfig(ctx context.Context, _ *struct{}) (*configAnswer, error) {
	c, err := a.Store.Config(ctx)
	return answerConfig(c), err
}

// PatchInput is a merge patch of the configuration.
type PatchInput struct {
	Condition
	Payload payload
}

func (a *api) patchConfig(ctx context.Context, in *PatchInput) (*configAnswer, error) {
	patch, err := in.Payload.readObject()
	if err != nil {
		return nil, err
	}
	for range maxRaces {
		held, err := a.Store.Config(ctx)
		if err != nil {
			return nil, err
		}
		if err := in.holds(answerConfig(held).ETag); err != nil {
			return nil, err
		}
		changed, err := a.patched(held, patch)
		if err != nil {
			return nil, err
		}
		m := narrative.Manifest{Source: apiSource, Config: changed, Expected: narrative.Expected{Config: &held}}
		applied, err := a.Put(ctx, m)
		switch {
		case narrative.KindOf(err) == narrative.Conflict:
			continue // somebody was faster: look again
		case err != nil:
			return nil, err
		case applied.Configuration == nil:
			return nil, narrative.Errorf(narrative.Internal, "the configuration was patched, and is not answered")
		}
		return answerConfig(*applied.Configuration), nil
	}
	return nil, outrun("the configuration")
}

// patched returns the configuration with the patch, judged as one in a narrative.yaml is.
func (a *api) patched(held narrative.Config, patch map[string]any) (*narrative.Config, error) {
	now, err := json.Marshal(held)
	if err != nil {
		return nil, err
	}
	plain, err := decodePlain(now)
	if err != nil {
		return nil, err
	}
	m, err := a.parse("config", mergePatch(plain, patch))
	if err != nil {
		return nil, err
	}
	if m.Config == nil {
		c := narrative.DefaultConfig()
		return &c, nil
	}
	return m.Config, nil
}

// mergePatch is RFC 7396's MergePatch.
func mergePatch(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	merged := map[string]any{}
	if before, ok := target.(map[string]any); ok {
		for name, value := range before {
			merged[name] = value
		}
	}
	for name, value := range changes {
		if value == nil {
			delete(merged, name)
			continue
		}
		merged[name] = mergePatch(merged[name], value)
	}
	return merged
}

// parse has a section of a narrative.yaml read and judged: the configuration, or a list of one meta. The paths of
// problems are within it.
func (a *api) parse(section string, value any) (narrative.Manifest, error) {
	prefix := section
	if section != "config" {
		value, prefix = []any{value}, section+"[0]"
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(map[string]any{section: value}); err != nil {
		return narrative.Manifest{}, err
	}
	m, err := a.Parse(text.Bytes())
	if err == nil || narrative.KindOf(err) != narrative.Invalid {
		return m, err
	}
	problems := narrative.ProblemsOf("", err)
	for i := range problems {
		problems[i].Path = trimPath(problems[i].Path, prefix)
	}
	return m, problems
}

// trimPath makes a path one within what stands at prefix.
func trimPath(path, prefix string) string {
	if rest, ok := strings.CutPrefix(path, prefix); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
		return strings.TrimPrefix(rest, ".")
	}
	return path
}

// readObject reads a body that must be a JSON object.
func (p *payload) readObject() (map[string]any, error) {
	body, err := p.readJSON(maxBody)
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, &refusal{http.StatusBadRequest, "the body is empty; send a JSON object"}
	}
	plain, err := decodePlain(body)
	if err != nil {
		return nil, &refusal{http.StatusBadRequest, "the body is not valid JSON: " + err.Error()}
	}
	object, ok := plain.(map[string]any)
	if !ok {
		return nil, narrative.Problems{{Message: "the body must be a JSON object"}}
	}
	return object, nil
}

// decodePlain decodes JSON, numbers as they are written.
func decodePlain(body []byte) (plain any, err error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	return plain, d.Decode(&plain)
}
