package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// Readiness is how the process stands. Each string is "ok" or the reason why not.
type Readiness struct {
	Store    string `json:"store"`
	Temporal string `json:"temporal"`
	Worker   string `json:"worker"`
	// Applied tells that there is no file to apply at start-up, or that it was applied.
	Applied bool `json:"-"`
	// File says what is still to come where Applied is false.
	File string `json:"file,omitempty"`
}

func (r Readiness) ready() bool {
	return r.Store == "ok" && r.Temporal == "ok" && r.Worker == "ok" && r.Applied
}

func (a *api) healthRoutes() {
	add(a, route{
		method: http.MethodGet, path: "/healthz", id: "healthz", tag: "health", summary: "Tell that the process is alive",
	}, func(context.Context, *struct{}) (*answer[Health], error) { return answered(Health{Status: "ok"}), nil })
	add(a, route{
		method: http.MethodGet, path: "/readyz", id: "readyz", tag: "health",
		summary: "Tell whether everything that is needed answers: 200, or 503 with what does not",
	}, a.readyz)
	responses := a.operation(http.MethodGet, "/readyz").Responses
	responses["503"] = &huma.Response{Description: "Not ready", Content: responses["200"].Content}
}

// Health tells that the process is alive.
type Health struct {
	Status string `json:"status"`
}

type readyAnswer struct {
	Status int
	Body   Readiness
}

func (a *api) readyz(ctx context.Context, _ *struct{}) (*readyAnswer, error) {
	r := a.Ready(ctx)
	if r.ready() {
		return &readyAnswer{Status: http.StatusOK, Body: r}, nil
	}
	if !r.Applied && r.File == "" {
		r.File = "not applied yet"
	}
	return &readyAnswer{Status: http.StatusServiceUnavailable, Body: r}, nil
}
