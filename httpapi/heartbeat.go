package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	narrative "github.com/narrative-go/narrative"
)

func (a *api) heartbeatRoutes() {
	add(a, route{
		method: http.MethodPost, path: "/api/v1/heartbeats/{name}", id: "beat", tag: "heartbeats",
		summary: "Tell that something is alive: stores a datum of the origin heartbeat, whatever the minimum level",
		status:  http.StatusCreated,
		errors:  []int{http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
		body: &huma.RequestBody{
			Description: "The beat's note, any JSON; may be left out", Content: exampleContent(&huma.Schema{}, "note", "How it is", `{"queue": 3}`),
		},
	}, a.beat)
}

// HeartbeatInput is a beat as it is sent.
type HeartbeatInput struct {
	Name    string `path:"name"`
	Payload payload
}

func (a *api) beat(ctx context.Context, in *HeartbeatInput) (*answer[narrative.Datum], error) {
	if err := narrative.ValidName(in.Name); err != nil {
		return nil, err
	}
	note, err := in.Payload.readJSON(maxBody)
	if err != nil {
		return nil, err
	}
	config, err := a.Store.Config(ctx)
	if err != nil {
		return nil, err
	}
	d, err := DatumInput{
		Origin: narrative.HeartbeatOrigin, Name: in.Name, Note: json.RawMessage(bytes.TrimSpace(note)),
	}.datum(a.now(), config)
	if err != nil {
		return nil, err
	}
	stored, err := a.Store.AddDatums(ctx, []narrative.Datum{d})
	if err != nil {
		return nil, err
	}
	a.counted.intake(Intake{Stored: 1})
	return answered(stored[0]), nil
}
