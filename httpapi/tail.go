package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	narrative "github.com/narrative-go/narrative"
)

// Bounds of following datums.
const (
	tailEvery   = 250 * time.Millisecond // a look for what is new
	tailAgain   = time.Second            // a look for what was stored late
	tailOverlap = 5 * time.Second        // how late that may be
	tailMost    = 20_000                 // datums told at one look; beyond, what is older is left out, and said
	tailAlive   = 15 * time.Second       // a sign of life
	tailWrite   = 30 * time.Second       // for what is told to be taken
	maxTails    = 100                    // who follow at once
)

// datumID is what the ids of datums look like: UUIDs of version 7.
var datumID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// TailInput says what is followed.
type TailInput struct {
	DatumFilter
	Lines  int    `query:"lines" minimum:"0" maximum:"500" default:"0" doc:"Begin with so many that are there"`
	LastID string `header:"Last-Event-ID" doc:"Go on after the datum of that id; those of a few seconds before it may come again"`
}

func (a *api) tailRoute() {
	add(a, route{
		method: http.MethodGet, path: "/api/v1/datums/tail", id: "tail-datums", tag: "datums",
		summary: "Follow datums as they come, by server-sent events", query: true, timeout: -1,
		errors: []int{http.StatusTooManyRequests, http.StatusServiceUnavailable},
	}, a.tailDatums)
	a.operation(http.MethodGet, "/api/v1/datums/tail").Responses["200"] = &huma.Response{
		Description: "Events `datum`, whose data is a datum and whose id is the datum's, and `gap`, where datums are left out; oldest first, in the order in " +
			"which they were stored, each at least once. A comment every 15 s is a sign of life.",
		Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}},
	}
}

func (a *api) tailDatums(ctx context.Context, in *TailInput) (*huma.StreamResponse, error) {
	q, err := in.query(a.now())
	if err != nil {
		return nil, err
	}
	if in.LastID != "" && !datumID.MatchString(in.LastID) {
		return nil, narrative.Problems{{Path: "Last-Event-ID", Message: "is not the id of a datum"}}
	}
	if a.tails.Add(1) > maxTails {
		a.tails.Add(-1)
		return nil, &refusal{http.StatusTooManyRequests, fmt.Sprintf("%d follow datums here already; come again later", maxTails)}
	}
	t := &tail{api: a, q: q, seen: map[string]bool{}}
	if err := t.begin(ctx, in.LastID, in.Lines); err != nil {
		a.tails.Add(-1)
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer a.tails.Add(-1)
		_, w := humago.Unwrap(hc)
		hc.SetHeader("Content-Type", "text/event-stream")
		t.to, t.control = w, http.NewResponseController(w)
		t.run(hc.Context())
	}}, nil
}

// tail tells one reader of datums.
type tail struct {
	api     *api
	q       narrative.DatumQuery
	first   []narrative.Datum // told first
	after   string            // the highest id that was looked at
	again   time.Time         // when it was last looked for what was stored late
	seen    map[string]bool   // ids that the next such look may bring again
	to      http.ResponseWriter
	control *http.ResponseController
	told    time.Time
}

// begin looks at what is there, so that what comes later is told once.
func (t *tail) begin(ctx context.Context, lastID string, lines int) error {
	t.again = time.Now()
	if lastID != "" {
		t.after, t.again, t.seen[lastID] = lastID, timeOf(lastID), true
		return nil
	}
	t.after = narrative.FirstID(t.again.Add(-tailOverlap))
	if _, err := t.arrived(ctx, t.after, func(narrative.Datum) error { return nil }); err != nil || lines == 0 {
		return err
	}
	listed, err := t.api.Store.Datums(ctx, t.q, narrative.Page{Limit: lines})
	for n := len(listed.Items) - 1; n >= 0; n-- {
		t.first = append(t.first, listed.Items[n])
	}
	return err
}

// timeOf is when an id of version 7 was made.
func timeOf(id string) time.Time {
	var ms int64
	_, _ = fmt.Sscanf(strings.ReplaceAll(id, "-", "")[:12], "%x", &ms)
	return time.UnixMilli(ms)
}

func (t *tail) see(d narrative.Datum) {
	t.seen[d.ID] = true
	t.after = max(t.after, d.ID)
}

// run tells until the reader is gone or the process ends.
func (t *tail) run(ctx context.Context) {
	tick := time.NewTicker(tailEvery)
	defer tick.Stop()
	if t.comment("following") != nil || t.write("id: "+t.after+"\n\n") != nil { // from where to go on, were nothing to come
		return
	}
	for _, d := range t.first {
		t.see(d)
		if t.datum(d) != nil {
			return
		}
	}
	for t.control.Flush() == nil {
		select {
		case <-ctx.Done():
			return
		case <-t.api.Ending:
			return
		case <-tick.C:
		}
		if t.look(ctx) != nil {
			return
		}
		if time.Since(t.told) >= tailAlive && t.comment("alive") != nil {
			return
		}
	}
}

// look tells what is new, and now and then what was stored late.
func (t *tail) look(ctx context.Context) error {
	from, late := t.after, time.Since(t.again) >= tailAgain
	if late {
		from = min(from, narrative.FirstID(t.again.Add(-tailOverlap)))
		t.again = time.Now()
	}
	more, err := t.arrived(ctx, from, t.datum)
	if err != nil {
		return err
	}
	if late {
		for id := range t.seen {
			if id < from {
				delete(t.seen, id)
			}
		}
	}
	if more {
		t.after = narrative.FirstID(time.Now())
		return t.event("gap", "", map[string]string{"text": fmt.Sprintf("more than %d datums came at once; some are left out", tailMost)})
	}
	return nil
}

// arrived hands over what has a higher id and was not seen, in order; more tells that there is still more. While the
// store does not answer there is nothing.
func (t *tail) arrived(ctx context.Context, after string, each func(narrative.Datum) error) (more bool, err error) {
	t.q.Now = t.api.now()
	for fresh := 0; fresh < tailMost; {
		page, err := t.page(ctx, after)
		if err != nil {
			return false, err
		}
		for _, d := range page {
			if t.seen[d.ID] {
				continue
			}
			t.see(d)
			fresh++
			if err := each(d); err != nil {
				return false, err
			}
		}
		if len(page) < narrative.MaxPage {
			return false, nil
		}
		after = page[len(page)-1].ID
	}
	return true, nil
}

// page returns what was stored after an id. While the store does not answer, that is said to who follows already.
func (t *tail) page(ctx context.Context, after string) ([]narrative.Datum, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	page, err := t.api.Store.ArrivedDatums(ctx, t.q, after, narrative.MaxPage)
	if err != nil && t.to != nil {
		return nil, t.comment("the store does not answer; trying on")
	}
	return page, err
}

func (t *tail) datum(d narrative.Datum) error { return t.event("datum", d.ID, d) }

// event writes one; JSON has no line breaks in it.
func (t *tail) event(name, id string, data any) error {
	encoded, err := json.Marshal(data)
	if err != nil {
		return err
	}
	if id != "" {
		id = "id: " + id + "\n"
	}
	return t.write(id + "event: " + name + "\ndata: " + string(encoded) + "\n\n")
}

func (t *tail) comment(text string) error { return t.write(": " + text + "\n\n") }

func (t *tail) write(text string) error {
	t.told = time.Now()
	_ = t.control.SetWriteDeadline(t.told.Add(tailWrite)) // not every transport has deadlines
	_, err := t.to.Write([]byte(text))
	return err
}
