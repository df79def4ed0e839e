package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	narrative "github.com/narrative-go/narrative"
)

const (
	originalPath  = "/api/datum/"
	originalLimit = 20   // of a page that does not say
	originalMost  = 1000 // of any page; that of limit=0
)

func (a *api) originalListRoutes(tag string) {
	unavailable := []int{http.StatusServiceUnavailable}
	add(a, route{
		method: http.MethodGet, path: originalPath, id: "list-original-datums", tag: tag,
		summary: "List datums as django-narrative has it, newest first", query: true, errors: unavailable,
	}, a.listOriginal)
	add(a, route{
		method: http.MethodGet, path: originalPath + "{id}/", id: "get-original-datum", tag: tag,
		summary: "Get a datum as django-narrative has it", errors: append([]int{http.StatusNotFound}, unavailable...),
	}, a.getOriginal)
	add(a, route{
		method: http.MethodGet, path: originalPath + "set/{ids}/", id: "get-original-datums", tag: tag,
		summary: "Get several datums: ids, with a semicolon between them", query: true, errors: unavailable,
	}, a.getOriginals)
	add(a, route{
		method: http.MethodGet, path: originalPath + "schema/", id: "get-original-schema", tag: tag, summary: "Tell what a datum has",
	}, func(context.Context, *OriginalFormat) (*answer[OriginalSchema], error) {
		return answered(originalSchema()), nil
	})
	add(a, route{
		method: http.MethodGet, path: "/api/", id: "get-original-directory", tag: tag, summary: "Tell what there is",
	}, func(context.Context, *OriginalFormat) (*answer[map[string]OriginalEndpoint], error) {
		return answered(map[string]OriginalEndpoint{"datum": {List: originalPath, Schema: originalPath + "schema/"}}), nil
	})
}

// OriginalFormat is what the original's clients say of the form of answers.
type OriginalFormat struct {
	Format string `query:"format" enum:"json"`
}

// OriginalQuery is the query of the list of datums.
type OriginalQuery struct {
	Limit  int    `query:"limit" minimum:"0" default:"20" doc:"0: as many as there are; a page has at most 1000"`
	Offset int    `query:"offset" minimum:"0" maximum:"10000" doc:"How many are skipped; for more, /api/v1/datums has cursors"`
	Level  string `query:"level" doc:"Exactly this level, by name in any case or by number"`
	OriginalFormat
}

// OriginalList is a page of datums.
type OriginalList struct {
	Meta    OriginalMeta    `json:"meta"`
	Objects []OriginalDatum `json:"objects"`
}

// OriginalMeta says which page it is.
type OriginalMeta struct {
	Limit      int     `json:"limit"`
	Next       *string `json:"next" doc:"The path of the next page"`
	Offset     int     `json:"offset"`
	Previous   *string `json:"previous"`
	TotalCount int     `json:"total_count"`
}

func (a *api) listOriginal(ctx context.Context, in *OriginalQuery) (*answer[OriginalList], error) {
	q := narrative.DatumQuery{Now: a.now(), Offset: in.Offset}
	if err := levelFilter("level", in.Level, &q.Level).Err(); err != nil {
		return nil, err
	}
	limit := in.Limit
	if limit == 0 || limit > originalMost {
		limit = originalMost
	}
	total, err := a.Store.CountDatums(ctx, q)
	if err != nil {
		return nil, err
	}
	objects, err := a.originals(ctx, q, limit)
	if err != nil {
		return nil, err
	}
	page := OriginalList{Meta: OriginalMeta{Limit: limit, Offset: in.Offset, TotalCount: total}, Objects: objects}
	if in.Offset+limit < total {
		page.Meta.Next = originalPage(limit, in.Offset+limit, in.Level)
	}
	if in.Offset > 0 {
		page.Meta.Previous = originalPage(limit, max(0, in.Offset-limit), in.Level)
	}
	return answered(page), nil
}

// originals loads datums, which may be more than a page of the store's.
func (a *api) originals(ctx context.Context, q narrative.DatumQuery, limit int) ([]OriginalDatum, error) {
	objects := []OriginalDatum{}
	page := narrative.Page{}
	for len(objects) < limit {
		page.Limit = min(limit-len(objects), narrative.MaxPage)
		listed, err := a.Store.Datums(ctx, q, page)
		if err != nil {
			return nil, err
		}
		for _, d := range listed.Items {
			objects = append(objects, asOriginal(d))
		}
		if page.Cursor = listed.NextCursor; page.Cursor == "" {
			break
		}
	}
	return objects, nil
}

