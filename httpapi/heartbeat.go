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

const (
	heartbeatPath = "/api/v1/heartbeats"
	beatPath      = heartbeatPath + "/{name}"
)

func (a *api) heartbeatRoutes() {
	add(a, route{
		method: http.MethodGet, path: heartbeatPath, id: "list-heartbeats", tag: "heartbeats",
		summary: "List what beats, by name", query: true, errors: []int{http.StatusServiceUnavailable},
	}, a.listHeartbeats)
	for _, told := range []struct {
		kind            narrative.BeatKind
		path, id, about string
	}{
		{narrative.BeatSuccess, "", "beat", "Tell that something is alive, or that a run of it went well"},
		{narrative.BeatStart, "/start", "beat-start", "Tell that a run of something began"},
		{narrative.BeatFail, "/fail", "beat-fail", "Tell that a run of something failed"},
	} {
		a.beatRoute(http.MethodPost, told.kind, told.path, told.id, told.about)
		a.beatRoute(http.MethodGet, told.kind, told.path, "get-"+told.id, told.about+": for whoever cannot POST; HEAD does the same")
	}
	add(a, route{
		method: http.MethodDelete, path: beatPath, id: "remove-heartbeat", tag: "heartbeats", status: http.StatusNoContent,
		summary: "Forget something that beats, and its history", errors: []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, a.removeHeartbeat)
	add(a, route{
		method: http.MethodGet, path: beatPath + "/history", id: "heartbeat-history", tag: "heartbeats",
		summary: "Tell when something was up and when it was down, newest first", query: true, errors: []int{http.StatusServiceUnavailable},
	}, a.heartbeatHistory)
}

// beatRoute adds one way to beat: stored as a datum of the origin heartbeat, whatever the minimum level.
func (a *api) beatRoute(method string, kind narrative.BeatKind, path, id, about string) {
	r := route{
		method: method, path: beatPath + path, id: id, tag: "heartbeats", summary: about, status: http.StatusCreated,
		errors: []int{http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}
	if method == http.MethodPost {
		r.errors = append(r.errors, http.StatusRequestEntityTooLarge) // with an Idempotency-Key, which is for the whole body
		r.body = &huma.RequestBody{
			Description: "The beat's note; may be left out. What is no JSON is taken as a text, and of one that is too long, the beginning",
			Content:     exampleContent(&huma.Schema{}, "note", "How it is", `{"queue": 3}`),
		}
	}
	add(a, r, func(ctx context.Context, in *HeartbeatInput) (*beatAnswer, error) {
		body, err := in.Payload.readSome(narrative.MaxDatumNote)
		if err != nil {
			return nil, err
		}
		return a.beat(ctx, in.Name, kind, beatNote(body))
	})
	responses := a.operation(r.method, r.path).Responses
	responses["201"].Description = "It is kept in the history"
	responses["200"] = &huma.Response{
		Description: "It is the heartbeat's last, and not kept in the history: the one kept last is not heartbeat_min_interval old",
		Content:     responses["201"].Content,
	}
}

// beats tells whether requests to a route are beats.
func beats(path string) bool {
	return strings.HasPrefix(path, beatPath) && path != beatPath+"/history"
}

// maxBeatText is how much of a text is kept as a beat's note, in bytes.
const maxBeatText = 64 << 10

// beatNote makes a note of whatever comes with a beat: none is lost for what it says. What a note cannot hold is a text,
// or the beginning of one.
func beatNote(body []byte) json.RawMessage {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, byteOrderMark))
	if len(body) == 0 {
		return nil
	}
	if plain, err := narrative.PlainJSON(body); err == nil && len(plain) <= narrative.MaxDatumNote {
		return plain
	}
	text, rest := string(body), ""
	if len(text) > maxBeatText {
		text, rest = text[:maxBeatText], "…"
	}
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "\ufffd")
	note, _ := json.Marshal(text + rest) // a text always can be
	return note
}

// HeartbeatInput is a beat as it is sent.
type HeartbeatInput struct {
	Name    string `path:"name"`
	Payload payload
}

// KeptBeat is a beat as a datum.
type KeptBeat struct {
	narrative.Datum
	Stored bool `json:"stored" doc:"Whether it is kept in the history; else it has no id"`
}

type beatAnswer struct {
	Status int
	Body   KeptBeat
}

func (a *api) beat(ctx context.Context, name string, kind narrative.BeatKind, note json.RawMessage) (*beatAnswer, error) {
	if err := narrative.ValidName(name); err != nil {
		return nil, err
	}
	config, err := a.Configs.Config(ctx)
	if err != nil {
		return nil, err
	}
	b := narrative.Beat{Name: name, Kind: kind, Note: note, At: a.now()}
	if config.DefaultDatumTTL > 0 {
		expires := b.At.Add(time.Duration(config.DefaultDatumTTL))
		b.ExpiresAt = &expires
	}
	d, stored, err := a.Store.Beat(ctx, b, time.Duration(config.HeartbeatMinInterval))
	if err != nil {
		return nil, err
	}
	if !stored {
		d.ID = ""
		return &beatAnswer{http.StatusOK, KeptBeat{d, false}}, nil
	}
	a.counted.intake(Intake{Stored: 1})
	return &beatAnswer{http.StatusCreated, KeptBeat{d, true}}, nil
}

func (a *api) listHeartbeats(ctx context.Context, in *PageQuery) (*answer[narrative.Listed[narrative.Heartbeat]], error) {
	listed, err := a.Store.Heartbeats(ctx, in.page())
	return answered(neverNull(listed)), err
}

func (a *api) removeHeartbeat(ctx context.Context, in *MetaInput) (*struct{}, error) {
	for removed := 0; ; {
		n, err := a.Store.RemoveHeartbeat(ctx, in.Name, sweepBatch)
		if err != nil && (removed == 0 || narrative.KindOf(err) != narrative.NotFound) {
			return nil, err
		}
		if removed += n; n < sweepBatch {
			return nil, nil
		}
		time.Sleep(sweepRest)
	}
}

// HistoryInput says which part of a heartbeat's history.
type HistoryInput struct {
	Name      string    `path:"name"`
	Since     time.Time `query:"since" doc:"From this time on; default from the first beat"`
	Until     time.Time `query:"until" doc:"Until this time; default now"`
	Threshold string    `query:"threshold" doc:"A longer silence is an outage, such as 90s; default three times the median distance between beats"`
	Limit     int       `query:"limit" minimum:"1" maximum:"500" default:"500" doc:"Of periods"`
}

func (a *api) heartbeatHistory(ctx context.Context, in *HistoryInput) (*answer[narrative.Uptime], error) {
	if err := narrative.ValidName(in.Name); err != nil {
		return nil, narrative.Errorf(narrative.NotFound, "there is no heartbeat %q", in.Name)
	}
	q := narrative.UptimeQuery{Name: in.Name, Since: in.Since.UTC(), Until: in.Until.UTC(), Now: a.now(), Limit: in.Limit}
	if in.Threshold != "" {
		threshold, err := narrative.ParseDuration(in.Threshold)
		if err == nil && threshold <= 0 {
			err = narrative.Errorf(narrative.Invalid, "must be more than 0s")
		}
		if err != nil {
			return nil, narrative.ProblemsOf("threshold", err)
		}
		q.Threshold = threshold
	}
	uptime, err := a.Store.Uptime(ctx, q)
	if err == nil && uptime.Uptime == nil { // as of one that has beat at another time, or has never ended a run
		_, err = a.Store.Heartbeat(ctx, in.Name, q.Now)
	}
	uptime.Items = orEmpty(uptime.Items)
	return answered(uptime), err
}
