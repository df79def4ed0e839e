package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	narrative "github.com/narrative-go/narrative"
)

func (a *api) applyRoutes() {
	add(a, route{
		method: http.MethodPost, path: "/api/v1/apply", id: "apply", tag: "configuration",
		summary: "Apply a whole narrative.yaml, all or nothing",
		timeout: 2 * time.Minute, // many triggers may have to be started
		errors:  []int{http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
		body: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/yaml": {Schema: &huma.Schema{Type: huma.TypeString, Description: "The text of a narrative.yaml"}},
		}},
	}, a.apply)
}

// ApplyInput is a narrative.yaml and where it came from.
type ApplyInput struct {
	Source  string `query:"source" default:"narrative.yaml" maxLength:"255" doc:"Labels what came from where; the file's name"`
	Dir     string `query:"dir" maxLength:"4096" doc:"The folder that relative paths are relative to"`
	Payload payload
}

func (a *api) apply(ctx context.Context, in *ApplyInput) (*answer[narrative.Applied], error) {
	if err := textProblems(map[string]string{"source": in.Source, "dir": in.Dir}).Err(); err != nil {
		return nil, &refusal{http.StatusBadRequest, err.Error()}
	}
	text, err := in.Payload.read(maxApplyBody)
	if err != nil {
		return nil, err
	}
	applied, err := a.Apply(ctx, text, in.Source, in.Dir)
	if err != nil {
		return nil, misplaced(err)
	}
	applied.Created, applied.Changed, applied.Unchanged = orEmpty(applied.Created), orEmpty(applied.Changed), orEmpty(applied.Unchanged)
	return answered(applied), nil
}

// misplaced makes the problem document of a file's mistakes, whose places are in the file and not in the body. Its
// detail is the error's own text, which shows them with their lines.
func misplaced(err error) error {
	if narrative.KindOf(err) != narrative.Invalid {
		return err
	}
	_, details := explainProblems("", err)
	if len(details) == 0 {
		details = []error{&huma.ErrorDetail{Message: err.Error()}}
	}
	return huma.NewError(http.StatusUnprocessableEntity, err.Error(), details...)
}