// originalPage is the path of a page. It is made of what chooses the datums alone, so that no key is in it.
func originalPage(limit, offset int, level string) *string {
	q := url.Values{"limit": {strconv.Itoa(limit)}, "offset": {strconv.Itoa(offset)}}
	if level != "" {
		q.Set("level", level)
	}
	path := originalPath + "?" + q.Encode()
	return &path
}

// OriginalIDInput names a datum.
type OriginalIDInput struct {
	ID string `path:"id"`
	OriginalFormat
}

func (a *api) getOriginal(ctx context.Context, in *OriginalIDInput) (*answer[OriginalDatum], error) {
	found, _, err := a.pick(ctx, []string{in.ID})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, narrative.Errorf(narrative.NotFound, "there is no datum %q", in.ID)
	}
	return answered(found[0]), nil
}

// OriginalIDsInput names datums.
type OriginalIDsInput struct {
	IDs string `path:"ids" doc:"Such as 1;2"`
	OriginalFormat
}

// OriginalSet is several datums, in the order in which they were asked for.
type OriginalSet struct {
	Objects  []OriginalDatum `json:"objects"`
	NotFound []string        `json:"not_found,omitempty"`
}

func (a *api) getOriginals(ctx context.Context, in *OriginalIDsInput) (*answer[OriginalSet], error) {
	ids := strings.Split(strings.TrimSuffix(in.IDs, ";"), ";")
	if len(ids) > narrative.MaxPage {
		return nil, &refusal{http.StatusBadRequest, fmt.Sprintf("%d ids are asked for; at most %d are answered at once", len(ids), narrative.MaxPage)}
	}
	found, missing, err := a.pick(ctx, ids)
	return answered(OriginalSet{Objects: found, NotFound: missing}), err
}

// pick loads datums by id, in the order of the ids.
func (a *api) pick(ctx context.Context, ids []string) (found []OriginalDatum, missing []string, err error) {
	q := narrative.DatumQuery{Now: a.now(), IDs: []string{}}
	for _, id := range ids {
		if issueID.MatchString(id) { // what no id looks like, no store need be asked for
			q.IDs = append(q.IDs, id)
		}
	}
	all, err := a.originals(ctx, q, narrative.MaxPage)
	byID := map[string]OriginalDatum{}
	for _, d := range all {
		byID[d.ID] = d
	}
	found = []OriginalDatum{}
	for _, id := range ids {
		if d, there := byID[id]; there {
			found = append(found, d)
		} else {
			missing = append(missing, id)
		}
	}
	return found, missing, err
}

// OriginalEndpoint is where something is.
type OriginalEndpoint struct {
	List   string `json:"list_endpoint"`
	Schema string `json:"schema"`
}

// OriginalSchema tells what a datum has, and what can be done with it.
type OriginalSchema struct {
	Detail  []string                 `json:"allowed_detail_http_methods"`
	List    []string                 `json:"allowed_list_http_methods"`
	Default string                   `json:"default_format"`
	Limit   int                      `json:"default_limit"`
	Fields  map[string]OriginalField `json:"fields"`
	Filters map[string]string        `json:"filtering"`
}

// OriginalField is a field of a datum.
type OriginalField struct {
	Type     string `json:"type"`
	Nullable bool   `json:"nullable"`
	ReadOnly bool   `json:"readonly"`
}

func originalSchema() OriginalSchema {
	return OriginalSchema{
		Detail: []string{"get"}, List: []string{"get", "post"}, Default: "application/json", Limit: originalLimit,
		Fields: map[string]OriginalField{
			"id": {Type: "string", ReadOnly: true}, "origin": {Type: "string"}, "datum_name": {Type: "string"},
			"datum_note_json": {Type: "string", ReadOnly: true}, "log_level": {Type: "integer"}, "thread_id": {Type: "string"},
			"timestamp": {Type: "datetime", ReadOnly: true}, "expiration_time": {Type: "datetime", Nullable: true, ReadOnly: true},
			"resource_uri": {Type: "string", ReadOnly: true},
		},
		Filters: map[string]string{"level": "exact"},
	}
}
