package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	narrative "github.com/narrative-go/narrative"
)

const (
	// apiSource is the source of metas that came by no file.
	apiSource = "api"
	// maxRaces is how often a change is tried against others that were faster.
	maxRaces = 10
)

// face is how one kind of meta is loaded and answered.
type face[T any] struct {
	kind narrative.MetaKind
	load func(ctx context.Context, name string) (T, error)
	now  func(narrative.Applied) []T // those of the kind that were put
	meta func(T) narrative.Meta
	etag func(T) string
}

// PutInput is a meta as it shall be.
type PutInput struct {
	Name string `path:"name"`
	Condition
	Payload payload
}

// metaAnswer is a meta and what names this state of it.
type metaAnswer[B any] struct {
	Status int
	ETag   string `header:"ETag"`
	Body   B
}

// putRoute adds the making and changing of metas of one kind; body is how one is answered.
func putRoute[T, B any](a *api, path string, f face[T], example string, body func(T) B) {
	kind := string(f.kind)
	schema := schemaOf[B](a)
	add(a, route{
		method: http.MethodPut, path: path + "/{name}", id: "put-" + kind, tag: kind + "s",
		summary: "Make or change the " + kind + " of that name: 201 when it is new, else 200",
		timeout: 2 * time.Minute, // Temporal is made to match the store
		errors: []int{
			http.StatusConflict, http.StatusPreconditionFailed, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType,
			http.StatusUnprocessableEntity, http.StatusServiceUnavailable,
		},
		body: &huma.RequestBody{
			Required: true,
			Description: "The " + kind + " as GET answers it, or as it stands in a narrative.yaml; what is left out is the default. `name` may be left out, " +
				"and `soft` and `streak` are not looked at. `source` is that of what is there, or else the body's, or else `api`.",
			Content: map[string]*huma.MediaType{"application/json": {
				Schema:   &huma.Schema{Type: huma.TypeObject, Description: "Any fields of " + refName(schema)},
				Examples: examples(kind, "An "+kind, example),
			}},
		},
	}, func(ctx context.Context, in *PutInput) (*metaAnswer[B], error) { return putMeta(ctx, a, f, in, body) })
	responses := a.operation(http.MethodPut, path+"/{name}").Responses
	responses["201"] = &huma.Response{Description: "Created", Headers: responses["200"].Headers, Content: responses["200"].Content}
}

func putMeta[T, B any](ctx context.Context, a *api, f face[T], in *PutInput, body func(T) B) (*metaAnswer[B], error) {
	if err := narrative.ValidName(in.Name); err != nil {
		return nil, narrative.ProblemsOf("name", err)
	}
	fields, err := in.Payload.readObject()
	if err != nil {
		return nil, err
	}
	m, source, err := a.wanted(f.kind, in.Name, fields)
	if err != nil {
		return nil, err
	}
	for range maxRaces {
		var revision int64
		etag := ""
		held, missing := f.load(ctx, in.Name)
		switch {
		case missing == nil:
			etag, revision, m.Source = f.etag(held), f.meta(held).Revision, f.meta(held).Source
		case narrative.KindOf(missing) == narrative.NotFound:
			m.Source = source
		default:
			return nil, missing
		}
		if err := in.holds(etag); err != nil {
			return nil, err
		}
		m.Expected = narrative.Expected{Revisions: map[string]int64{in.Name: revision}}
		applied, err := a.Put(ctx, m)
		if narrative.KindOf(err) == narrative.Conflict {
			continue // somebody was faster: look again
		}
		if err != nil {
			return nil, within(f.kind, err)
		}
		status := http.StatusOK
		if len(applied.Created) > 0 {
			status = http.StatusCreated
		}
		now := f.now(applied)
		if len(now) != 1 {
			return nil, narrative.Errorf(narrative.Internal, "the %s %q was put, and is answered %d times", f.kind, in.Name, len(now))
		}
		return &metaAnswer[B]{Status: status, ETag: f.etag(now[0]), Body: body(now[0])}, nil
	}
	return nil, outrun(fmt.Sprintf("%q", in.Name))
}

// wanted returns the manifest of a meta of that name, and the source that its body says.
func (a *api) wanted(kind narrative.MetaKind, name string, fields map[string]any) (m narrative.Manifest, source string, err error) {
	var problems narrative.Problems
	if given, there := fields["name"]; there && given != name {
		problems = append(problems, narrative.Problem{Path: "name", Message: fmt.Sprintf("must be %q, as in the path, or be left out", name)})
	}
	source = apiSource
	switch given := fields["source"].(type) {
	case nil:
	case string:
		if given != "" {
			source = given
		}
		problems = append(problems, narrative.ProblemsOf("source", checkSource(source))...)
	default:
		problems = append(problems, narrative.Problem{Path: "source", Message: "must be a string"})
	}
	fields["name"] = name
	for _, told := range []string{"source", "soft", "streak"} {
		delete(fields, told)
	}
	m, err = a.parse(string(kind)+"s", fields)
	if err != nil && narrative.KindOf(err) != narrative.Invalid {
		return m, source, err
	}
	return m, source, append(problems, narrative.ProblemsOf("", err)...).Err()
}

// maxSource is the longest source, in bytes, as apply has it.
const maxSource = 255

func checkSource(source string) error {
	if len(source) > maxSource {
		return narrative.Errorf(narrative.Invalid, "is longer than %d bytes", maxSource)
	}
	return narrative.CheckText(source)
}

// within makes the paths of a store's problems those of the one meta.
func within(kind narrative.MetaKind, err error) error {
	problems := narrative.ProblemsOf("", err)
	if narrative.KindOf(err) != narrative.Invalid {
		return err
	}
	for i := range problems {
		problems[i].Path = trimPath(problems[i].Path, string(kind)+"s[0]")
	}
	return problems
}
