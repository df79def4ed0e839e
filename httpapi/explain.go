package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	narrative "github.com/narrative-go/narrative"
)

// ExplainInput asks for an issue's story.
type ExplainInput struct {
	ID     string `path:"id"`
	Format string `query:"format" enum:"json,text" doc:"Default: what Accept prefers, JSON where it says nothing"`
	Accept string `header:"Accept" hidden:"true"`
}

// text tells whether the story is wanted as text.
func (in *ExplainInput) text() bool {
	if in.Format != "" {
		return in.Format == "text"
	}
	first, _, _ := strings.Cut(in.Accept, ",")
	return strings.HasPrefix(strings.TrimSpace(first), "text/plain")
}

// storyAnswer is a story, as text or JSON.
type storyAnswer struct {
	Body func(huma.Context)
}

func (a *api) explainIssue(ctx context.Context, in *ExplainInput) (*storyAnswer, error) {
	i, err := a.issue(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	story, err := a.Store.Story(ctx, i.ID)
	if err != nil {
		return nil, err
	}
	if in.text() {
		return raw("text/plain; charset=utf-8", []byte(narrative.Explain(story, a.now()))), nil
	}
	encoded, err := json.Marshal(story)
	if err != nil {
		return nil, err
	}
	return raw("application/json", append(encoded, '\n')), nil
}

func raw(contentType string, body []byte) *storyAnswer {
	return &storyAnswer{Body: func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", contentType)
		ctx.SetStatus(http.StatusOK)
		_, _ = ctx.BodyWriter().Write(body) // a reader that went away is not our failure
	}}
}

// describeStory completes the description, since the answer writes itself.
func (a *api) describeStory(path string) {
	content := jsonContent(schemaOf[narrative.Story](a))
	content["text/plain"] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	a.operation(http.MethodGet, path).Responses["200"].Content = content
}
