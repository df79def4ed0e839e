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

func (a *api) datumRoutes() {
	add(a, route{
		method: http.MethodPost, path: "/api/v1/datums", id: "add-datums", tag: "datums",
		summary: "Store one datum, a JSON array of them (all or nothing), or NDJSON (each line alone)",
		errors:  []int{http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
		body:    a.datumBody(), timeout: -1,
	}, a.addDatums)
	unacceptable := a.operation(http.MethodPost, "/api/v1/datums").Responses["422"].Content["application/problem+json"]
	unacceptable.Schema = &huma.Schema{OneOf: []*huma.Schema{unacceptable.Schema, schemaOf[intakeProblem](a)}}
	add(a, route{
		method: http.MethodGet, path: "/api/v1/datums", id: "list-datums", tag: "datums",
		summary: "List datums, newest first unless the order says otherwise", query: true, errors: []int{http.StatusServiceUnavailable},
	}, a.listDatums)
	a.tailRoute()
	add(a, route{
		method: http.MethodPost, path: "/api/v1/datums/sweep", id: "sweep-datums", tag: "datums",
		summary: "Remove datums that are expired, for a few seconds; they are seen by nobody as it is", errors: []int{http.StatusServiceUnavailable},
	}, a.sweepDatums)
}

// Bounds of a sweep that is asked for. It ends before the process does.
const (
	sweepBatch = 1000                  // datums removed at a time
	sweepRest  = 10 * time.Millisecond // between two, in which others get to write, as of the workflow's
	sweepFor   = 5 * time.Second
)

// SweptDatums says what a sweep removed.
type SweptDatums struct {
	Datums int  `json:"datums" doc:"How many were removed"`
	More   bool `json:"more" doc:"There are more; ask again"`
}

func (a *api) sweepDatums(ctx context.Context, _ *struct{}) (*answer[SweptDatums], error) {
	var swept SweptDatums
	for began := time.Now(); ; {
		n, err := a.Store.SweepDatums(ctx, a.now(), sweepBatch)
		if err != nil && swept.Datums == 0 {
			return nil, err
		}
		swept.Datums += n
		if swept.More = err != nil || n == sweepBatch; !swept.More || err != nil || time.Since(began) > sweepFor {
			return answered(swept), nil
		}
		select {
		case <-a.Ending:
			return answered(swept), nil
		case <-time.After(sweepRest):
		}
	}
}

// DatumInput is a datum as it is sent.
type DatumInput struct {
	Origin    string          `json:"origin" doc:"What tells it; at most 255 bytes"`
	Name      string          `json:"name" doc:"What is told; at most 255 bytes"`
	Note      json.RawMessage `json:"note,omitempty" doc:"Any JSON"`
	Level     string          `json:"level,omitempty" doc:"trace, debug, info, warn or error, in any case; default info"`
	ThreadID  string          `json:"thread_id,omitempty" doc:"Ties datums together; given when empty"`
	TTL       *string         `json:"ttl,omitempty" doc:"How long it is kept, such as 90s, 5m, 1h or 30d; default the configuration's"`
	ExpiresAt *string         `json:"expires_at,omitempty" doc:"Until when it is kept, instead of ttl; RFC 3339"`
	At        *string         `json:"at,omitempty" doc:"When it was so, RFC 3339; default now"`
}

// datum returns the datum that the input says, as of now, or what is wrong with it.
func (in DatumInput) datum(now time.Time, config narrative.Config) (narrative.Datum, error) {
	d := narrative.Datum{Origin: in.Origin, Name: in.Name, Note: in.Note, ThreadID: in.ThreadID, At: now}
	if len(d.Note) == 0 {
		d.Note = json.RawMessage("null")
	}
	level, err := narrative.ParseLevel(in.Level)
	d.Level = level
	problems := d.Validate()
	problems = append(problems, narrative.ProblemsOf("level", err)...)
	if at, err := instant(in.At); err != nil {
		problems = append(problems, narrative.ProblemsOf("at", err)...)
	} else if at != nil {
		d.At = *at
	}
	expires, more := in.expiry(now, config)
	d.ExpiresAt = expires
	return d, append(problems, more...).Err()
}

func (in DatumInput) expiry(now time.Time, config narrative.Config) (*time.Time, narrative.Problems) {
	ttl := config.DefaultDatumTTL
	switch {
	case in.TTL != nil && in.ExpiresAt != nil:
		return nil, narrative.Problems{{Path: "expires_at", Message: "give either ttl or expires_at, not both"}}
	case in.ExpiresAt != nil:
		at, err := instant(in.ExpiresAt)
		if err == nil && !at.After(now) {
			err = narrative.Errorf(narrative.Invalid, "lies in the past")
		}
		return at, narrative.ProblemsOf("expires_at", err)
	case in.TTL != nil:
		given, err := narrative.ParseDuration(*in.TTL)
		if err == nil && given <= 0 {
			err = narrative.Errorf(narrative.Invalid, "must be more than 0s")
		}
		if err != nil {
			return nil, narrative.ProblemsOf("ttl", err)
		}
		ttl = given
	}
	if ttl == 0 {
		return nil, nil
	}
	at := now.Add(time.Duration(ttl))
	return &at, nil
}

const noInstant = "%q is not a time such as 2026-01-02T15:04:05Z"

// instant reads an RFC 3339 time as UTC; nil is nil.
func instant(s *string) (*time.Time, error) {
	if s == nil {
		return nil, nil
	}
	t, err := time.Parse(time.RFC3339Nano, *s)
	if err != nil || narrative.CheckTime(t) != nil {
		return nil, narrative.Errorf(narrative.Invalid, noInstant, *s)
	}
	t = t.UTC().Truncate(time.Microsecond)
	return &t, nil
}

// DatumFilter is the part of a query that says which datums.
type DatumFilter struct {
	Origin   string    `query:"origin"`
	Name     string    `query:"name"`
	Level    string    `query:"level" doc:"Exactly this level"`
	MinLevel string    `query:"min_level" doc:"This level or a higher one"`
	ThreadID string    `query:"thread_id"`
	Since    time.Time `query:"since" doc:"At this time or later"`
	Until    time.Time `query:"until" doc:"Before this time"`
	Q        string    `query:"q" doc:"Text in name, origin or note, in any case: on PostgreSQL words that all occur, of which the beginning is enough; on SQLite any part"`
	Note     []string  `query:"note,explode" doc:"PATH=VALUE, a member of the note, such as customer=42 or items[0].sku=x; also written note.customer=42"`
}

// query returns the filter as the store takes it.
func (f DatumFilter) query(now time.Time) (narrative.DatumQuery, error) {
	q := narrative.DatumQuery{
		Origin: f.Origin, Name: f.Name, ThreadID: f.ThreadID, Since: f.Since.UTC(), Until: f.Until.UTC(), Text: f.Q, Now: now,
	}
	problems := textProblems(map[string]string{"origin": f.Origin, "name": f.Name, "thread_id": f.ThreadID, "q": f.Q})
	problems = append(problems, levelFilter("level", f.Level, &q.Level)...)
	problems = append(problems, levelFilter("min_level", f.MinLevel, &q.MinLevel)...)
	for _, filter := range f.Note {
		member, err := narrative.ParseNoteFilter(filter)
		path := "note"
		if member.Path != "" {
			path += "." + member.Path
		}
		problems = append(problems, narrative.ProblemsOf(path, err)...)
		q.Note = append(q.Note, member)
	}
	return q, problems.Err()
}

// noted writes note.PATH=VALUE in a query as note=PATH=VALUE, which can be described.
func noted(r *http.Request) *http.Request {
	if !strings.HasPrefix(r.URL.Path, "/api/v1/datums") || !strings.Contains(r.URL.RawQuery, "note.") {
		return r
	}
	q := r.URL.Query()
	for name, values := range q {
		path, ok := strings.CutPrefix(name, "note.")
		if !ok {
			continue
		}
		delete(q, name)
		for _, value := range values {
			q.Add("note", path+"="+value)
		}
	}
	with := r.Clone(r.Context())
	with.URL.RawQuery = q.Encode()
	return with
}

// DatumsQuery is the query of the list of datums.
type DatumsQuery struct {
	DatumFilter
	Order string `query:"order" enum:"newest,oldest" default:"newest" doc:"Which come first"`
	PageQuery
}

func (a *api) listDatums(ctx context.Context, in *DatumsQuery) (*answer[narrative.Listed[narrative.Datum]], error) {
	q, err := in.query(a.now())
	if err != nil {
		return nil, err
	}
	q.OldestFirst = in.Order == "oldest"
	listed, err := a.Store.Datums(ctx, q, in.page())
	return answered(neverNull(listed)), err
}

func levelFilter(path, value string, into *narrative.Level) narrative.Problems {
	if value == "" {
		return nil
	}
	level, err := narrative.ParseLevel(value)
	*into = level
	return narrative.ProblemsOf(path, err)
}

// datumBody describes what may be posted.
func (a *api) datumBody() *huma.RequestBody {
	one := schemaOf[DatumInput](a)
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/json": {
			Schema:   &huma.Schema{OneOf: []*huma.Schema{one, {Type: huma.TypeArray, Items: one}}},
			Examples: examples("one", "One datum", datumExample, "several", "All of them or none", datumsExample),
		},
		ndjsonType: {Schema: &huma.Schema{Type: huma.TypeString, Description: "One datum as a JSON object on each line, of at most 1 MiB and 64 KiB; it is stored about half a second after it came, though the stream goes on"}, Examples: textExample(ndjsonExample)},
	}}
}
