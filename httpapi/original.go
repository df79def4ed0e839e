package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	narrative "github.com/narrative-go/narrative"
)

// The calls of django-narrative, for applications that move by changing the URL. docs/api.md tells what is different.

func (a *api) originalRoutes() {
	refusals := []int{
		http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusServiceUnavailable,
	}
	const tag = "django-narrative"
	add(a, route{
		method: http.MethodPost, path: "/log/", id: "log", tag: tag, status: http.StatusCreated,
		summary: "Log a datum as django-narrative has it: 201 with it, or 200 where its level is below the minimum",
		errors:  refusals, body: a.originalBody(),
	}, a.logOriginal)
	responses := a.operation(http.MethodPost, "/log/").Responses
	responses["201"].Content = jsonContent(schemaOf[OriginalDatum](a))
	responses["200"] = &huma.Response{Description: "Below the minimum level: nothing is stored", Content: jsonContent(schemaOf[Success](a))}
	add(a, route{
		method: http.MethodPost, path: "/api/datum/", id: "create-original-datum", tag: tag, status: http.StatusCreated,
		summary: "Store a datum as django-narrative has it, whatever the minimum level", errors: refusals, body: a.originalBody(),
	}, a.createOriginal)
	a.originalListRoutes(tag)
}

// OriginalDatum is a datum as django-narrative answers it.
type OriginalDatum struct {
	ID             string          `json:"id"`
	Origin         string          `json:"origin"`
	DatumName      string          `json:"datum_name"`
	DatumNoteJSON  string          `json:"datum_note_json" doc:"The note as JSON"`
	LogLevel       int             `json:"log_level" minimum:"0" maximum:"4" doc:"0 trace, 1 debug, 2 info, 3 warn, 4 error"`
	ThreadID       string          `json:"thread_id"`
	Timestamp      time.Time       `json:"timestamp"`
	ExpirationTime *time.Time      `json:"expiration_time"`
	ResourceURI    string          `json:"resource_uri"`
	Note           json.RawMessage `json:"note,omitempty" doc:"As it was sent; only in the answer to that"`
	TTL            json.RawMessage `json:"ttl,omitempty" doc:"As it was sent; only in the answer to that"`
}

// Success is the answer to a datum that was filtered.
type Success struct {
	Success bool `json:"success"`
}

// OriginalInput is a datum as it is sent to django-narrative; for the description alone.
type OriginalInput struct {
	Origin    string          `json:"origin" doc:"At most 255 bytes"`
	DatumName string          `json:"datum_name" doc:"At most 255 bytes"`
	Note      json.RawMessage `json:"note,omitempty" doc:"Any JSON; default an empty string"`
	LogLevel  any             `json:"log_level,omitempty" doc:"trace, debug, info, warn or error in any case, or 0 to 4; default info, stored whatever the minimum"`
	TTL       float64         `json:"ttl,omitempty" doc:"Seconds; default the configuration's"`
	ThreadID  string          `json:"thread_id,omitempty" doc:"Ties datums together; given when empty"`
}

func (a *api) originalBody() *huma.RequestBody {
	content := jsonContent(schemaOf[OriginalInput](a))
	content["application/json"].Examples = examples(
		"named", "A level by name", `{"origin": "payments", "datum_name": "refund", "note": {"order": 42}, "log_level": "Warn", "ttl": 86400, "thread_id": "order-42"}`,
		"numbered", "A level by number, a note that is text", `{"origin": "payments", "datum_name": "refund", "note": "late", "log_level": 3}`,
	)
	return &huma.RequestBody{Required: true, Content: content}
}

// OriginalPost is a request that brings a datum.
type OriginalPost struct{ Payload payload }

type originalAnswer struct {
	Status   int
	Location string `header:"Location"`
	Body     any
}

func (a *api) logOriginal(ctx context.Context, in *OriginalPost) (*originalAnswer, error) {
	return a.storeOriginal(ctx, in, true)
}

type createdOriginal struct {
	Location string `header:"Location"`
	Body     OriginalDatum
}

func (a *api) createOriginal(ctx context.Context, in *OriginalPost) (*createdOriginal, error) {
	stored, err := a.storeOriginal(ctx, in, false)
	if err != nil {
		return nil, err
	}
	return &createdOriginal{Location: stored.Location, Body: stored.Body.(OriginalDatum)}, nil
}

func (a *api) storeOriginal(ctx context.Context, in *OriginalPost, filter bool) (*originalAnswer, error) {
	fields, err := in.Payload.readFields()
	if err != nil {
		return nil, err
	}
	config, err := a.Configs.Config(ctx)
	if err != nil {
		return nil, err
	}
	d, levelled, err := originalDatum(fields, a.now(), config)
	if err != nil {
		return nil, err
	}
	if filter && levelled && d.Level.Rank() < config.MinimumDatumLogLevel.Rank() {
		a.counted.intake(Intake{Filtered: 1})
		return &originalAnswer{Status: http.StatusOK, Body: Success{Success: true}}, nil
	}
	stored, err := a.Datums.Add(ctx, d)
	if err != nil {
		return nil, err
	}
	a.counted.intake(Intake{Stored: 1})
	answer := asOriginal(stored)
	answer.Note, answer.TTL = fields["note"], fields["ttl"]
	return &originalAnswer{Status: http.StatusCreated, Location: answer.ResourceURI, Body: answer}, nil
}

func asOriginal(d narrative.Datum) OriginalDatum {
	return OriginalDatum{
		ID: d.ID, Origin: d.Origin, DatumName: d.Name, DatumNoteJSON: string(d.Note), LogLevel: d.Level.Rank(), ThreadID: d.ThreadID,
		Timestamp: d.At, ExpirationTime: d.ExpiresAt, ResourceURI: originalPath + d.ID + "/",
	}
}

// slashed adds the slash that ends the paths of the original's calls, where it was left off.
func slashed(r *http.Request) *http.Request {
	path := r.URL.Path
	if strings.HasSuffix(path, "/") || path != "/log" && path != "/api" && path+"/" != originalPath && !strings.HasPrefix(path, originalPath) {
		return r
	}
	with := r.Clone(r.Context())
	with.URL.Path += "/"
	if with.URL.RawPath != "" {
		with.URL.RawPath += "/"
	}
	return with
}

// exactMux takes a path that ends with a slash for that path alone, and not for all that lies below it.
type exactMux struct{ *routeMux }

// HandleFunc adds a route.
func (m exactMux) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	if strings.HasSuffix(pattern, "/") {
		pattern += "{$}"
	}
	m.routeMux.HandleFunc(pattern, h)
}
